//! Rows of quantized values.
#![allow(unsafe_code, reason = "rows of one arena, kept apart by the plan")]

use super::{Rows, floor_of};
use crate::graph::Activation;
use crate::kernels::conv_i8::{ConvRow, QUAD, Target};
use crate::kernels::{add_i8, elementwise};
use crate::network::{AddI8, ConcatI8, ConvI8Step, Step};

impl Rows<'_> {
    /// The picture's bytes as they are; the first layer's weights know their mean and scale.
    pub(in crate::run) unsafe fn input_bytes(&self, step: &Step, pixels: &[u8], y: usize) {
        // SAFETY: as the caller vouches.
        unsafe { self.row_mut::<u8>(step.output, y) }.copy_from_slice(pixels);
    }

    pub(in crate::run) unsafe fn conv_i8(&self, step: &Step, conv: &ConvI8Step, y: usize) {
        let (input, output) = (step.inputs[0], step.output);
        let pixel = self.slots[input].pixel;
        let kernel_h = conv.window.kernel[0];
        let quads = (conv.window.kernel[1] * pixel).div_ceil(QUAD);
        let mut weights = 0;
        // SAFETY: as the caller vouches.
        let rows = unsafe { self.window_rows::<u8>(input, &conv.window, y) };
        for block in &conv.blocks {
            // SAFETY: the window's rows hold `n` windows and one pixel more, the packed weights, bias
            // and scales were made for these blocks, and the output row holds `n` pixels of all blocks.
            unsafe {
                let args = ConvRow {
                    rows,
                    kernel_h,
                    quads,
                    step: conv.window.stride[1] * pixel,
                    weights: conv.weights[weights..].as_ptr(),
                    bias: conv.bias[block.first..].as_ptr(),
                    scale: conv.scale[block.first..].as_ptr(),
                    target: self.target(conv, output, y, block.first),
                    out_step: self.slots[output].pixel,
                    n: self.shapes[output].width,
                };
                (block.kernel)(&args);
            }
            weights += kernel_h * quads * block.width * QUAD;
        }
        if conv.activation == Activation::Sigmoid {
            // SAFETY: as the caller vouches; only float outputs have a sigmoid.
            elementwise::sigmoid_f32(unsafe { self.row_mut(output, y) });
        }
    }

    unsafe fn target(&self, conv: &ConvI8Step, output: usize, y: usize, first: usize) -> Target {
        // SAFETY: as the caller vouches.
        unsafe {
            match conv.requantize {
                Some(r) => Target::Bytes {
                    out: self.pixel0::<u8>(output, y).add(first),
                    low: r.low,
                    high: r.high,
                    zero_point: r.zero_point,
                },
                None => {
                    Target::Floats { out: self.pixel0::<f32>(output, y).add(first), low: floor_of(conv.activation) }
                }
            }
        }
    }

    pub(in crate::run) unsafe fn add_i8(&self, step: &Step, add: &AddI8, y: usize) {
        let (a, b, n) = (step.inputs[0], step.inputs[1], self.row_len(step.output));
        // SAFETY: as the caller vouches; the kernel takes pointers because an input may be the output.
        unsafe {
            let out = self.pixel0(step.output, y);
            add_i8::add_i8_row(add, self.pixel0(a, y), self.pixel0(b, y), out, n);
        }
    }

    pub(in crate::run) unsafe fn concat_i8(&self, step: &Step, concat: &ConcatI8, y: usize) {
        let slot = self.slots[step.output];
        let mut first = 0;
        // SAFETY: as the caller vouches.
        unsafe {
            let out = self.row_mut::<u8>(step.output, y);
            out.fill(slot.pad);
            for (&input, &part) in step.inputs.iter().zip(&concat.parts) {
                let source = self.slots[input];
                let pixels = self.row::<u8>(input, y).chunks_exact(source.pixel);
                for (source_pixel, out) in pixels.zip(out.chunks_exact_mut(slot.pixel)) {
                    let out = &mut out[first..first + source.channels];
                    elementwise::requantize_i8(source_pixel, part, concat.requantize, out);
                }
                first += source.channels;
            }
        }
    }
}
