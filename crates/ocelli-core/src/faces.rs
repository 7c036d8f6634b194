//! The standard request for face rectangles: several algorithms answer it.

use crate::{NormalizedRect, Observation, Provenance, Request, RequestOptions, Result, Shape, check_fraction};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Asks for the faces in a picture as rectangles: forehead to chin, ear to ear.
///
/// ```
/// use ocelli_core::{DetectFaces, RequestExt};
/// let request = DetectFaces::new().min_size(0.05).threshold(0.7).max_count(3);
/// assert_eq!(request.options.max_count, Some(3));
/// ```
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DetectFaces {
    /// Smallest face wanted: its size (√(width × height)) over the longer side of the searched part, 0 to 1.
    /// Default 1/32. Smaller values cost more: the picture is read at a larger size.
    pub min_size: f32,
    /// Largest face wanted, measured the same way. Default 1.
    pub max_size: f32,
    /// Whether faces that lie on a side or stand on their head are wanted, too: the picture is searched in all four
    /// upright orientations, at four times the cost. Default: no.
    pub any_orientation: bool,
    /// Whether to look more finely: one more level, twice as large, finds more of the smallest faces asked for and some
    /// below, at about four times the cost. Default: no.
    pub fine: bool,
    /// What every request has.
    #[serde(flatten)]
    pub options: RequestOptions,
}

impl Default for DetectFaces {
    fn default() -> Self {
        Self {
            min_size: 1.0 / 32.0,
            max_size: 1.0,
            any_orientation: false,
            fine: false,
            options: RequestOptions::default(),
        }
    }
}

impl DetectFaces {
    /// Faces from 1/32 of the longer side up to the whole picture.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the smallest face wanted, as a fraction of the longer side.
    pub fn min_size(mut self, fraction: f32) -> Self {
        self.min_size = fraction;
        self
    }

    /// Sets the largest face wanted, as a fraction of the longer side.
    pub fn max_size(mut self, fraction: f32) -> Self {
        self.max_size = fraction;
        self
    }

    /// Whether to search all four upright orientations.
    pub fn any_orientation(mut self, wanted: bool) -> Self {
        self.any_orientation = wanted;
        self
    }

    /// Whether to look more finely for the smallest faces.
    pub fn fine(mut self, wanted: bool) -> Self {
        self.fine = wanted;
        self
    }
}

impl Request for DetectFaces {
    type Out = FaceObservation;
    const KIND: &'static str = "faces";

    fn options(&self) -> &RequestOptions {
        &self.options
    }

    fn options_mut(&mut self) -> &mut RequestOptions {
        &mut self.options
    }

    fn validate(&self) -> Result<()> {
        self.options.validate()?;
        check_fraction("min_size", self.min_size)?;
        check_fraction("max_size", self.max_size)?;
        if self.min_size <= 0.0 || self.min_size > self.max_size {
            let value = format!("{} (max_size {})", self.min_size, self.max_size);
            return Err(crate::Error::parameter("min_size", value, "a number above 0 and not above max_size"));
        }
        Ok(())
    }
}

/// A face: where, and how sure.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaceObservation {
    /// Forehead to chin, ear to ear. May reach over the border where a face is cut off by it.
    pub rect: NormalizedRect,
    /// How sure, 0 to 1; what it means is stated in the card of the algorithm's model.
    pub confidence: f32,
    /// Who made it, and how.
    pub provenance: Arc<Provenance>,
}

impl FaceObservation {
    /// A face at `rect`.
    pub fn new(rect: NormalizedRect, confidence: f32, provenance: Arc<Provenance>) -> Self {
        Self { rect, confidence, provenance }
    }
}

impl Observation for FaceObservation {
    const KIND: &'static str = "face";

    fn confidence(&self) -> f32 {
        self.confidence
    }

    fn shapes(&self) -> Vec<Shape> {
        vec![Shape::Rect(self.rect)]
    }

    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }
}
