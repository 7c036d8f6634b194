//! The built-in algorithms, as their features switch them on.

use ocelli_core::{Registry, Result};

/// Registers the built-in algorithms. Order matters: the first name of a kind of request is its default.
pub(crate) fn registry() -> Result<Registry> {
    #[allow(unused_mut, reason = "without features nothing is registered")]
    let mut registry = Registry::new();
    #[cfg(feature = "face-deep")]
    registry.register(ocelli_face_deep::DeepFaces::new()?)?; // the best face detector: the default for `faces`
    #[cfg(feature = "face-deep")]
    registry.register(ocelli_face_deep::DeepFaces::int8()?)?; // for long runs
    #[cfg(feature = "face-viola-jones")]
    registry.register(ocelli_face_viola_jones::ViolaJones::new()?)?; // the legacy baseline
    Ok(registry)
}
