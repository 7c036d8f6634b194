//! Looks closer at faces: 68 points in the order of iBUG 300-W, the head's pose, and how good a face's picture is.
//!
//! Faces are given by the caller, or found by a face request that the plan adds by itself. Their crops come from the
//! views that the face request reads anyway, so that landmarks add no decode and no pyramid level; all faces of a
//! picture run as one joint plan of the engine.
//!
//! - [`DetectFaceLandmarks`] → [`FaceLandmarks`], answered by [`LandmarkNet`]
//! - [`FaceQuality`] → [`FaceQualityObservation`], answered by [`QualityMeasure`]
//! - [`FaceRegion`]: which points belong to what; [`HeadPose`]: roll, yaw and pitch
//!
//! Left and right are the person's own: the left eye is on the right of an upright picture.
//!
//! Reading order: `request`, [`LandmarkNet`], `crop` (from view to network), `pose`, `quality`.

mod crop;
mod detector;
mod observation;
mod pose;
mod quality;
mod request;
mod settings;

pub use detector::LandmarkNet;
pub use observation::{FaceLandmarks, FaceRegion, N_POINTS};
pub use pose::HeadPose;
pub use quality::{FaceQuality, FaceQualityObservation, QualityMeasure};
pub use request::DetectFaceLandmarks;
