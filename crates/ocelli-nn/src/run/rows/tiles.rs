//! Rows of tiles, and of the convolutions that read them.
#![allow(unsafe_code, reason = "rows of one arena, kept apart by the plan")]

use std::mem::MaybeUninit;

use super::{Rows, floor_of};
use crate::graph::Activation;
use crate::kernels::conv_f32::ConvRow;
use crate::kernels::elementwise;
use crate::kernels::winograd::{self, POINTS, TILE, Untile, WIDEST};
use crate::network::{Step, Tiles, WinogradStep};

/// Tiles whose sums are held at a time: six sums of each stay in the first cache.
const CHUNK: usize = 12;

impl Rows<'_> {
    pub(in crate::run) unsafe fn tiles(&self, step: &Step, tiles: Tiles, y: usize) {
        let input = step.inputs[0];
        let slot = &self.slots[input];
        let len = (self.shapes[step.output].width * TILE + 2) * slot.pixel;
        // SAFETY: as the caller vouches; the row's padding was made wide enough for all tiles.
        unsafe {
            let first = self.start(input, y).cast::<f32>().add((slot.left - tiles.left) * slot.pixel);
            let row = std::slice::from_raw_parts(first, len);
            winograd::tiles_row(tiles.isa, row, slot.pixel, self.row_mut(step.output, y));
        }
    }

    pub(in crate::run) unsafe fn winograd(&self, step: &Step, conv: &WinogradStep, y: usize) {
        let (input, output) = (step.inputs[0], step.output);
        let n_tiles = self.shapes[input].width;
        // SAFETY: as the caller vouches.
        unsafe {
            let rows = self.window_rows::<f32>(input, &conv.window, y);
            let mut weights = &conv.weights[..];
            for block_ix in 0..conv.blocks.len() {
                for first in (0..n_tiles).step_by(CHUNK) {
                    let chunk = first..n_tiles.min(first + CHUNK);
                    self.winograd_chunk(step, conv, (block_ix, weights), rows, chunk, y);
                }
                // Six points of three rows of a sixth of the tile's numbers.
                weights = &weights[3 * self.slots[input].pixel * conv.blocks[block_ix].width..];
            }
            if conv.activation == Activation::Sigmoid {
                elementwise::sigmoid_f32(self.row_mut(output, y));
            }
        }
    }

    /// Some tiles of one block: six sums each, then four pixels each.
    unsafe fn winograd_chunk(
        &self,
        step: &Step,
        conv: &WinogradStep,
        (block_ix, weights): (usize, &[f32]),
        rows: [*const f32; crate::model::MAX_KERNEL],
        tiles: std::ops::Range<usize>,
        y: usize,
    ) {
        let (block, output) = (&conv.blocks[block_ix], step.output);
        let slot = self.slots[step.inputs[0]];
        let (pixel, n) = (slot.pixel / POINTS, tiles.len());
        let mut sums = [MaybeUninit::<f32>::uninit(); POINTS * CHUNK * WIDEST];
        assert!(block.width <= WIDEST && n <= CHUNK, "the sums have room");
        // SAFETY: every point's kernel writes its `n * width` sums, reads `n` tiles of the window's rows,
        // and the weights made for it; the output row holds the block's channels of all pixels.
        unsafe {
            for point in 0..POINTS {
                let args = ConvRow {
                    rows: rows.map(|row| row.wrapping_add(tiles.start * slot.pixel + point * pixel)),
                    kernel_h: 3,
                    run: pixel,
                    step: slot.pixel,
                    weights: weights[point * 3 * pixel * block.width..].as_ptr(),
                    bias: conv.zeros.as_ptr(),
                    out: sums.as_mut_ptr().cast::<f32>().add(point * n * block.width),
                    out_step: block.width,
                    n,
                    floor: f32::NEG_INFINITY,
                };
                (block.kernel)(&args);
            }
            let sums = std::slice::from_raw_parts(sums.as_ptr().cast::<f32>(), POINTS * n * block.width);
            let (out_step, width) = (self.slots[output].pixel, self.shapes[output].width);
            let first = tiles.start * TILE;
            let n_pixels = (width - first).min(n * TILE);
            // From this block's first channel on; the last pixel ends with this block.
            let out = self.pixel0::<f32>(output, y).add(first * out_step + block.first);
            let out = std::slice::from_raw_parts_mut(out, (n_pixels - 1) * out_step + block.width);
            let bias = &conv.bias[block.first..];
            let args = Untile { width: block.width, bias, floor: floor_of(conv.activation), out_step };
            winograd::untile_row(conv.isa, args, sums, n, out);
        }
    }
}
