//! Landmarks and quality end to end: chained to a face request, sharing its views; given faces; bad input.

use image::{RgbImage, imageops};
use ocelli::prelude::*;
use ocelli_testkit::{assert_observations, pictures::portrait};
use serde_json::json;
use std::sync::LazyLock;

static VISION: LazyLock<Vision> = LazyLock::new(|| Vision::new().expect("the built-in models load"));

fn picture() -> RgbImage {
    image::open(portrait()).unwrap().to_rgb8()
}

fn landmarks(source: impl Into<Source>, request: DetectFaceLandmarks) -> Vec<FaceLandmarks> {
    VISION.open(source).unwrap().perform_one(request).unwrap()
}

fn pixels(points: &[NormalizedPoint]) -> Vec<(f64, f64)> {
    points.iter().map(|p| p.to_pixels()).map(|p| (p.x, p.y)).collect()
}

/// The largest distance of two points of the same number.
fn apart(a: &[(f64, f64)], b: &[(f64, f64)]) -> f64 {
    a.iter().zip(b).map(|(p, q)| (p.0 - q.0).hypot(p.1 - q.1)).fold(0.0, f64::max)
}

#[test]
fn the_portrait_keeps_its_points() {
    let picture = portrait();
    assert_observations!("landmarks_portrait", landmarks(&picture, DetectFaceLandmarks::new()), picture: picture);
}

#[test]
fn the_points_lie_where_a_person_sees_them() {
    let face = &landmarks(portrait(), DetectFaceLandmarks::new())[0];
    // Read off the portrait by eye, in pixels.
    let seen = [
        ("right pupil", face.right_pupil().unwrap(), (204.0, 101.0)),
        ("left pupil", face.left_pupil().unwrap(), (247.0, 103.5)),
        ("tip of the nose", face.points[30], (225.5, 125.0)),
        ("chin", face.points[8], (223.0, 178.0)),
    ];
    for (what, point, (x, y)) in seen {
        let p = point.to_pixels();
        assert!((p.x - x).hypot(p.y - y) < 6.0, "{what} at {p:?}, seen at {x}, {y}");
    }
    assert!(face.pose.roll.abs() < 12.0 && face.pose.yaw.abs() < 25.0, "{:?}", face.pose);
    assert!(face.confidence > 0.5, "{}", face.confidence);
}

#[test]
fn landmarks_add_no_decode_and_no_level_to_a_face_request() {
    let counted = |both: bool| {
        let vision = Vision::new().unwrap();
        let picture = vision.open(portrait()).unwrap();
        let landmarks = || vision.request("landmarks", &json!({})).unwrap();
        let mut requests = vec![vision.request("faces", &json!({})).unwrap()];
        requests.extend(both.then(landmarks));
        let plan = picture.explain_any(&requests).unwrap();
        picture.perform_any(&requests).into_iter().for_each(|answer| assert_eq!(answer.unwrap().len(), 1));
        let counters = vision.counters();
        (counters.builds, plan.intake.views.len(), plan.runs.len())
    };
    let (builds, views, runs) = counted(false);
    assert_eq!((builds, views, runs + 1), counted(true), "one more run, nothing more to build");
}

#[test]
fn found_and_given_faces_have_the_same_points() {
    let picture = VISION.open(portrait()).unwrap();
    let (faces, found) = picture.perform((DetectFaces::new(), DetectFaceLandmarks::new())).unwrap();
    let given = picture.perform_one(DetectFaceLandmarks::new().faces(&faces)).unwrap();
    assert_eq!(given, found);
    assert_eq!(given[0].face, faces[0]);
}

#[test]
fn an_empty_list_is_answered_without_looking() {
    let vision = Vision::new().unwrap();
    let none = vision.open(portrait()).unwrap().perform_one(DetectFaceLandmarks::new().faces(&[])).unwrap();
    assert!(none.is_empty());
    let landmarks = DetectFaceLandmarks::new().faces(&[]);
    let quality = vision.open(portrait()).unwrap().perform_one(FaceQuality::new().landmarks(landmarks)).unwrap();
    assert!(quality.is_empty());
    assert_eq!(vision.counters().builds, 0);
}

#[test]
fn many_faces_are_each_as_the_face_alone() {
    // Twenty portraits in a sheet: more than one batch.
    let face = imageops::crop_imm(&picture(), 128, 32, 192, 192).to_image();
    let mut sheet = RgbImage::new(5 * 192, 4 * 192);
    for ix in 0..20 {
        imageops::replace(&mut sheet, &face, (ix % 5 * 192).into(), (ix / 5 * 192).into());
    }
    let handler = VISION.open(sheet).unwrap();
    let (faces, all) = handler.perform((DetectFaces::new(), DetectFaceLandmarks::new())).unwrap();
    assert!(faces.len() >= 18, "{}", faces.len());
    assert_eq!(all.len(), faces.len());
    for one in all.iter().take(3) {
        let alone = handler.perform_one(DetectFaceLandmarks::new().faces(std::slice::from_ref(&one.face))).unwrap();
        assert_eq!(&alone[0], one);
    }
}

#[test]
fn faces_at_the_border_and_tiny_ones_are_answered() {
    // The face cut in two by the left border.
    let cut = imageops::crop_imm(&picture(), 215, 0, 297, 400).to_image();
    let size = Size::new(cut.width(), cut.height());
    let by = std::sync::Arc::new(Provenance::new("a person", 1));
    let face = |x, y, w, h| {
        FaceObservation::new(NormalizedRect::from_pixels(PixelRect::new(x, y, w, h), size), 1.0, by.clone())
    };
    let given = [face(-45.0, 55.0, 105.0, 140.0), face(100.0, 100.0, 1.5, 2.0), face(280.0, 390.0, 40.0, 30.0)];
    let answers = landmarks(cut, DetectFaceLandmarks::new().faces(&given));
    assert_eq!(answers.len(), 3);
    for answer in &answers {
        assert!(answer.points.iter().all(|p| p.x().is_finite() && p.y().is_finite()));
    }
    let whole = &landmarks(portrait(), DetectFaceLandmarks::new())[0];
    let at_border = answers.iter().find(|a| a.face == given[0]).unwrap();
    // What is seen of the face keeps its place: the person's left eye and half of the mouth.
    let shifted: Vec<_> = pixels(&whole.points[42..48]).iter().map(|p| (p.0 - 215.0, p.1)).collect();
    assert!(apart(&pixels(&at_border.points[42..48]), &shifted) < 14.0);
}

#[test]
fn mistakes_are_told_by_the_number_of_the_face() {
    let handler = VISION.open(portrait()).unwrap();
    let other = VISION.open(imageops::crop_imm(&picture(), 64, 0, 300, 300).to_image()).unwrap();
    let (faces,) = other.perform((DetectFaces::new(),)).unwrap();
    let told = |request: DetectFaceLandmarks| handler.perform_one(request).unwrap_err().to_string();
    let of_other = told(DetectFaceLandmarks::new().faces(&faces));
    assert!(of_other.contains("faces[0]") && of_other.contains("another picture, of 300×300"), "{of_other}");
    let (own,) = handler.perform((DetectFaces::new(),)).unwrap();
    let find = DetectFaces::new().algorithm("viola-jones");
    let by_other = told(DetectFaceLandmarks::new().faces(&own).find(find));
    assert!(by_other.contains("found by deep revision"), "{by_other}");
    let mistakes =
        [json!({"find": {"min_size": 7}}), json!({"resolution": -1}), json!({"threshold": 2}), json!({"fase": []})];
    for parameters in mistakes {
        assert!(VISION.request("landmarks", &parameters).is_err(), "{parameters}");
        assert!(
            VISION.request("face-quality", &json!({"landmarks": parameters})).is_err()
                || parameters.get("fase").is_some()
        );
    }
}

#[test]
fn two_plugins_of_one_name_are_refused() {
    let twice = Vision::builder().register(ocelli::face_landmarks::QualityMeasure::new()).build();
    let told = twice.unwrap_err().to_string();
    assert!(told.contains("four-parts revision 1") && told.contains("not registered yet"), "{told}");
}

#[test]
fn quality_falls_with_blur_size_and_light() {
    let sharp = picture();
    let score = |picture: RgbImage| {
        let answers = VISION.open(picture).unwrap().perform_one(FaceQuality::new()).unwrap();
        answers.first().map(|q| (q.score, q.sharpness, q.size, q.exposure)).unwrap()
    };
    let (best, sharpness, size, exposure) = score(sharp.clone());
    assert!(best > 0.5, "{best}");
    let blurred = score(imageops::blur(&sharp, 4.0));
    assert!(blurred.1 < 0.8 * sharpness && blurred.0 < best, "{blurred:?} {sharpness}");
    let mut dark = sharp.clone();
    dark.pixels_mut().for_each(|p| p.0 = p.0.map(|v| v / 5));
    let dark = score(dark);
    assert!(dark.3 < 0.7 * exposure && dark.0 < best, "{dark:?} {exposure}");
    let small = score(imageops::resize(&sharp, 160, 160, imageops::FilterType::Triangle));
    assert!(small.2 < 0.5 * size && small.0 < best, "{small:?} {size}");
    // The best shot of a series: turned pictures cost nothing.
    let records = VISION.open(sharp).unwrap().perform_any(&[VISION.request("face-quality", &json!({})).unwrap()]);
    assert_eq!(records[0].as_ref().unwrap().records()[0]["kind"], "face_quality");
}
