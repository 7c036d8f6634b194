//! Training windows as normalized integral images, one plane a corner.

use super::features::terms;
use crate::Cascade;
use crate::level::integrals;
use ocelli_core::Size;
use rayon::prelude::*;

/// Least standard deviation of a window, in levels: the scan takes flatter ones for no object.
const LEAST_DEVIATION: f64 = 10.0;

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

/// What a cascade says of every sample.
pub(super) struct Verdicts {
    /// For each stage, the sums of votes that it compares with its threshold, whatever earlier stages said.
    pub votes: Vec<Vec<f32>>,
    /// Whether all stages let the sample pass.
    pub pass: Vec<bool>,
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

    /// Runs every stage of a cascade of stumps over every sample.
    pub fn judge(&self, cascade: &Cascade) -> Verdicts {
        let mut verdicts = Verdicts { votes: Vec::new(), pass: vec![true; self.count] };
        let mut values = Vec::new();
        for stage in cascade.stages() {
            let mut votes = match verdicts.votes.last() {
                Some(before) if stage.cumulative => before.clone(),
                _ => vec![0.0; self.count],
            };
            for tree in &stage.trees {
                let node = tree.nodes[0];
                fill_values(
                    &self.planes,
                    &terms(&cascade.features()[node.feature as usize], self.pitch),
                    self.count,
                    &mut values,
                );
                for (vote, value) in votes.iter_mut().zip(&values) {
                    *vote += if *value < node.threshold { tree.leaves[0] } else { tree.leaves[1] };
                }
            }
            for (pass, vote) in verdicts.pass.iter_mut().zip(&votes) {
                *pass &= *vote >= stage.threshold;
            }
            verdicts.votes.push(votes);
        }
        verdicts
    }
}

/// A feature's value for each of `count` samples: the sum over its corners.
pub(super) fn fill_values(planes: &[Vec<f32>], terms: &[(usize, f32)], count: usize, values: &mut Vec<f32>) {
    values.clear();
    values.resize(count, 0.0);
    for pair in terms.chunks(2) {
        match pair {
            [a, b] => {
                for ((value, p), q) in values.iter_mut().zip(&planes[a.0]).zip(&planes[b.0]) {
                    *value += p * a.1 + q * b.1;
                }
            }
            _ => {
                for (value, p) in values.iter_mut().zip(&planes[pair[0].0]) {
                    *value += p * pair[0].1;
                }
            }
        }
    }
}

/// Whether a window is too flat to be looked at.
pub(super) fn is_flat(patch: &[u8], window: Size) -> bool {
    let (spread, area) = spread(&integrals(patch, window), window);
    spread <= (LEAST_DEVIATION * area).powi(2)
}

fn normalized(patch: &[u8], window: Size) -> Vec<f32> {
    let images = integrals(patch, window);
    let (spread, _) = spread(&images, window);
    let norm = if spread > 0.0 { 1.0 / spread.sqrt() } else { 1.0 };
    images.0.iter().map(|v| (f64::from(*v) * norm) as f32).collect()
}

/// (area × standard deviation)² of the part that normalization measures, and that area.
fn spread((sums, squares): &(Vec<u32>, Vec<u64>), window: Size) -> (f64, f64) {
    let (width, height) = (window.width as usize, window.height as usize);
    let at = |x: usize, y: usize| y * (width + 1) + x;
    let (a, b, c, d) = (at(1, 1), at(width - 1, 1), at(1, height - 1), at(width - 1, height - 1));
    let area = ((width - 2) * (height - 2)) as f64;
    let sum = f64::from(sums[a]) - f64::from(sums[b]) - f64::from(sums[c]) + f64::from(sums[d]);
    let square = (squares[d] + squares[a] - squares[b] - squares[c]) as f64;
    (area * square - sum * sum, area)
}
