//! Folds a per-channel affine map (a batch normalization) into the convolution before it.

use super::{absorb, sole_conv_producer};
use crate::graph::{Activation, Conv, Graph, Op, Weight};

pub(super) fn run(graph: &mut Graph) -> bool {
    let mut changed = false;
    let mut node_ix = 0;
    while node_ix < graph.nodes.len() {
        let node = &graph.nodes[node_ix];
        let producer = match node.op {
            Op::Affine { .. } => sole_conv_producer(graph, node.inputs[0]),
            _ => None,
        };
        match producer {
            Some(producer_ix) if fold(graph, producer_ix, node_ix) => {
                absorb(graph, producer_ix, node_ix);
                changed = true;
            }
            _ => node_ix += 1,
        }
    }
    changed
}

fn fold(graph: &mut Graph, producer_ix: usize, node_ix: usize) -> bool {
    let Op::Affine { scale, shift } = graph.nodes[node_ix].op.clone() else { return false };
    let Op::Conv(conv) = &mut graph.nodes[producer_ix].op else { return false };
    if conv.activation != Activation::None {
        return false;
    }
    scale_conv(conv, &scale.data, &shift.data);
    true
}

/// Makes `conv` compute `conv(x) * scale + shift`.
fn scale_conv(conv: &mut Conv, scale: &[f32], shift: &[f32]) {
    let per_out: usize = conv.weight.shape[1..].iter().product();
    let weight = conv.weight.data.iter().enumerate().map(|(ix, w)| w * scale[ix / per_out]).collect();
    let bias = |out: usize| conv.bias.as_ref().map_or(0.0, |bias| bias.data[out]);
    let bias: Vec<f32> = scale.iter().zip(shift).enumerate().map(|(out, (s, t))| bias(out) * s + t).collect();
    conv.weight = Weight::new(conv.weight.shape.clone(), weight);
    conv.bias = Some(Weight::new(vec![bias.len()], bias));
}
