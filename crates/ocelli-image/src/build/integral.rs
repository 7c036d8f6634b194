//! Integral images (summed area tables; Crow, 1984).

use ocelli_core::Size;

/// Sums of all values above and left, with one extra row and column of zeros: `[h + 1, w + 1]`, modulo 2³².
pub(crate) fn integral(luma: &[u8], size: Size) -> Vec<u32> {
    summed(luma, size, u32::from, u32::wrapping_add)
}

/// Sums of all squared values above and left, with one extra row and column of zeros: `[h + 1, w + 1]`.
pub(crate) fn integral_squares(luma: &[u8], size: Size) -> Vec<u64> {
    summed(luma, size, |v| u64::from(v) * u64::from(v), u64::wrapping_add)
}

fn summed<T: Copy + Default>(luma: &[u8], size: Size, value: impl Fn(u8) -> T, add: impl Fn(T, T) -> T) -> Vec<T> {
    let width = size.width as usize;
    let mut sums = vec![T::default(); (width + 1) * (size.height as usize + 1)];
    for (y, row) in luma.chunks_exact(width).enumerate() {
        let (above, below) = sums[y * (width + 1)..(y + 2) * (width + 1)].split_at_mut(width + 1);
        let mut row_sum = T::default();
        for ((&v, &up), out) in row.iter().zip(&above[1..]).zip(&mut below[1..]) {
            row_sum = add(row_sum, value(v));
            *out = add(up, row_sum);
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_agree_with_counting() {
        let size = Size::new(5, 4);
        let luma: Vec<u8> = (0..20).map(|i| (i * 37 % 256) as u8).collect();
        let (sums, squares) = (integral(&luma, size), integral_squares(&luma, size));
        for y in 0..=4usize {
            for x in 0..=5usize {
                let inside =
                    || (0..y).flat_map(|v| (0..x).map(move |u| (u, v))).map(|(u, v)| u64::from(luma[v * 5 + u]));
                assert_eq!(u64::from(sums[y * 6 + x]), inside().sum::<u64>());
                assert_eq!(squares[y * 6 + x], inside().map(|v| v * v).sum::<u64>());
            }
        }
    }
}
