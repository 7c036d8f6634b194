//! Drops nodes whose results reach no output.

use crate::graph::Graph;

pub(super) fn run(graph: &mut Graph) -> bool {
    let mut needed = vec![false; graph.values.len()];
    for output in &graph.outputs {
        needed[output.value] = true;
    }
    for node in graph.nodes.iter().rev() {
        if needed[node.output] {
            for &input in &node.inputs {
                needed[input] = true;
            }
        }
    }
    let before = graph.nodes.len();
    graph.nodes.retain(|node| needed[node.output]);
    graph.nodes.len() != before
}
