//! The uniforms of the kernels: twins of the structs in `shader/shared.wgsl` and `shader/planes.wgsl`.

use bytemuck::{Pod, Zeroable};
use ocelli_nn::backend::{self, Activation, Window};

/// A tensor of the arena, in blocks of four channels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Tensor {
    pub(crate) offset: u32,
    pub(crate) rows: u32,
    pub(crate) row_pitch: u32,
    pub(crate) pixel: u32,
    pub(crate) height: u32,
    pub(crate) width: u32,
    pub(crate) channels: u32,
    pub(crate) spare: u32,
}

impl Tensor {
    /// The same tensor, where an element has `element_bytes`.
    ///
    /// Arenas end below the largest binding of a device, whose blocks a `u32` counts.
    pub(crate) fn new(tensor: &backend::Tensor, element_bytes: usize) -> Self {
        let block = 4 * element_bytes;
        Self {
            offset: (tensor.offset / block) as u32,
            rows: tensor.rows.max(1) as u32,
            row_pitch: (tensor.row_pitch / block) as u32,
            pixel: (tensor.pixel / 4) as u32,
            height: tensor.height as u32,
            width: tensor.width as u32,
            channels: tensor.channels as u32,
            spare: 0,
        }
    }
}

/// One call of a kernel on tensors.
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Params {
    pub(crate) input: Tensor,
    pub(crate) other: Tensor,
    pub(crate) output: Tensor,
    pub(crate) kernel: [u32; 2],
    pub(crate) stride: [u32; 2],
    pub(crate) padding: [u32; 2],
    pub(crate) row: u32,
    pub(crate) row_end: u32,
    pub(crate) weights: u32,
    pub(crate) bias: u32,
    pub(crate) activation: u32,
    pub(crate) level: u32,
    pub(crate) first: u32,
    pub(crate) channels: u32,
    pub(crate) plane: u32,
    pub(crate) spare: u32,
    pub(crate) mean: [f32; 4],
    pub(crate) scale: [f32; 4],
}

impl Params {
    /// These with a window.
    pub(crate) fn with_window(mut self, window: &Window) -> Self {
        let [top, left, ..] = window.padding;
        self.kernel = window.kernel.map(|n| n as u32);
        self.stride = window.stride.map(|n| n as u32);
        self.padding = [top as u32, left as u32];
        self
    }

    /// These with an activation.
    pub(crate) fn with_activation(mut self, activation: Activation) -> Self {
        self.activation = match activation {
            Activation::None => 0,
            Activation::Relu => 1,
            Activation::Sigmoid => 2,
        };
        self
    }
}

/// One call of a kernel on planes of pixels; offsets and sizes in words.
#[derive(Debug, Clone, Copy, Default, PartialEq, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct PlaneParams {
    pub(crate) source: u32,
    pub(crate) source_width: u32,
    pub(crate) target_plane: u32,
    pub(crate) target_width: u32,
    pub(crate) row: u32,
    pub(crate) row_end: u32,
    pub(crate) table: u32,
    pub(crate) window: u32,
    pub(crate) digits: u32,
    pub(crate) n_outputs: u32,
    pub(crate) spare0: u32,
    pub(crate) spare1: u32,
}

/// The uniform of a call, of either kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Uniform {
    Tensors(Params),
    Planes(PlaneParams),
}

/// Bytes from uniform to uniform: what every adapter can bind at.
pub(crate) const UNIFORM_PITCH: usize = 256;

impl Uniform {
    /// Its bytes, for rows `row..row_end` only.
    pub(crate) fn write(&self, row: u32, row_end: u32, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        match *self {
            Self::Tensors(params) => bytes.extend_from_slice(bytemuck::bytes_of(&Params { row, row_end, ..params })),
            Self::Planes(params) => {
                bytes.extend_from_slice(bytemuck::bytes_of(&PlaneParams { row, row_end, ..params }))
            }
        }
        bytes.resize(start + UNIFORM_PITCH, 0);
    }
}
