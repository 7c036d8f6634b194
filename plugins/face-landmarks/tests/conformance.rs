//! What every plugin promises.

use ocelli_face_landmarks::{DetectFaceLandmarks, FaceQuality, LandmarkNet, QualityMeasure};
use ocelli_testkit::conformance::Conformance;

ocelli_testkit::conformance!(LandmarkNet::new().unwrap(), DetectFaceLandmarks::new());

#[test]
fn the_quality_measure_conforms() {
    Conformance::of(QualityMeasure::new, FaceQuality::new()).assert();
}
