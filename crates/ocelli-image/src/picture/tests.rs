use super::*;
use image::{DynamicImage, ImageFormat, Rgb};
use ocelli_core::{Cancel, PixelRegion, ViewScale};
use std::io::Cursor;

fn photo(width: u32, height: u32) -> RgbImage {
    let wave =
        |x: u32, y: u32, f: f64| ((f64::from(x) * f).sin() * (f64::from(y) * f * 0.7).cos() * 100.0 + 128.0) as u8;
    RgbImage::from_fn(width, height, |x, y| Rgb([wave(x, y, 0.05), wave(x, y, 0.11), wave(y, x, 0.08)]))
}

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture.clone()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn open(source: impl Into<Source>) -> Result<Picture> {
    Picture::open(source, &Limits::default())
}

fn views(picture: &Picture, specs: &[ViewSpec], cache: &ViewCache) -> Views {
    picture.views(specs, specs, cache, &Control::default()).unwrap()
}

#[test]
fn lossless_formats_keep_every_pixel() {
    let picture = photo(37, 21);
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::Tiff, ImageFormat::Pnm, ImageFormat::WebP] {
        let opened = open(encoded(&picture, format)).unwrap();
        assert_eq!(opened.info().size, Size::new(37, 21), "{format:?}");
        assert_eq!(opened.to_rgb().unwrap(), picture, "{format:?}");
    }
    let gif = open(encoded(&picture, ImageFormat::Gif)).unwrap();
    assert_eq!(gif.to_rgb().unwrap().dimensions(), (37, 21));
}

#[test]
fn levels_are_built_once_and_shared() {
    let picture = open(photo(1300, 700)).unwrap();
    let cache = ViewCache::new(64 << 20);
    let specs: Vec<_> = [640, 320, 160].map(|l| ViewSpec::scaled(ViewKind::Rgb8, l)).into();
    let first = views(&picture, &specs, &cache);
    assert_eq!(first.len(), 3);
    assert_eq!(first.get(&specs[1]).unwrap().size(), Size::new(320, 172));
    let before = cache.counters();
    assert_eq!((before.builds, before.decodes), (3, 0));
    views(&picture, &specs, &cache);
    let after = cache.counters();
    assert_eq!((after.builds - before.builds, after.hits - before.hits), (0, 3));
}

#[test]
fn views_leave_with_their_picture() {
    let cache = ViewCache::new(64 << 20);
    let picture = open(encoded(&photo(200, 100), ImageFormat::Png)).unwrap();
    views(&picture.clone(), &[ViewSpec::scaled(ViewKind::Integral, 50)], &cache);
    assert_eq!(cache.counters().decodes, 1);
    assert!(cache.counters().bytes > 0);
    drop(picture);
    assert_eq!((cache.counters().bytes, cache.counters().entries), (0, 0));
}

#[test]
fn siblings_and_cache_size_do_not_change_pixels() {
    let file = encoded(&photo(1500, 1100), ImageFormat::Jpeg);
    let all: Vec<_> = [
        ViewSpec::native(ViewKind::Rgb8),
        ViewSpec::scaled(ViewKind::Rgb8, 640),
        ViewSpec::scaled(ViewKind::Luma8, 320),
        ViewSpec::scaled(ViewKind::Luma8, 777),
        ViewSpec { kind: ViewKind::Luma8, scale: ViewScale::Sampled(Size::new(300, 220)), region: None },
        ViewSpec::scaled(ViewKind::Rgb8, 400)
            .in_region(Some(PixelRegion { x: 9, y: 17, width: 1000, height: 900 }), Size::new(1500, 1100)),
    ]
    .into();
    let (large, none) = (ViewCache::new(1 << 30), ViewCache::new(0));
    let together = views(&open(file.clone()).unwrap(), &all, &large);
    for spec in &all {
        let alone = views(&open(file.clone()).unwrap(), &[*spec], &none);
        assert_eq!(alone.get(spec).unwrap().data(), together.get(spec).unwrap().data(), "{spec:?}");
    }
}

#[test]
fn many_threads_build_each_view_once() {
    let picture = open(encoded(&photo(900, 700), ImageFormat::Jpeg)).unwrap();
    let cache = ViewCache::new(64 << 20);
    let specs: Vec<_> = [640, 320, 160, 80].map(|l| ViewSpec::scaled(ViewKind::Integral, l)).into();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| views(&picture, &specs, &cache));
        }
    });
    let plan = picture.plan(&specs).unwrap();
    assert_eq!(cache.counters().builds, plan.views.len() as u64);
    assert_eq!(cache.counters().decodes, 1);
}

#[test]
fn a_level_as_large_as_the_picture_is_the_picture() {
    let picture = open(photo(300, 200)).unwrap();
    let cache = ViewCache::new(64 << 20);
    let (level, native) = (ViewSpec::scaled(ViewKind::Rgb8, 300), ViewSpec::native(ViewKind::Rgb8));
    let both = views(&picture, &[level, native], &cache);
    assert!(std::ptr::eq(both.get(&level).unwrap().data(), both.get(&native).unwrap().data()));
    assert_eq!(both.get(&native).unwrap().as_u8(), photo(300, 200).as_raw());
}

#[test]
fn a_region_is_cut_from_the_picture() {
    let picture = open(photo(50, 40)).unwrap();
    let part = PixelRegion { x: 3, y: 5, width: 20, height: 10 };
    let spec = ViewSpec::native(ViewKind::Rgb8).in_region(Some(part), Size::new(50, 40));
    let cut = views(&picture, &[spec], &ViewCache::new(0));
    let expected = image::imageops::crop_imm(&photo(50, 40), 3, 5, 20, 10).to_image();
    assert_eq!(cut.get(&spec).unwrap().as_u8(), expected.as_raw());
}

#[test]
fn a_callers_orientation_turns_pixels() {
    let picture = open(Source::from(photo(50, 40)).oriented(Orientation::Rotate90)).unwrap();
    assert_eq!(picture.info().size, Size::new(40, 50));
    assert_eq!(picture.to_rgb().unwrap(), image::imageops::rotate90(&photo(50, 40)));
}

#[test]
fn a_cancelled_request_builds_nothing() {
    let picture = open(encoded(&photo(50, 40), ImageFormat::Png)).unwrap();
    let cancel = Cancel::new();
    cancel.cancel();
    let control = Control::start(Some(cancel), None, None);
    let cache = ViewCache::new(1 << 20);
    let spec = ViewSpec::native(ViewKind::Rgb8);
    assert!(matches!(picture.views(&[spec], &[], &cache, &control), Err(Error::Cancelled)));
    assert_eq!(cache.counters().decodes, 0);
    views(&picture, &[spec], &cache);
}

/// A JPEG with an orientation in its EXIF data.
fn with_exif(jpeg: &[u8], orientation: Orientation) -> Vec<u8> {
    let mut bytes = jpeg[..2].to_vec();
    bytes.extend(b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0");
    bytes.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0]);
    bytes.extend(&jpeg[2..]);
    bytes
}

/// A JPEG whose header declares other sides than it has: enough for plans, which read no further.
fn declaring(mut jpeg: Vec<u8>, size: Size) -> Vec<u8> {
    let frame = jpeg.windows(2).position(|m| m == [0xff, 0xc0]).expect("a baseline frame header");
    jpeg[frame + 5..frame + 7].copy_from_slice(&(size.height as u16).to_be_bytes());
    jpeg[frame + 7..frame + 9].copy_from_slice(&(size.width as u16).to_be_bytes());
    jpeg
}

fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

#[test]
fn a_shrunk_decode_looks_like_the_whole_one_shrunk_in_every_orientation() {
    let file = encoded(&photo(3200, 700), ImageFormat::Jpeg);
    let spec = ViewSpec::scaled(ViewKind::Rgb8, 520);
    let upright = open(file.clone()).unwrap();
    assert!(upright.plan(&[spec]).unwrap().decodes[0].method.contains("1/4 by DCT"));
    let level = views(&upright, &[spec], &ViewCache::new(0)).get(&spec).unwrap().as_u8().to_vec();
    let whole = open(upright.to_rgb().unwrap()).unwrap();
    let expected = views(&whole, &[spec], &ViewCache::new(0)).get(&spec).unwrap().as_u8().to_vec();
    let difference = mean_difference(&level, &expected);
    assert!(difference < 2.0, "{difference}");
    for orientation in Orientation::ALL {
        let turned = open(with_exif(&file, orientation)).unwrap();
        assert_eq!(turned.info().orientation, orientation);
        assert_eq!(turned.info().size, orientation.upright_size(Size::new(3200, 700)));
        let got = views(&turned, &[spec], &ViewCache::new(0));
        let expected = Raster::new(spec.size(Size::new(3200, 700)), level.clone()).upright(orientation);
        assert_eq!(got.get(&spec).unwrap().as_u8(), expected.rgb, "{orientation:?}");
    }
}

#[test]
fn rows_of_a_large_png_give_the_level_of_the_whole() {
    let picture = photo(1500, 1450);
    for format in [ImageFormat::Png, ImageFormat::Tiff] {
        let opened = open(encoded(&picture, format)).unwrap();
        let image = opened.info().size;
        let part = PixelRegion { x: 200, y: 300, width: 1000, height: 700 };
        let specs = [
            ViewSpec::scaled(ViewKind::Rgb8, 300),
            ViewSpec::scaled(ViewKind::Rgb8, 600).in_region(Some(part), image),
            ViewSpec::native(ViewKind::Rgb8).in_region(Some(part), image),
        ];
        let cache = ViewCache::new(1 << 30);
        let streamed = views(&opened, &specs, &cache);
        assert_eq!(cache.counters().decodes, 1, "one pass serves all three");
        let whole = open(picture.clone()).unwrap();
        let expected = views(&whole, &specs, &ViewCache::new(1 << 30));
        for spec in &specs[..2] {
            let (a, b) = (streamed.get(spec).unwrap().as_u8(), expected.get(spec).unwrap().as_u8());
            // The level of a part in memory is made from the part alone, so its very edge has no neighbours.
            assert!(mean_difference(a, b) < 0.5, "{format:?} {spec:?}: {}", mean_difference(a, b));
        }
        assert_eq!(streamed.get(&specs[2]).unwrap().as_u8(), expected.get(&specs[2]).unwrap().as_u8());
    }
}

#[test]
fn plans_say_what_will_be_done() {
    let small = encoded(&photo(64, 64), ImageFormat::Jpeg);
    let plan = |size: Size, specs: &[ViewSpec]| {
        let picture = open(declaring(small.clone(), size)).unwrap();
        let plan = picture.plan(specs).unwrap();
        assert_eq!(plan, picture.plan(specs).unwrap());
        serde_json::to_value(&plan).unwrap();
        plan.to_string()
    };
    let levels = [640, 320, 160].map(|l| ViewSpec::scaled(ViewKind::Rgb8, l));
    let text = plan(Size::new(4000, 3000), &levels);
    assert!(text.starts_with("Decode   1/4 by DCT at 1000×750 for 1 view, at most"), "{text}");
    assert!(text.contains("View     rgb8 320 (320×240) from rgb8 640, 225.0 KiB\n"), "{text}");
    let text = plan(Size::new(16_000, 4000), &levels[..1]);
    assert!(text.starts_with("Decode   1/8 by DCT at 2000×500 for 1 view, at most"), "{text}");
    let text = plan(Size::new(800, 600), &[ViewSpec::scaled(ViewKind::Luma8, 640)]);
    assert!(text.starts_with("Decode   whole at 800×600 for 1 view"), "{text}");
    assert!(text.contains("rgb8 640 (640×480) from rgb8 native, 900.0 KiB, for others"), "{text}");
    assert!(text.contains("luma8 640 (640×480) from rgb8 640, 300.0 KiB\n"), "{text}");
}

#[test]
fn a_budget_that_does_not_suffice_is_refused_before_decoding() {
    let file = declaring(encoded(&photo(64, 64), ImageFormat::Jpeg), Size::new(16_000, 4000));
    let mut limits = Limits::default();
    limits.max_decode_bytes = 64 << 20;
    let picture = Picture::open(file, &limits).unwrap();
    assert!(picture.plan(&[ViewSpec::scaled(ViewKind::Rgb8, 640)]).is_ok());
    let large = picture.plan(&[ViewSpec::scaled(ViewKind::Rgb8, 8000)]).unwrap_err();
    assert!(matches!(large, Error::Limits { limit: 67_108_864, .. }), "{large}");
}

#[test]
fn a_frame_can_be_chosen() {
    let mut bytes = Vec::new();
    {
        let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
        for shade in [0, 128, 255] {
            let picture = image::RgbaImage::from_pixel(4, 3, image::Rgba([shade, shade, shade, 255]));
            encoder.encode_frame(image::Frame::new(picture)).unwrap();
        }
    }
    let shade = |frame| {
        let picture = open(Source::bytes("film", bytes.clone()).frame(frame))?;
        assert_eq!(picture.info().size, Size::new(4, 3));
        picture.to_rgb().map(|rgb| rgb.get_pixel(1, 1).0[0])
    };
    for (frame, expected) in [(0, 0u8), (1, 128), (2, 255)] {
        assert!(shade(frame).unwrap().abs_diff(expected) < 3, "frame {frame}");
    }
    assert!(matches!(shade(3), Err(Error::Parameter { .. })));
    assert!(matches!(shade(u32::MAX), Err(Error::Limits { .. })));
    let still = Source::bytes("still", encoded(&photo(4, 3), ImageFormat::Jpeg)).frame(1);
    assert!(matches!(open(still), Err(Error::Parameter { .. })));
}

mod refusals {
    use super::*;

    fn message(source: impl Into<Source>) -> String {
        open(source).unwrap_err().to_string()
    }

    #[test]
    fn each_names_the_input_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let missing = message(folder.path().join("gone.jpg"));
        assert!(missing.contains("gone.jpg") && missing.contains("check the path"), "{missing}");
        let directory = message(folder.path());
        assert!(directory.contains("is a folder"), "{directory}");
        let text = folder.path().join("notes.jpg");
        std::fs::write(&text, "Dear diary, today I was not a picture.\n").unwrap();
        let text = message(text);
        assert!(text.contains("notes.jpg") && text.contains("is text") && text.contains("JPEG, PNG"), "{text}");
        assert!(message(Vec::new()).contains("empty"));
        assert!(message(vec![0u8; 40]).contains("00 00 00 00"));
    }

    #[test]
    fn content_decides_and_not_the_extension() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("really-a-png.jpg");
        std::fs::write(&path, encoded(&photo(9, 9), ImageFormat::Png)).unwrap();
        assert_eq!(open(path).unwrap().info().format, "PNG");
    }

    /// A file of about 100 bytes that declares 65,535 × 65,535 pixels.
    fn bomb() -> Vec<u8> {
        let mut bytes = b"P6\n65535 65535\n255\n".to_vec();
        bytes.resize(100, 7);
        bytes
    }

    #[test]
    fn declared_sizes_meet_the_limits_before_anything_is_allocated() {
        let error = open(bomb()).unwrap_err();
        assert!(matches!(error, Error::Limits { value: 4_294_836_225, .. }), "{error}");
        let mut limits = Limits::default();
        limits.max_side = 100;
        let error = Picture::open(photo(101, 2), &limits).unwrap_err();
        assert!(matches!(error, Error::Limits { value: 101, limit: 100, .. }), "{error}");
        limits.max_file_bytes = 10;
        let reader = Source::reader("endless", std::io::repeat(1));
        let error = Picture::open(reader, &limits).unwrap_err().to_string();
        assert!(error.contains("endless") && error.contains("max_file_bytes"), "{error}");
    }

    #[test]
    fn a_promise_of_pixels_that_never_come_is_an_error() {
        let mut limits = Limits::default();
        limits.max_pixels = u64::MAX;
        let picture = Picture::open(bomb(), &limits);
        let spec = ViewSpec::native(ViewKind::Rgb8);
        let outcome = picture.and_then(|p| p.views(&[spec], &[], &ViewCache::new(0), &Control::default()).map(|_| ()));
        assert!(matches!(outcome, Err(Error::Limits { .. })), "{outcome:?}");
    }

    #[test]
    fn the_smallest_pictures_work_and_empty_ones_do_not() {
        let cache = ViewCache::new(1 << 20);
        for format in [ImageFormat::Png, ImageFormat::Jpeg, ImageFormat::WebP, ImageFormat::Gif, ImageFormat::Tiff] {
            let one = open(encoded(&photo(1, 1), format)).unwrap();
            let specs = [1, 7].map(|l| ViewSpec::scaled(ViewKind::IntegralSquares, l));
            assert_eq!(views(&one, &specs, &cache).len(), 2, "{format:?}");
        }
        let empty = open(b"P6\n0 5\n255\n".to_vec()).unwrap_err();
        assert!(matches!(empty, Error::Decoding { .. }), "{empty}");
        assert!(open(RgbImage::new(0, 3)).is_err());
    }
}
