use super::*;
use crate::cascade::{CascadeParts, Feature, Stage, Tree, WeightedRect};
use crate::level::{integrals, sample};
use ocelli_core::{Cancel, Control, Orientation, Provenance, Region, RequestExt, View, ViewData, Views};
use std::sync::Arc;

/// Accepts a bright square on dark ground.
fn bright_square() -> Cascade {
    let rect = |x, y, width, height, weight| WeightedRect { x, y, width, height, weight };
    let features = vec![
        Feature { rects: vec![rect(0, 0, 12, 12, -1.0), rect(4, 4, 4, 4, 9.0)], tilted: false },
        Feature { rects: vec![rect(0, 0, 12, 12, -1.0), rect(0, 4, 12, 4, 3.0)], tilted: false },
    ];
    let stage = |feature, threshold| Stage {
        threshold: 0.5,
        cumulative: false,
        trees: vec![Tree::stump(feature, threshold, -1.0, 1.0)],
    };
    let stages = vec![stage(0, 2.0), stage(1, 0.2)];
    Cascade::new(CascadeParts { window: Size::new(12, 12), info: CascadeInfo::default(), features, stages }).unwrap()
}

fn picture(size: Size, (x, y, side): (u32, u32, u32)) -> Vec<u8> {
    let lit = |u: u32, v: u32| (x..x + side).contains(&u) && (y..y + side).contains(&v);
    (0..size.height).flat_map(|v| (0..size.width).map(move |u| if lit(u, v) { 220 } else { 30 })).collect()
}

/// What the framework does: builds the declared views and runs.
fn detect(
    detector: &ViolaJones,
    request: &DetectFaces,
    luma: &[u8],
    size: Size,
    control: &Control,
) -> Result<Vec<FaceObservation>> {
    let image = ImageInfo::new("test", size, Orientation::Upright, "pixels");
    let needs = detector.needs(request, &image)?;
    let build = |spec: &ViewSpec| {
        let part = spec.region_of(size);
        let row = |y: u32| &luma[((part.y + y) * size.width + part.x) as usize..][..part.width as usize];
        let pixels: Vec<u8> = (0..part.height).flat_map(|y| row(y).iter().copied()).collect();
        let level = spec.size(size);
        let (sums, squares) = integrals(&sample(&pixels, part.size(), level), level);
        let data = if spec.kind == ViewKind::Integral { ViewData::U32(sums) } else { ViewData::U64(squares) };
        Arc::new(View::new(*spec, size, data))
    };
    let views: Views = needs.views.iter().map(build).collect();
    let provenance = Arc::new(Provenance::new(NAME, 1));
    detector.run(request, &Input { image: &image, views: &views, control, provenance: &provenance, required: &[] })
}

#[test]
fn a_bright_square_is_found_where_it_is() {
    let detector = ViolaJones::with_cascade(bright_square()).unwrap();
    let size = Size::new(120, 90);
    let luma = picture(size, (50, 30, 10));
    let faces = detect(&detector, &DetectFaces::new().min_size(0.05), &luma, size, &Control::default()).unwrap();
    assert_eq!(faces.len(), 1, "{faces:?}");
    let found = faces[0].rect.to_pixels();
    let truth = PixelRect::new(40.0, 20.0, 30.0, 30.0);
    assert!(found.iou(truth) > 0.5, "{found:?}");
    assert!(faces[0].confidence > 0.0 && faces[0].confidence < 1.0);
    // The same in a region, with coordinates of the whole picture.
    let request = DetectFaces::new().min_size(0.05).region(Region::new(0.25, 0.1, 0.5, 0.8).unwrap());
    let faces = detect(&detector, &request, &luma, size, &Control::default()).unwrap();
    assert!(faces[0].rect.to_pixels().iou(truth) > 0.5, "{faces:?}");
    // Sizes that exclude it.
    let request = DetectFaces::new().min_size(0.5);
    assert!(detect(&detector, &request, &luma, size, &Control::default()).unwrap().is_empty());
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let detector = ViolaJones::with_cascade(bright_square()).unwrap().min_neighbors(0);
    let size = Size::new(200, 150);
    let luma = picture(size, (70, 60, 16));
    let request = DetectFaces::new().min_size(0.05);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| detect(&detector, &request, &luma, size, &Control::default()).unwrap())
    };
    let one = with(1);
    assert!(!one.is_empty());
    assert_eq!(one, with(4));
}

#[test]
fn small_and_flat_pictures_have_no_faces() {
    let detector = ViolaJones::with_cascade(bright_square()).unwrap();
    for size in [Size::new(5, 5), Size::new(1, 300), Size::new(64, 64)] {
        let luma = vec![128; size.pixels() as usize];
        assert!(detect(&detector, &DetectFaces::new(), &luma, size, &Control::default()).unwrap().is_empty());
    }
}

#[test]
fn a_cancelled_request_ends() {
    let detector = ViolaJones::with_cascade(bright_square()).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let size = Size::new(64, 64);
    let control = Control::start(Some(cancel), None, None);
    let result = detect(&detector, &DetectFaces::new(), &picture(size, (20, 20, 8)), size, &control);
    assert!(matches!(result, Err(Error::Cancelled)), "{result:?}");
}

#[test]
fn what_cannot_be_served_is_refused_by_name() {
    let mut parts = bright_square().into_parts();
    parts.features[0] =
        Feature { rects: vec![WeightedRect { x: 5, y: 0, width: 4, height: 4, weight: 1.0 }], tilted: true };
    let refused = ViolaJones::with_cascade(Cascade::new(parts).unwrap()).unwrap_err();
    assert!(matches!(&refused, Error::Unsupported { what, .. } if what.contains("tilted")), "{refused}");
    let detector = ViolaJones::with_cascade(bright_square()).unwrap();
    assert!(detector.clone().scale_factor(1.0).is_err());
    assert!(detector.clone().scale_factor(f64::NAN).is_err());
    let image = ImageInfo::new("large", Size::new(16_000, 16_000), Orientation::Upright, "pixels");
    let refused = detector.needs(&DetectFaces::new().min_size(0.001), &image).unwrap_err();
    assert!(matches!(refused, Error::Limits { .. }), "{refused}");
}

#[test]
fn the_built_in_cascade_loads() {
    let detector = ViolaJones::new().unwrap();
    assert_eq!(detector.cascade().window(), Size::new(24, 24));
    assert!(detector.cascade().stages().len() >= 10);
}
