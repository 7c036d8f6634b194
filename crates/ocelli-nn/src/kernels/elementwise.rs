//! Elementwise rows: sums, activations, copies. Plain loops that the compiler vectorizes.

use crate::network::Requantize;

/// `max(x, 0)` in place.
pub(crate) fn relu_f32(row: &mut [f32]) {
    for x in row {
        *x = x.max(0.0);
    }
}

/// `1 / (1 + exp(-x))` in place.
pub(crate) fn sigmoid_f32(row: &mut [f32]) {
    for x in row {
        *x = 1.0 / (1.0 + (-*x).exp());
    }
}

/// `out = max(a + b, floor)`.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn add_f32(a: &[f32], b: &[f32], floor: f32, out: &mut [f32]) {
    assert!(a.len() == out.len() && b.len() == out.len(), "rows of one length");
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        *out = (a + b).max(floor);
    }
}

/// `out = max(out + b, floor)`.
///
/// # Panics
/// If the lengths differ.
pub(crate) fn add_to_f32(b: &[f32], floor: f32, out: &mut [f32]) {
    assert_eq!(b.len(), out.len(), "rows of one length");
    for (out, b) in out.iter_mut().zip(b) {
        *out = (*out + b).max(floor);
    }
}

/// `out = max(out + out, floor)`.
pub(crate) fn double_f32(out: &mut [f32], floor: f32) {
    for x in out {
        *x = (*x + *x).max(floor);
    }
}

/// `source * part[0] + part[1]`, requantized, for as many elements as `out` has.
pub(crate) fn requantize_i8(source: &[u8], part: [f32; 2], to: Requantize, out: &mut [u8]) {
    for (out, &x) in out.iter_mut().zip(source) {
        *out = byte(f32::from(x) * part[0] + part[1], to);
    }
}

/// Adding and subtracting 1.5 · 2²³ rounds to even, which every instruction set can do without a
/// rounding instruction; the clamp keeps the number far below 2²².
const ROUND: f32 = 12_582_912.0;

/// The byte that stands for `x`.
#[inline(always)]
pub(crate) fn byte(x: f32, to: Requantize) -> u8 {
    let rounded = x.max(to.low).min(to.high) + ROUND;
    // The low bits of the sum's mantissa are the rounded number.
    (rounded.to_bits() as i32 - ROUND.to_bits() as i32 + to.zero_point) as u8
}

/// Copies `channels` elements of each pixel into pixels of another width, from channel `first`.
pub(crate) fn copy_channels<T: Copy>(
    source: &[T],
    source_pixel: usize,
    out: &mut [T],
    out_pixel: usize,
    first: usize,
    channels: usize,
) {
    for (source, out) in source.chunks_exact(source_pixel).zip(out.chunks_exact_mut(out_pixel)) {
        out[first..first + channels].copy_from_slice(&source[..channels]);
    }
}

/// Repeats each pixel of `source` twice until `out` is full.
pub(crate) fn upsample2<T: Copy>(source: &[T], pixel: usize, out: &mut [T]) {
    for (out_ix, out) in out.chunks_exact_mut(pixel).enumerate() {
        let first = out_ix / 2 * pixel;
        out.copy_from_slice(&source[first..first + pixel]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_add_floor() {
        let mut out = [9.0; 3];
        add_f32(&[1.0, -2.0, 3.0], &[1.0, 1.0, -5.0], 0.0, &mut out);
        assert_eq!(out, [2.0, 0.0, 0.0]);
    }

    #[test]
    fn test_byte_rounds_to_even_and_clamps() {
        let to = Requantize { low: -10.0, high: 245.0, zero_point: 10 };
        for (x, expected) in [(0.0, 10), (0.5, 10), (1.5, 12), (-0.5, 10), (-1.5, 8), (-99.0, 0), (1e9, 255)] {
            assert_eq!(byte(x, to), expected, "{x}");
        }
    }

    #[test]
    fn test_copy_channels_interleaves() {
        let mut out = [0_u8; 8];
        copy_channels(&[1, 2, 9, 3, 4, 9], 3, &mut out, 4, 1, 2);
        assert_eq!(out, [0, 1, 2, 0, 0, 3, 4, 0]);
    }

    #[test]
    fn test_upsample2_crops_odd_width() {
        let mut out = [0_u8; 6];
        upsample2(&[1, 2, 3, 4], 2, &mut out);
        assert_eq!(out, [1, 2, 1, 2, 3, 4]);
    }

    #[test]
    fn test_sigmoid_is_finite_at_extremes() {
        let mut row = [-1e30, 0.0, 1e30];
        sigmoid_f32(&mut row);
        assert_eq!(row, [0.0, 0.5, 1.0]);
    }
}
