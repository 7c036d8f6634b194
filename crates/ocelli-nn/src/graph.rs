//! The graph: values, nodes in execution order, weights; independent of any picture's size.

pub(crate) mod reach;
pub(crate) mod shape;
mod text;

use std::sync::Arc;

/// Index of a value (a tensor that flows between nodes) in [`Graph::values`].
pub(crate) type ValueId = usize;

/// A weight tensor in f32, shared by whoever refers to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weight {
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Arc<[f32]>,
}

impl Weight {
    pub(crate) fn new(shape: Vec<usize>, data: Vec<f32>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), data.len());
        Self { shape, data: data.into() }
    }
}

/// What a convolution does to its sums before they are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activation {
    /// Store the sum.
    #[default]
    None,
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
}

/// A window that slides over rows and columns; arrays are `[vertical, horizontal]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Rows and columns of the window.
    pub kernel: [usize; 2],
    /// Step between neighbouring windows.
    pub stride: [usize; 2],
    /// `[top, left, bottom, right]`, in input pixels.
    pub padding: [usize; 4],
}

/// Convolution: weights `[out, in / groups, kernel_height, kernel_width]`, bias `[out]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Conv {
    pub(crate) window: Window,
    pub(crate) groups: usize,
    pub(crate) weight: Weight,
    pub(crate) bias: Option<Weight>,
    pub(crate) activation: Activation,
}

/// What a node computes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Op {
    /// Windowed weighted sums; also a linear layer, as a 1×1 window.
    Conv(Conv),
    /// Per-channel `x * scale + shift`; what a batch normalization is at inference.
    Affine { scale: Weight, shift: Weight },
    /// `max(x, 0)`.
    Relu,
    /// `1 / (1 + exp(-x))`.
    Sigmoid,
    /// Maximum over a window; padding never wins.
    MaxPool(Window),
    /// Sum of two values, then the activation (none or relu).
    Add(Activation),
    /// Inputs side by side along the channels.
    Concat,
    /// First input doubled in height and width, cropped to the second's height and width.
    Upsample2,
    /// Mean over all pixels, one pixel out.
    GlobalAvgPool,
}

/// One operator with its operands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) op: Op,
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) output: ValueId,
}

/// A tensor that flows between nodes: `[height, width, channels]`, NHWC with n = 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Value {
    pub(crate) name: String,
    pub(crate) channels: usize,
}

/// A named result: a range of channels of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Output {
    pub(crate) name: String,
    pub(crate) value: ValueId,
    /// First channel; passes may let several outputs share one value.
    pub(crate) first: usize,
    pub(crate) channels: usize,
}

/// How the canonical picture enters: `(u8 - mean) * scale` per channel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Input {
    pub(crate) value: ValueId,
    pub(crate) mean: [f32; 3],
    pub(crate) scale: [f32; 3],
}

/// A network as data: one picture in, named tensors out. Printed by `Display`.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    pub(crate) name: String,
    pub(crate) revision: u32,
    pub(crate) input: Input,
    /// In execution order: every input is the graph's own or an earlier node's output.
    pub(crate) nodes: Vec<Node>,
    pub(crate) values: Vec<Value>,
    pub(crate) outputs: Vec<Output>,
}

impl Graph {
    /// How many nodes read `value`, outputs of the graph not counted.
    pub(crate) fn n_readers(&self, value: ValueId) -> usize {
        self.nodes.iter().flat_map(|node| &node.inputs).filter(|&&v| v == value).count()
    }

    /// Whether `value` is asked for by name from outside.
    pub(crate) fn is_output(&self, value: ValueId) -> bool {
        self.outputs.iter().any(|output| output.value == value)
    }

    /// The names of the outputs, in the order the model file lists them.
    pub fn output_names(&self) -> impl Iterator<Item = &str> {
        self.outputs.iter().map(|output| output.name.as_str())
    }
}
