//! What every plugin promises, and what this one says of two made-up pictures.

use dominant_colours::{DominantColour, FindDominantColours, OklabKMeans};
use ocelli_testkit::conformance;
use ocelli_testkit::image::{Rgb, RgbImage};
use ocelli_testkit::ocelli::Vision;

// A level of a region and of its crop are made of the same pixels; means differ in their last digits.
conformance!(OklabKMeans, FindDominantColours::default(), tolerance(0.01));

#[test]
fn a_flag_has_the_colours_of_its_stripes() {
    let flag = RgbImage::from_fn(90, 60, |_, y| match y {
        0..30 => Rgb([0, 87, 183]),
        _ => Rgb([255, 215, 0]),
    });
    let vision = Vision::builder().without_builtin().register(OklabKMeans).build().unwrap();
    let colours: Vec<DominantColour> = vision.open(flag).unwrap().perform_one(FindDominantColours::default()).unwrap();
    let mut found: Vec<_> = colours.iter().map(|c| c.rgb).collect();
    found.truncate(2);
    found.sort();
    let near = |a: [u8; 3], b: [u8; 3]| a.iter().zip(b).all(|(a, b)| a.abs_diff(b) <= 3);
    assert!(near(found[0], [0, 87, 183]) && near(found[1], [255, 215, 0]), "{colours:?}");
    assert!(colours[0].share > 0.45, "{colours:?}");
}
