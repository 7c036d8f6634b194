//! Fuses relu and sigmoid into the convolution or sum that alone feeds them.

use super::absorb;
use crate::graph::{Activation, Graph, Op, ValueId};

pub(super) fn run(graph: &mut Graph) -> bool {
    let mut changed = false;
    let mut node_ix = 0;
    while node_ix < graph.nodes.len() {
        let node = &graph.nodes[node_ix];
        let activation = match node.op {
            Op::Relu => Activation::Relu,
            Op::Sigmoid => Activation::Sigmoid,
            _ => Activation::None,
        };
        match host(graph, node.inputs[0], activation) {
            Some(producer_ix) => {
                match &mut graph.nodes[producer_ix].op {
                    Op::Conv(conv) => conv.activation = activation,
                    Op::Add(fused) => *fused = activation,
                    _ => unreachable!("host() answers only convolutions and sums"),
                }
                absorb(graph, producer_ix, node_ix);
                changed = true;
            }
            None => node_ix += 1,
        }
    }
    changed
}

/// The node that can apply `activation` itself to `value` before storing it.
fn host(graph: &Graph, value: ValueId, activation: Activation) -> Option<usize> {
    if activation == Activation::None || graph.n_readers(value) != 1 || graph.is_output(value) {
        return None;
    }
    let producer_ix = graph.nodes.iter().position(|node| node.output == value)?;
    match &graph.nodes[producer_ix].op {
        Op::Conv(conv) if conv.activation == Activation::None => Some(producer_ix),
        Op::Add(Activation::None) if activation == Activation::Relu => Some(producer_ix),
        _ => None,
    }
}
