//! One row of one step: from buffers to the arguments of its kernel.
#![allow(unsafe_code, reason = "rows of one arena, kept apart by the plan")]

use crate::ImageShape;
mod bytes;
mod tiles;

use crate::graph::{Activation, ValueId, Window};
use crate::kernels::conv_f32::ConvRow;
use crate::kernels::input::Normalize;
use crate::kernels::isa::Isa;
use crate::kernels::pool::PoolRow;
use crate::kernels::{depthwise, elementwise, input, pool};
use crate::model::MAX_KERNEL;
use crate::network::{ConvStep, Depthwise, Slot, Step};
use crate::plan::Buffer;

/// The buffers of one piece. Every method writes row `y` of `step.output` and reads the rows that
/// the step needs for it.
///
/// # Safety
/// For all methods: the rows needed must have been made and kept, and no other thread may touch
/// them or the row written.
pub(super) struct Rows<'a> {
    pub(super) base: *mut u8,
    /// The bytes of the padding rows at the arena's start.
    pub(super) pads: &'a [u8],
    pub(super) pad_bytes: usize,
    pub(super) buffers: &'a [Buffer],
    pub(super) shapes: &'a [ImageShape],
    pub(super) slots: &'a [Slot],
}

impl Rows<'_> {
    /// The first byte of row `y`, before its padding.
    unsafe fn start(&self, value: ValueId, y: usize) -> *mut u8 {
        let buffer = &self.buffers[value];
        // SAFETY: the buffer lies inside the arena, and the row inside the buffer.
        unsafe { self.base.add(buffer.offset + y % buffer.rows * buffer.pitch) }
    }

    /// Pixel 0 of row `y`.
    unsafe fn pixel0<T>(&self, value: ValueId, y: usize) -> *mut T {
        let slot = &self.slots[value];
        // SAFETY: as `start`; the padding is part of the row.
        unsafe { self.start(value, y).cast::<T>().add(slot.left * slot.pixel) }
    }

    fn row_len(&self, value: ValueId) -> usize {
        self.shapes[value].width * self.slots[value].pixel
    }

    /// Row `y` without padding, to read; `T` is the value's element.
    pub(super) unsafe fn row<T>(&self, value: ValueId, y: usize) -> &[T] {
        // SAFETY: the caller vouches that the row is made and not being written.
        unsafe { std::slice::from_raw_parts(self.pixel0(value, y), self.row_len(value)) }
    }

    /// Row `y` without padding, to write.
    #[allow(clippy::mut_from_ref, reason = "the arena is shared; the caller vouches for the row")]
    unsafe fn row_mut<T>(&self, value: ValueId, y: usize) -> &mut [T] {
        // SAFETY: the caller vouches that nobody else touches the row.
        unsafe { std::slice::from_raw_parts_mut(self.pixel0(value, y), self.row_len(value)) }
    }

    /// Writes the zero pixels around row `y`.
    pub(super) unsafe fn clear_padding(&self, value: ValueId, y: usize) {
        let slot = &self.slots[value];
        let pixel = slot.pixel * slot.element;
        let end = (slot.left + self.shapes[value].width) * pixel;
        // SAFETY: the padding is part of the row, which the caller may write.
        unsafe {
            let row = self.start(value, y);
            row.write_bytes(slot.pad, slot.left * pixel);
            row.add(end).write_bytes(slot.pad, slot.right * pixel);
        }
    }

    pub(super) unsafe fn input(&self, step: &Step, pixels: &[u8], normalize: Normalize, isa: Isa, y: usize) {
        // SAFETY: as the caller vouches.
        let out = unsafe { self.row_mut(step.output, y) };
        input::input_f32_row(isa, pixels, normalize, out, self.slots[step.output].pixel);
    }

    /// The rows under `window` for output row `y`, at the window's left edge for output pixel 0;
    /// the arena's row of padding where the window leaves the picture.
    unsafe fn window_rows<T>(&self, value: ValueId, window: &Window, y: usize) -> [*const T; MAX_KERNEL] {
        let slot = &self.slots[value];
        let pad_ix = self.pads.iter().position(|&pad| pad == slot.pad).unwrap_or(0);
        // SAFETY: the plan keeps a row of every padding byte at the arena's start.
        let pad_row = unsafe { self.base.add(pad_ix * self.pad_bytes) };
        let mut rows = [pad_row.cast::<T>().cast_const(); MAX_KERNEL];
        let first = (slot.left - window.padding[1]) * slot.pixel;
        for (ky, row) in rows[..window.kernel[0]].iter_mut().enumerate() {
            let source = (y * window.stride[0] + ky).checked_sub(window.padding[0]);
            if let Some(source) = source.filter(|&row| row < self.shapes[value].height) {
                // SAFETY: the row is inside the picture and made; its padding holds the window.
                *row = unsafe { self.start(value, source).cast::<T>().add(first) };
            }
        }
        rows
    }

    pub(super) unsafe fn conv(&self, step: &Step, conv: &ConvStep, y: usize) {
        let (input, output) = (step.inputs[0], step.output);
        let pixel = self.slots[input].pixel;
        let floor = floor_of(conv.activation);
        let kernel_h = conv.window.kernel[0];
        let run = conv.window.kernel[1] * pixel;
        let mut weights = 0;
        for block in &conv.blocks {
            // SAFETY: the window's rows hold `n` windows, the packed weights and bias were made for
            // these blocks, and the output row holds `n` pixels of all blocks.
            unsafe {
                let args = ConvRow {
                    rows: self.window_rows(input, &conv.window, y),
                    kernel_h,
                    run,
                    step: conv.window.stride[1] * pixel,
                    weights: conv.weights[weights..].as_ptr(),
                    bias: conv.bias[block.first..].as_ptr(),
                    out: self.pixel0::<f32>(output, y).add(block.first),
                    out_step: self.slots[output].pixel,
                    n: self.shapes[output].width,
                    floor,
                };
                (block.kernel)(&args);
            }
            weights += kernel_h * run * block.width;
        }
        if conv.activation == Activation::Sigmoid {
            // SAFETY: as the caller vouches.
            elementwise::sigmoid_f32(unsafe { self.row_mut(output, y) });
        }
    }

    pub(super) unsafe fn depthwise(&self, step: &Step, conv: &Depthwise, y: usize) {
        let input = step.inputs[0];
        // SAFETY: as the caller vouches; a window row holds the row with its padding.
        unsafe {
            let slot = &self.slots[input];
            let width = conv.window.padding[1] + self.shapes[input].width + slot.right;
            let rows = self.window_rows(input, &conv.window, y);
            let rows = rows.map(|row| std::slice::from_raw_parts(row, width * slot.pixel));
            let out = self.row_mut(step.output, y);
            let rows = &rows[..conv.window.kernel[0]];
            depthwise::depthwise_f32_row(conv, rows, slot.pixel, floor_of(conv.activation), out);
            if conv.activation == Activation::Sigmoid {
                elementwise::sigmoid_f32(out);
            }
        }
    }

    pub(super) unsafe fn max_pool(&self, step: &Step, window: &Window, y: usize) {
        // SAFETY: as the caller vouches.
        unsafe {
            match self.slots[step.output].element {
                1 => self.max_pool_of::<u8>(step, window, y),
                _ => self.max_pool_of::<f32>(step, window, y),
            }
        }
    }

    unsafe fn max_pool_of<T: Copy + PartialOrd>(&self, step: &Step, window: &Window, y: usize) {
        let input = step.inputs[0];
        let first = y * window.stride[0];
        let height = self.shapes[input].height;
        let start = first.saturating_sub(window.padding[0]);
        let end = (first + window.kernel[0]).saturating_sub(window.padding[0]).min(height);
        let args = PoolRow {
            pixel: self.slots[step.output].pixel,
            kernel_w: window.kernel[1],
            stride: window.stride[1],
            left: window.padding[1],
        };
        // SAFETY: as the caller vouches.
        unsafe {
            let rows = (start..end).map(|row| self.row::<T>(input, row));
            pool::max_pool_row(args, rows, self.row_mut(step.output, y));
        }
    }

    /// Whether row `y` of both values is the same memory, as the plan may arrange.
    unsafe fn in_place(&self, input: ValueId, output: ValueId, y: usize) -> bool {
        // SAFETY: as the caller vouches; the pointers are only compared.
        unsafe { self.start(input, y) == self.start(output, y) }
    }

    pub(super) unsafe fn add(&self, step: &Step, activation: Activation, y: usize) {
        let [a, b] = step.inputs[..] else { return };
        let floor = floor_of(activation);
        // SAFETY: as the caller vouches; a row that is also the output is only borrowed once.
        unsafe {
            let out = self.row_mut(step.output, y);
            match (self.in_place(a, step.output, y), self.in_place(b, step.output, y)) {
                (true, true) => elementwise::double_f32(out, floor),
                (true, false) => elementwise::add_to_f32(self.row(b, y), floor, out),
                (false, true) => elementwise::add_to_f32(self.row(a, y), floor, out),
                (false, false) => elementwise::add_f32(self.row(a, y), self.row(b, y), floor, out),
            }
        }
    }

    pub(super) unsafe fn activate(&self, step: &Step, activation: Activation, y: usize) {
        let input = step.inputs[0];
        // SAFETY: as the caller vouches; a row that is also the output is only borrowed once.
        unsafe {
            let out = self.row_mut(step.output, y);
            if !self.in_place(input, step.output, y) {
                out.copy_from_slice(self.row(input, y));
            }
            match activation {
                Activation::Relu => elementwise::relu_f32(out),
                Activation::Sigmoid => elementwise::sigmoid_f32(out),
                Activation::None => {}
            }
        }
    }

    pub(super) unsafe fn concat(&self, step: &Step, y: usize) {
        let slot = self.slots[step.output];
        let mut first = 0;
        // SAFETY: as the caller vouches.
        unsafe {
            let out = self.row_mut::<f32>(step.output, y);
            out.fill(0.0);
            for &input in &step.inputs {
                let (source, channels) = (self.slots[input].pixel, self.slots[input].channels);
                let row = self.row::<f32>(input, y);
                elementwise::copy_channels(row, source, out, slot.pixel, first, channels);
                first += channels;
            }
        }
    }

    pub(super) unsafe fn upsample2(&self, step: &Step, y: usize) {
        let pixel = self.slots[step.output].pixel;
        // SAFETY: as the caller vouches.
        unsafe {
            match self.slots[step.output].element {
                1 => elementwise::upsample2(self.row::<u8>(step.inputs[0], y / 2), pixel, self.row_mut(step.output, y)),
                _ => {
                    elementwise::upsample2(self.row::<f32>(step.inputs[0], y / 2), pixel, self.row_mut(step.output, y))
                }
            }
        }
    }

    pub(super) unsafe fn global_avg_pool(&self, step: &Step) {
        let input = step.inputs[0];
        // SAFETY: as the caller vouches.
        unsafe {
            let out = self.row_mut::<f32>(step.output, 0);
            out.fill(0.0);
            for y in 0..self.shapes[input].height {
                pool::sum_row(self.row(input, y), out);
            }
            let scale = 1.0 / self.shapes[input].area() as f32;
            out.iter_mut().for_each(|x| *x *= scale);
        }
    }
}

/// What sums are raised to.
fn floor_of(activation: Activation) -> f32 {
    if activation == Activation::Relu { 0.0 } else { f32::NEG_INFINITY }
}
