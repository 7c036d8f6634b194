//! Lowering to bytes: the same graph with u8 values, i8 weights and exact i32 sums.

use super::step::{AddI8, ConcatI8, ConvI8Step, Requantize, Slot, Step, StepKind};
use crate::Error;
use crate::graph::{Activation, Conv, Graph, Node, Op};
use crate::kernels::conv_i8::{self, QUAD};
use crate::kernels::{CHANNEL_BLOCK, isa::Isa};
use crate::quantize::{Affine, Calibration, MOST};

/// Terms a sum may have so that u8 × i8 products fit i32.
const MAX_TERMS: usize = (i32::MAX / (255 * 127)) as usize / 2;

/// Chooses kernels and quantizes the weights of `graph` for `isa`.
pub(super) fn lower(graph: &Graph, calibration: &Calibration, isa: Isa) -> Result<(Vec<Step>, Vec<Slot>), Error> {
    let mut lowering = Lowering { graph, calibration, isa, affines: vec![None; graph.values.len()], slots: Vec::new() };
    lowering.slots = graph.values.iter().map(|value| byte_slot(value.channels)).collect();
    let mut steps = vec![lowering.input()?];
    for node in &graph.nodes {
        steps.push(lowering.node(node)?);
    }
    for step in &steps {
        let (left, right) = step.kind.columns_wanted();
        for &input in &step.inputs {
            let slot = &mut lowering.slots[input];
            slot.left = slot.left.max(left);
            slot.right = slot.right.max(right);
        }
    }
    Ok((steps, lowering.slots))
}

fn byte_slot(channels: usize) -> Slot {
    let pixel = channels.next_multiple_of(CHANNEL_BLOCK);
    Slot { pixel, channels, element: 1, left: 0, right: 0, pad: 0 }
}

struct Lowering<'a> {
    graph: &'a Graph,
    calibration: &'a Calibration,
    isa: Isa,
    /// How each value's bytes are to be read; `None` for floats.
    affines: Vec<Option<Affine>>,
    slots: Vec<Slot>,
}

impl Lowering<'_> {
    /// The picture's own bytes are the first value: its scales go into the first layer's weights.
    fn input(&mut self) -> Result<Step, Error> {
        let input = &self.graph.input;
        let mean = input.mean[0];
        if input.mean != [mean; 3] || mean.fract() != 0.0 || !(0.0..=255.0).contains(&mean) {
            return Err(Error::unsupported(format!("int8 with input means {:?}", input.mean)));
        }
        let reads = |node: &&Node| node.inputs.contains(&input.value);
        if self.graph.nodes.iter().filter(reads).any(|node| !matches!(node.op, Op::Conv(_))) {
            return Err(Error::unsupported("int8 where not only convolutions read the picture"));
        }
        self.set_affine(input.value, Affine { scale: 1.0, zero_point: mean as u8 });
        self.slots[input.value].pixel = 3;
        let name = self.graph.values[input.value].name.clone();
        Ok(Step { name, kind: StepKind::InputBytes, inputs: Vec::new(), output: input.value })
    }

    fn set_affine(&mut self, value: usize, affine: Affine) {
        self.affines[value] = Some(affine);
        self.slots[value].pad = affine.zero_point;
    }

    fn affine(&self, node: &Node, value: usize) -> Result<Affine, Error> {
        let floats = || Error::unsupported(format!("int8 where node `{}` reads an output", node.name));
        self.affines[value].ok_or_else(floats)
    }

    fn calibrated(&mut self, value: usize) -> Result<Affine, Error> {
        let affine = self.calibration.affine(&self.graph.values[value].name)?;
        self.set_affine(value, affine);
        Ok(affine)
    }

    fn node(&mut self, node: &Node) -> Result<Step, Error> {
        let mut inputs = node.inputs.clone();
        let source = self.affine(node, inputs[0])?;
        let is_output = self.graph.is_output(node.output);
        let kind = match &node.op {
            Op::Conv(conv) if conv.groups == 1 => StepKind::ConvI8(self.conv(node, conv, source)?),
            _ if is_output => {
                return Err(Error::unsupported(format!("int8 output `{}` without a convolution", node.name)));
            }
            Op::MaxPool(window) => {
                self.set_affine(node.output, source);
                StepKind::MaxPool(*window)
            }
            Op::Upsample2 => {
                inputs.truncate(1);
                self.set_affine(node.output, source);
                StepKind::Upsample2
            }
            Op::Add(activation) => {
                let (other, out) = (self.affine(node, inputs[1])?, self.calibrated(node.output)?);
                let requantize = requantize(out, *activation);
                let scales = [source.scale / out.scale, other.scale / out.scale];
                let zeros = [f32::from(source.zero_point), f32::from(other.zero_point)];
                let shift = -(zeros[0] * scales[0] + zeros[1] * scales[1]);
                StepKind::AddI8(AddI8 { scales, shift, requantize, isa: self.isa })
            }
            Op::Concat => {
                let sources = inputs.iter().map(|&v| self.affine(node, v)).collect::<Result<Vec<_>, _>>()?;
                let out = self.calibrated(node.output)?;
                let parts = sources.iter().map(|s| {
                    let scale = s.scale / out.scale;
                    [scale, -f32::from(s.zero_point) * scale]
                });
                StepKind::ConcatI8(ConcatI8 { parts: parts.collect(), requantize: requantize(out, Activation::None) })
            }
            other => {
                let what = format!("int8 operator {} of node `{}`", other.kind(), node.name);
                return Err(Error::unsupported(what));
            }
        };
        Ok(Step { name: node.name.clone(), kind, inputs, output: node.output })
    }

    fn conv(&mut self, node: &Node, conv: &Conv, source: Affine) -> Result<ConvI8Step, Error> {
        let [n_out, channels, kernel_h, kernel_w] = conv.weight.shape[..] else { unreachable!("weights are OIHW") };
        let terms = channels * kernel_h * kernel_w;
        if terms > MAX_TERMS {
            return Err(Error::unsupported(format!("int8 sums of {terms} terms in node `{}`", node.name)));
        }
        let is_output = self.graph.is_output(node.output);
        if conv.activation == Activation::Sigmoid && !is_output {
            return Err(Error::unsupported(format!("int8 sigmoid inside the network, node `{}`", node.name)));
        }
        let from_picture = node.inputs[0] == self.graph.input.value;
        let channel_scale = |c: usize| if from_picture { self.graph.input.scale[c] } else { 1.0 };
        let quantized = QuantizedWeights::new(conv, source, channel_scale);
        let requantize = match is_output {
            true => {
                self.slots[node.output].element = size_of::<f32>();
                None
            }
            false => Some(requantize(self.calibrated(node.output)?, conv.activation)),
        };
        let out_scale = if is_output { 1.0 } else { self.affine(node, node.output)?.scale };
        let padded = n_out.next_multiple_of(CHANNEL_BLOCK);
        let blocks = conv_i8::blocks(self.isa, padded, if from_picture { u8::MAX } else { MOST });
        let weights = pack(&quantized.weights, &conv.weight.shape, self.slots[node.inputs[0]].pixel, &blocks);
        let mut scale: Vec<f32> = quantized.scales.iter().map(|s| s / out_scale).collect();
        let mut bias = quantized.bias;
        scale.resize(padded, 0.0);
        bias.resize(padded, 0);
        let (window, activation) = (conv.window, conv.activation);
        let macs = conv.weight.data.len() as u64;
        Ok(ConvI8Step { window, activation, blocks, weights, bias, scale, requantize, macs })
    }
}

/// Range and zero point of the bytes an operator stores.
fn requantize(out: Affine, activation: Activation) -> Requantize {
    let zero_point = f32::from(out.zero_point);
    let low = if activation == Activation::Relu { 0.0 } else { -zero_point };
    Requantize { low, high: f32::from(MOST) - zero_point, zero_point: i32::from(out.zero_point) }
}

/// Weights in OIHW order with one scale for each output channel.
struct QuantizedWeights {
    weights: Vec<i8>,
    /// What a sum is worth.
    scales: Vec<f32>,
    bias: Vec<i32>,
}

impl QuantizedWeights {
    fn new(conv: &Conv, source: Affine, channel_scale: impl Fn(usize) -> f32) -> Self {
        let per_out: usize = conv.weight.shape[1..].iter().product();
        let area: usize = conv.weight.shape[2..].iter().product();
        let (mut weights, mut scales, mut bias) = (Vec::new(), Vec::new(), Vec::new());
        for (out, row) in conv.weight.data.chunks_exact(per_out).enumerate() {
            let real: Vec<f32> = row.iter().enumerate().map(|(ix, w)| w * channel_scale(ix / area)).collect();
            let most = real.iter().fold(0.0_f32, |most, w| most.max(w.abs()));
            let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
            let quantized: Vec<i8> = real.iter().map(|w| (w / scale).round_ties_even() as i8).collect();
            let sum: i64 = quantized.iter().map(|&w| i64::from(w)).sum();
            let worth = scale * source.scale;
            let real_bias = conv.bias.as_ref().map_or(0.0, |bias| f64::from(bias.data[out]));
            // Half of i32 is left for the products, see MAX_TERMS.
            let limit = f64::from(i32::MAX / 2);
            let steps = (real_bias / f64::from(worth)).round_ties_even() - (sum * i64::from(source.zero_point)) as f64;
            bias.push(steps.clamp(-limit, limit) as i32);
            scales.push(worth);
            weights.extend(quantized);
        }
        Self { weights, scales, bias }
    }
}

/// OIHW to blocks of `[kernel_h][quads][width][4]`, zeros where a quad reaches past the window.
fn pack(weights: &[i8], shape: &[usize], pixel: usize, blocks: &[conv_i8::Block]) -> Vec<i8> {
    let [n_out, channels, kernel_h, kernel_w] = shape[..] else { unreachable!("weights are OIHW") };
    let run = (kernel_w * pixel).next_multiple_of(QUAD);
    let mut packed = Vec::new();
    for block in blocks {
        for ky in 0..kernel_h {
            for quad in (0..run).step_by(QUAD) {
                for o in block.first..block.first + block.width {
                    packed.extend((quad..quad + QUAD).map(|byte| {
                        let (kx, c) = (byte / pixel, byte % pixel);
                        let inside = o < n_out && kx < kernel_w && c < channels;
                        if inside { weights[((o * channels + c) * kernel_h + ky) * kernel_w + kx] } else { 0 }
                    }));
                }
            }
        }
    }
    packed
}
