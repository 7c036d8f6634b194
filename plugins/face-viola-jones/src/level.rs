//! Grey levels and their integral images, for work without the framework: training, tools, tests.
//!
//! The plugin itself reads the shared views instead, which hold the same numbers.

use ocelli_core::Size;

/// Samples `source` bilinearly at another size without antialiasing, in fixed point with 8 bits of weight.
///
/// Rows from the top; the result equals OpenCV's `INTER_LINEAR_EXACT` on 8-bit grey.
///
/// # Panics
/// Where `source` does not hold the pixels of `from`, or a side is zero.
pub fn sample(source: &[u8], from: Size, to: Size) -> Vec<u8> {
    assert_eq!(source.len() as u64, from.pixels(), "pixels of a {from} level");
    assert!(from.pixels() > 0 && to.pixels() > 0, "levels are not empty");
    if from == to {
        return source.to_vec();
    }
    let columns = taps(from.width, to.width);
    let rows = taps(from.height, to.height);
    let width = from.width as usize;
    let blend_row = |y: usize, line: &mut Vec<u32>| {
        let row = &source[y * width..][..width];
        line.clear();
        line.extend(
            columns.iter().map(|t| u32::from(row[t.first]) * (256 - t.weight) + u32::from(row[t.second]) * t.weight),
        );
    };
    let mut out = Vec::with_capacity(to.pixels() as usize);
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    let (mut upper_y, mut lower_y) = (usize::MAX, usize::MAX);
    for row in &rows {
        if row.first == lower_y {
            std::mem::swap(&mut upper, &mut lower);
            std::mem::swap(&mut upper_y, &mut lower_y);
        }
        if row.first != upper_y {
            blend_row(row.first, &mut upper);
            upper_y = row.first;
        }
        if row.second != lower_y {
            blend_row(row.second, &mut lower);
            lower_y = row.second;
        }
        out.extend(upper.iter().zip(&lower).map(|(a, b)| {
            let sum = a * (256 - row.weight) + b * row.weight;
            ((sum + (1 << 15)) >> 16) as u8
        }));
    }
    out
}

/// Two neighbours and the weight of the second, of 256.
struct Tap {
    first: usize,
    second: usize,
    weight: u32,
}

fn taps(from: u32, to: u32) -> Vec<Tap> {
    let scale = 1.0 / (f64::from(to) / f64::from(from));
    let last = from as usize - 1;
    (0..to)
        .map(|target| {
            let position = scale * (f64::from(target) + 0.5) - 0.5;
            let floor = position.floor();
            if floor < 0.0 {
                return Tap { first: 0, second: 0, weight: 0 };
            }
            let first = (floor as usize).min(last);
            let weight = if first < last { ((position - floor) * 256.0).round_ties_even() as u32 } else { 0 };
            Tap { first, second: (first + 1).min(last), weight }
        })
        .collect()
}

/// Sums of pixels and of squared pixels over everything above and left: `[h + 1, w + 1]`, zeros first.
///
/// # Panics
/// Where `luma` does not hold the pixels of `size`.
pub fn integrals(luma: &[u8], size: Size) -> (Vec<u32>, Vec<u64>) {
    assert_eq!(luma.len() as u64, size.pixels(), "pixels of a {size} level");
    let width = size.width as usize;
    let pitch = width + 1;
    let mut sums = vec![0_u32; pitch * (size.height as usize + 1)];
    let mut squares = vec![0_u64; sums.len()];
    for (y, row) in luma.chunks_exact(width.max(1)).enumerate() {
        let (mut sum, mut square) = (0_u32, 0_u64);
        for (x, value) in row.iter().enumerate() {
            sum = sum.wrapping_add(u32::from(*value));
            square += u64::from(*value) * u64::from(*value);
            let at = (y + 1) * pitch + x + 1;
            sums[at] = sums[at - pitch].wrapping_add(sum);
            squares[at] = squares[at - pitch] + square;
        }
    }
    (sums, squares)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sampling_keeps_flat_pictures_and_copies_equal_sizes() {
        let flat = vec![77; 30 * 20];
        assert!(sample(&flat, Size::new(30, 20), Size::new(17, 9)).iter().all(|v| *v == 77));
        let ramp: Vec<u8> = (0..60).collect();
        assert_eq!(sample(&ramp, Size::new(10, 6), Size::new(10, 6)), ramp);
    }

    #[test]
    fn sampling_halves_a_row_between_its_pixels() {
        // Centres of a halved row lie between two pixels: plain means, rounded half up.
        assert_eq!(sample(&[0, 10, 20, 31], Size::new(4, 1), Size::new(2, 1)), [5, 26]);
    }

    #[test]
    fn integrals_hold_sums_of_everything_above_and_left() {
        let (sums, squares) = integrals(&[1, 2, 3, 4, 5, 6], Size::new(3, 2));
        assert_eq!(sums, [0, 0, 0, 0, 0, 1, 3, 6, 0, 5, 12, 21]);
        assert_eq!(squares[11], 91);
    }
}
