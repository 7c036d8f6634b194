//! The tests of `docs/writing-plugins.md`, word for word.

use ocelli::Vision;
use ocelli_testkit::{assert_observations, conformance, pictures};
use spot::{Brightest, DetectSpot};

conformance!(Brightest, DetectSpot::default());

#[test]
fn the_portrait_keeps_its_answers() {
    let portrait = pictures::portrait();
    let vision = Vision::builder().replace(Brightest).build().unwrap();
    let answers = vision.open(&portrait).unwrap().perform_one(DetectSpot::default()).unwrap();
    assert_observations!("spot_portrait", answers, picture: portrait);
}
