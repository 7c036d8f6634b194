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
    let picture = Picture::open(bytes, &Limits::default()).unwrap_or_else(|e| panic!("{e}"));
    assert!(picture.warnings().is_empty(), "{:?}", picture.warnings());
    let (got, expected) = (picture.to_rgb().unwrap_or_else(|e| panic!("{e}")), gradient());
    assert_eq!(got.dimensions(), expected.dimensions());
    let sum: u64 = got.iter().zip(expected.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / got.len() as f64
}

#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_without_loss_is_exact() {
    assert_eq!(mean_difference(include_bytes!("fixtures/gradient.jxl")), 0.0);
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
fn heic_is_close_and_its_frames_are_those_that_a_viewer_shows() {
    let picture = gradient();
    let options = heifer::EncodeOptions { quality: 95, ..Default::default() };
    let bytes = heifer::encode_rgb8(61, 47, &picture, &options).unwrap();
    let difference = mean_difference(&bytes);
    println!("{difference:.2} levels");
    assert!(difference < 12.0, "{difference}");
    let second = ocelli_image::Source::bytes("heic", bytes).frame(1);
    assert!(matches!(Picture::open(second, &Limits::default()), Err(ocelli_core::Error::Parameter { .. })));
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
