//! Training windows as normalized integral images, one plane a corner.

use crate::level::integrals;
use ocelli_core::Size;
use rayon::prelude::*;

/// Windows ready for boosting: positives first.
pub(super) struct Samples {
    /// Elements in a row of the integral images.
    pub pitch: usize,
    /// Number of positives.
    pub positives: usize,
    /// Number of all samples.
    pub count: usize,
    /// The integral images divided by area × standard deviation, corner by corner: `planes[corner][sample]`.
    pub planes: Vec<Vec<f32>>,
}

impl Samples {
    /// Normalizes windows of `window` pixels, as the scan does.
    pub fn new(window: Size, positives: &[Vec<u8>], negatives: &[Vec<u8>]) -> Self {
        let all: Vec<&Vec<u8>> = positives.iter().chain(negatives).collect();
        let images: Vec<Vec<f32>> = all.par_iter().map(|patch| normalized(patch, window)).collect();
        let corners = (window.width as usize + 1) * (window.height as usize + 1);
        let planes = (0..corners).into_par_iter().map(|c| images.iter().map(|i| i[c]).collect()).collect();
        Self { pitch: window.width as usize + 1, positives: positives.len(), count: all.len(), planes }
    }
}

fn normalized(patch: &[u8], window: Size) -> Vec<f32> {
    let (sums, squares) = integrals(patch, window);
    let (width, height) = (window.width as usize, window.height as usize);
    let at = |x: usize, y: usize| y * (width + 1) + x;
    let (a, b, c, d) = (at(1, 1), at(width - 1, 1), at(1, height - 1), at(width - 1, height - 1));
    let area = ((width - 2) * (height - 2)) as f64;
    let sum = f64::from(sums[a]) - f64::from(sums[b]) - f64::from(sums[c]) + f64::from(sums[d]);
    let square = (squares[d] + squares[a] - squares[b] - squares[c]) as f64;
    let spread = area * square - sum * sum;
    let norm = if spread > 0.0 { 1.0 / spread.sqrt() } else { 1.0 };
    sums.iter().map(|v| (f64::from(*v) * norm) as f32).collect()
}
