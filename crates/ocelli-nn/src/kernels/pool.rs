//! Pooling rows: maximum over a window, mean over everything.

/// The window's columns over a row without padding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PoolRow {
    /// Elements of a pixel, the same in and out.
    pub(crate) pixel: usize,
    pub(crate) kernel_w: usize,
    pub(crate) stride: usize,
    /// Padding on the left; padded columns are left out of the maximum.
    pub(crate) left: usize,
}

/// `out[x] = max` over the window's pixels in `rows`, which are the rows inside the picture.
///
/// # Panics
/// If a window lies wholly in padding, which checked models cannot ask for.
pub(crate) fn max_pool_row<'a, T: Copy + PartialOrd + 'a>(
    args: PoolRow,
    rows: impl Iterator<Item = &'a [T]> + Clone,
    out: &mut [T],
) {
    for (x, out) in out.chunks_exact_mut(args.pixel).enumerate() {
        let first = (x * args.stride).saturating_sub(args.left);
        let end = x * args.stride + args.kernel_w - args.left.min(x * args.stride + args.kernel_w);
        let mut fresh = true;
        for row in rows.clone() {
            let end = end.min(row.len() / args.pixel);
            assert!(first < end, "a pooling window holds at least one pixel");
            for source in row[first * args.pixel..end * args.pixel].chunks_exact(args.pixel) {
                if fresh {
                    out.copy_from_slice(source);
                    fresh = false;
                    continue;
                }
                for (out, &x) in out.iter_mut().zip(source) {
                    *out = if x > *out { x } else { *out };
                }
            }
        }
        assert!(!fresh, "a pooling window holds at least one row");
    }
}

/// Adds each pixel's channels of `row` to `sums`.
pub(crate) fn sum_row(row: &[f32], sums: &mut [f32]) {
    for pixel in row.chunks_exact(sums.len()) {
        for (sum, x) in sums.iter_mut().zip(pixel) {
            *sum += x;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_max_pool_padded_edges() {
        let row: &[i32] = &[5, -1, 7, 2];
        let args = PoolRow { pixel: 1, kernel_w: 3, stride: 2, left: 1 };
        let mut out = [0; 2];
        max_pool_row(args, [row].into_iter(), &mut out);
        assert_eq!(out, [5, 7]);
    }

    #[test]
    fn test_max_pool_keeps_negative_maximum() {
        let args = PoolRow { pixel: 2, kernel_w: 2, stride: 2, left: 0 };
        let mut out = [0.0; 2];
        max_pool_row(args, [&[-3.0, -8.0, -4.0, -7.0][..]].into_iter(), &mut out);
        assert_eq!(out, [-3.0, -7.0]);
    }
}
