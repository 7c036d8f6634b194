//! What tests of networks share: model files made in memory, and a plain reference evaluator.
#![allow(missing_docs, clippy::missing_panics_doc, reason = "for tests; the names say what they make")]

#[cfg(test)]
pub(crate) mod reference;

use std::collections::HashMap;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value as Json, json};

use crate::{Model, ModelLimits};

/// A repeatable stream of numbers (SplitMix64).
pub struct Random(pub u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// From 0 to `n - 1`.
    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// From -1 to 1.
    pub fn unit(&mut self) -> f32 {
        (self.next() >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }

    pub fn bytes(&mut self, n: usize) -> Vec<u8> {
        (0..n).map(|_| (self.next() >> 56) as u8).collect()
    }
}

/// A model file in the making: nodes as JSON and random weights.
pub struct FileBuilder {
    pub random: Random,
    pub nodes: Vec<Json>,
    pub tensors: Vec<(String, Vec<usize>, Vec<f32>)>,
    pub outputs: Vec<String>,
    pub input_means: [f32; 3],
}

impl FileBuilder {
    pub fn new(seed: u64) -> Self {
        let (nodes, tensors, outputs) = (Vec::new(), Vec::new(), Vec::new());
        Self { random: Random(seed), nodes, tensors, outputs, input_means: [128.0, 127.5, 100.0] }
    }

    /// Adds a tensor of random weights around zero, scaled so that sums stay small.
    pub fn tensor(&mut self, name: &str, shape: &[usize]) -> String {
        let n: usize = shape.iter().product();
        let fan_in: usize = shape.iter().skip(1).product::<usize>().max(1);
        let scale = (3.0 / fan_in as f32).sqrt();
        let data = (0..n).map(|_| self.random.unit() * scale).collect();
        self.tensors.push((name.to_owned(), shape.to_vec(), data));
        name.to_owned()
    }

    /// Adds a square convolution with bias; answers its output's name.
    pub fn conv(&mut self, input: &str, output: &str, [i, o]: [usize; 2], k: usize, s: usize) -> String {
        self.grouped(input, output, [i, o], k, s, 1)
    }

    pub fn grouped(
        &mut self,
        input: &str,
        output: &str,
        [i, o]: [usize; 2],
        k: usize,
        s: usize,
        groups: usize,
    ) -> String {
        let weight = self.tensor(&format!("{output}.weight"), &[o, i / groups, k, k]);
        let bias = self.tensor(&format!("{output}.bias"), &[o]);
        let p = k / 2;
        self.nodes.push(json!({
            "op": "conv2d", "name": output, "inputs": [input], "output": output, "weight": weight,
            "bias": bias, "stride": [s, s], "padding": [p, p, p, p], "groups": groups,
        }));
        output.to_owned()
    }

    pub fn batch_norm(&mut self, input: &str, channels: usize) -> String {
        let output = format!("{input}.bn");
        let weight = self.tensor(&format!("{output}.weight"), &[channels]);
        let bias = self.tensor(&format!("{output}.bias"), &[channels]);
        let mean = self.tensor(&format!("{output}.mean"), &[channels]);
        let var = self.tensor(&format!("{output}.var"), &[channels]);
        for v in &mut self.tensors.last_mut().unwrap().2 {
            *v = v.abs() + 0.5;
        }
        self.nodes.push(json!({
            "op": "batch_norm", "inputs": [input], "output": output, "weight": weight, "bias": bias,
            "running_mean": mean, "running_var": var, "epsilon": 1e-5,
        }));
        output
    }

    /// Adds an operator without attributes.
    pub fn plain(&mut self, op: &str, inputs: &[&str], output: &str) -> String {
        self.nodes.push(json!({"op": op, "inputs": inputs, "output": output}));
        output.to_owned()
    }

    pub fn pool(&mut self, input: &str, output: &str, k: usize, s: usize, p: usize) -> String {
        self.nodes.push(json!({
            "op": "max_pool2d", "inputs": [input], "output": output,
            "kernel": [k, k], "stride": [s, s], "padding": [p, p, p, p],
        }));
        output.to_owned()
    }

    /// The graph's JSON text.
    pub fn graph(&self) -> String {
        let input = json!({
            "name": "image", "channels": 3, "mean": self.input_means,
            "scale": [0.0078125, 0.0078125, 0.01],
        });
        json!({
            "name": "test", "revision": 1, "inputs": [input], "nodes": self.nodes,
            "outputs": self.outputs,
        })
        .to_string()
    }

    /// The bytes of the file.
    pub fn bytes(&self) -> Vec<u8> {
        file_bytes(&self.graph(), "1", &self.tensors)
    }

    pub fn model(&self) -> Model {
        Model::from_bytes(&self.bytes(), &ModelLimits::default()).unwrap()
    }
}

/// A safetensors file of `tensors` with the graph's text in its metadata.
pub fn file_bytes(graph: &str, format: &str, tensors: &[(String, Vec<usize>, Vec<f32>)]) -> Vec<u8> {
    let metadata = HashMap::from([
        ("ocelli.format".to_owned(), format.to_owned()),
        ("ocelli.graph".to_owned(), graph.to_owned()),
        ("ocelli.detector".to_owned(), r#"{"stride":8}"#.to_owned()),
    ]);
    let raw: Vec<Vec<u8>> =
        tensors.iter().map(|(_, _, data)| data.iter().flat_map(|x| x.to_le_bytes()).collect()).collect();
    let views = tensors
        .iter()
        .zip(&raw)
        .map(|((name, shape, _), raw)| (name.clone(), TensorView::new(Dtype::F32, shape.clone(), raw).unwrap()));
    safetensors::serialize(views, Some(metadata)).unwrap()
}

/// The shape of network that Ocelli trains: 3×3 convolutions at strides 2 to 8 and two heads.
pub fn student(seed: u64, channels: [usize; 4]) -> FileBuilder {
    let mut file = FileBuilder::new(seed);
    let [a, b, c, d] = channels;
    let mut x = "image".to_owned();
    for (name, io, stride) in [
        ("stem", [3, a], 2),
        ("down4", [a, b], 2),
        ("body4", [b, b], 1),
        ("down8", [b, c], 2),
        ("body8a", [c, c], 1),
        ("body8b", [c, d], 1),
        ("body8c", [d, d], 1),
    ] {
        x = file.conv(&x, name, io, 3, stride);
        x = file.batch_norm(&x, io[1]);
        x = file.plain("relu", &[&x], &format!("{name}.relu"));
    }
    file.conv(&x, "score", [d, 1], 1, 1);
    file.conv(&x, "box", [d, 4], 1, 1);
    file.outputs = vec!["score".to_owned(), "box".to_owned()];
    file
}
