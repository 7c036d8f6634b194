//! Counted warnings: what was odd in the input, how often, and where it happened first.

use serde::Serialize;
use std::collections::BTreeMap;

/// How many places a warning names before it only counts.
const EXAMPLES: usize = 5;

/// Something odd that does not stop a comparison.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Oddity {
    /// An annotation whose picture is not on disk; the picture is left out.
    AnnotationWithoutPicture,
    /// A picture that nobody annotated; it is left out of the metrics.
    PictureWithoutAnnotation,
    /// A picture on which a detector failed; it is left out for all detectors.
    PictureFailed,
    /// A second picture with a name that was there before; the second is left out.
    DuplicateName,
    /// A data set without pictures, or without a single annotated object.
    EmptySet,
    /// An annotated box without area; left out.
    EmptyBox,
    /// An annotated box that lies wholly outside its picture; left out.
    BoxOutside,
    /// An annotated box that reaches over the border by more than a pixel; kept as it is.
    BoxOverBorder,
    /// An object that is not of the class asked for; left out.
    OtherClass,
    /// A detection whose score is not a finite number; left out.
    NonFiniteScore,
    /// A detection whose box is not finite, or without area; left out.
    BadDetection,
    /// A detector with scores outside 0 to 1: it gets no calibration.
    ScoreNotProbability,
    /// Detections for a picture that is in no data set; left out.
    DetectionsWithoutPicture,
    /// Detections whose picture name fits several pictures; left out.
    AmbiguousName,
    /// Detections that state another size of the picture than the data set; taken as they are.
    SizeMismatch,
    /// A picture for which a file of detections has no entry; taken as nothing found.
    NoDetectionsEntry,
}

impl Oddity {
    /// The warning for people, to be read after its count.
    pub fn text(self) -> &'static str {
        match self {
            Self::AnnotationWithoutPicture => "annotations without a picture on disk (left out)",
            Self::PictureWithoutAnnotation => "pictures without annotation (left out of the metrics)",
            Self::PictureFailed => "pictures on which a detector failed (left out for all)",
            Self::DuplicateName => "pictures with a name seen before (left out)",
            Self::EmptySet => "data sets without annotated objects",
            Self::EmptyBox => "annotated boxes without area (left out)",
            Self::BoxOutside => "annotated boxes outside their picture (left out)",
            Self::BoxOverBorder => "annotated boxes over the border by more than a pixel (kept)",
            Self::OtherClass => "annotated objects of another class (left out)",
            Self::NonFiniteScore => "detections with a score that is no finite number (left out)",
            Self::BadDetection => "detections without a proper box (left out)",
            Self::ScoreNotProbability => "detectors with scores outside 0 to 1 (no calibration)",
            Self::DetectionsWithoutPicture => "detection entries for pictures in no data set (left out)",
            Self::AmbiguousName => "detection entries whose name fits several pictures (left out)",
            Self::SizeMismatch => "detection entries that state another size of the picture (taken as they are)",
            Self::NoDetectionsEntry => "pictures without an entry in a file of detections (taken as nothing found)",
        }
    }
}

/// How often one oddity happened, and the first places.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// How often.
    pub count: usize,
    /// The first few places.
    pub examples: Vec<String>,
}

/// All oddities of a data set or a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Warnings {
    counted: BTreeMap<Oddity, Counted>,
}

impl Warnings {
    /// Counts one oddity at `place`.
    pub fn add(&mut self, oddity: Oddity, place: impl Into<String>) {
        let entry = self.counted.entry(oddity).or_default();
        entry.count += 1;
        if entry.examples.len() < EXAMPLES {
            entry.examples.push(place.into());
        }
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (&oddity, counted) in &other.counted {
            let entry = self.counted.entry(oddity).or_default();
            entry.count += counted.count;
            let room = EXAMPLES.saturating_sub(entry.examples.len());
            entry.examples.extend(counted.examples.iter().take(room).cloned());
        }
    }

    /// How often `oddity` happened.
    pub fn count(&self, oddity: Oddity) -> usize {
        self.counted.get(&oddity).map_or(0, |c| c.count)
    }

    /// Whether nothing was odd.
    pub fn is_empty(&self) -> bool {
        self.counted.is_empty()
    }

    /// Every oddity that happened, in a fixed order.
    pub fn iter(&self) -> impl Iterator<Item = (Oddity, &Counted)> {
        self.counted.iter().map(|(&oddity, counted)| (oddity, counted))
    }
}

impl std::fmt::Display for Warnings {
    /// One line an oddity: count, text, first places.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (oddity, counted) in self.iter() {
            let more = if counted.count > counted.examples.len() { ", …" } else { "" };
            writeln!(f, "{:>7} {}: {}{more}", counted.count, oddity.text(), counted.examples.join(", "))?;
        }
        Ok(())
    }
}
