//! What every plugin promises.

use ocelli_core::DetectFaces;
use ocelli_face_viola_jones::ViolaJones;

ocelli_testkit::conformance!(ViolaJones::new().unwrap(), DetectFaces::new());
