//! Where detectors disagree: what each found, missed and made up, picture by picture.

use crate::Detection;
use crate::comparison::Comparison;
use crate::metrics::{Matching, Verdict};
use ocelli_core::{PixelRect, Size};
use std::path::PathBuf;

/// One picture seen by all detectors at their thresholds.
#[derive(Clone, Debug)]
pub struct PictureComparison {
    /// Index of the picture in the comparison.
    pub picture_ix: usize,
    /// Its name.
    pub name: String,
    /// Its data set, with the part of it.
    pub set: String,
    /// Where it lies.
    pub path: Option<PathBuf>,
    /// Its size, where the data set states it.
    pub size: Option<Size>,
    /// The objects.
    pub objects: Vec<ObjectComparison>,
    /// The boxes shown for each detector.
    pub shown: Vec<Vec<ShownBox>>,
}

/// One object, and which detectors found it.
#[derive(Clone, Debug)]
pub struct ObjectComparison {
    /// Its box.
    pub rect: PixelRect,
    /// Whether it counts.
    pub counts: bool,
    /// For each detector, whether it found it.
    pub found: Vec<bool>,
}

/// A detection above its detector's threshold.
#[derive(Clone, Copy, Debug)]
pub struct ShownBox {
    /// The detection.
    pub detection: Detection,
    /// What became of it.
    pub verdict: Verdict,
}

impl PictureComparison {
    /// Objects that a detector missed.
    pub fn missed(&self, detector_ix: usize) -> usize {
        self.objects.iter().filter(|o| o.counts && !o.found[detector_ix]).count()
    }

    /// False alarms of a detector.
    pub fn false_alarms(&self, detector_ix: usize) -> usize {
        self.shown[detector_ix].iter().filter(|b| b.verdict == Verdict::FalseAlarm).count()
    }

    /// Objects that a detector found and no other did; none where there is no other.
    pub fn only(&self, detector_ix: usize) -> usize {
        let alone = |found: &[bool]| found[detector_ix] && found.iter().filter(|&&f| f).count() == 1;
        if self.shown.len() < 2 {
            return 0;
        }
        self.objects.iter().filter(|o| o.counts && alone(&o.found)).count()
    }

    /// Objects that some found and some missed, and the spread of false alarms.
    pub fn disagreement(&self) -> usize {
        let mixed = |found: &[bool]| found.iter().any(|&f| f) && found.iter().any(|&f| !f);
        let alarms = || (0..self.shown.len()).map(|d| self.false_alarms(d));
        let spread = alarms().max().unwrap_or(0) - alarms().min().unwrap_or(0);
        self.objects.iter().filter(|o| o.counts && mixed(&o.found)).count() + spread
    }

    /// Misses and false alarms of all detectors.
    pub fn errors(&self) -> usize {
        (0..self.shown.len()).map(|d| self.missed(d) + self.false_alarms(d)).sum()
    }
}

/// What each detector made of a picture; `found` holds its detections, most confident first, and their matching.
pub(crate) fn compare(
    comparison: &Comparison,
    picture_ix: usize,
    found: &[(Vec<Detection>, Matching)],
    thresholds: &[f64],
) -> PictureComparison {
    let picture = comparison.picture(picture_ix);
    // Matching is greedy by score: cutting the list at a threshold leaves the matches above it as they are.
    let shown: Vec<Vec<ShownBox>> = found
        .iter()
        .zip(thresholds)
        .map(|((detections, matching), &threshold)| {
            let boxes = detections.iter().zip(&matching.verdicts).filter(|(d, _)| d.score >= threshold);
            boxes.map(|(&detection, &verdict)| ShownBox { detection, verdict }).collect()
        })
        .collect();
    let found_by = |d: usize, t: usize| found[d].1.found_by[t].is_some_and(|ix| ix < shown[d].len());
    let objects = picture.truths().iter().enumerate().map(|(t, truth)| ObjectComparison {
        rect: truth.rect,
        counts: !truth.ignored,
        found: (0..found.len()).map(|d| found_by(d, t)).collect(),
    });
    let set = &comparison.set_of(picture_ix).name;
    PictureComparison {
        picture_ix,
        name: picture.name.clone(),
        set: picture.group.as_ref().map_or(set.clone(), |group| format!("{set}/{group}")),
        path: picture.path.clone(),
        size: picture.size,
        objects: objects.collect(),
        shown,
    }
}

/// Most disagreement first, then most errors, then by name.
pub(crate) fn sorted(mut pictures: Vec<PictureComparison>) -> Vec<PictureComparison> {
    let key = |p: &PictureComparison| (std::cmp::Reverse((p.disagreement(), p.errors())), p.picture_ix);
    pictures.sort_by_cached_key(key);
    pictures
}
