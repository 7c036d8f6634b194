//! Steps: graph nodes with their kernels chosen and weights packed.

use std::ops::Range;

use crate::graph::{Activation, ValueId, Window};
use crate::kernels::conv_f32;

/// How a value lies in memory, apart from its height and width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Slot {
    /// Elements of one pixel: the channels, padded.
    pub(crate) pixel: usize,
    /// Channels that mean something.
    pub(crate) channels: usize,
    /// Bytes of an element.
    pub(crate) element: usize,
    /// Zero pixels before each row.
    pub(crate) left: usize,
    /// Zero pixels after each row.
    pub(crate) right: usize,
}

/// A node ready to run row by row.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) name: String,
    pub(crate) kind: StepKind,
    /// Values whose rows are read; a value that only lends its shape is not among them.
    pub(crate) inputs: Vec<ValueId>,
    pub(crate) output: ValueId,
}

/// What a step computes.
#[derive(Debug)]
pub(crate) enum StepKind {
    /// The canonical picture's bytes, normalized.
    Input { mean: [f32; 3], scale: [f32; 3] },
    /// Dense convolution.
    Conv(ConvStep),
    /// One filter per channel.
    Depthwise(Depthwise),
    /// Maximum over a window.
    MaxPool(Window),
    /// Sum of two values.
    Add(Activation),
    /// Activation that found no host.
    Activate(Activation),
    /// Channels side by side.
    Concat,
    /// Pixels doubled.
    Upsample2,
    /// Mean of all pixels.
    GlobalAvgPool,
}

/// A dense convolution with packed weights.
#[derive(Debug)]
pub(crate) struct ConvStep {
    pub(crate) window: Window,
    pub(crate) activation: Activation,
    pub(crate) blocks: Vec<conv_f32::Block>,
    /// Blocks one after another, each `[kernel_h][kernel_w * pixel][width]`.
    pub(crate) weights: Vec<f32>,
    /// One for each padded output channel.
    pub(crate) bias: Vec<f32>,
    /// Multiplications per output pixel that the model asks for, padding not counted.
    pub(crate) macs: u64,
}

/// A depthwise convolution; weights `[kernel_h][kernel_w][pixel]`.
#[derive(Debug)]
pub(crate) struct Depthwise {
    pub(crate) window: Window,
    pub(crate) activation: Activation,
    pub(crate) weights: Vec<f32>,
    pub(crate) bias: Vec<f32>,
}

impl StepKind {
    /// The input rows that output rows `rows` (not empty) read, cut to the input's height.
    pub(crate) fn needs(&self, rows: Range<usize>, input_height: usize) -> Range<usize> {
        match self {
            Self::Input { .. } => 0..0,
            Self::Conv(ConvStep { window, .. }) | Self::Depthwise(Depthwise { window, .. }) | Self::MaxPool(window) => {
                let top = window.padding[0];
                let first = (rows.start * window.stride[0]).saturating_sub(top);
                let last = (rows.end - 1) * window.stride[0] + window.kernel[0];
                first.min(input_height)..last.saturating_sub(top).min(input_height)
            }
            Self::Add(_) | Self::Activate(_) | Self::Concat => rows,
            Self::Upsample2 => rows.start / 2..(rows.end - 1) / 2 + 1,
            Self::GlobalAvgPool => 0..input_height,
        }
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        let n = match self {
            Self::Conv(conv) => conv.weights.len() + conv.bias.len(),
            Self::Depthwise(conv) => conv.weights.len() + conv.bias.len(),
            _ => 0,
        };
        n * size_of::<f32>()
    }

    /// Left and right padding that the step wants around the rows it reads.
    pub(crate) fn columns_wanted(&self) -> (usize, usize) {
        match self {
            Self::Conv(ConvStep { window, .. }) | Self::Depthwise(Depthwise { window, .. }) => {
                (window.padding[1], window.padding[3])
            }
            _ => (0, 0),
        }
    }

    /// Multiplications for each output pixel.
    pub(crate) fn macs_per_pixel(&self) -> u64 {
        match self {
            Self::Conv(conv) => conv.macs,
            Self::Depthwise(conv) => conv.weights.len() as u64,
            _ => 0,
        }
    }
}
