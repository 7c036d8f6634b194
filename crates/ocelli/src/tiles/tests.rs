use super::*;
use crate::Vision;
use crate::graph::Graph;
use image::imageops::{FilterType, overlay, resize};
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use ocelli_core::{AnyRequest, DetectFaces, FaceObservation, Orientation, Provenance, ViewKind};
use ocelli_image::Source;
use proptest::prelude::*;
use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

#[test]
fn cores_cover_a_view_once_and_halos_reach_around_them() {
    let image = Size::new(1600, 400);
    let view = ViewSpec::scaled(ViewKind::Rgb8, 1000);
    let tiling = Tiling { halo: 20, alignment: 16 };
    for (along_x, rows) in [(false, 1), (false, 48), (false, 999), (true, 100)] {
        let bands = bands_of(3, view, image, tiling, rows, along_x);
        let place = |r: PixelRegion| if along_x { (r.x, r.x + r.width) } else { (r.y, r.y + r.height) };
        let length = if along_x { 1000 } else { 250 };
        let mut at = 0;
        for tile in &bands {
            let (core, seen) = (place(tile.core), place(tile.part(image)));
            assert_eq!(core.0, at);
            assert!(seen.0 % 16 == 0 && seen.0 <= core.0.saturating_sub(20) && seen.1 >= (core.1 + 20).min(length));
            at = core.1;
        }
        assert_eq!(at, length, "{rows} along x: {along_x}");
    }
}

/// A picture of `size` with the portrait's face on it at many places and sizes, as a PNG.
fn crowd(size: Size) -> Vec<u8> {
    let portrait = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/astronaut.png");
    let portrait = image::open(portrait).unwrap().to_rgb8();
    let shade = |x: u32, y: u32| (110 + (x / 9 + y / 7) % 50) as u8;
    let mut canvas = RgbImage::from_fn(size.width, size.height, |x, y| Rgb([shade(x, y), shade(y, x), 140]));
    let sides = [90, 150, 220, 120, 300];
    let (mut x, mut y, mut row) = (3, 5, 0);
    for side in sides.into_iter().cycle().take(60) {
        let side = side.min(size.width.min(size.height) - 10);
        if x + side > size.width {
            (x, y, row) = (11, y + row + 7, 0);
        }
        if y + side > size.height {
            break;
        }
        overlay(&mut canvas, &resize(&portrait, side, side, FilterType::Triangle), x.into(), y.into());
        (x, row) = (x + side + 13, row.max(side));
    }
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(canvas).write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

static VISION: LazyLock<Vision> = LazyLock::new(|| Vision::builder().threads(2).build().unwrap());

/// The faces of a picture, its largest views cut into bands of about `rows`, or whole.
fn faces(source: Source, min_size: f32, cut: Option<(usize, u32)>) -> Vec<FaceObservation> {
    let handler = VISION.open(source).unwrap();
    let (picture, info) = (handler.picture(), handler.info());
    let request = AnyRequest::new(DetectFaces::new().min_size(min_size));
    let graph = Graph::new(VISION.registry(), std::slice::from_ref(&request), info);
    let node = &graph.nodes[0];
    let control = Control::default();
    let provenance = Arc::new(Provenance::new("deep", 1));
    let views = Views::default();
    let input = Input { image: info, views: &views, control: &control, provenance: &provenance, required: &[] };
    let answers = VISION.pool().install(|| match cut {
        Some((n_views, rows)) => {
            let tiling = node.algorithm.tiling(&request).unwrap();
            let largest: Vec<usize> = (0..n_views).collect();
            let cut = Cut::new(&node.needs.views, &largest, picture, tiling, rows).unwrap();
            let scan = Scan { picture, cache: VISION.cache(), node, control: &control, union: &[] };
            scan.run(&cut, &input).unwrap()
        }
        None => {
            let views = picture.views(&node.needs.views, &node.needs.views, VISION.cache(), &control).unwrap();
            node.algorithm.run(&request, &Input { views: &views, ..input }).unwrap()
        }
    });
    answers.downcast_ref::<DetectFaces>().unwrap().to_vec()
}

/// The same faces, boxes within half a pixel.
fn assert_same(whole: &[FaceObservation], tiled: &[FaceObservation], what: &str) {
    assert_eq!(whole.len(), tiled.len(), "{what}");
    for face in whole {
        let place = face.rect.to_pixels();
        let near = |other: &&FaceObservation| {
            let p = other.rect.to_pixels();
            let off = [p.x - place.x, p.y - place.y, p.width - place.width, p.height - place.height];
            off.iter().all(|d| d.abs() < 0.5) && (other.confidence - face.confidence).abs() < 0.02
        };
        assert!(tiled.iter().any(|other| near(&other)), "{what}: {place:?} is not among the tiles' faces");
    }
}

static CROWD: LazyLock<(Vec<u8>, Vec<FaceObservation>)> = LazyLock::new(|| {
    let bytes = crowd(Size::new(1700, 1300));
    let whole = faces(Source::bytes("crowd", bytes.clone()), 0.02, None);
    (bytes, whole)
});

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn tiles_of_any_size_find_what_the_whole_picture_shows(rows in 16u32..900, n_views in 1usize..4) {
        let (bytes, whole) = &*CROWD;
        prop_assert!(whole.len() >= 8, "{} faces", whole.len());
        let tiled = faces(Source::bytes("crowd", bytes.clone()), 0.02, Some((n_views, rows)));
        assert_same(whole, &tiled, &format!("{n_views} views by {rows} rows"));
    }
}

#[test]
fn pictures_that_are_stored_turned_are_cut_along_their_rows() {
    let bytes = &CROWD.0;
    for orientation in [Orientation::Rotate90, Orientation::Rotate180, Orientation::Transverse] {
        let source = || Source::bytes("crowd", bytes.clone()).oriented(orientation);
        let whole = faces(source(), 0.02, None);
        assert_same(&whole, &faces(source(), 0.02, Some((1, 320))), &format!("{orientation:?}"));
    }
}

#[test]
fn panoramas_are_cut_too() {
    for size in [Size::new(6000, 400), Size::new(300, 6000)] {
        let bytes = crowd(size);
        let whole = faces(Source::bytes("panorama", bytes.clone()), 0.01, None);
        assert!(whole.len() >= 3, "{} faces on {size}", whole.len());
        let tiled = faces(Source::bytes("panorama", bytes), 0.01, Some((2, 160)));
        assert_same(&whole, &tiled, &size.to_string());
    }
}

#[test]
fn pixels_in_memory_are_cut_as_files_are() {
    let picture = image::load_from_memory(&CROWD.0).unwrap();
    let whole = faces(Source::image(picture.clone()), 0.02, None);
    assert_same(&whole, &faces(Source::image(picture), 0.02, Some((1, 256))), "pixels");
}
