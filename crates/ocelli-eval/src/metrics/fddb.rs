//! FDDB's two ROC curves over elliptical faces.
//!
//! Jain, Learned-Miller: "FDDB: a benchmark for face detection in unconstrained settings" (2010). At every threshold
//! detections and faces are matched one to one with the largest sum of overlaps. The discrete score of a pair is 1
//! where the overlap is above 0.5, the continuous score is the overlap itself. False alarms are, for both curves, the
//! detections without a discrete score. Overlaps of ellipse and box are exact areas, not rasterised ones.

use super::{Sorted, assignment::Assignment};

/// Overlap above which a pair scores 1.
const IOU: f64 = 0.5;

/// Points of both FDDB curves, thresholds falling.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FddbCurve {
    /// Faces in all pictures.
    pub n_truths: usize,
    /// The points.
    pub points: Vec<FddbPoint>,
}

/// The counts at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FddbPoint {
    /// Detections with at least this score are taken.
    pub threshold: f64,
    /// Sum of the discrete scores: faces found.
    pub discrete: f64,
    /// Sum of the continuous scores: overlaps.
    pub continuous: f64,
    /// Detections without a discrete score.
    pub false_alarms: usize,
}

impl FddbCurve {
    /// Both curves of one detector; `None` where no face is an ellipse.
    pub fn new(pictures: &[&Sorted<'_>]) -> Option<Self> {
        if !pictures.iter().any(|p| p.truths.iter().any(|t| t.ellipse.is_some())) {
            return None;
        }
        let n_truths = pictures.iter().map(|p| p.truths.len()).sum();
        let mut steps: Vec<Step> = pictures.iter().flat_map(|p| steps(p)).collect();
        steps.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut curve = Self { n_truths, points: Vec::new() };
        let (mut n_detections, mut discrete, mut continuous) = (0, 0i64, 0.0);
        for (ix, step) in steps.iter().enumerate() {
            n_detections += 1;
            discrete += step.discrete;
            continuous += step.continuous;
            if steps.get(ix + 1).is_none_or(|next| next.score != step.score) {
                let false_alarms = n_detections - discrete.max(0) as usize;
                let discrete = discrete as f64;
                curve.points.push(FddbPoint { threshold: step.score, discrete, continuous, false_alarms });
            }
        }
        Some(curve)
    }

    /// Discrete and continuous true positive rate at the lowest threshold with at most `n` false alarms.
    pub fn rates_at(&self, n: usize) -> (f64, f64) {
        let total = self.n_truths.max(1) as f64;
        let last = self.points.iter().rev().find(|p| p.false_alarms <= n);
        last.map_or((0.0, 0.0), |p| (p.discrete / total, p.continuous / total))
    }
}

/// What one more detection changes; a better pairing may even lose a discrete score.
struct Step {
    score: f64,
    discrete: i64,
    continuous: f64,
}

fn steps(picture: &Sorted<'_>) -> Vec<Step> {
    let mut assignment = Assignment::new(picture.truths.len());
    let (mut discrete, mut continuous) = (0, 0.0);
    let mut steps = Vec::with_capacity(picture.detections.len());
    for (d, detection) in picture.detections.iter().enumerate() {
        let overlap = |t: usize| match &picture.truths[t].ellipse {
            Some(ellipse) => ellipse.iou(detection.rect),
            None => picture.overlaps[d][t],
        };
        assignment.add((0..picture.truths.len()).map(overlap).collect());
        let now_discrete = assignment.pairs().filter(|&(_, _, w)| w > IOU).count() as i64;
        let now_continuous: f64 = assignment.pairs().map(|(_, _, w)| w).sum();
        let (discrete_step, continuous_step) = (now_discrete - discrete, now_continuous - continuous);
        steps.push(Step { score: detection.score, discrete: discrete_step, continuous: continuous_step });
        (discrete, continuous) = (now_discrete, now_continuous);
    }
    steps
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Ellipse;
    use crate::{Detection, Picture, Truth};
    use ocelli_core::PixelRect;
    use std::f64::consts::PI;

    fn round(center_x: f64) -> Truth {
        let ellipse = Ellipse { major_radius: 10.0, minor_radius: 10.0, angle: 0.0, center_x, center_y: 10.0 };
        Truth { ellipse: Some(ellipse), ..Truth::new(ellipse.bounds()) }
    }

    #[test]
    fn published_rules_on_worked_cases() {
        let picture = Picture { truths: Some(vec![round(10.0), round(60.0)]), ..Picture::new("a") };
        let at = |x: f64, w: f64, score: f64| Detection::new(PixelRect::new(x, 0.0, w, 20.0), score);
        // Bounding square of the first face; half of it a second time; a third of nothing; half of the second face.
        let detections = [at(0.0, 20.0, 0.9), at(0.0, 10.0, 0.8), at(200.0, 20.0, 0.7), at(50.0, 10.0, 0.6)];
        let curve = FddbCurve::new(&[&Sorted::new(&picture, &detections)]).unwrap();
        let whole = PI / 4.0;
        let half = (PI * 50.0) / (PI * 100.0 + 200.0 - PI * 50.0); // 0.4399: below the discrete bar
        let p = &curve.points;
        assert_eq!((p[0].discrete, p[0].false_alarms), (1.0, 0));
        assert!((p[0].continuous - whole).abs() < 1e-12);
        assert_eq!((p[1].discrete, p[1].false_alarms), (1.0, 1));
        assert!((p[1].continuous - whole).abs() < 1e-12);
        assert_eq!((p[2].discrete, p[2].false_alarms), (1.0, 2));
        // The last pair scores continuously although it is a false alarm of the discrete score.
        assert_eq!((p[3].discrete, p[3].false_alarms), (1.0, 3));
        assert!((p[3].continuous - whole - half).abs() < 1e-12);
        assert_eq!(curve.rates_at(2).0, 0.5);
    }

    #[test]
    fn the_sum_of_overlaps_is_maximised_not_the_greedy_one() {
        // Two faces; the first detection overlaps both, the second only the first face.
        let picture = Picture { truths: Some(vec![round(10.0), round(16.0)]), ..Picture::new("a") };
        let both = Detection::new(PixelRect::new(2.0, 0.0, 20.0, 20.0), 0.9);
        let first = Detection::new(PixelRect::new(0.0, 0.0, 18.0, 20.0), 0.8);
        let sorted = Sorted::new(&picture, &[both, first]);
        let curve = FddbCurve::new(&[&sorted]).unwrap();
        let [a, b] = [round(10.0), round(16.0)].map(|t| t.ellipse.unwrap());
        let pairings = [a.iou(both.rect) + b.iou(first.rect), b.iou(both.rect) + a.iou(first.rect)];
        assert!((curve.points[1].continuous - pairings[0].max(pairings[1])).abs() < 1e-12);
        assert!((curve.points[0].continuous - a.iou(both.rect).max(b.iou(both.rect))).abs() < 1e-12);
    }
}
