//! Merges output heads that read one value through equal windows into one convolution.
//!
//! A head of one channel and a head of four fill one vector together instead of two. Only values
//! that nobody but the caller reads are merged, so no slice has to be taken inside the graph.

use crate::graph::{Conv, Graph, Op, Weight};

pub(super) fn run(graph: &mut Graph) -> bool {
    let heads: Vec<usize> = (0..graph.nodes.len()).filter(|&node_ix| head(graph, node_ix).is_some()).collect();
    for (ix, &first) in heads.iter().enumerate() {
        if let Some(&second) = heads[ix + 1..].iter().find(|&&other| mergeable(graph, first, other)) {
            merge(graph, first, second);
            return true;
        }
    }
    false
}

fn head(graph: &Graph, node_ix: usize) -> Option<&Conv> {
    let node = &graph.nodes[node_ix];
    let Op::Conv(conv) = &node.op else { return None };
    let only_output = graph.is_output(node.output) && graph.n_readers(node.output) == 0;
    (only_output && conv.groups == 1).then_some(conv)
}

fn mergeable(graph: &Graph, first: usize, second: usize) -> bool {
    let (Some(a), Some(b)) = (head(graph, first), head(graph, second)) else { return false };
    let same_input = graph.nodes[first].inputs == graph.nodes[second].inputs;
    same_input && a.window == b.window && a.activation == b.activation
}

fn merge(graph: &mut Graph, first: usize, second: usize) {
    let removed = graph.nodes.remove(second);
    let Op::Conv(b) = removed.op else { unreachable!("checked by mergeable()") };
    let node = &mut graph.nodes[first];
    let Op::Conv(a) = &mut node.op else { unreachable!("checked by mergeable()") };
    let n_first = a.weight.shape[0];
    let bias = [bias_of(a), bias_of(&b)].concat();
    let mut shape = a.weight.shape.clone();
    shape[0] += b.weight.shape[0];
    a.weight = Weight::new(shape, [&*a.weight.data, &*b.weight.data].concat());
    a.bias = Some(Weight::new(vec![bias.len()], bias));
    let (kept, joined) = (node.output, removed.output);
    for output in graph.outputs.iter_mut().filter(|output| output.value == joined) {
        output.value = kept;
        output.first += n_first;
    }
    let name = format!("{}|{}", graph.values[kept].name, graph.values[joined].name);
    graph.values[kept].channels += graph.values[joined].channels;
    graph.values[kept].name = name;
}

fn bias_of(conv: &Conv) -> Vec<f32> {
    match &conv.bias {
        Some(bias) => bias.data.to_vec(),
        None => vec![0.0; conv.weight.shape[0]],
    }
}
