//! Counts over falling thresholds: precision-recall and ROC curves, and what is read off them.

use super::{Matching, Sorted, Verdict};

/// The counts at one threshold.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CurvePoint {
    /// Detections with at least this score are taken.
    pub threshold: f64,
    /// Objects found.
    pub found: usize,
    /// Detections that found nothing.
    pub false_alarms: usize,
}

/// Counts over every threshold, highest first; detections of equal score form one point.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// Objects that count.
    pub n_truths: usize,
    /// Pictures behind the counts.
    pub n_pictures: usize,
    /// The counts; found objects and false alarms never fall along it.
    pub points: Vec<CurvePoint>,
}

impl Curve {
    /// The curve over the matched detections of some pictures.
    pub fn new<'a>(matched: impl IntoIterator<Item = (&'a Sorted<'a>, &'a Matching)>) -> Self {
        let mut curve = Self::default();
        let mut events = Vec::new();
        for (sorted, matching) in matched {
            curve.n_pictures += 1;
            curve.n_truths += matching.n_truths();
            for (detection, verdict) in sorted.detections.iter().zip(&matching.verdicts) {
                match verdict {
                    Verdict::Found(_) => events.push((detection.score, true)),
                    Verdict::FalseAlarm => events.push((detection.score, false)),
                    Verdict::Ignored => {}
                }
            }
        }
        curve.extend(events);
        curve
    }

    /// The curve of `(score, found)` events over `n_truths` objects in `n_pictures` pictures.
    pub fn from_events(events: Vec<(f64, bool)>, n_truths: usize, n_pictures: usize) -> Self {
        let mut curve = Self { n_truths, n_pictures, points: Vec::new() };
        curve.extend(events);
        curve
    }

    fn extend(&mut self, mut events: Vec<(f64, bool)>) {
        events.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut point = CurvePoint { threshold: f64::INFINITY, found: 0, false_alarms: 0 };
        for (score, found) in events {
            if score != point.threshold && point.threshold.is_finite() {
                self.points.push(point);
            }
            point.threshold = score;
            if found {
                point.found += 1;
            } else {
                point.false_alarms += 1;
            }
        }
        if point.threshold.is_finite() {
            self.points.push(point);
        }
    }

    /// Share of the objects that are found at a point; 0 where there are none.
    pub fn recall(&self, point: &CurvePoint) -> f64 {
        if self.n_truths == 0 { 0.0 } else { point.found as f64 / self.n_truths as f64 }
    }

    /// Share of the detections at a point that found an object.
    pub fn precision(point: &CurvePoint) -> f64 {
        point.found as f64 / (point.found + point.false_alarms).max(1) as f64
    }

    /// Area under the precision-recall curve, every point used, precision made non-increasing; `None` without objects.
    ///
    /// The all-points rule of Pascal VOC from 2010 on. COCO's 101-point rule is in [`super::coco`].
    pub fn average_precision(&self) -> Option<f64> {
        if self.n_truths == 0 {
            return None;
        }
        let (mut area, mut envelope, mut right) = (0.0, 0.0f64, None);
        for point in self.points.iter().rev() {
            if let Some(recall) = right {
                area += (recall - self.recall(point)) * envelope;
            }
            envelope = envelope.max(Self::precision(point));
            right = Some(self.recall(point));
        }
        Some(area + right.unwrap_or(0.0) * envelope)
    }

    /// Share of the objects found at the lowest threshold that gives at most `n` false alarms; `None` without objects.
    ///
    /// The rows of the table of Viola and Jones, "Rapid object detection using a boosted cascade" (2001).
    pub fn recall_at_false_alarms(&self, n: usize) -> Option<f64> {
        if self.n_truths == 0 {
            return None;
        }
        let last = self.points.iter().rev().find(|p| p.false_alarms <= n);
        Some(last.map_or(0.0, |p| self.recall(p)))
    }

    /// The largest share of the objects found at any threshold; `None` without objects.
    pub fn largest_recall(&self) -> Option<f64> {
        (self.n_truths > 0).then(|| self.points.last().map_or(0.0, |p| self.recall(p)))
    }

    /// The point with the best F1 (harmonic mean of precision and recall), the higher threshold among equals.
    pub fn best_f1(&self) -> Option<(CurvePoint, f64)> {
        let mut best: Option<(CurvePoint, f64)> = None;
        for point in &self.points {
            let f1 = 2.0 * point.found as f64 / (point.found + point.false_alarms + self.n_truths).max(1) as f64;
            if best.is_none_or(|(_, b)| f1 > b) {
                best = Some((*point, f1));
            }
        }
        best.filter(|_| self.n_truths > 0)
    }

    /// The counts when every detection with at least the score `threshold` is taken.
    pub fn at(&self, threshold: f64) -> CurvePoint {
        let none = CurvePoint { threshold, found: 0, false_alarms: 0 };
        self.points.iter().rev().find(|p| p.threshold >= threshold).map_or(none, |p| CurvePoint { threshold, ..*p })
    }

    /// At most about `n` of the points, evenly over recall and false alarms, the first and last among them.
    pub fn thinned(&self, n: usize) -> Vec<CurvePoint> {
        let Some(last) = self.points.last() else { return Vec::new() };
        let (found, alarms) = (last.found.max(1) as f64, (last.false_alarms as f64).ln_1p().max(1e-9));
        let place = |p: &CurvePoint| (p.found as f64 / found, (p.false_alarms as f64).ln_1p() / alarms);
        let step = 2.0 / n.max(2) as f64;
        let mut kept: Vec<CurvePoint> = Vec::new();
        let mut from = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        for (ix, point) in self.points.iter().enumerate() {
            let here = place(point);
            if here.0 - from.0 + here.1 - from.1 >= step || ix + 1 == self.points.len() {
                kept.push(*point);
                from = here;
            }
        }
        kept
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn events() -> impl Strategy<Value = Vec<(f64, bool)>> {
        let score = prop_oneof![0.0..1.0f64, Just(0.5)];
        prop::collection::vec((score, any::<bool>()), 0..60)
    }

    #[test]
    fn worked_example() {
        // found, alarm, found, alarm of 3 objects: precision 1, 1/2, 2/3, 1/2 at recall 1/3, 1/3, 2/3, 2/3.
        let curve = Curve::from_events(vec![(0.9, true), (0.8, false), (0.7, true), (0.6, false)], 3, 2);
        assert!((curve.average_precision().unwrap() - (1.0 / 3.0 + 2.0 / 9.0)).abs() < 1e-12);
        assert_eq!(curve.recall_at_false_alarms(0), Some(1.0 / 3.0));
        assert_eq!(curve.recall_at_false_alarms(1), Some(2.0 / 3.0));
        assert_eq!(curve.best_f1().unwrap().0.threshold, 0.7);
        assert_eq!(curve.at(0.75).false_alarms, 1);
        assert_eq!(Curve::default().average_precision(), None);
        assert_eq!(Curve::from_events(vec![], 3, 1).average_precision(), Some(0.0));
    }

    proptest! {
        #[test]
        fn stays_in_range_and_only_rank_matters(events in events(), missed in 0usize..5) {
            let n_truths = events.iter().filter(|e| e.1).count() + missed;
            let curve = Curve::from_events(events.clone(), n_truths, 3);
            let falls = |a: &CurvePoint, b: &CurvePoint| {
                a.threshold > b.threshold && a.found <= b.found && a.false_alarms <= b.false_alarms
            };
            prop_assert!(curve.points.windows(2).all(|w| falls(&w[0], &w[1])));
            let mut moved: Vec<_> = events.iter().map(|&(s, f)| (s.exp() * 7.0, f)).collect();
            moved.reverse();
            let other = Curve::from_events(moved, n_truths, 3);
            prop_assert_eq!(curve.average_precision(), other.average_precision());
            if let Some(ap) = curve.average_precision() {
                prop_assert!((0.0..=1.0 + 1e-12).contains(&ap));
                prop_assert!(ap <= curve.largest_recall().unwrap() + 1e-12);
            }
            let rates: Vec<_> = (0..20).filter_map(|n| curve.recall_at_false_alarms(n)).collect();
            prop_assert!(rates.windows(2).all(|w| w[0] <= w[1]));
            prop_assert!(curve.thinned(20).len() <= 45);
        }

        #[test]
        fn one_more_false_alarm_never_helps(events in events(), score in 0.0..1.0f64) {
            let n_truths = events.iter().filter(|e| e.1).count();
            let mut more = events.clone();
            more.push((score, false));
            let before = Curve::from_events(events, n_truths, 1).average_precision();
            let after = Curve::from_events(more, n_truths, 1).average_precision();
            prop_assert!(after.unwrap_or(0.0) <= before.unwrap_or(0.0) + 1e-12);
        }
    }
}
