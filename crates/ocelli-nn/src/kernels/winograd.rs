//! Winograd's minimal filtering F(4, 3) along rows: four outputs of a three-tap filter from six
//! products instead of twelve, which halves the multiplications of a 3×3 convolution of stride 1.
//!
//! Lavin and Gray, "Fast algorithms for convolutional neural networks" (2015), with the points 0, ±1,
//! ±2 and infinity, in one dimension only: the rows of the window stay an ordinary sum, so the
//! streamed timetable and the row kernels serve unchanged. A row becomes tiles of six numbers for
//! each channel (`V`), six row kernels make six sums for each tile (`M`), and `M` becomes four pixels.
//!
//! All maps here are plain multiplications and additions in a fixed order: results do not depend on
//! how a row is cut. The error is a few units in the last place of the sums.

#![allow(unsafe_code, reason = "dispatch to wider instruction sets")]

use super::CHANNEL_BLOCK;
use super::isa::{Isa, widened};

/// Numbers a tile becomes.
pub(crate) const POINTS: usize = 6;
/// Pixels a tile makes.
pub(crate) const TILE: usize = 4;
/// The widest block of output channels.
pub(crate) const WIDEST: usize = 48;

/// The six weights of a filter's three taps.
pub(crate) fn transform_weights([a, b, c]: [f32; 3]) -> [f32; POINTS] {
    let (a, b, c) = (f64::from(a), f64::from(b), f64::from(c));
    let even = -(a + c) / 6.0;
    let far = a / 24.0 + c / 6.0;
    [a / 4.0, even - b / 6.0, even + b / 6.0, far + b / 12.0, far - b / 12.0, c].map(|x| x as f32)
}

/// Tiles of a row of `row`, which starts at the left edge of the first tile and holds `4 n + 2`
/// pixels of `pixel` numbers: `out` is `[n, 6, pixel]`.
///
/// # Panics
/// If the lengths do not fit.
pub(crate) fn tiles_row(isa: Isa, row: &[f32], pixel: usize, out: &mut [f32]) {
    let n = out.len() / (POINTS * pixel);
    assert!(row.len() >= (n * TILE + 2) * pixel && pixel.is_multiple_of(CHANNEL_BLOCK), "rows hold all tiles");
    widened!(isa, tiles_body(row: &[f32], pixel: usize, out: &mut [f32]));
}

#[inline(always)]
fn tiles_body(row: &[f32], pixel: usize, out: &mut [f32]) {
    for (tile, out) in out.chunks_exact_mut(POINTS * pixel).enumerate() {
        let source = &row[tile * TILE * pixel..];
        let [d0, d1, d2, d3, d4, d5] = [0, 1, 2, 3, 4, 5].map(|point| &source[point * pixel..][..pixel]);
        let (o0, out) = out.split_at_mut(pixel);
        let (o1, out) = out.split_at_mut(pixel);
        let (o2, out) = out.split_at_mut(pixel);
        let (o3, out) = out.split_at_mut(pixel);
        let (o4, o5) = out.split_at_mut(pixel);
        let o5 = &mut o5[..pixel];
        for c in 0..pixel {
            let (even, odd) = (d4[c] - 4.0 * d2[c], d3[c] - 4.0 * d1[c]);
            let (near, step) = (d4[c] - d2[c], 2.0 * (d3[c] - d1[c]));
            o0[c] = 4.0 * d0[c] - 5.0 * d2[c] + d4[c];
            o1[c] = even + odd;
            o2[c] = even - odd;
            o3[c] = near + step;
            o4[c] = near - step;
            o5[c] = 4.0 * d1[c] - 5.0 * d3[c] + d5[c];
        }
    }
}

/// What becomes of the sums of some tiles.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Untile<'a> {
    /// Output channels of the block.
    pub(crate) width: usize,
    /// Bias of the block.
    pub(crate) bias: &'a [f32],
    /// Results below this are raised to it.
    pub(crate) floor: f32,
    /// Numbers between output pixels.
    pub(crate) out_step: usize,
}

/// Pixels of the sums `m`, `[6, n tiles, width]`: written to channels `..width` of each pixel of
/// `out`, as many pixels as it holds (at most `4 n`).
///
/// # Panics
/// If the lengths do not fit, or the block is wider than [`WIDEST`].
pub(crate) fn untile_row(isa: Isa, args: Untile<'_>, m: &[f32], n: usize, out: &mut [f32]) {
    assert!(m.len() >= POINTS * n * args.width && args.width <= WIDEST, "all sums are there");
    widened!(isa, untile_body(args: Untile<'_>, m: &[f32], n: usize, out: &mut [f32]));
}

#[inline(always)]
fn untile_body(args: Untile<'_>, m: &[f32], n: usize, out: &mut [f32]) {
    let Untile { width, bias, floor, out_step } = args;
    let bias = &bias[..width];
    // The row's last tile may have fewer than four pixels: all four are made here first.
    let mut pixels = [0.0; TILE * WIDEST];
    for (tile, out) in out.chunks_mut(TILE * out_step).enumerate().take(n) {
        let [m0, m1, m2, m3, m4, m5] = [0, 1, 2, 3, 4, 5].map(|point| &m[(point * n + tile) * width..][..width]);
        let (y0, rest) = pixels.split_at_mut(WIDEST);
        let (y1, rest) = rest.split_at_mut(WIDEST);
        let (y2, y3) = rest.split_at_mut(WIDEST);
        let (y0, y1, y2, y3) = (&mut y0[..width], &mut y1[..width], &mut y2[..width], &mut y3[..width]);
        for c in 0..width {
            let (near_sum, near_difference) = (m1[c] + m2[c], m1[c] - m2[c]);
            let (far_sum, far_difference) = (m3[c] + m4[c], m3[c] - m4[c]);
            y0[c] = (m0[c] + near_sum + far_sum + bias[c]).max(floor);
            y1[c] = (near_difference + 2.0 * far_difference + bias[c]).max(floor);
            y2[c] = (near_sum + 4.0 * far_sum + bias[c]).max(floor);
            y3[c] = (near_difference + 8.0 * far_difference + m5[c] + bias[c]).max(floor);
        }
        for (out, pixel) in out.chunks_mut(out_step).zip(pixels.chunks_exact(WIDEST)) {
            out[..width].copy_from_slice(&pixel[..width]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn test_four_outputs_of_three_taps() {
        let mut random = Random(1);
        for isa in Isa::available() {
            for n in [1, 2, 5] {
                let row: Vec<f32> = (0..(n * TILE + 2) * 8).map(|_| random.unit()).collect();
                let taps: [f32; 3] = std::array::from_fn(|_| random.unit());
                let weights = transform_weights(taps);
                let mut v = vec![0.0; n * POINTS * 8];
                tiles_row(isa, &row, 8, &mut v);
                // One input channel for each output channel: sums are single products.
                let product = |point: usize, tile: usize, c: usize| v[(tile * POINTS + point) * 8 + c] * weights[point];
                let m: Vec<f32> = (0..POINTS * n * 8).map(|ix| product(ix / (n * 8), ix / 8 % n, ix % 8)).collect();
                for missing in 0..4 {
                    let n_pixels = n * TILE - missing;
                    let mut out = vec![0.0; n_pixels * 8];
                    let args = Untile { width: 8, bias: &[0.5; 8], floor: f32::NEG_INFINITY, out_step: 8 };
                    untile_row(isa, args, &m, n, &mut out);
                    for (ix, &actual) in out.iter().enumerate() {
                        let expected: f32 = (0..3).map(|k| row[ix + k * 8] * taps[k]).sum::<f32>() + 0.5;
                        assert!((actual - expected).abs() < 1e-5, "{isa} {ix}: {actual} {expected}");
                    }
                }
            }
        }
    }
}
