//! WIDER FACE's own protocol: average precision on its easy, medium and hard faces.
//!
//! Yang, Luo, Loy, Tang: "WIDER FACE: a face detection benchmark" (2016). The published evaluation differs from the
//! usual one in four ways, all kept here: scores are stretched to 0..=1 over the whole set; overlaps count pixels
//! inclusively (a box from 3 to 5 is 3 wide); a detection belongs to the face that it overlaps most, also where that
//! face is taken already (it is then a false alarm); and the curve is sampled at 1000 thresholds.

use super::Sorted;
use crate::{Levels, Truth};
use ocelli_core::PixelRect;
use serde::Serialize;

/// Overlap at which a face is found.
const IOU: f64 = 0.5;
/// Thresholds at which the curve is sampled.
const N_THRESHOLDS: usize = 1000;

/// Average precision on the three subsets of WIDER FACE; `None` where a subset has no face.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct WiderSummary {
    /// Large, clear faces.
    pub easy: Option<f64>,
    /// Those and middling ones.
    pub medium: Option<f64>,
    /// Those and small, blurred ones.
    pub hard: Option<f64>,
}

impl WiderSummary {
    /// The three numbers of one detector; `None` where the objects carry no subsets.
    pub fn new(pictures: &[&Sorted<'_>]) -> Option<Self> {
        if !pictures.iter().any(|p| p.truths.iter().any(|t| t.levels.is_some())) {
            return None;
        }
        Some(Self {
            easy: average_precision(pictures, |l| l.easy),
            medium: average_precision(pictures, |l| l.medium),
            hard: average_precision(pictures, |l| l.hard),
        })
    }
}

fn average_precision(pictures: &[&Sorted<'_>], level: impl Fn(Levels) -> bool) -> Option<f64> {
    let in_level = |t: &Truth| t.levels.is_some_and(&level);
    let n_faces = pictures.iter().flat_map(|p| p.truths).filter(|t| in_level(t)).count();
    if n_faces == 0 {
        return None;
    }
    let scores = || pictures.iter().flat_map(|p| &p.detections).map(|d| d.score);
    let (low, high) = (scores().fold(f64::INFINITY, f64::min), scores().fold(f64::NEG_INFINITY, f64::max));
    let stretched = |score: f64| if high > low { (score - low) / (high - low) } else { 1.0 };
    let mut proposals = vec![0usize; N_THRESHOLDS];
    let mut found = vec![0usize; N_THRESHOLDS];
    for picture in pictures.iter().filter(|p| !p.truths.is_empty()) {
        let counts = running_counts(picture, &in_level);
        for t in 0..N_THRESHOLDS {
            let threshold = 1.0 - (t + 1) as f64 / N_THRESHOLDS as f64;
            let taken = picture.detections.partition_point(|d| stretched(d.score) >= threshold);
            if let Some(&(p, f)) = taken.checked_sub(1).and_then(|last| counts.get(last)) {
                proposals[t] += p;
                found[t] += f;
            }
        }
    }
    let points: Vec<(f64, f64)> =
        proposals.iter().zip(&found).map(|(&p, &f)| (f as f64 / n_faces as f64, f as f64 / p.max(1) as f64)).collect();
    Some(area_under(&points))
}

/// After each detection of a picture: detections that count so far, and faces of the level found so far.
fn running_counts(picture: &Sorted<'_>, in_level: &impl Fn(&Truth) -> bool) -> Vec<(usize, usize)> {
    let mut taken = vec![false; picture.truths.len()];
    let (mut proposals, mut found) = (0, 0);
    let step = |rect: PixelRect| {
        let best = (0..picture.truths.len()).map(|t| (t, inclusive_iou(rect, picture.truths[t].rect))).fold(
            None,
            |best: Option<(usize, f64)>, here| if best.is_none_or(|b| here.1 > b.1) { Some(here) } else { best },
        );
        match best {
            Some((t, iou)) if iou >= IOU => {
                let counts = in_level(&picture.truths[t]);
                proposals += usize::from(counts);
                if counts && !taken[t] {
                    taken[t] = true;
                    found += 1;
                }
            }
            _ => proposals += 1,
        }
        (proposals, found)
    };
    picture.detections.iter().map(|d| d.rect).map(step).collect()
}

/// Overlap of boxes whose last pixel counts, as the published evaluation measures it.
fn inclusive_iou(a: PixelRect, b: PixelRect) -> f64 {
    let grown = |r: PixelRect| PixelRect::new(r.x, r.y, r.width + 1.0, r.height + 1.0);
    grown(a).iou(grown(b))
}

/// Area under `(recall, precision)` points of rising recall, precision made non-increasing.
fn area_under(points: &[(f64, f64)]) -> f64 {
    let mut envelope: Vec<f64> = points.iter().map(|p| p.1).collect();
    for ix in (1..envelope.len()).rev() {
        envelope[ix - 1] = envelope[ix - 1].max(envelope[ix]);
    }
    let mut before = 0.0;
    points.iter().zip(envelope).map(|(p, e)| (p.0 - std::mem::replace(&mut before, p.0)) * e).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Detection, Picture};

    fn face(x: f64, easy: bool) -> Truth {
        let levels = Some(Levels { easy, medium: easy, hard: true });
        Truth { levels, ..Truth::new(PixelRect::new(x, 0.0, 9.0, 9.0)) }
    }

    #[test]
    fn worked_case() {
        let picture = Picture { truths: Some(vec![face(0.0, true), face(50.0, false)]), ..Picture::new("a") };
        let at = |x: f64, score: f64| Detection::new(PixelRect::new(x, 0.0, 9.0, 9.0), score);
        // A false alarm first, then the easy face, the hard one, and the hard one again.
        let sorted = Sorted::new(&picture, &[at(100.0, 0.9), at(0.0, 0.8), at(50.0, 0.7), at(50.0, 0.1)]);
        let summary = WiderSummary::new(&[&sorted]).unwrap();
        // Easy: precision 1/2 at recall 1; the hard face is ignored both times.
        assert!((summary.easy.unwrap() - 0.5).abs() < 1e-12);
        // Hard: the envelope is 2/3 over all of recall.
        assert!((summary.hard.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn pixels_count_inclusively() {
        let iou = inclusive_iou(PixelRect::new(0.0, 0.0, 9.0, 9.0), PixelRect::new(5.0, 0.0, 9.0, 9.0));
        assert!((iou - 50.0 / 150.0).abs() < 1e-12);
    }
}
