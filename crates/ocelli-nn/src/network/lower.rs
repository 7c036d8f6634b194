//! Lowering: from graph nodes to steps with packed weights.

use super::step::{ConvStep, Depthwise, Slot, Step, StepKind};
use super::winograd;
use crate::Error;
use crate::graph::{Activation, Conv, Graph, Node, Op, Weight, Window};
use crate::kernels::input::Normalize;
use crate::kernels::{CHANNEL_BLOCK, conv_f32, isa::Isa};

/// Chooses kernels and packs the weights of `graph` for `isa`.
pub(super) fn lower(graph: &Graph, isa: Isa, filtering: bool) -> Result<(Vec<Step>, Vec<Slot>), Error> {
    let mut slots: Vec<Slot> = graph.values.iter().map(|value| slot(value.channels)).collect();
    let input = &graph.input;
    if feeds_only_dense_convs(graph) {
        // The picture keeps its three channels: padding them would triple the first layer's work.
        slots[input.value].pixel = 3;
    }
    let mut steps = vec![Step {
        name: graph.values[input.value].name.clone(),
        kind: StepKind::Input { normalize: Normalize { mean: input.mean, scale: input.scale }, isa },
        inputs: Vec::new(),
        output: input.value,
    }];
    for node in &graph.nodes {
        match &node.op {
            Op::Conv(conv) if filtering && winograd::pays(conv, slots[node.inputs[0]]) => {
                steps.extend(winograd::lower(node, conv, &mut slots, isa));
            }
            _ => steps.push(lower_node(node, &slots, isa)?),
        }
    }
    for step in &steps {
        let (left, right) = step.kind.columns_wanted();
        for &input in &step.inputs {
            slots[input].left = slots[input].left.max(left);
            slots[input].right = slots[input].right.max(right);
        }
    }
    Ok((steps, slots))
}

fn feeds_only_dense_convs(graph: &Graph) -> bool {
    let mut readers = graph.nodes.iter().filter(|node| node.inputs.contains(&graph.input.value));
    readers.all(|node| matches!(&node.op, Op::Conv(conv) if conv.groups == 1))
}

fn slot(channels: usize) -> Slot {
    let pixel = channels.next_multiple_of(CHANNEL_BLOCK);
    Slot { pixel, channels, element: size_of::<f32>(), left: 0, right: 0, pad: 0 }
}

fn lower_node(node: &Node, slots: &[Slot], isa: Isa) -> Result<Step, Error> {
    let source = slots[node.inputs[0]];
    let mut inputs = node.inputs.clone();
    let kind = match &node.op {
        Op::Conv(conv) => lower_conv(conv, source, isa)?,
        Op::Affine { scale, shift } => {
            let window = Window { kernel: [1, 1], stride: [1, 1], padding: [0; 4] };
            depthwise(window, Activation::None, &scale.data, Some(&*shift.data), source)
        }
        Op::Relu => StepKind::Activate(Activation::Relu),
        Op::Sigmoid => StepKind::Activate(Activation::Sigmoid),
        Op::MaxPool(window) => StepKind::MaxPool(*window),
        Op::Add(activation) => StepKind::Add(*activation),
        Op::Concat => StepKind::Concat,
        Op::Upsample2 => {
            inputs.truncate(1);
            StepKind::Upsample2
        }
        Op::GlobalAvgPool => StepKind::GlobalAvgPool,
    };
    Ok(Step { name: node.name.clone(), kind, inputs, output: node.output })
}

fn lower_conv(conv: &Conv, source: Slot, isa: Isa) -> Result<StepKind, Error> {
    let bias = conv.bias.as_ref().map(|bias| &*bias.data);
    let [out, per_group, ..] = conv.weight.shape[..] else { unreachable!("weights are OIHW") };
    if conv.groups > 1 && per_group == 1 && out == source.channels {
        return Ok(depthwise(conv.window, conv.activation, &conv.weight.data, bias, source));
    }
    let dense = dense_weight(conv, source.channels)?;
    let blocks = conv_f32::blocks(isa, out.next_multiple_of(CHANNEL_BLOCK));
    let weights = pack(&dense, source.pixel, &blocks);
    let mut padded = bias.map_or_else(Vec::new, <[f32]>::to_vec);
    padded.resize(out.next_multiple_of(CHANNEL_BLOCK), 0.0);
    let macs = conv.weight.data.len() as u64;
    let (window, activation) = (conv.window, conv.activation);
    Ok(StepKind::Conv(ConvStep { window, activation, blocks, weights, bias: padded, macs }))
}

/// The weights of a grouped convolution written out with its zeros; a dense one as it is.
pub(crate) fn dense_weight(conv: &Conv, in_channels: usize) -> Result<Weight, Error> {
    if conv.groups == 1 {
        return Ok(conv.weight.clone());
    }
    let [out, per_group, kernel_h, kernel_w] = conv.weight.shape[..] else { unreachable!("weights are OIHW") };
    let area = kernel_h * kernel_w;
    if conv.groups > 64 {
        return Err(Error::unsupported(format!("convolution in {} groups", conv.groups)));
    }
    let mut data = vec![0.0; out * in_channels * area];
    for o in 0..out {
        let first = o / (out / conv.groups) * per_group;
        let target = (o * in_channels + first) * area;
        let source = o * per_group * area;
        let n = per_group * area;
        data[target..target + n].copy_from_slice(&conv.weight.data[source..source + n]);
    }
    Ok(Weight::new(vec![out, in_channels, kernel_h, kernel_w], data))
}

/// OIHW to blocks of `[kernel_h][kernel_w][pixel][width]`, zeros where channels are padding.
fn pack(weight: &Weight, pixel: usize, blocks: &[conv_f32::Block]) -> Vec<f32> {
    let [out, channels, kernel_h, kernel_w] = weight.shape[..] else { unreachable!("weights are OIHW") };
    let mut packed = Vec::new();
    for block in blocks {
        for ky in 0..kernel_h {
            for kx in 0..kernel_w {
                for c in 0..pixel {
                    packed.extend((block.first..block.first + block.width).map(|o| {
                        let inside = o < out && c < channels;
                        let ix = ((o * channels + c) * kernel_h + ky) * kernel_w + kx;
                        if inside { weight.data[ix] } else { 0.0 }
                    }));
                }
            }
        }
    }
    packed
}

/// Weights `[channels, 1, kernel_h, kernel_w]` to `[kernel_h][kernel_w][pixel]`.
fn depthwise(window: Window, activation: Activation, weight: &[f32], bias: Option<&[f32]>, source: Slot) -> StepKind {
    let area = window.kernel[0] * window.kernel[1];
    let pixel = source.channels.next_multiple_of(CHANNEL_BLOCK);
    let mut weights = vec![0.0; area * pixel];
    for (ix, w) in weight.iter().enumerate() {
        weights[ix % area * pixel + ix / area] = *w;
    }
    let mut padded = bias.map_or_else(Vec::new, <[f32]>::to_vec);
    padded.resize(pixel, 0.0);
    StepKind::Depthwise(Depthwise { window, activation, weights, bias: padded })
}
