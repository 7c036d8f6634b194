//! The graph as text, one line a node: what snapshots and people read.

use std::fmt::{self, Display, Formatter};

use super::{Activation, Conv, Graph, Node, Op, Window};

impl Display for Graph {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "graph {} r{}", self.name, self.revision)?;
        let input = &self.input;
        let (mean, scale) = (input.mean, input.scale);
        let name = &self.values[input.value].name;
        writeln!(f, "  {name} = input (u8 - {mean:?}) * {scale:?} : 3")?;
        for node in &self.nodes {
            self.write_node(f, node)?;
        }
        for output in &self.outputs {
            let value = &self.values[output.value].name;
            let end = output.first + output.channels;
            writeln!(f, "  output {} = {value}[{}..{end}]", output.name, output.first)?;
        }
        Ok(())
    }
}

impl Graph {
    fn write_node(&self, f: &mut Formatter<'_>, node: &Node) -> fmt::Result {
        let value = &self.values[node.output];
        let inputs: Vec<&str> = node.inputs.iter().map(|&v| self.values[v].name.as_str()).collect();
        write!(f, "  {} = {}({})", value.name, node.op.kind(), inputs.join(", "))?;
        match &node.op {
            Op::Conv(conv) => write_conv(f, conv)?,
            Op::MaxPool(window) => write_window(f, window)?,
            Op::Add(activation) => write_activation(f, *activation)?,
            _ => {}
        }
        writeln!(f, " : {}", value.channels)
    }
}

fn write_conv(f: &mut Formatter<'_>, conv: &Conv) -> fmt::Result {
    write_window(f, &conv.window)?;
    if conv.groups > 1 {
        write!(f, " groups {}", conv.groups)?;
    }
    if conv.bias.is_some() {
        write!(f, " + bias")?;
    }
    write_activation(f, conv.activation)
}

fn write_window(f: &mut Formatter<'_>, window: &Window) -> fmt::Result {
    let [kernel_h, kernel_w] = window.kernel;
    write!(f, " {kernel_h}x{kernel_w}")?;
    if window.stride != [1, 1] {
        write!(f, " stride {:?}", window.stride)?;
    }
    if window.padding != [0; 4] {
        write!(f, " pad {:?}", window.padding)?;
    }
    Ok(())
}

fn write_activation(f: &mut Formatter<'_>, activation: Activation) -> fmt::Result {
    match activation {
        Activation::None => Ok(()),
        Activation::Relu => write!(f, " + relu"),
        Activation::Sigmoid => write!(f, " + sigmoid"),
    }
}

impl Op {
    /// The operator's name as the text form prints it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Conv(_) => "conv",
            Self::Affine { .. } => "affine",
            Self::Relu => "relu",
            Self::Sigmoid => "sigmoid",
            Self::MaxPool(_) => "max_pool",
            Self::Add(_) => "add",
            Self::Concat => "concat",
            Self::Upsample2 => "upsample2",
            Self::GlobalAvgPool => "global_avg_pool",
        }
    }
}
