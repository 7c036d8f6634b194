//! Thresholds in hindsight: what the last stage accepts need not be lost on the way to it.
//!
//! A stage is closed before later ones are known, and loses objects that all later stages would have accepted. Once all
//! stages are there, each is lowered until it lets pass what the last one accepts.
//!
//! C. Zhang, P. Viola: Multiple-Instance Pruning for Learning Efficient Cascade Detectors, NIPS 2007.

use super::samples::Samples;
use crate::{Cascade, Result};

/// How far a threshold lies below the votes of the last object that must pass.
const SLACK: f32 = 1e-4;

/// Lowers the thresholds of all stages but the last until each loses no more than `lost` of the objects that the last
/// one accepts; none is raised.
pub(super) fn thresholds(cascade: Cascade, objects: &Samples, lost: f64) -> Result<Cascade> {
    let stages = cascade.stages().len();
    if lost >= 1.0 || stages < 2 {
        return Ok(cascade);
    }
    let votes = objects.judge(&cascade).votes;
    let least = cascade.stages()[stages - 1].threshold;
    let accepted: Vec<usize> = (0..objects.count).filter(|ix| votes[stages - 1][*ix] >= least).collect();
    let mut parts = cascade.into_parts();
    for (stage, votes) in parts.stages[..stages - 1].iter_mut().zip(&votes) {
        let mut sorted: Vec<f32> = accepted.iter().map(|ix| votes[*ix]).collect();
        sorted.sort_by(f32::total_cmp);
        if let Some(last) = sorted.get((lost * sorted.len() as f64) as usize) {
            stage.threshold = stage.threshold.min(last - SLACK);
        }
    }
    Cascade::new(parts)
}
