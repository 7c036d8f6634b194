//! The built-in algorithms, as their features switch them on.

use crate::device::Devices;
use ocelli_core::{Registry, Result};

/// Registers the built-in algorithms. Order matters: the first name of a kind of request is its default.
#[allow(unused_mut, unused_variables, reason = "without features nothing is registered")]
pub(crate) fn registry(devices: &Devices) -> Result<Registry> {
    let mut registry = Registry::new();
    #[cfg(feature = "face-deep")]
    registry.register(devices.attach(ocelli_face_deep::DeepFaces::new()?))?; // the best face detector: the default for `faces`
    #[cfg(feature = "face-deep")]
    registry.register(ocelli_face_deep::DeepFaces::int8()?)?; // for long runs
    #[cfg(feature = "face-deep")]
    registry.register(ocelli_face_deep::DeepFaces::tiny()?)?; // for those in a hurry
    #[cfg(feature = "face-viola-jones")]
    registry.register(ocelli_face_viola_jones::ViolaJones::new()?)?; // the legacy baseline
    #[cfg(feature = "face-landmarks")]
    registry.register(ocelli_face_landmarks::LandmarkNet::new()?)?; // looks closer at what the face detectors find
    #[cfg(feature = "face-landmarks")]
    registry.register(ocelli_face_landmarks::QualityMeasure::new())?; // reads the landmarks
    Ok(registry)
}
