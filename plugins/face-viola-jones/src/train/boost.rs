//! Boosting one stage: gentle AdaBoost of stumps.
//!
//! J. Friedman, T. Hastie, R. Tibshirani: Additive Logistic Regression, Annals of Statistics 28(2), 2000.

use super::features::Shape;
use super::samples::{Samples, fill_values};
use super::{Run, TrainConfig, TrainPhase};
use crate::Result;
use crate::cascade::{Feature, Stage, Tree};
use rayon::prelude::*;
use std::collections::BTreeSet;

/// Bins in which a feature's values are sorted when many features are compared; the winner is split exactly.
const BINS: usize = 64;
/// How far a stage's threshold lies below the vote of the last positive that must pass.
const THRESHOLD_SLACK: f32 = 1e-4;
/// Most improvements of a drawn feature by single pixels.
const MAX_CLIMB: usize = 12;

/// A stage and its figures.
pub(super) struct Boosted {
    pub stage: Stage,
    /// Features of the stage's stumps.
    pub features: Vec<Feature>,
    pub hit_rate: f64,
    pub false_alarm: f64,
}

/// Adds stumps until the stage lets few enough negatives pass.
///
/// `before` holds the votes of earlier stages for every sample, where the stage adds to them.
pub(super) fn stage(
    config: &TrainConfig,
    number: usize,
    samples: &Samples,
    before: Option<Vec<f32>>,
    run: &mut Run<'_>,
) -> Result<Boosted> {
    let mut rng = fastrand::Rng::with_seed(config.seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut stage = Stage { threshold: 0.0, cumulative: before.is_some(), trees: Vec::new() };
    let mut votes = before.unwrap_or_else(|| vec![0.0_f32; samples.count]);
    let mut features: Vec<Feature> = Vec::new();
    let mut values = Vec::new();
    let most = config.max_stumps.min(config.first_stumps * (number + 1));
    loop {
        run.checkpoint()?;
        let active = Active::new(samples, &votes, config.weight_trim);
        let (shape, stump) = active.best_stump(config, &mut rng);
        fill_values(&samples.planes, &shape.terms(samples.pitch), samples.count, &mut values);
        for (vote, value) in votes.iter_mut().zip(&values) {
            *vote += if *value < stump.threshold { stump.left } else { stump.right };
        }
        let feature = shape.feature();
        let index = features.iter().position(|f| *f == feature).unwrap_or_else(|| {
            features.push(feature);
            features.len() - 1
        });
        stage.trees.push(Tree::stump(index as u32, stump.threshold, stump.left, stump.right));
        stage.threshold = threshold(&votes[..samples.positives], config.hit_rate);
        let pass = |votes: &[f32]| votes.iter().filter(|v| **v >= stage.threshold).count();
        let negatives = (samples.count - samples.positives).max(1);
        let false_alarm = pass(&votes[samples.positives..]) as f64 / negatives as f64;
        run.report(TrainPhase::Boosting { stumps: stage.trees.len(), false_alarm });
        if false_alarm <= config.false_alarm || stage.trees.len() >= most {
            let hit_rate = pass(&votes[..samples.positives]) as f64 / samples.positives.max(1) as f64;
            return Ok(Boosted { stage, features, hit_rate, false_alarm });
        }
    }
}

/// The largest threshold that lets `hit_rate` of the votes pass, with some slack.
fn threshold(votes: &[f32], hit_rate: f64) -> f32 {
    let mut sorted = votes.to_vec();
    sorted.sort_by(f32::total_cmp);
    let lost = ((1.0 - hit_rate) * sorted.len() as f64).floor() as usize;
    sorted.get(lost).map_or(0.0, |v| v - THRESHOLD_SLACK)
}

/// A split of one feature's values and the votes on both sides.
#[derive(Clone, Copy)]
struct Stump {
    threshold: f32,
    left: f32,
    right: f32,
}

/// The samples that carry weight.
struct Active<'a> {
    samples: &'a Samples,
    /// Which they are, rising.
    kept: Vec<u32>,
    /// Weight, and weight with the sign of the class, for each of them.
    weights: Vec<[f32; 2]>,
}

impl<'a> Active<'a> {
    /// Weighs the samples by their votes, each class to one half, and leaves the lightest out.
    fn new(samples: &'a Samples, votes: &[f32], trim: f64) -> Self {
        let mut weights: Vec<[f32; 2]> = Vec::with_capacity(samples.count);
        for (range, sign) in [(0..samples.positives, 1.0_f32), (samples.positives..samples.count, -1.0)] {
            // Votes are bounded by the number of stumps; the bound keeps one stray sample from taking all.
            let raw: Vec<f64> = votes[range].iter().map(|v| f64::from(-sign * v).clamp(-30.0, 30.0).exp()).collect();
            let total: f64 = raw.iter().sum::<f64>().max(f64::MIN_POSITIVE);
            weights.extend(raw.iter().map(|w| (0.5 * w / total) as f32).map(|w| [w, w * sign]));
        }
        let mut sorted: Vec<f32> = weights.iter().map(|w| w[0]).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        let mut left_out = 0.0;
        let floor = sorted.iter().find(|w| {
            left_out += f64::from(**w);
            left_out > 1.0 - trim
        });
        let floor = floor.copied().unwrap_or(0.0);
        let kept: Vec<u32> = (0..samples.count as u32).filter(|ix| weights[*ix as usize][0] >= floor).collect();
        let weights = kept.iter().map(|ix| weights[*ix as usize]).collect();
        Self { samples, kept, weights }
    }

    /// Draws features, climbs from the best one to a better neighbour as long as there is one, and splits it exactly.
    fn best_stump(&self, config: &TrainConfig, rng: &mut fastrand::Rng) -> (Shape, Stump) {
        let drawn: BTreeSet<Shape> = (0..config.features_per_stump).map(|_| Shape::draw(config.window, rng)).collect();
        let compared = self.draw(config.samples_per_stump, rng);
        let mut best = compared.best_of(&drawn.into_iter().collect::<Vec<_>>());
        for _ in 0..MAX_CLIMB {
            let next = compared.best_of(&best.1.neighbors(config.window));
            if next.0 <= best.0 {
                break;
            }
            best = next;
        }
        (best.1, self.split_exactly(best.1))
    }

    /// At most `count` of the samples, side by side, drawn alike.
    fn draw(&self, count: usize, rng: &mut fastrand::Rng) -> Drawn {
        let mut order: Vec<u32> = (0..self.kept.len() as u32).collect();
        for place in 0..count.min(order.len()) {
            let other = rng.usize(place..order.len());
            order.swap(place, other);
        }
        order.truncate(count);
        order.sort_unstable();
        let gather = |plane: &Vec<f32>| order.iter().map(|ix| plane[self.kept[*ix as usize] as usize]).collect();
        Drawn {
            pitch: self.samples.pitch,
            planes: self.samples.planes.par_iter().map(gather).collect(),
            weights: order.iter().map(|ix| self.weights[*ix as usize]).collect(),
        }
    }

    fn split_exactly(&self, shape: Shape) -> Stump {
        let mut values = Vec::new();
        fill_values(&self.samples.planes, &shape.terms(self.samples.pitch), self.samples.count, &mut values);
        let values: Vec<f32> = self.kept.iter().map(|ix| values[*ix as usize]).collect();
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|a, b| values[*a].total_cmp(&values[*b]).then(a.cmp(b)));
        let add = |sum: [f64; 2], ix: usize| {
            [sum[0] + f64::from(self.weights[ix][0]), sum[1] + f64::from(self.weights[ix][1])]
        };
        let total = order.iter().fold([0.0; 2], |sum, ix| add(sum, *ix));
        let mean = |s: [f64; 2]| if s[0] > 1e-12 { (s[1] / s[0]) as f32 } else { 0.0 };
        let mut best = (-1.0, Stump { threshold: 0.0, left: mean(total), right: mean(total) });
        let mut left = [0.0; 2];
        for pair in order.windows(2) {
            left = add(left, pair[0]);
            let (low, high) = (values[pair[0]], values[pair[1]]);
            if high <= low {
                continue;
            }
            let right = [total[0] - left[0], total[1] - left[1]];
            let score = |s: [f64; 2]| if s[0] > 1e-12 { s[1] * s[1] / s[0] } else { 0.0 };
            let gain = score(left) + score(right);
            if gain > best.0 {
                best = (gain, Stump { threshold: low + (high - low) / 2.0, left: mean(left), right: mean(right) });
            }
        }
        best.1
    }
}

/// Samples on which features are compared.
struct Drawn {
    pitch: usize,
    planes: Vec<Vec<f32>>,
    weights: Vec<[f32; 2]>,
}

impl Drawn {
    /// The shape that explains most; of equal ones the first in order, whatever the number of threads.
    fn best_of(&self, shapes: &[Shape]) -> (f32, Shape) {
        shapes
            .par_iter()
            .map_init(Vec::new, |values, shape| {
                fill_values(&self.planes, &shape.terms(self.pitch), self.weights.len(), values);
                (self.gain(values), *shape)
            })
            .reduce_with(|a, b| if b.0 > a.0 || (b.0 == a.0 && b.1 < a.1) { b } else { a })
            .unwrap_or_else(|| unreachable!("every window has shapes, and every shape neighbours"))
    }

    /// How much of the squared error the best split at a bin's edge explains.
    fn gain(&self, values: &[f32]) -> f32 {
        let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
        if high <= low {
            return 0.0;
        }
        let scale = (BINS as f32 - 0.01) / (high - low);
        // Two histograms in turn: consecutive samples often fall into one bin.
        let mut bins = [[[0.0_f32; 2]; BINS]; 2];
        for (pair, weights) in values.chunks(2).zip(self.weights.chunks(2)) {
            for (which, (value, weight)) in pair.iter().zip(weights).enumerate() {
                let bin = &mut bins[which][((value - low) * scale) as usize & (BINS - 1)];
                bin[0] += weight[0];
                bin[1] += weight[1];
            }
        }
        let bins: Vec<[f32; 2]> = bins[0].iter().zip(&bins[1]).map(|(a, b)| [a[0] + b[0], a[1] + b[1]]).collect();
        let total = bins.iter().fold([0.0; 2], |sum, b| [sum[0] + b[0], sum[1] + b[1]]);
        let mut left = [0.0_f32; 2];
        let mut best = 0.0_f32;
        for bin in &bins[..BINS - 1] {
            left = [left[0] + bin[0], left[1] + bin[1]];
            best = best.max(explained(left) + explained([total[0] - left[0], total[1] - left[1]]));
        }
        best
    }
}

fn explained([weight, signed]: [f32; 2]) -> f32 {
    if weight > 1e-9 { signed * signed / weight } else { 0.0 }
}
