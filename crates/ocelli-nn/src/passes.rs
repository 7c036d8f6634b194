//! Graph passes: rewrites that keep the outputs and make the network cheaper to run.

mod drop_dead_ends;
mod fold_affine;
mod fuse_activation;
mod fuse_subsampling;
mod merge_siblings;

use crate::graph::{Graph, Op, ValueId};

/// A rewrite; answers whether it changed anything.
type Pass = fn(&mut Graph) -> bool;

/// All passes in the order they run, repeated until none changes the graph.
const PASSES: &[(&str, Pass)] = &[
    // First, so that no later pass spends work on what nobody reads.
    ("drop_dead_ends", drop_dead_ends::run),
    // Before activations: a normalization stands between a convolution and its relu.
    ("fold_affine", fold_affine::run),
    ("fuse_activation", fuse_activation::run),
    ("fuse_subsampling", fuse_subsampling::run),
    // Last: siblings merge only once their windows and activations are final.
    ("merge_siblings", merge_siblings::run),
];

/// Runs all passes to their fixed point; returns the names of those that changed something.
pub(crate) fn optimize(graph: &mut Graph) -> Vec<&'static str> {
    let mut applied = Vec::new();
    loop {
        let changed: Vec<&str> = PASSES.iter().filter(|(_, pass)| pass(graph)).map(|&(name, _)| name).collect();
        if changed.is_empty() {
            return applied;
        }
        applied.extend(changed);
    }
}

/// The convolution that alone produces `value` for a single reader, by node index.
fn sole_conv_producer(graph: &Graph, value: ValueId) -> Option<usize> {
    if graph.n_readers(value) != 1 || graph.is_output(value) {
        return None;
    }
    let produces = |node: &crate::graph::Node| node.output == value && matches!(node.op, Op::Conv(_));
    graph.nodes.iter().position(produces)
}

/// Removes node `node_ix` whose effect `producer_ix` has taken over: the producer now writes its output.
fn absorb(graph: &mut Graph, producer_ix: usize, node_ix: usize) {
    let output = graph.nodes[node_ix].output;
    graph.nodes[producer_ix].output = output;
    graph.nodes.remove(node_ix);
}

#[cfg(test)]
mod tests;
