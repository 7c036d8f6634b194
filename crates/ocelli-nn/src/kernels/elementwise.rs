//! Elementwise rows: sums, activations, copies. Plain loops that the compiler vectorizes.

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
