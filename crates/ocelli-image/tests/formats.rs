//! Formats behind features: what they hold comes out, frames and turns included. `fixtures/make.py` made the files.

use image::RgbImage;
use ocelli_core::Limits;
use ocelli_image::Picture;

/// The picture that the fixtures show.
fn gradient() -> RgbImage {
    RgbImage::from_fn(61, 47, |x, y| image::Rgb([(x * 4) as u8, (y * 5) as u8, (x * y % 251) as u8]))
}

#[allow(dead_code, reason = "every use is behind a feature")]
fn mean_difference(bytes: &[u8]) -> f64 {
    mean_difference_to(bytes, &gradient())
}

#[allow(dead_code, reason = "every use is behind a feature")]
fn rgb(bytes: &[u8]) -> RgbImage {
    let picture = Picture::open(bytes, &Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(picture.warnings().is_empty(), "{:?}", picture.warnings());
    picture.to_rgb().unwrap_or_else(|e| panic!("{e}"))
}

#[allow(dead_code, reason = "every use is behind a feature")]
fn mean_difference_to(bytes: &[u8], expected: &RgbImage) -> f64 {
    let got = rgb(bytes);
    assert_eq!(got.dimensions(), expected.dimensions());
    let sum: u64 = got.iter().zip(expected.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / got.len() as f64
}

#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_without_loss_is_exact() {
    assert_eq!(mean_difference(include_bytes!("fixtures/gradient.jxl")), 0.0);
}

#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_of_16_bits_and_with_straight_alpha_is_exact() {
    assert_eq!(mean_difference(include_bytes!("fixtures/sixteen.jxl")), 0.0);
    let over_white = |value: u8, alpha: u32| ((u32::from(value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
    let alpha = |x: u32, y: u32| (x + y) * 2;
    let expected =
        RgbImage::from_fn(61, 47, |x, y| image::Rgb(gradient().get_pixel(x, y).0.map(|v| over_white(v, alpha(x, y)))));
    assert_eq!(mean_difference_to(include_bytes!("fixtures/alpha.jxl"), &expected), 0.0);
    let expected = RgbImage::from_fn(61, 47, |x, y| image::Rgb([over_white((x * 4) as u8, alpha(x, y)); 3]));
    assert_eq!(mean_difference_to(include_bytes!("fixtures/grey-alpha.jxl"), &expected), 0.0);
}

/// The same samples with the same meaning are the same picture in a PNG.
#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_means_the_colours_that_it_says() {
    let png = |profile: Option<&'static [u8]>, code_points: Option<[u8; 4]>| {
        let mut info = png::Info::with_size(61, 47);
        (info.color_type, info.bit_depth) = (png::ColorType::Rgb, png::BitDepth::Eight);
        info.icc_profile = profile.map(Into::into);
        let mut bytes = Vec::new();
        let mut writer = png::Encoder::with_info(&mut bytes, info).unwrap().write_header().unwrap();
        if let Some(code_points) = code_points {
            writer.write_chunk(png::chunk::ChunkType(*b"cICP"), &code_points).unwrap();
        }
        writer.write_image_data(&gradient()).unwrap();
        writer.finish().unwrap();
        bytes
    };
    let profile = png(Some(include_bytes!("fixtures/odd.icc")), None);
    // Primaries, transfer, RGB itself, full range: Rec. ITU-T H.273.
    let code_points = |primaries, transfer| png(None, Some([primaries, transfer, 0, 1]));
    let cases: [(&str, &[u8], Vec<u8>); 3] = [
        ("ICC", include_bytes!("fixtures/profile.jxl"), profile),
        ("PQ", include_bytes!("fixtures/pq.jxl"), code_points(9, 16)),
        ("Display P3", include_bytes!("fixtures/p3.jxl"), code_points(12, 13)),
    ];
    for (name, file, twin) in cases {
        let twin = rgb(&twin);
        assert!(twin != gradient(), "{name} changes colours");
        let difference = mean_difference_to(file, &twin);
        println!("{name}: {difference:.3} levels");
        // Profiles that are written by different hands round differently.
        assert!(difference < 0.5, "{name}: {difference}");
    }
    // Floats are linear light. Taken for encoded values they would be 47 levels away; the rest is what the encoder lost.
    let expected = RgbImage::from_fn(61, 47, |x, y| {
        image::Rgb([srgb(x as f32 / 60.0), srgb(y as f32 / 46.0), srgb((x * y % 251) as f32 / 250.0)])
    });
    let difference = mean_difference_to(include_bytes!("fixtures/linear.jxl"), &expected);
    println!("linear floats: {difference:.3} levels");
    assert!(difference < 10.0, "{difference}");
}

/// The sRGB encoding of linear light (IEC 61966-2-1).
#[cfg(feature = "jxl")]
fn srgb(light: f32) -> u8 {
    let encoded = if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 };
    (encoded * 255.0).round() as u8
}

/// Text is made of patches of a frame that is not shown.
#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_made_of_other_frames_is_whole() {
    let text = rgb(include_bytes!("fixtures/patches.jxl"));
    let dark = text.pixels().filter(|pixel| pixel.0[0] < 128).count();
    assert_eq!(text.dimensions(), (256, 128));
    assert_eq!(dark, 5578, "pixels of ink");
    assert!(text.pixels().all(|pixel| !(40..215).contains(&pixel.0[0])), "ink or paper");
}

#[cfg(feature = "avif")]
#[test]
fn avif_is_close_with_and_without_full_chroma() {
    let full = mean_difference(include_bytes!("fixtures/gradient.avif"));
    let halved = mean_difference(include_bytes!("fixtures/gradient-420.avif"));
    println!("4:4:4 {full:.2}, 4:2:0 {halved:.2} levels");
    assert!(full < 4.0 && halved < 12.0, "{full} {halved}");
}

#[cfg(feature = "heic")]
#[test]
fn heic_is_close() {
    let picture = gradient();
    let options = heifer::EncodeOptions { quality: 95, ..Default::default() };
    let bytes = heifer::encode_rgb8(61, 47, &picture, &options).unwrap();
    let difference = mean_difference(&bytes);
    println!("{difference:.2} levels");
    assert!(difference < 12.0, "{difference}");
    let second = ocelli_image::Source::bytes("heic", bytes).frame(1);
    assert!(matches!(Picture::open(second, &Limits::default()), Err(ocelli_core::Error::Parameter { .. })));
}

/// Two pictures, as a viewer shows them: the primary one first, then a red one of another size.
#[cfg(feature = "heic")]
#[test]
fn further_pictures_of_a_heic_file_are_frames() {
    let open = |frame, limits: &Limits| {
        let bytes = include_bytes!("fixtures/two.heic").to_vec();
        Picture::open(ocelli_image::Source::bytes("two.heic", bytes).frame(frame), limits)
    };
    let [first, second] = [0, 1].map(|frame| open(frame, &Limits::default()).unwrap().to_rgb().unwrap());
    assert_eq!((first.dimensions(), second.dimensions()), ((64, 48), (48, 64)));
    let apart = |a: u8, b: u8| a.abs_diff(b) > 8;
    assert!(second.pixels().all(|pixel| !pixel.0.iter().zip([200, 40, 30]).any(|(&a, b)| apart(a, b))));
    assert!(matches!(open(2, &Limits::default()), Err(ocelli_core::Error::Parameter { .. })));
    let mut one = Limits::default();
    one.max_frames = 1;
    assert!(matches!(open(1, &one), Err(ocelli_core::Error::Limits { .. })));
}

/// A file of a format that is not built in is named, with the feature that would build it in.
#[test]
fn what_is_not_built_in_is_named() {
    let told = |bytes: &[u8]| Picture::open(bytes, &Limits::default()).err().map(|e| e.to_string());
    let files: [(&[u8], &str, bool); 3] = [
        (include_bytes!("fixtures/gradient.jxl"), "jxl", cfg!(feature = "jxl")),
        (include_bytes!("fixtures/gradient.avif"), "avif", cfg!(feature = "avif")),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic", cfg!(feature = "heic")),
    ];
    for (bytes, feature, built_in) in files {
        let error = told(bytes);
        let named = error.as_ref().is_some_and(|e| e.contains(&format!("(feature {feature})")));
        assert_eq!(named, !built_in, "{feature}: {error:?}");
    }
    assert_eq!(gradient().dimensions(), (61, 47));
}
