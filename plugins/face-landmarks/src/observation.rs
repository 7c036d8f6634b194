//! What is known of a face after looking closer, and which points belong to what.

use crate::HeadPose;
use ocelli_core::{FaceObservation, NormalizedPoint, Observation, Provenance, Shape};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::ops::Range;
use std::sync::Arc;

/// Points of a face.
pub const N_POINTS: usize = 68;

/// A part of the face. Left and right are the person's own.
///
/// Ranges are those of iBUG 300-W; the points of jaw and brows go from the person's right to the left, eyes and lips
/// go around, starting at the corner on the left of an upright picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaceRegion {
    /// Points 0 to 16: from the right ear around the chin (point 8) to the left ear.
    Jaw,
    /// Points 17 to 21.
    RightBrow,
    /// Points 22 to 26.
    LeftBrow,
    /// Points 27 to 35: down the bridge to the tip (point 30), then along the nostrils.
    Nose,
    /// Points 36 to 41.
    RightEye,
    /// Points 42 to 47.
    LeftEye,
    /// Points 48 to 59.
    OuterLips,
    /// Points 60 to 67.
    InnerLips,
}

impl FaceRegion {
    /// All regions, in the order of their points.
    pub const ALL: [Self; 8] = [
        Self::Jaw,
        Self::RightBrow,
        Self::LeftBrow,
        Self::Nose,
        Self::RightEye,
        Self::LeftEye,
        Self::OuterLips,
        Self::InnerLips,
    ];

    /// The indices of its points among the 68.
    pub const fn range(self) -> Range<usize> {
        match self {
            Self::Jaw => 0..17,
            Self::RightBrow => 17..22,
            Self::LeftBrow => 22..27,
            Self::Nose => 27..36,
            Self::RightEye => 36..42,
            Self::LeftEye => 42..48,
            Self::OuterLips => 48..60,
            Self::InnerLips => 60..68,
        }
    }
}

/// The landmarks of one face.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaceLandmarks {
    /// The face that was looked at.
    pub face: FaceObservation,
    /// The 68 points in the order of iBUG 300-W; they may lie over the border where the face is cut off by it.
    pub points: Vec<NormalizedPoint>,
    /// How the head is turned, from the points.
    pub pose: HeadPose,
    /// How sure the points are, 0 to 1: the chance that their mean error is below a tenth of the distance between the
    /// outer eye corners, as the network foresees it. Independent of the face's own confidence.
    pub confidence: f32,
    /// Who made it, and how.
    pub provenance: Arc<Provenance>,
}

impl FaceLandmarks {
    /// The points of a part of the face, in order.
    pub fn region(&self, region: FaceRegion) -> &[NormalizedPoint] {
        self.points.get(region.range()).unwrap_or(&[])
    }

    /// The middle of the person's right eye, as the mean of its six points; `None` where points are missing.
    pub fn right_pupil(&self) -> Option<NormalizedPoint> {
        middle(self.region(FaceRegion::RightEye))
    }

    /// The middle of the person's left eye, as the mean of its six points; `None` where points are missing.
    pub fn left_pupil(&self) -> Option<NormalizedPoint> {
        middle(self.region(FaceRegion::LeftEye))
    }
}

fn middle(points: &[NormalizedPoint]) -> Option<NormalizedPoint> {
    let frame = points.first()?.frame();
    let mean = |of: fn(NormalizedPoint) -> f64| points.iter().map(|&p| of(p)).sum::<f64>() / points.len() as f64;
    Some(NormalizedPoint::new(mean(NormalizedPoint::x), mean(NormalizedPoint::y), frame))
}

impl Observation for FaceLandmarks {
    const KIND: &'static str = "face_landmarks";

    fn confidence(&self) -> f32 {
        self.confidence
    }

    fn shapes(&self) -> Vec<Shape> {
        vec![Shape::Points(self.points.clone())]
    }

    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }

    /// `pixels` and `normalized` are the 68 points, `[x, y]` each; angles in degrees; `face` is the face's rectangle
    /// in pixels, `[x, y, width, height]`.
    fn record(&self) -> Value {
        let in_pixels = self.points.iter().map(|p| p.to_pixels());
        let pixels: Vec<_> = in_pixels.map(|p| [rounded(p.x, 2), rounded(p.y, 2)]).collect();
        let normalized: Vec<_> = self.points.iter().map(|p| [rounded(p.x(), 6), rounded(p.y(), 6)]).collect();
        let rect = self.face.rect.to_pixels();
        let face = [rect.x, rect.y, rect.width, rect.height].map(|v| rounded(v, 2));
        json!({
            "kind": Self::KIND,
            "confidence": rounded(self.confidence.into(), 4),
            "roll": rounded(self.pose.roll.into(), 1),
            "yaw": rounded(self.pose.yaw.into(), 1),
            "pitch": rounded(self.pose.pitch.into(), 1),
            "face": face,
            "pixels": pixels,
            "normalized": normalized,
        })
    }
}

/// A number with at most this many decimals: what a record promises to be stable.
pub(crate) fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10f64.powi(decimals);
    (value * unit).round() / unit
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{NormalizedRect, Size};

    fn landmarks() -> FaceLandmarks {
        let frame = Size::new(200, 100);
        let provenance = Arc::new(Provenance::new("test", 1));
        FaceLandmarks {
            face: FaceObservation::new(NormalizedRect::new(0.0, 0.0, 0.5, 1.0, frame), 0.9, provenance.clone()),
            points: (0..N_POINTS).map(|i| NormalizedPoint::new(i as f64 / 100.0, 0.5, frame)).collect(),
            pose: HeadPose::default(),
            confidence: 0.75,
            provenance,
        }
    }

    #[test]
    fn regions_cover_every_point_once() {
        let covered: Vec<usize> = FaceRegion::ALL.iter().flat_map(|region| region.range()).collect();
        assert_eq!(covered, (0..N_POINTS).collect::<Vec<_>>());
    }

    #[test]
    fn the_right_eye_is_on_the_left_of_the_picture() {
        let face = landmarks();
        let (right, left) = (face.right_pupil().unwrap(), face.left_pupil().unwrap());
        assert!((right.to_pixels().x - 77.0).abs() < 1e-9 && right.x() < left.x());
        assert_eq!(FaceLandmarks { points: Vec::new(), ..face }.left_pupil(), None);
    }

    #[test]
    fn the_record_has_the_documented_keys() {
        let record = landmarks().record();
        assert_eq!(record["kind"], "face_landmarks");
        assert_eq!(record["pixels"].as_array().unwrap().len(), N_POINTS);
        assert_eq!(record["pixels"][1], json!([2.0, 50.0]));
        assert_eq!(record["normalized"][1], json!([0.01, 0.5]));
        assert_eq!(record["face"], json!([0.0, 0.0, 100.0, 100.0]));
    }

    #[test]
    fn landmarks_survive_serde() {
        let face = landmarks();
        let again: FaceLandmarks = serde_json::from_value(serde_json::to_value(&face).unwrap()).unwrap();
        assert_eq!(again, face);
    }
}
