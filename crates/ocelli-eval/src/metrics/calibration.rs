//! Calibration: does a score of 0.8 mean that four of five are right?

use serde::Serialize;

/// Bins of equal width over `0..=1`.
const N_BINS: usize = 10;

/// The reliability curve of one detector, and the expected calibration error.
///
/// Guo, Pleiss, Sun, Weinberger: "On calibration of modern neural networks" (2017). Every detection that counts is
/// taken, whatever its score, so a detector that reports many doubtful boxes is judged on those too.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Calibration {
    /// Mean distance between score and share of right detections, weighted by detections a bin.
    pub expected_error: f64,
    /// The bins that hold detections, by rising score.
    pub bins: Vec<Bin>,
}

/// The detections in a range of scores.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Detections in it.
    pub count: usize,
    /// Their mean score.
    pub mean_score: f64,
    /// Share of them that found an object.
    pub share_found: f64,
}

impl Calibration {
    /// From `(score, found)` of every detection that counts; `None` without detections or with a score outside `0..=1`.
    pub fn new(events: &[(f64, bool)]) -> Option<Self> {
        if events.is_empty() || events.iter().any(|(score, _)| !(0.0..=1.0).contains(score)) {
            return None;
        }
        let mut sums = [(0usize, 0.0, 0usize); N_BINS];
        for &(score, found) in events {
            let bin = &mut sums[((score * N_BINS as f64) as usize).min(N_BINS - 1)];
            *bin = (bin.0 + 1, bin.1 + score, bin.2 + usize::from(found));
        }
        let bins: Vec<Bin> = sums
            .iter()
            .filter(|bin| bin.0 > 0)
            .map(|&(count, scores, found)| {
                let n = count as f64;
                Bin { count, mean_score: scores / n, share_found: found as f64 / n }
            })
            .collect();
        let error = |b: &Bin| b.count as f64 * (b.mean_score - b.share_found).abs();
        Some(Self { expected_error: bins.iter().map(error).sum::<f64>() / events.len() as f64, bins })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worked_case() {
        let events = [(0.9, true), (0.9, true), (0.9, true), (0.9, false), (0.2, false), (0.2, true)];
        let calibration = Calibration::new(&events).unwrap();
        // |0.9 - 0.75| over four, |0.2 - 0.5| over two.
        assert!((calibration.expected_error - (4.0 * 0.15 + 2.0 * 0.3) / 6.0).abs() < 1e-12);
        assert_eq!(calibration.bins.len(), 2);
        assert!(Calibration::new(&[(1.0, true)]).unwrap().expected_error.abs() < 1e-12);
        assert_eq!(Calibration::new(&[(1.1, true)]), None);
        assert_eq!(Calibration::new(&[]), None);
    }
}
