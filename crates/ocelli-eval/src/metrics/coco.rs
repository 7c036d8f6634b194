//! The COCO protocol: twelve numbers, equal to those of pycocotools (`COCOeval`, `iouType="bbox"`, one class).

use super::{Band, Matching, Sorted, Verdict};
use serde::Serialize;

/// Detections a picture that COCO looks at.
const MAX_DETECTIONS: usize = 100;
/// Recall is sampled at 0, 0.01, …, 1.
const N_RECALLS: usize = 101;
/// Sizes (√area) at which COCO parts small, medium and large.
const SMALL: f64 = 32.0;
const LARGE: f64 = 96.0;

/// COCO's twelve numbers; `None` where no object is of the size asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CocoSummary {
    /// Average precision over IoU 0.5:0.05:0.95.
    pub ap: Option<f64>,
    /// Average precision at IoU 0.5.
    pub ap50: Option<f64>,
    /// Average precision at IoU 0.75.
    pub ap75: Option<f64>,
    /// `ap` of objects below 32² square pixels.
    pub ap_small: Option<f64>,
    /// `ap` of objects from 32² to 96² square pixels.
    pub ap_medium: Option<f64>,
    /// `ap` of objects above 96² square pixels.
    pub ap_large: Option<f64>,
    /// Average recall over IoU 0.5:0.05:0.95 with one detection a picture.
    pub ar1: Option<f64>,
    /// With ten detections a picture.
    pub ar10: Option<f64>,
    /// With a hundred detections a picture.
    pub ar100: Option<f64>,
    /// `ar100` of small objects.
    pub ar_small: Option<f64>,
    /// `ar100` of medium objects.
    pub ar_medium: Option<f64>,
    /// `ar100` of large objects.
    pub ar_large: Option<f64>,
}

impl CocoSummary {
    /// The twelve numbers of one detector over the pictures, which are taken in the order given (it decides ties).
    pub fn new(pictures: &[&Sorted<'_>]) -> Self {
        // pycocotools calls 1e5² "all"; an infinite band is the same for any picture.
        let all = Band::all();
        let small = Band::between("small", 0.0, SMALL);
        let medium = Band::between("medium", SMALL, LARGE);
        let large = Band::between("large", LARGE, f64::INFINITY);
        let full = evaluate(pictures, &all, MAX_DETECTIONS);
        let of = |band: &Band, max| mean(&evaluate(pictures, band, max));
        let ((ap, ar100), (ap_small, ar_small)) = (mean(&full), of(&small, MAX_DETECTIONS));
        let ((ap_medium, ar_medium), (ap_large, ar_large)) = (of(&medium, MAX_DETECTIONS), of(&large, MAX_DETECTIONS));
        let at = |ix: usize| full[ix].map(|(precision, _)| precision);
        let (ar1, ar10) = (of(&all, 1).1, of(&all, 10).1);
        Self {
            ap,
            ap50: at(0),
            ap75: at(5),
            ap_small,
            ap_medium,
            ap_large,
            ar1,
            ar10,
            ar100,
            ar_small,
            ar_medium,
            ar_large,
        }
    }
}

/// The ten overlaps, 0.5 to 0.95, as `numpy.linspace` spells them.
fn overlaps() -> impl Iterator<Item = f64> {
    let step = (0.95 - 0.5) / 9.0;
    (0..10).map(move |ix| if ix == 9 { 0.95 } else { 0.5 + f64::from(ix) * step })
}

/// Average precision and largest recall at each of the ten overlaps.
fn evaluate(pictures: &[&Sorted<'_>], band: &Band, max_detections: usize) -> Vec<Option<(f64, f64)>> {
    overlaps()
        .map(|iou| {
            let matchings: Vec<Matching> = pictures.iter().map(|p| p.matching(iou, band, max_detections)).collect();
            precision_and_recall(pictures, &matchings)
        })
        .collect()
}

fn precision_and_recall(pictures: &[&Sorted<'_>], matchings: &[Matching]) -> Option<(f64, f64)> {
    let n_truths: usize = matchings.iter().map(Matching::n_truths).sum();
    if n_truths == 0 {
        return None;
    }
    let mut events = Vec::new();
    for (picture, matching) in pictures.iter().zip(matchings) {
        for (detection, verdict) in picture.detections.iter().zip(&matching.verdicts) {
            if *verdict != Verdict::Ignored {
                events.push((detection.score, matches!(verdict, Verdict::Found(_))));
            }
        }
    }
    // A stable sort: equal scores keep the order of the pictures, as numpy's mergesort does.
    events.sort_by(|a, b| b.0.total_cmp(&a.0));
    let (mut found, mut recalls, mut precisions) = (0usize, Vec::new(), Vec::new());
    for (ix, event) in events.iter().enumerate() {
        found += usize::from(event.1);
        recalls.push(found as f64 / n_truths as f64);
        // pycocotools adds this to the denominator.
        precisions.push(found as f64 / ((ix + 1) as f64 + f64::EPSILON));
    }
    for ix in (1..precisions.len()).rev() {
        precisions[ix - 1] = precisions[ix - 1].max(precisions[ix]);
    }
    let sampled: f64 = (0..N_RECALLS)
        .map(|ix| {
            // numpy.linspace multiplies, and sets the last value.
            let wanted = if ix + 1 == N_RECALLS { 1.0 } else { ix as f64 * 0.01 };
            precisions.get(recalls.partition_point(|&r| r < wanted)).copied().unwrap_or(0.0)
        })
        .sum();
    Some((sampled / N_RECALLS as f64, recalls.last().copied().unwrap_or(0.0)))
}

/// Means over the overlaps.
fn mean(values: &[Option<(f64, f64)>]) -> (Option<f64>, Option<f64>) {
    let known: Vec<_> = values.iter().flatten().collect();
    if known.is_empty() {
        return (None, None);
    }
    let n = known.len() as f64;
    (Some(known.iter().map(|v| v.0).sum::<f64>() / n), Some(known.iter().map(|v| v.1).sum::<f64>() / n))
}
