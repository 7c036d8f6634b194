//! The budget is a promise: what a plan says is never passed, and what does not fit is refused before decoding.
//!
//! One test in a binary of its own, because the allocator counts for the whole process.

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, ExtendedColorType, ImageFormat, Rgb, RgbImage};
use ocelli_core::{Control, Error, Limits, ViewKind, ViewSpec};
use ocelli_image::{Picture, Source, ViewCache};
use peak_alloc::PeakAlloc;
use std::io::Cursor;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Just above the size from which smaller views come straight from the file.
const SIDES: (u32, u32) = (3200, 700);

fn encoded(format: ImageFormat) -> Vec<u8> {
    let picture =
        RgbImage::from_fn(SIDES.0, SIDES.1, |x, y| Rgb([(x / 7) as u8, (y / 6) as u8, ((x / 50) * (y / 50)) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    if format == ImageFormat::Gif {
        // The ordinary encoder takes most of a minute to choose the palette.
        let mut encoder = GifEncoder::new_with_speed(&mut bytes, 30);
        for _ in 0..2 {
            encoder.encode(&picture, SIDES.0, SIDES.1, ExtendedColorType::Rgb8).unwrap();
        }
        drop(encoder);
        return bytes.into_inner();
    }
    DynamicImage::from(picture).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Colours as floats; alpha where the format has it, so that its undoing is measured too.
#[cfg(any(feature = "hdr", feature = "exr"))]
fn floats(format: ImageFormat) -> Vec<u8> {
    let picture = DynamicImage::from(image::Rgba32FImage::from_fn(SIDES.0, SIDES.1, |x, y| {
        image::Rgba([x as f32 / 3200.0, y as f32 / 700.0, 0.3, 0.5])
    }));
    let picture = if format == ImageFormat::Hdr { picture.to_rgb32f().into() } else { picture };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A file of which the frame after the first is read.
const SECOND_FRAME: &str = "Gif, second frame";

/// One file of every format that this build reads.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = [
        ImageFormat::Jpeg,
        ImageFormat::Png,
        ImageFormat::Tiff,
        ImageFormat::Bmp,
        ImageFormat::Pnm,
        ImageFormat::WebP,
        ImageFormat::Gif,
        #[cfg(feature = "qoi")]
        ImageFormat::Qoi,
        #[cfg(feature = "tga")]
        ImageFormat::Tga,
    ]
    .map(|format| (format!("{format:?}"), encoded(format)))
    .into();
    files.push((SECOND_FRAME.into(), encoded(ImageFormat::Gif)));
    files.push(("Progressive".into(), include_bytes!("fixtures/progressive.jpg").to_vec()));
    #[cfg(feature = "hdr")]
    files.push(("HDR".into(), floats(ImageFormat::Hdr)));
    #[cfg(feature = "exr")]
    files.push(("OpenEXR".into(), floats(ImageFormat::OpenExr)));
    #[cfg(feature = "heic")]
    files.push(("HEIC".into(), {
        let (width, height) = SIDES;
        let rgb = vec![120; width as usize * height as usize * 3];
        heifer::encode_rgb8(width, height, &rgb, &Default::default()).unwrap()
    }));
    #[cfg(feature = "avif")]
    files.push(("AVIF".into(), include_bytes!("fixtures/ramp.avif").to_vec()));
    #[cfg(feature = "jxl")]
    files.push(("JPEG XL".into(), include_bytes!("fixtures/ramp.jxl").to_vec()));
    files
}

fn level(longer: u32) -> ViewSpec {
    ViewSpec::scaled(ViewKind::Rgb8, longer)
}

#[test]
fn passes_stay_within_their_plan_and_too_large_ones_are_refused() {
    let frame = u64::from(SIDES.0) * u64::from(SIDES.1) * 3;
    let folder = tempfile::tempdir().unwrap();
    for (format, file) in files() {
        let path = folder.path().join("file.tga");
        std::fs::write(&path, &file).unwrap();
        let file: std::sync::Arc<[u8]> = file.into();
        let source = || match format.as_str() {
            // Nothing but its name tells what a TGA file is.
            "Tga" => Source::path(&path),
            SECOND_FRAME => Source::bytes("file", file.clone()).frame(1),
            _ => Source::bytes("file", file.clone()),
        };
        let specs = [level(520), level(260)];
        let picture = Picture::open(source(), &Limits::default()).unwrap();
        let plan = picture.plan(&specs).unwrap();

        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        picture.views(&specs, &specs, &ViewCache::new(0), &Control::default()).unwrap();
        let used = (MEMORY.peak_usage() - before) as u64;
        println!("{format:?}: planned {}, used {used}, frame {frame}; {}", plan.peak_bytes, plan.decodes[0].method);
        assert!(used <= plan.peak_bytes, "{format:?} used {used} of {}", plan.peak_bytes);
        if ["Jpeg", "Png", "Tiff"].contains(&format.as_str()) {
            assert!(used < frame * 2 / 3, "{format:?} used {used} for a frame of {frame}");
        }

        let mut limits = Limits::default();
        limits.max_decode_bytes = plan.decodes[0].peak_bytes - 1;
        let picture = Picture::open(source(), &limits).unwrap();
        assert!(matches!(picture.plan(&specs), Err(Error::Limits { .. })), "{format:?}");
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let refused = picture.views(&specs, &specs, &ViewCache::new(0), &Control::default());
        assert!(matches!(refused, Err(Error::Limits { .. })), "{format:?}");
        assert!(MEMORY.peak_usage() - before < 256 << 10, "{format:?} decoded before it refused");
    }
}
