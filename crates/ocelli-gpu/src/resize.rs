//! Tables for the antialiased resize, and its twin on the CPU.
//!
//! The intake resizes with fast_image_resize: a triangle filter as wide as the step between output pixels, first down
//! the columns, then along the rows, weights as whole numbers of 15 bits and bytes in between. The same tables go to
//! `resize_columns.wgsl` and `resize_rows.wgsl`, so that levels made on the device have the same bytes; a test holds
//! the three together.

/// One pass: how each output pixel of a line is made of input pixels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pass {
    /// First input pixel and their number, for each output pixel.
    pub(crate) bounds: Vec<[i32; 2]>,
    /// `[outputs][window]`, zeros past the number.
    pub(crate) coefficients: Vec<i32>,
    /// Coefficients kept for an output pixel.
    pub(crate) window: usize,
    /// Binary digits after the point.
    pub(crate) precision: u32,
}

/// Digits that fit beside a byte and two bits for overflow in an `i32`.
const MOST_PRECISION: u32 = 32 - 8 - 2;
/// Coefficients stay below this, as 16-bit numbers would.
const COEFFICIENT_LIMIT: i64 = 1 << 15;

impl Pass {
    /// From `n_in` pixels to `n_out`; `None` where they are as many, so that there is nothing to do.
    pub(crate) fn new(n_in: usize, n_out: usize) -> Option<Self> {
        if n_in == n_out {
            return None;
        }
        let step = n_in as f64 / n_out as f64;
        let radius = step.max(1.0);
        let window = radius.ceil() as usize * 2 + 1;
        let mut bounds = Vec::with_capacity(n_out);
        let mut weights = Vec::with_capacity(n_out * window);
        for out in 0..n_out {
            let (first, line) = triangle(n_in, (out as f64 + 0.5) * step, radius);
            bounds.push([first as i32, line.len() as i32]);
            weights.extend_from_slice(&line);
            weights.resize((out + 1) * window, 0.0);
        }
        let precision = precision(weights.iter().copied().fold(0.0, f64::max));
        let unit = f64::from(1 << precision);
        let coefficients = weights.iter().map(|w| (w * unit).round() as i32).collect();
        Some(Self { bounds, coefficients, window, precision })
    }

    /// As the kernels read it.
    pub(crate) fn words(&self) -> impl Iterator<Item = i32> {
        self.bounds.iter().flatten().chain(&self.coefficients).copied()
    }

    /// The twin of the kernels: output pixel `out` of a line whose channel values are `at`.
    #[cfg(test)]
    fn sum(&self, out: usize, at: impl Fn(usize) -> u8) -> u8 {
        let [first, n] = self.bounds[out];
        let line = &self.coefficients[out * self.window..][..n as usize];
        let start = 1 << (self.precision - 1);
        let sum = line.iter().enumerate().fold(start, |sum, (k, c)| sum + i32::from(at(first as usize + k)) * c);
        (sum >> self.precision).clamp(0, 255) as u8
    }
}

/// First pixel and normalized weights of the pixels within `radius` of `centre`; none at either end is zero.
fn triangle(n_in: usize, centre: f64, radius: f64) -> (usize, Vec<f64>) {
    let first = (centre - radius).floor().max(0.0) as usize;
    let end = (centre + radius).ceil().min(n_in as f64) as usize;
    let weight = |x: usize| 1.0 - ((x as f64 - (centre - 0.5)) * (1.0 / radius)).abs();
    let weights = (first..end).map(|x| weight(x).max(0.0));
    let skipped = weights.clone().take_while(|&w| w == 0.0).count();
    let mut line: Vec<f64> = weights.skip(skipped).collect();
    let sum: f64 = line.iter().sum();
    while line.last() == Some(&0.0) {
        line.pop();
    }
    if sum != 0.0 {
        line.iter_mut().for_each(|w| *w /= sum);
    }
    (first + skipped, line)
}

/// As many digits as the largest weight leaves room for.
fn precision(largest: f64) -> u32 {
    let fits = |digits: u32| (largest * (1_i64 << digits) as f64).round() < COEFFICIENT_LIMIT as f64;
    (0..MOST_PRECISION).find(|&digits| !fits(digits + 1)).unwrap_or(MOST_PRECISION - 1)
}

#[cfg(test)]
mod tests {
    use ocelli_resize::{CropBox, resize_rgb};

    use super::*;

    /// The twin: columns first, then rows, of packed RGB.
    fn resize(rgb: &[u8], from: [usize; 2], to: [usize; 2]) -> Vec<u8> {
        let columns = match Pass::new(from[1], to[1]) {
            None => rgb.to_vec(),
            Some(pass) => {
                let at = |y: usize, ix: usize| rgb[y * from[0] * 3 + ix];
                let rows = (0..to[1]).flat_map(|y| (0..from[0] * 3).map(move |ix| (y, ix)));
                rows.map(|(y, ix)| pass.sum(y, |sy| at(sy, ix))).collect()
            }
        };
        let Some(pass) = Pass::new(from[0], to[0]) else { return columns };
        let at = |y: usize, x: usize, c: usize| columns[(y * from[0] + x) * 3 + c];
        let pixels = (0..to[1]).flat_map(|y| (0..to[0] * 3).map(move |ix| (y, ix)));
        pixels.map(|(y, ix)| pass.sum(ix / 3, |sx| at(y, sx, ix % 3))).collect()
    }

    #[test]
    fn test_bytes_are_those_of_the_intake() {
        let mut random = fastrand::Rng::with_seed(5);
        let cases = [
            ([64, 48], [32, 24]),
            ([65, 49], [33, 24]),
            ([40, 30], [20, 15]),
            ([90, 31], [90, 10]),
            ([90, 31], [13, 31]),
            ([100, 70], [37, 29]),
            ([300, 8], [7, 3]),
            ([5, 4], [9, 11]),
            ([1, 1], [3, 2]),
            ([2, 1000], [1, 1]),
        ];
        for (from, to) in cases {
            let rgb: Vec<u8> = (0..from[0] * from[1] * 3).map(|_| random.u8(..)).collect();
            let size = from.map(|n| n as u32);
            let expected = resize_rgb(&rgb, size, CropBox::whole(size), to.map(|n| n as u32)).unwrap();
            assert_eq!(resize(&rgb, from, to), expected, "{from:?} to {to:?}");
        }
    }

    #[test]
    fn test_weights_add_up_to_one() {
        for (n_in, n_out) in [(640, 320), (4000, 640), (3, 100), (65_536, 1), (7, 5)] {
            let pass = Pass::new(n_in, n_out).unwrap();
            assert!((4..MOST_PRECISION).contains(&pass.precision));
            for line in pass.coefficients.chunks(pass.window) {
                let off = (line.iter().sum::<i32>() - (1 << pass.precision)).abs();
                assert!(off as usize <= pass.window, "{n_in} to {n_out}: off by {off}");
            }
        }
    }
}
