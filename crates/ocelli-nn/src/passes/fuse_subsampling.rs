//! Fuses pure subsampling (a pooling window of one pixel) into the convolution before it.
//!
//! `floor(floor(a / s) / t) = floor(a / (s t))`, so a convolution of stride `s t` computes just the
//! pixels that the subsampling keeps.

use super::{absorb, sole_conv_producer};
use crate::graph::{Graph, Op, Window};

pub(super) fn run(graph: &mut Graph) -> bool {
    let mut changed = false;
    let mut node_ix = 0;
    while node_ix < graph.nodes.len() {
        let node = &graph.nodes[node_ix];
        let stride = match &node.op {
            Op::MaxPool(Window { kernel: [1, 1], stride, padding: [0, 0, 0, 0] }) => Some(*stride),
            _ => None,
        };
        let producer = stride.and_then(|_| sole_conv_producer(graph, node.inputs[0]));
        match (producer, stride) {
            (Some(producer_ix), Some([down, across])) => {
                if let Op::Conv(conv) = &mut graph.nodes[producer_ix].op {
                    conv.window.stride[0] *= down;
                    conv.window.stride[1] *= across;
                }
                absorb(graph, producer_ix, node_ix);
                changed = true;
            }
            _ => node_ix += 1,
        }
    }
    changed
}
