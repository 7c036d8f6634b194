//! Requests end to end: from sources of every kind to observations, through the real handler, plugin and cache.

use ocelli::face_viola_jones::ViolaJones;
use ocelli::face_viola_jones::detect::{LadderOptions, ladder, scan_level};
use ocelli::face_viola_jones::level::{integrals, sample};
use ocelli::face_viola_jones::scan::Isa;
use ocelli::prelude::*;
use ocelli_testkit::pictures::{gradient, portrait};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::{Arc, LazyLock, Mutex};

static VISION: LazyLock<Vision> = LazyLock::new(|| Vision::new().expect("the built-in models load"));

fn faces(source: impl Into<Source>) -> Vec<FaceObservation> {
    let (faces,) = VISION.open(source).unwrap().perform((DetectFaces::new(),)).unwrap();
    faces
}

/// Observations for people: confidence to 0.01, pixels to whole ones, so that a snapshot holds on every machine.
fn readable(faces: &[FaceObservation]) -> Vec<String> {
    let line = |f: &FaceObservation| {
        let p = f.rect.to_pixels();
        format!("face {:.2} at x {:.0} y {:.0} width {:.0} height {:.0}", f.confidence, p.x, p.y, p.width, p.height)
    };
    faces.iter().map(line).collect()
}

#[test]
fn the_portrait_shows_one_face() {
    insta::assert_yaml_snapshot!("faces_deep_portrait", readable(&faces(portrait())));
}

#[test]
fn every_kind_of_source_gives_the_same_observations() {
    let expected = faces(portrait());
    assert_eq!(expected.len(), 1);
    let bytes = std::fs::read(portrait()).unwrap();
    let decoded = image::open(portrait()).unwrap();
    let rgb = decoded.to_rgb8();
    let size = Size::new(rgb.width(), rgb.height());

    let pitch = rgb.width() as usize * 3 + 13;
    let mut padded = vec![0xA5; pitch * rgb.height() as usize];
    for (x, y, pixel) in rgb.enumerate_pixels() {
        let at = y as usize * pitch + x as usize * 3;
        padded[at..at + 3].copy_from_slice(&[pixel[2], pixel[1], pixel[0]]);
    }
    let bgr = PixelBuffer { data: &padded, size, row_pitch: pitch, layout: PixelLayout::Bgr8 };
    let array = ndarray::ArrayView3::from_shape((size.height as usize, size.width as usize, 3), rgb.as_raw()).unwrap();

    assert_eq!(faces(bytes.clone()), expected, "bytes");
    assert_eq!(faces(Source::reader("reader", std::io::Cursor::new(bytes))), expected, "reader");
    assert_eq!(faces(decoded), expected, "DynamicImage");
    assert_eq!(faces(bgr), expected, "BGR with padding");
    assert_eq!(faces(array), expected, "ndarray");
}

#[test]
fn faces_in_any_orientation_are_found_on_demand() {
    let upright = image::open(portrait()).unwrap();
    let expected = faces(upright.clone())[0].rect.to_pixels();
    let (width, height) = (f64::from(upright.width()), f64::from(upright.height()));
    let PixelRect { x, y, width: w, height: h } = expected;
    let (right, below) = (width - x - w, height - y - h);
    let turned = [
        (upright.rotate90(), PixelRect::new(below, x, h, w)),
        (upright.rotate180(), PixelRect::new(right, below, w, h)),
        (upright.rotate270(), PixelRect::new(y, right, h, w)),
    ];
    for (picture, expected) in turned {
        let picture = VISION.open(picture).unwrap();
        let (found,) = picture.perform((DetectFaces::new().any_orientation(true),)).unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let iou = found[0].rect.to_pixels().iou(expected);
        // Shrinking a turned picture rounds a little otherwise.
        assert!(iou > 0.97, "{iou}: {found:?}, not {expected:?}");
    }
}

#[test]
fn a_finer_search_finds_a_smaller_face() {
    let upright = image::open(portrait()).unwrap();
    let face = faces(upright.clone())[0].rect.to_pixels();
    let factor = 12.0 / face.area().sqrt();
    let side = |pixels: u32| (f64::from(pixels) * factor).round() as u32;
    let small =
        upright.resize_exact(side(upright.width()), side(upright.height()), image::imageops::FilterType::Triangle);
    let picture = VISION.open(small).unwrap();
    let request = DetectFaces::new().max_size(0.5);
    let (coarse, fine) = picture.perform((request.clone(), request.fine(true))).unwrap();
    assert_eq!((coarse.len(), fine.len()), (0, 1), "{coarse:?} {fine:?}");
}

#[test]
fn a_second_request_builds_nothing() {
    let vision = Vision::new().unwrap();
    let picture = vision.open(portrait()).unwrap();
    picture.perform((DetectFaces::new(),)).unwrap();
    let first = vision.counters();
    picture.perform((DetectFaces::new().threshold(0.9),)).unwrap();
    let second = vision.counters();
    assert!(first.builds >= 5, "{first:?}");
    assert_eq!(second.builds - first.builds, 0, "builds");
    assert!(second.hits - first.hits >= 1, "hits");
}

#[test]
fn requests_by_name_equal_typed_ones() {
    let picture = VISION.open(portrait()).unwrap();
    let (typed,) = picture.perform((DetectFaces::new().min_size(0.1).max_count(1),)).unwrap();
    let by_name = VISION.request("faces", &json!({"min_size": 0.1, "max_count": 1})).unwrap();
    let answers = picture.perform_any(&[by_name]);
    let answers = answers[0].as_ref().unwrap();
    assert_eq!(answers.downcast_ref::<DetectFaces>().unwrap(), typed);
    assert_eq!(answers.records()[0]["kind"], "face");
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let of = |threads| {
        let vision = Vision::builder().threads(threads).build().unwrap();
        vision.open(portrait()).unwrap().perform((DetectFaces::new().threshold(0.05),)).unwrap().0
    };
    let expected = of(1);
    assert_eq!(of(2), expected);
    assert_eq!(of(5), expected);
}

#[test]
fn a_region_equals_the_crop() {
    let picture = image::open(portrait()).unwrap().to_rgb8();
    let crop = image::imageops::crop_imm(&picture, 128, 32, 192, 224).to_image();
    let of_crop = faces(image::DynamicImage::from(crop));
    let region = Region::new(128.0 / 512.0, 32.0 / 512.0, 192.0 / 512.0, 224.0 / 512.0).unwrap();
    let (of_region,) = VISION.open(portrait()).unwrap().perform((DetectFaces::new().region(region),)).unwrap();
    assert!(!of_region.is_empty());
    assert_eq!(of_region.len(), of_crop.len());
    for (r, c) in of_region.iter().zip(&of_crop) {
        let (r, c) = (r.rect.to_pixels(), c.rect.to_pixels());
        let far = [r.x - 128.0 - c.x, r.y - 32.0 - c.y, r.width - c.width, r.height - c.height];
        assert!(far.iter().all(|d| d.abs() < 1e-6), "{r:?} {c:?}");
    }
}

#[test]
fn a_face_turned_by_exif_comes_back_upright() {
    let upright = image::open(portrait()).unwrap().to_rgb8();
    let expected = faces(image::DynamicImage::from(upright.clone()));
    // What a camera held on its side stores, and says so: the caller's override stands for the tag here.
    let stored = image::DynamicImage::from(image::imageops::rotate270(&upright));
    let turned = faces(Source::from(stored).oriented(Orientation::Rotate90));
    assert_eq!(turned, expected);
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Crash {
    panic: bool,
    #[serde(flatten)]
    options: RequestOptions,
}
impl_request!(Crash => FaceObservation, "crash");

struct Crashing;
impl Algorithm for Crashing {
    type Request = Crash;
    fn name(&self) -> &str {
        "crashing"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, _: &Crash, _: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new())
    }
    fn run(&self, request: &Crash, input: &Input<'_>) -> Result<Vec<FaceObservation>> {
        assert!(!request.panic, "as asked");
        input.views.get(&ViewSpec::native(ViewKind::Rgb8)).map(|_| Vec::new())
    }
}

#[test]
fn a_failed_request_fails_alone() {
    let vision = Vision::builder().register(Crashing).build().unwrap();
    let picture = vision.open(portrait()).unwrap();
    let asked = (Crash { panic: true, ..Crash::default() }, DetectFaces::new(), Crash::default());
    let (panicked, faces, undeclared) = picture.perform_each(asked);
    assert_eq!(faces.unwrap().len(), 1);
    insta::assert_snapshot!(
        "errors_of_broken_plugins",
        format!("{}\n{}", panicked.unwrap_err(), undeclared.unwrap_err())
    );
}

/// Needs the answers of another request: the plan adds it.
struct CountFaces;
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Count {
    #[serde(flatten)]
    options: RequestOptions,
}
impl_request!(Count => Number, "count");
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Number(usize, Arc<Provenance>);
impl Observation for Number {
    const KIND: &'static str = "number";
    fn confidence(&self) -> f32 {
        1.0
    }
    fn provenance(&self) -> &Arc<Provenance> {
        &self.1
    }
}
impl Algorithm for CountFaces {
    type Request = Count;
    fn name(&self) -> &str {
        "count-faces"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, _: &Count, _: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new())
    }
    fn requires(&self, _: &Count) -> Vec<AnyRequest> {
        vec![AnyRequest::new(DetectFaces::new())]
    }
    fn run(&self, _: &Count, input: &Input<'_>) -> Result<Vec<Number>> {
        let faces = input.observations::<DetectFaces>().expect("the plan ran it first");
        Ok(vec![Number(faces.len(), input.provenance.clone())])
    }
}

#[test]
fn the_plan_adds_the_producer_once() {
    let vision = Vision::builder().register(CountFaces).build().unwrap();
    let picture = vision.open(portrait()).unwrap();
    let plan = picture.explain((Count::default(), DetectFaces::new())).unwrap();
    let runs: Vec<_> = plan.runs.iter().map(|run| (run.request.as_str(), run.requires.clone())).collect();
    assert_eq!(runs, [("faces", vec![]), ("count", vec![0])]);
    let (count, faces) = picture.perform((Count::default(), DetectFaces::new())).unwrap();
    assert_eq!((count[0].0, faces.len()), (1, 1));
}

#[test]
fn cancel_deadline_and_progress_are_heard() {
    let picture = VISION.open(portrait()).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let late = DetectFaces::new().deadline(std::time::Duration::ZERO);
    let (cancelled, late) = picture.perform_each((DetectFaces::new().cancel(&cancel), late));
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    assert!(matches!(late, Err(Error::DeadlineExceeded)));

    let heard = Arc::new(Mutex::new(Vec::new()));
    let ear = heard.clone();
    picture.perform((DetectFaces::new().on_progress(move |f| ear.lock().unwrap().push(f)),)).unwrap();
    assert_eq!(heard.lock().unwrap().last(), Some(&1.0));
}

#[test]
fn two_detectors_in_one_batch_decode_once_and_share() {
    let vision = Vision::new().unwrap();
    let picture = vision.open(portrait()).unwrap();
    let legacy = DetectFaces::new().algorithm("viola-jones").min_size(0.1);
    let (deep, cascade) = picture.perform((DetectFaces::new(), legacy.clone())).unwrap();
    assert_eq!((deep.len(), deep[0].provenance.algorithm.as_str()), (1, "deep"));
    assert!(cascade.iter().any(|face| face.rect.iou(deep[0].rect) > 0.3), "{cascade:?}");
    let counters = vision.counters();
    assert_eq!(counters.decodes, 1, "{counters:?}");
    // Whoever comes later builds nothing.
    let again = picture.perform((legacy,)).unwrap().0;
    assert_eq!(again, cascade);
    assert_eq!(vision.counters().builds, counters.builds);
}

#[test]
fn two_detectors_in_one_batch_build_luma_and_pyramid_once() {
    let deep = DetectFaces::new();
    let cascade = DetectFaces::new().algorithm("viola-jones").min_size(0.1);
    // What one batch on a fresh cache builds, by kind of view.
    let built = |requests: &[&DetectFaces]| {
        let vision = Vision::new().unwrap();
        let requests: Vec<AnyRequest> = requests.iter().map(|r| AnyRequest::new((*r).clone())).collect();
        let answers = vision.open(portrait()).unwrap().perform_any(&requests);
        assert!(answers.iter().all(Result::is_ok));
        let counters = vision.counters();
        assert_eq!(counters.decodes, 1, "{counters:?}");
        move |kind: ViewKind| counters.kinds.get(kind.name()).map_or(0, |k| k.builds)
    };
    let (alone, legacy) = (built(&[&deep]), built(&[&cascade]));
    // Two requests to the cascade with other thresholds: three in one batch, on two pyramids.
    let strict = cascade.clone().threshold(0.9);
    let together = built(&[&deep, &cascade, &strict]);
    // The decoded picture serves both: each of the network's levels once, and nothing more for the cascade.
    assert_eq!(together(ViewKind::Rgb8), alone(ViewKind::Rgb8));
    // Luma, its pyramid and their integral images are built as for one request, however many ask.
    for kind in [ViewKind::Luma8, ViewKind::Integral, ViewKind::IntegralSquares] {
        assert_eq!(together(kind), legacy(kind), "{}", kind.name());
        assert_eq!(alone(kind), 0, "{}", kind.name());
    }
    // One luma a level, and the native one that all levels are sampled from.
    assert_eq!(together(ViewKind::Luma8), together(ViewKind::Integral) + 1);
    assert_eq!(together(ViewKind::Integral), together(ViewKind::IntegralSquares));
    assert!(together(ViewKind::Integral) > 5, "a pyramid has levels");
}

/// The trainer and the parity test make levels without the framework (`face_viola_jones::level`): they must be what the
/// views hold.
#[test]
fn the_cascade_sees_the_levels_that_it_was_trained_on() {
    let gray = image::open(portrait()).unwrap().to_luma8();
    let size = Size::new(gray.width(), gray.height());
    let detector = ViolaJones::new().unwrap().min_neighbors(0);
    let cascade = detector.cascade().clone();
    let mut windows: Vec<[i32; 3]> = Vec::new();
    for level in ladder(size, cascade.window(), &LadderOptions::default()).unwrap() {
        let (sums, squares) = integrals(&sample(gray.as_raw(), size, level.size), level.size);
        let found = scan_level(&cascade, &level, &sums, &squares, Isa::best(), &|| true).unwrap();
        windows.extend(found.iter().map(|c| [c.x, c.y, c.width]));
    }
    let vision = Vision::builder().replace(detector).build().unwrap();
    let request = DetectFaces::new().algorithm("viola-jones").min_size(0.001).threshold(0.0);
    let (seen,) = vision.open(image::DynamicImage::from(gray)).unwrap().perform((request,)).unwrap();
    let [x, y, width, _] = cascade.info().object.map(f64::from);
    let mut views: Vec<[i32; 3]> = seen
        .iter()
        .map(|face| {
            let rect = face.rect.to_pixels();
            let side = rect.width / width;
            [rect.x - x * side, rect.y - y * side, side].map(|v| v.round() as i32)
        })
        .collect();
    // Boxes are cut at the border: those that reach it are not compared.
    for all in [&mut views, &mut windows] {
        all.retain(|[x, y, side]| x.max(y) + side < 508);
    }
    views.sort_unstable();
    windows.sort_unstable();
    assert!(windows.len() > 10, "{windows:?}");
    assert_eq!(views, windows);
}

#[test]
fn a_miss_is_explained_by_its_step() {
    let picture = VISION.open(portrait()).unwrap();
    let step = |request: DetectFaces, place: PixelRect| {
        let report = picture.explain_miss(request, place).unwrap().expect("the deep detector can say");
        serde_json::to_value(&report.verdict).unwrap()["step"].as_str().unwrap().to_owned()
    };
    let face = faces(portrait())[0].rect.to_pixels();
    let rocket = PixelRect::new(400.0, 60.0, 60.0, 70.0);
    assert_eq!(step(DetectFaces::new(), face), "found");
    assert_eq!(step(DetectFaces::new().threshold(0.999), face), "threshold");
    assert_eq!(step(DetectFaces::new().max_count(0), face), "count");
    assert_eq!(step(DetectFaces::new().min_size(0.5), face), "size_range");
    assert_eq!(step(DetectFaces::new().region(Region::new(0.0, 0.6, 0.3, 0.3).unwrap()), face), "region");
    assert_ne!(step(DetectFaces::new(), rocket), "found");
    let cascade = || DetectFaces::new().algorithm("viola-jones").min_size(0.1);
    assert_eq!(step(cascade(), face), "found");
    assert_eq!(step(cascade(), rocket), "stage");
    assert_eq!(step(cascade().max_count(0), face), "count");
}

#[test]
fn a_batch_streams_in_order_and_survives_bad_files() {
    let sources = [portrait(), "missing.jpg".into(), portrait()];
    let outcomes = VISION.batch(sources).perform((DetectFaces::new(),));
    let seen: Vec<_> = outcomes.map(|o| o.map(|(_, (faces,))| faces.unwrap().len()).map_err(|f| f.name)).collect();
    assert_eq!(seen, [Ok(1), Err("missing.jpg".into()), Ok(1)]);
}

/// A line of a plan without what a run costs.
fn cut(line: &str) -> String {
    let before_cost = line.split_once(" million").and_then(|(views, _)| views.rsplit_once(", "));
    before_cost.map_or(line, |(views, _)| views).to_owned()
}

#[test]
fn the_plan_is_text_that_a_person_can_read() {
    let picture = VISION.open(image::DynamicImage::from(gradient(1600, 1200))).unwrap();
    let plan = picture.explain((DetectFaces::new(), DetectFaces::new().min_size(0.1))).unwrap();
    // What the runs take depends on the machine: `explain.rs` has more.
    let intake: String = plan.to_string().lines().filter(|l| !l.starts_with("Memory")).map(|l| cut(l) + "\n").collect();
    insta::assert_snapshot!("explain_faces_1600x1200", intake);
    let json: Value = serde_json::to_value(&plan).unwrap();
    assert_eq!(json["runs"].as_array().unwrap().len(), 2);
}
