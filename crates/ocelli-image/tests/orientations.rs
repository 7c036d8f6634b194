//! Turns end to end: in every format that has a tag for them, a file shows what the untagged file shows, turned.

use image::codecs::png::PngEncoder;
use image::codecs::webp::WebPEncoder;
use image::metadata::Orientation as ImageOrientation;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage};
use ocelli_core::{Limits, Orientation};
use ocelli_image::Picture;
use std::io::Cursor;
use tiff::encoder::{TiffEncoder, colortype};
use tiff::tags::Tag;

/// No symmetry, and sides that differ.
fn picture() -> RgbImage {
    RgbImage::from_fn(61, 47, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, (x * y % 251) as u8]))
}

/// EXIF data that hold an orientation alone.
fn exif(orientation: Orientation) -> Vec<u8> {
    let mut bytes = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0".to_vec();
    bytes.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0, 0]);
    bytes
}

/// Holds `file`, which writes a file for an orientation, to the promise.
fn check(format: &str, file: impl Fn(Orientation) -> Vec<u8>) {
    let open = |orientation| {
        let opened = Picture::open(file(orientation), &Limits::default());
        opened.unwrap_or_else(|e| panic!("{format}, {orientation:?}: {e}"))
    };
    let plain = open(Orientation::Upright).to_rgb().unwrap();
    for orientation in Orientation::ALL {
        let picture = open(orientation);
        let mut expected = DynamicImage::from(plain.clone());
        expected.apply_orientation(ImageOrientation::from_exif(orientation.to_exif()).unwrap());
        let expected = expected.into_rgb8();
        let size = picture.info().size;
        assert_eq!((size.width, size.height), expected.dimensions(), "{format}, {orientation:?}");
        assert!(picture.to_rgb().unwrap() == expected, "{format}, {orientation:?}: other pixels");
        assert_eq!(picture.warnings(), [""; 0], "{format}, {orientation:?}");
    }
}

fn png(orientation: Orientation) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = PngEncoder::new(&mut bytes);
    encoder.set_exif_metadata(exif(orientation)).unwrap();
    encoder.write_image(&picture(), 61, 47, ExtendedColorType::Rgb8).unwrap();
    bytes
}

#[test]
fn png_with_an_exif_chunk() {
    check("PNG", png);
}

#[test]
fn webp_with_exif() {
    check("WebP", |orientation| {
        let mut bytes = Vec::new();
        let mut encoder = WebPEncoder::new_lossless(&mut bytes);
        encoder.set_exif_metadata(exif(orientation)).unwrap();
        encoder.write_image(&picture(), 61, 47, ExtendedColorType::Rgb8).unwrap();
        bytes
    });
}

/// Of 8 bits, which is read strip by strip, and of floats, which is read in one piece.
#[test]
fn tiff_with_its_tag() {
    check("TIFF by strips", |orientation| {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        let mut image = encoder.new_image::<colortype::RGB8>(61, 47).unwrap();
        image.rows_per_strip(10).unwrap();
        image.encoder().write_tag(Tag::Orientation, u16::from(orientation.to_exif())).unwrap();
        image.write_data(&picture()).unwrap();
        bytes.into_inner()
    });
    check("TIFF in one piece", |orientation| {
        let mut bytes = Cursor::new(Vec::new());
        let mut encoder = TiffEncoder::new(&mut bytes).unwrap();
        let mut image = encoder.new_image::<colortype::RGB32Float>(61, 47).unwrap();
        image.encoder().write_tag(Tag::Orientation, u16::from(orientation.to_exif())).unwrap();
        image.write_data(&DynamicImage::from(picture()).into_rgb32f()).unwrap();
        bytes.into_inner()
    });
}

/// The orientation of the codestream, patched into a file whose header has the field. Its EXIF data say something else,
/// and count for nothing.
#[cfg(feature = "jxl")]
#[test]
fn jpeg_xl_with_the_orientation_of_its_codestream() {
    /// Where the three bits of the field begin, after the signature and a size of two numbers below 512.
    const FIELD: usize = 44;
    check("JPEG XL", |orientation| {
        let mut bytes = include_bytes!("fixtures/turned.jxl").to_vec();
        let start = bytes.windows(2).position(|pair| pair == [0xff, 0x0a]).expect("a codestream");
        let byte = &mut bytes[start + FIELD / 8];
        *byte = *byte & !(7 << (FIELD % 8)) | (orientation.to_exif() - 1) << (FIELD % 8);
        bytes
    });
}

/// The container's own turns: a rotation, then a mirror. Their boxes take the place of two that can be missed.
#[cfg(feature = "heic")]
#[test]
fn heic_with_the_turns_of_its_container() {
    /// Sides for which the encoder needs no crop.
    const SIDES: (u32, u32) = (64, 48);
    /// Quarters against the clock, and the axis of the mirror: 0 changes top and bottom, 1 left and right.
    const TURNS: [(u8, Option<u8>); 8] =
        [(0, None), (0, Some(1)), (2, None), (0, Some(0)), (1, Some(0)), (3, None), (1, Some(1)), (1, None)];
    let small = picture();
    let picture = RgbImage::from_fn(SIDES.0, SIDES.1, |x, y| *small.get_pixel(x.min(60), y.min(46)));
    let whole = heifer::encode_rgb8(SIDES.0, SIDES.1, &picture, &Default::default()).unwrap();
    check("HEIC", |orientation| {
        let (quarters, mirror) = TURNS[usize::from(orientation.to_exif()) - 1];
        let mut bytes = whole.clone();
        replace_box(&mut bytes, b"pixi", b"irot", quarters);
        replace_box(&mut bytes, b"colr", if mirror.is_some() { b"imir" } else { b"free" }, mirror.unwrap_or(0));
        bytes
    });
}

/// Makes a box of the kind `new`, with one byte of content and nothing after it, of one of the kind `old`.
#[cfg(feature = "heic")]
fn replace_box(bytes: &mut [u8], old: &[u8; 4], new: &[u8; 4], content: u8) {
    let kind = bytes.windows(4).position(|kind| kind == old).expect("such a box");
    let size = u32::from_be_bytes(*bytes[kind - 4..].first_chunk().expect("a size")) as usize;
    bytes[kind..kind + 4].copy_from_slice(new);
    bytes[kind + 4..kind - 4 + size].fill(0);
    bytes[kind + 4] = content;
}
