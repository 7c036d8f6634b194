//! What every plugin promises.

use ocelli_core::DetectFaces;
use ocelli_face_deep::DeepFaces;

ocelli_testkit::conformance!(DeepFaces::new().unwrap(), DetectFaces::new());
