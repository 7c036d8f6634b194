//! What every plugin promises, and what this one finds on the repository's portrait.

use ocelli::Vision;
use ocelli_template::{DetectTemplate, Template};
use ocelli_testkit::{assert_observations, conformance, pictures};

conformance!(Template, DetectTemplate::default());

#[test]
fn the_portrait_keeps_its_answers() {
    let portrait = pictures::portrait();
    let vision = Vision::builder().replace(Template).build().unwrap();
    let answers = vision.open(&portrait).unwrap().perform_one(DetectTemplate::default()).unwrap();
    assert_observations!("template_portrait", answers, picture: portrait);
}
