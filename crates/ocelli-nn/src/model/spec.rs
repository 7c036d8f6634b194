//! The graph's JSON text: parsed strictly, checked node by node, turned into a [`Graph`].

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::weights::Weights;
use crate::Error;
use crate::graph::{Activation, Conv, Graph, Input, Node, Op, Output, Value, ValueId, Weight, Window};
use crate::limits::{self, ModelLimits};

/// Longest side of a convolution or pooling window.
pub(crate) const MAX_KERNEL: usize = 16;
/// Largest stride of a window.
const MAX_STRIDE: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GraphSpec {
    name: String,
    #[serde(default)]
    revision: u32,
    inputs: Vec<InputSpec>,
    nodes: Vec<Json>,
    outputs: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InputSpec {
    name: String,
    channels: usize,
    mean: [f32; 3],
    scale: [f32; 3],
}

/// Fields that every node has.
struct NodeHead {
    op: String,
    name: String,
    inputs: Vec<String>,
    output: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConvSpec {
    weight: String,
    bias: Option<String>,
    stride: [usize; 2],
    padding: [usize; 4],
    #[serde(default = "one")]
    groups: usize,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BatchNormSpec {
    weight: String,
    bias: String,
    running_mean: String,
    running_var: String,
    epsilon: f32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PoolSpec {
    kernel: [usize; 2],
    stride: [usize; 2],
    #[serde(default)]
    padding: [usize; 4],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinearSpec {
    weight: String,
    bias: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoSpec {}

fn one() -> usize {
    1
}

/// Parses and checks the graph's text against the file's weights.
pub(super) fn parse(json: &str, weights: &Weights<'_>, limits: &ModelLimits) -> Result<Graph, Error> {
    limits::check("bytes of graph", json.len(), limits.max_graph_bytes)?;
    let spec: GraphSpec =
        serde_json::from_str(json).map_err(|error| Error::malformed(format!("graph text: {error}")))?;
    limits::check("nodes", spec.nodes.len(), limits.max_nodes)?;
    let [input] = spec.inputs.as_slice() else {
        return Err(Error::unsupported(format!("{} graph inputs", spec.inputs.len())));
    };
    if input.channels != 3 {
        return Err(Error::unsupported(format!("input of {} channels", input.channels)));
    }
    let finite = input.mean.iter().chain(&input.scale).all(|x| x.is_finite());
    if !finite {
        return Err(Error::graph(&input.name, "mean or scale is not finite"));
    }
    let mut builder = Builder { weights, limits, values: Vec::new(), by_name: HashMap::new() };
    let value = builder.define(&input.name, &input.name, 3)?;
    let input = Input { value, mean: input.mean, scale: input.scale };
    let mut nodes = Vec::new();
    for (node_ix, node) in spec.nodes.into_iter().enumerate() {
        nodes.push(builder.node(node_ix, node)?);
    }
    let outputs = builder.outputs(&spec.outputs, input.value)?;
    let (name, revision, values) = (spec.name, spec.revision, builder.values);
    Ok(Graph { name, revision, input, nodes, values, outputs })
}

struct Builder<'a> {
    weights: &'a Weights<'a>,
    limits: &'a ModelLimits,
    values: Vec<Value>,
    by_name: HashMap<String, ValueId>,
}

impl Builder<'_> {
    fn define(&mut self, node: &str, name: &str, channels: usize) -> Result<ValueId, Error> {
        limits::check("channels", channels, self.limits.max_channels)?;
        if channels == 0 {
            return Err(Error::graph(node, "output has no channels"));
        }
        let id = self.values.len();
        if self.by_name.insert(name.to_owned(), id).is_some() {
            return Err(Error::graph(node, format!("value `{name}` is defined twice")));
        }
        self.values.push(Value { name: name.to_owned(), channels });
        Ok(id)
    }

    fn outputs(&self, names: &[String], input: ValueId) -> Result<Vec<Output>, Error> {
        if names.is_empty() {
            return Err(Error::malformed("graph has no outputs"));
        }
        let mut outputs: Vec<Output> = Vec::new();
        for name in names {
            let missing = || Error::malformed(format!("output `{name}` is not defined"));
            let value = *self.by_name.get(name).ok_or_else(missing)?;
            if value == input || outputs.iter().any(|o| o.value == value) {
                return Err(Error::unsupported(format!("output `{name}` is the input or repeated")));
            }
            let channels = self.values[value].channels;
            outputs.push(Output { name: name.clone(), value, first: 0, channels });
        }
        Ok(outputs)
    }

    fn node(&mut self, node_ix: usize, json: Json) -> Result<Node, Error> {
        let (head, rest) = split_head(node_ix, json)?;
        let node = head.name.as_str();
        let mut inputs = Vec::new();
        for name in &head.inputs {
            let undefined = || Error::graph(node, format!("input `{name}` is not defined before"));
            inputs.push(*self.by_name.get(name).ok_or_else(undefined)?);
        }
        let channels: Vec<usize> = inputs.iter().map(|&v| self.values[v].channels).collect();
        let n_inputs = |wanted: usize| match channels.len() == wanted {
            true => Ok(()),
            false => Err(Error::graph(node, format!("{} inputs, expected {wanted}", channels.len()))),
        };
        match head.op.as_str() {
            "add" | "upsample_nearest2d" => n_inputs(2)?,
            "concat" if channels.is_empty() => n_inputs(1)?,
            "concat" => {}
            _ => n_inputs(1)?,
        }
        let (op, out_channels) = match head.op.as_str() {
            "conv2d" => self.conv(node, channels[0], read(node, rest)?)?,
            "linear" => self.linear(node, channels[0], &read(node, rest)?)?,
            "batch_norm" => self.batch_norm(node, channels[0], &read(node, rest)?)?,
            "max_pool2d" => (max_pool(node, &read(node, rest)?)?, channels[0]),
            plain => {
                let NoSpec {} = read(node, rest)?;
                plain_op(node, plain, &channels)?
            }
        };
        let output = self.define(node, &head.output, out_channels)?;
        Ok(Node { name: head.name, op, inputs, output })
    }

    fn bias(&self, node: &str, name: Option<&String>, n: usize) -> Result<Option<Weight>, Error> {
        name.map(|name| self.weights.get(node, name, &[n])).transpose()
    }

    fn conv(&self, node: &str, in_channels: usize, spec: ConvSpec) -> Result<(Op, usize), Error> {
        let shape = self.weights.shape(node, &spec.weight)?;
        let [out, per_group, kernel_h, kernel_w] = shape[..] else {
            return Err(Error::graph(node, format!("weight has shape {shape:?}, expected OIHW")));
        };
        let groups = spec.groups;
        let fits = groups > 0 && per_group.checked_mul(groups) == Some(in_channels) && out > 0 && out % groups == 0;
        if !fits {
            let reason = format!("weight {shape:?} in {groups} groups on {in_channels} channels");
            return Err(Error::graph(node, reason));
        }
        let kernel = [kernel_h, kernel_w];
        let window = window(node, kernel, spec.stride, spec.padding)?;
        let weight = self.weights.get(node, &spec.weight, &shape)?;
        let bias = self.bias(node, spec.bias.as_ref(), out)?;
        let activation = Activation::None;
        Ok((Op::Conv(Conv { window, groups, weight, bias, activation }), out))
    }

    /// A linear layer is a 1×1 convolution: it mixes the channels of each pixel.
    fn linear(&self, node: &str, in_channels: usize, spec: &LinearSpec) -> Result<(Op, usize), Error> {
        let out = self.weights.shape(node, &spec.weight)?.first().copied().unwrap_or(0);
        let weight = self.weights.get(node, &spec.weight, &[out, in_channels])?;
        let weight = Weight { shape: vec![out, in_channels, 1, 1], data: weight.data };
        let bias = self.bias(node, spec.bias.as_ref(), out)?;
        let window = Window { kernel: [1, 1], stride: [1, 1], padding: [0; 4] };
        let activation = Activation::None;
        Ok((Op::Conv(Conv { window, groups: 1, weight, bias, activation }), out))
    }

    fn batch_norm(&self, node: &str, n: usize, spec: &BatchNormSpec) -> Result<(Op, usize), Error> {
        if !(spec.epsilon.is_finite() && spec.epsilon >= 0.0) {
            return Err(Error::graph(node, "epsilon is not a finite positive number"));
        }
        let get = |name: &str| self.weights.get(node, name, &[n]);
        let (weight, bias) = (get(&spec.weight)?, get(&spec.bias)?);
        let (mean, var) = (get(&spec.running_mean)?, get(&spec.running_var)?);
        let scale: Vec<f32> = weight.data.iter().zip(&*var.data).map(|(w, v)| w / (v + spec.epsilon).sqrt()).collect();
        let shift: Vec<f32> = bias.data.iter().zip(mean.data.iter().zip(&scale)).map(|(b, (m, s))| b - m * s).collect();
        if scale.iter().chain(&shift).any(|x| !x.is_finite()) {
            return Err(Error::graph(node, "variance does not give a finite scale"));
        }
        Ok((Op::Affine { scale: Weight::new(vec![n], scale), shift: Weight::new(vec![n], shift) }, n))
    }
}

fn max_pool(node: &str, spec: &PoolSpec) -> Result<Op, Error> {
    let window = window(node, spec.kernel, spec.stride, spec.padding)?;
    let [top, left, bottom, right] = spec.padding;
    let half = |pad: usize, kernel: usize| pad * 2 > kernel;
    if half(top.max(bottom), spec.kernel[0]) || half(left.max(right), spec.kernel[1]) {
        return Err(Error::graph(node, "padding is more than half the window"));
    }
    Ok(Op::MaxPool(window))
}

/// Operators without attributes.
fn plain_op(node: &str, op: &str, channels: &[usize]) -> Result<(Op, usize), Error> {
    Ok(match op {
        "relu" => (Op::Relu, channels[0]),
        "sigmoid" => (Op::Sigmoid, channels[0]),
        "global_avg_pool" => (Op::GlobalAvgPool, channels[0]),
        "upsample_nearest2d" => (Op::Upsample2, channels[0]),
        "concat" => (Op::Concat, channels.iter().sum()),
        "add" if channels[0] == channels[1] => (Op::Add(Activation::None), channels[0]),
        "add" => {
            let reason = format!("adds {} channels to {}", channels[1], channels[0]);
            return Err(Error::graph(node, reason));
        }
        other => return Err(Error::unsupported(format!("operator `{other}` of node `{node}`"))),
    })
}

fn window(node: &str, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 4]) -> Result<Window, Error> {
    let bad_kernel = kernel.iter().any(|&k| k == 0 || k > MAX_KERNEL);
    let bad_stride = stride.iter().any(|&s| s == 0 || s > MAX_STRIDE);
    let bad_padding = padding.iter().any(|&p| p >= MAX_KERNEL);
    if bad_kernel || bad_stride || bad_padding {
        let reason = format!("window {kernel:?} stride {stride:?} padding {padding:?}");
        return Err(Error::graph(node, reason));
    }
    Ok(Window { kernel, stride, padding })
}

/// Takes the common fields out of a node's JSON object.
fn split_head(node_ix: usize, json: Json) -> Result<(NodeHead, Json), Error> {
    let Json::Object(mut fields) = json else {
        return Err(Error::malformed(format!("node {node_ix} is not an object")));
    };
    let bad = |field: &str| Error::malformed(format!("node {node_ix}: bad or missing `{field}`"));
    let mut text = |field: &str| match fields.remove(field) {
        Some(Json::String(text)) => Ok(text),
        _ => Err(bad(field)),
    };
    let (op, output) = (text("op")?, text("output")?);
    let name = match fields.remove("name") {
        Some(Json::String(name)) => name,
        None => output.clone(),
        Some(_) => return Err(bad("name")),
    };
    let inputs = fields.remove("inputs").ok_or_else(|| bad("inputs"))?;
    let inputs: Vec<String> = serde_json::from_value(inputs).map_err(|_| bad("inputs"))?;
    Ok((NodeHead { op, name, inputs, output }, Json::Object(fields)))
}

/// Reads the operator's own fields; unknown ones are refused, not ignored.
fn read<T: serde::de::DeserializeOwned>(node: &str, json: Json) -> Result<T, Error> {
    serde_json::from_value(json).map_err(|error| Error::graph(node, error.to_string()))
}
