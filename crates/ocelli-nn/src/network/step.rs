//! Steps: graph nodes with their kernels chosen and weights packed.

use std::ops::Range;

use crate::graph::{Activation, ValueId, Window};
use crate::kernels::input::Normalize;
use crate::kernels::isa::Isa;
use crate::kernels::{conv_f32, conv_i8, winograd};

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
    /// The byte that padding is made of: 0, or the zero point of quantized values.
    pub(crate) pad: u8,
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
    Input { normalize: Normalize, isa: Isa },
    /// The canonical picture's bytes as they are.
    InputBytes,
    /// Dense convolution.
    Conv(ConvStep),
    /// A row's tiles for the Winograd convolution that alone reads them.
    Tiles(Tiles),
    /// Dense 3×3 convolution of stride 1 over tiles.
    Winograd(WinogradStep),
    /// Dense convolution of bytes.
    ConvI8(ConvI8Step),
    /// One filter per channel.
    Depthwise(Depthwise),
    /// Maximum over a window.
    MaxPool(Window),
    /// Sum of two values.
    Add(Activation),
    /// Sum of two values in bytes.
    AddI8(AddI8),
    /// Activation that found no host.
    Activate(Activation),
    /// Channels side by side.
    Concat,
    /// Channels side by side in bytes, each input brought to the output's scale.
    ConcatI8(ConcatI8),
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

/// How a row becomes tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tiles {
    /// Padding of the convolution's window, left and right.
    pub(crate) left: usize,
    pub(crate) right: usize,
    pub(crate) isa: Isa,
}

impl Tiles {
    /// Tiles of a row of `width` pixels.
    pub(crate) fn n(self, width: usize) -> usize {
        (self.left + width + self.right).saturating_sub(2).div_ceil(winograd::TILE)
    }
}

/// A 3×3 convolution with its filters transformed along rows.
#[derive(Debug)]
pub(crate) struct WinogradStep {
    /// The window over rows of tiles: three high, one tile wide.
    pub(crate) window: Window,
    pub(crate) activation: Activation,
    pub(crate) blocks: Vec<conv_f32::Block>,
    /// Blocks one after another, each `[6][3][pixel][width]`.
    pub(crate) weights: Vec<f32>,
    /// One for each padded output channel.
    pub(crate) bias: Vec<f32>,
    /// What the row kernels start from: the bias comes after the way back.
    pub(crate) zeros: Vec<f32>,
    /// Multiplications per output pixel that the model asks for; half as many are done.
    pub(crate) macs: u64,
    pub(crate) isa: Isa,
}

/// A dense convolution of bytes with packed weights.
#[derive(Debug)]
pub(crate) struct ConvI8Step {
    pub(crate) window: Window,
    pub(crate) activation: Activation,
    pub(crate) blocks: Vec<conv_i8::Block>,
    /// Blocks one after another, each `[kernel_h][quads][width][4]`.
    pub(crate) weights: Vec<i8>,
    /// One for each padded output channel, in steps of the sum.
    pub(crate) bias: Vec<i32>,
    /// What a step of the sum is worth, in steps of the output.
    pub(crate) scale: Vec<f32>,
    /// `None` stores floats: the network's outputs.
    pub(crate) requantize: Option<Requantize>,
    pub(crate) macs: u64,
}

/// How numbers become bytes: `clamp(round(x), low, high) + zero_point`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Requantize {
    pub(crate) low: f32,
    pub(crate) high: f32,
    pub(crate) zero_point: i32,
}

/// `a * scales[0] + b * scales[1] + shift`, requantized.
#[derive(Debug)]
pub(crate) struct AddI8 {
    pub(crate) scales: [f32; 2],
    pub(crate) shift: f32,
    pub(crate) requantize: Requantize,
    pub(crate) isa: Isa,
}

/// For each input `x * parts[i][0] + parts[i][1]`, requantized.
#[derive(Debug)]
pub(crate) struct ConcatI8 {
    pub(crate) parts: Vec<[f32; 2]>,
    pub(crate) requantize: Requantize,
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
    /// The window of a step that has one.
    fn window(&self) -> Option<&Window> {
        match self {
            Self::Conv(ConvStep { window, .. })
            | Self::Winograd(WinogradStep { window, .. })
            | Self::ConvI8(ConvI8Step { window, .. })
            | Self::Depthwise(Depthwise { window, .. })
            | Self::MaxPool(window) => Some(window),
            _ => None,
        }
    }

    /// The input rows that output rows `rows` (not empty) read, cut to the input's height.
    pub(crate) fn needs(&self, rows: Range<usize>, input_height: usize) -> Range<usize> {
        if let Some(window) = self.window() {
            let top = window.padding[0];
            let first = (rows.start * window.stride[0]).saturating_sub(top);
            let last = (rows.end - 1) * window.stride[0] + window.kernel[0];
            return first.min(input_height)..last.saturating_sub(top).min(input_height);
        }
        match self {
            Self::Input { .. } | Self::InputBytes => 0..0,
            Self::Upsample2 => rows.start / 2..(rows.end - 1) / 2 + 1,
            Self::GlobalAvgPool => 0..input_height,
            _ => rows,
        }
    }

    /// Whether the step may read rows of padding above or below the picture.
    pub(crate) fn reads_padding(&self) -> bool {
        let window = self.window().filter(|_| !matches!(self, Self::MaxPool(_)));
        window.is_some_and(|window| window.padding[0] + window.padding[2] > 0)
    }

    /// Whether each output element depends on the same element of the inputs alone, so that the
    /// output may be written over an input.
    pub(crate) fn is_elementwise(&self) -> bool {
        matches!(self, Self::Add(_) | Self::AddI8(_) | Self::Activate(_))
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        match self {
            Self::Conv(conv) => size_of_val(&*conv.weights) + size_of_val(&*conv.bias),
            Self::ConvI8(conv) => size_of_val(&*conv.weights) + size_of_val(&*conv.bias) + size_of_val(&*conv.scale),
            Self::Winograd(conv) => size_of_val(&*conv.weights) + size_of_val(&*conv.bias),
            Self::Depthwise(conv) => size_of_val(&*conv.weights) + size_of_val(&*conv.bias),
            _ => 0,
        }
    }

    /// Left and right padding that the step wants around the rows it reads.
    pub(crate) fn columns_wanted(&self) -> (usize, usize) {
        match self {
            Self::Conv(ConvStep { window, .. }) | Self::Depthwise(Depthwise { window, .. }) => {
                (window.padding[1], window.padding[3])
            }
            // The last tile may reach three pixels past the last window.
            Self::Tiles(tiles) => (tiles.left, tiles.right + winograd::TILE - 1),
            // The last quad of the last window may reach three bytes past it, which is one pixel
            // of the picture; wider pixels are whole quads.
            Self::ConvI8(ConvI8Step { window, .. }) => (window.padding[1], window.padding[3] + 1),
            _ => (0, 0),
        }
    }

    /// Multiplications for each output pixel.
    pub(crate) fn macs_per_pixel(&self) -> u64 {
        match self {
            Self::Conv(conv) => conv.macs,
            Self::Winograd(conv) => conv.macs,
            Self::ConvI8(conv) => conv.macs,
            Self::Depthwise(conv) => conv.weights.len() as u64,
            _ => 0,
        }
    }
}
