//! `depthwise_f32_row`: one output row where each channel has a filter of its own.

use super::CHANNEL_BLOCK;
use crate::network::Depthwise;

/// Sums `rows[ky][x * stride + kx]` times the weights, raised to `floor`. `rows` start at the left
/// edge of output pixel 0's window and hold every window of the row.
pub(crate) fn depthwise_f32_row(conv: &Depthwise, rows: &[&[f32]], pixel: usize, floor: f32, out: &mut [f32]) {
    let width = conv.bias.len();
    let [kernel_h, kernel_w] = conv.window.kernel;
    for (x, out) in out.chunks_exact_mut(width).enumerate() {
        let first = x * conv.window.stride[1] * pixel;
        for block in (0..width).step_by(CHANNEL_BLOCK) {
            let mut sums = [0.0; CHANNEL_BLOCK];
            sums.copy_from_slice(&conv.bias[block..block + CHANNEL_BLOCK]);
            for (ky, row) in rows[..kernel_h].iter().enumerate() {
                for kx in 0..kernel_w {
                    let source = &row[first + kx * pixel + block..];
                    let weights = &conv.weights[(ky * kernel_w + kx) * width + block..];
                    for ((sum, x), w) in sums.iter_mut().zip(source).zip(weights) {
                        *sum += x * w;
                    }
                }
            }
            for (out, sum) in out[block..].iter_mut().zip(sums) {
                *out = sum.max(floor);
            }
        }
    }
}
