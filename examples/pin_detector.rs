//! Pinning a detector in a test: one line holds its observations on a picture, another a whole comparison.
//!
//! `cargo test -p ocelli-examples` runs it; `cargo insta review` (or `INSTA_UPDATE=always`) accepts new behaviour,
//! which belongs with a new revision. A failing pin of observations leaves an annotated picture with the old and the
//! new boxes in `target/ocelli-failures/`.

use ocelli::prelude::*;
use ocelli_eval::{Comparison, DataSet, Detection, Protocol};
use ocelli_testkit::{assert_comparison, assert_observations, pictures};

#[test]
fn the_portrait_keeps_its_face() {
    let (vision, portrait) = (Vision::new().unwrap(), pictures::portrait());
    let (faces,) = vision.open(&portrait).unwrap().perform((DetectFaces::new(),)).unwrap();
    assert_observations!("deep_portrait", faces, picture: portrait);
}

#[test]
fn the_baseline_keeps_its_distance() {
    let vision = Vision::new().unwrap();
    let mut set = DataSet::open(pictures::portrait().with_file_name("portrait.jsonl")).unwrap();
    set.keep_pictures_on_disk();
    let mut comparison = Comparison::new(vec![set]);
    for name in ["deep", "viola-jones"] {
        let mut run = comparison.new_run(name);
        for (ix, picture) in comparison.pictures() {
            let path = picture.path.as_ref().expect("pictures without a file were left out");
            let (faces,) = vision.open(path).unwrap().perform((DetectFaces::new().algorithm(name),)).unwrap();
            run.detected(
                ix,
                faces.iter().map(|f| Detection::new(f.rect.to_pixels(), f.confidence.into())).collect(),
                None,
            );
        }
        comparison.add_run(run);
    }
    assert_comparison!("deep_and_viola_jones_portrait", comparison.evaluate(&Protocol::default()));
}
