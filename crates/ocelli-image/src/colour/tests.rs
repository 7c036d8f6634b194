use super::*;
use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};

fn only_pixel(picture: impl Into<DynamicImage>) -> Vec<u8> {
    canonical(picture.into()).rgb
}

#[test]
fn every_pixel_type_arrives_at_the_same_colour() {
    fn one<P: image::Pixel>(pixel: P) -> ImageBuffer<P, Vec<P::Subpixel>> {
        ImageBuffer::from_pixel(1, 1, pixel)
    }
    assert_eq!(only_pixel(one(Luma([77u8]))), [77; 3]);
    assert_eq!(only_pixel(one(Luma([77u16 * 257]))), [77; 3]);
    assert_eq!(only_pixel(one(LumaA([77u8, 255]))), [77; 3]);
    assert_eq!(only_pixel(one(LumaA([77u16 * 257, 65_535]))), [77; 3]);
    assert_eq!(only_pixel(one(Rgb([1u8, 2, 3]))), [1, 2, 3]);
    assert_eq!(only_pixel(one(Rgb([257u16, 514, 771]))), [1, 2, 3]);
    assert_eq!(only_pixel(one(Rgba([257u16, 514, 771, 65_535]))), [1, 2, 3]);
    assert_eq!(only_pixel(one(Rgb([0.0f32, 0.215_861, 1.0]))), [0, 128, 255]);
    assert_eq!(only_pixel(one(Rgba([f32::NAN, -1.0, 9.0, 1.0]))), [0, 0, 255]);
}

#[test]
fn transparency_shows_white() {
    assert_eq!(over(([10, 20, 30], 0)), [255; 3]);
    assert_eq!(over(([10, 20, 30], 255)), [10, 20, 30]);
    assert_eq!(over(([0, 0, 0], 128)), [127; 3]);
}

#[test]
fn plain_ink_is_what_it_covers() {
    let canon = ToCanon::srgb(PixelType::new(Channels::Cmyk, Depth::Eight));
    let mut out = Vec::new();
    canon.append(Samples::U8(&[0, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255]), &mut out);
    assert_eq!(out, [255, 255, 255, 0, 255, 255, 0, 0, 0]);
}

fn converted(meaning: Meaning, pixel: PixelType, samples: Samples<'_>) -> Vec<u8> {
    let (canon, warning) = SourceColour { meaning, pixel }.to_canon();
    assert_eq!(warning, None);
    let mut out = Vec::new();
    canon.append(samples, &mut out);
    out
}

#[test]
fn an_srgb_profile_changes_nothing() {
    let icc = moxcms::ColorProfile::new_srgb().encode().unwrap();
    for depth in [Depth::Eight, Depth::Sixteen] {
        let (canon, warning) =
            SourceColour { meaning: Meaning::Icc(icc.clone()), pixel: PixelType::new(Channels::Rgb, depth) }.to_canon();
        assert!(matches!(canon.map, Map::Same), "{depth:?}");
        assert_eq!(warning, None);
    }
}

#[test]
fn a_wide_gamut_profile_is_undone_at_both_depths_and_beside_alpha() {
    let icc = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let rgb8 = PixelType::new(Channels::Rgb, Depth::Eight);
    // Display P3 (200, 100, 50): the definition of both spaces gives (215, 93, 31) in sRGB.
    let out = converted(Meaning::Icc(icc.clone()), rgb8, Samples::U8(&[200, 100, 50]));
    let near = |out: &[u8]| out.iter().zip([215u8, 93, 31]).all(|(a, b)| a.abs_diff(b) <= 1);
    assert!(near(&out), "{out:?}");
    let rgba16 = PixelType::new(Channels::Rgba, Depth::Sixteen);
    let wide = [200, 100, 50, 255].map(|v: u16| v * 257);
    let out = converted(Meaning::Icc(icc.clone()), rgba16, Samples::U16(&wide));
    assert!(near(&out), "{out:?}");
    let clear = converted(Meaning::Icc(icc), PixelType::new(Channels::Rgba, Depth::Eight), Samples::U8(&[9, 9, 9, 0]));
    assert_eq!(clear, [255; 3]);
}

#[test]
fn gamma_and_code_points_are_honoured() {
    let rgb8 = PixelType::new(Channels::Rgb, Depth::Eight);
    // Linear light, encoded: 0.2158605 is sRGB 128.
    let linear = Meaning::Gamma { exponent: 1.0, primaries: None };
    let out = converted(linear, rgb8, Samples::U8(&[55, 55, 55]));
    assert!(out.iter().all(|v| v.abs_diff(128) <= 1), "{out:?}");
    let srgb = Meaning::CodePoints { primaries: 1, transfer: 13 };
    assert_eq!(converted(srgb, rgb8, Samples::U8(&[12, 200, 90])), [12, 200, 90]);
    let grey = PixelType::new(Channels::Gray, Depth::Eight);
    let out = converted(Meaning::Gamma { exponent: 1.0, primaries: None }, grey, Samples::U8(&[55]));
    assert!(out.iter().all(|v| v.abs_diff(128) <= 1), "{out:?}");
}

#[test]
fn a_broken_profile_counts_as_srgb_with_a_warning() {
    let pixel = PixelType::new(Channels::Rgb, Depth::Eight);
    for bytes in [b"not a profile".to_vec(), vec![0; 200]] {
        let (canon, warning) = SourceColour { meaning: Meaning::Icc(bytes), pixel }.to_canon();
        assert!(warning.is_some_and(|w| w.contains("sRGB")));
        let mut out = Vec::new();
        canon.append(Samples::U8(&[1, 2, 3]), &mut out);
        assert_eq!(out, [1, 2, 3]);
    }
    let ink_profile_on_rgb = moxcms::ColorProfile::new_gray_with_gamma(2.2).encode().unwrap();
    let (_, warning) = SourceColour { meaning: Meaning::Icc(ink_profile_on_rgb), pixel }.to_canon();
    assert!(warning.is_some());
}
