//! One photograph, stored in the eight ways that EXIF knows and in three formats, is one photograph.

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder, webp::WebPEncoder};
use image::{DynamicImage, ExtendedColorType, ImageEncoder, RgbImage, imageops};
use ocelli::prelude::*;
use ocelli_testkit::pictures::portrait;

/// EXIF data that holds the orientation and nothing else.
fn exif(orientation: Orientation) -> Vec<u8> {
    let mut exif = Vec::from(*b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0");
    exif.extend([orientation.to_exif(), 0, 0, 0, 0, 0, 0, 0]);
    exif
}

/// What is stored so that `orientation` makes it upright.
fn stored(upright: &RgbImage, orientation: Orientation) -> RgbImage {
    let turned = |turn: fn(&RgbImage) -> RgbImage| turn(upright);
    match orientation {
        Orientation::Upright => upright.clone(),
        Orientation::FlipHorizontal => turned(imageops::flip_horizontal),
        Orientation::Rotate180 => turned(imageops::rotate180),
        Orientation::FlipVertical => turned(imageops::flip_vertical),
        Orientation::Transpose => imageops::flip_horizontal(&turned(imageops::rotate90)),
        Orientation::Rotate90 => turned(imageops::rotate270),
        Orientation::Transverse => imageops::flip_horizontal(&turned(imageops::rotate270)),
        Orientation::Rotate270 => turned(imageops::rotate90),
    }
}

fn encoded(picture: &RgbImage, exif: Vec<u8>, format: &str) -> Vec<u8> {
    fn write(mut encoder: impl ImageEncoder, picture: &RgbImage, exif: Vec<u8>) {
        encoder.set_exif_metadata(exif).expect("a format that holds EXIF data");
        encoder.write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8).unwrap();
    }
    let mut bytes = Vec::new();
    match format {
        "jpeg" => write(JpegEncoder::new_with_quality(&mut bytes, 92), picture, exif),
        "png" => write(PngEncoder::new(&mut bytes), picture, exif),
        _ => write(WebPEncoder::new_lossless(&mut bytes), picture, exif),
    }
    bytes
}

#[test]
fn eight_orientations_give_the_same_faces() {
    let vision = Vision::builder().threads(2).build().unwrap();
    // Not square, so that a side taken for the other would show.
    let upright = image::open(portrait()).unwrap().to_rgb8();
    let upright = imageops::crop_imm(&upright, 60, 0, 360, 480).to_image();
    let faces = |source: Source| vision.open(source).unwrap().perform_one(DetectFaces::new()).unwrap();
    let expected = faces(Source::image(DynamicImage::from(upright.clone())));
    assert_eq!(expected.len(), 1);
    let p = expected[0].rect.to_pixels();
    for format in ["jpeg", "png", "webp"] {
        let mut worst = 0.0f64;
        for orientation in Orientation::ALL {
            let bytes = encoded(&stored(&upright, orientation), exif(orientation), format);
            let picture = vision.open(Source::bytes(format!("{format} {orientation:?}"), bytes)).unwrap();
            assert_eq!(
                (picture.info().orientation, picture.info().size),
                (orientation, Size::new(360, 480)),
                "{format}"
            );
            let found = picture.perform_one(DetectFaces::new()).unwrap();
            assert_eq!(found.len(), 1, "{format} {orientation:?}");
            let q = found[0].rect.to_pixels();
            let off = [q.x - p.x, q.y - p.y, q.width - p.width, q.height - p.height];
            worst = off.iter().fold(worst, |worst, d| worst.max(d.abs() / 480.0));
        }
        println!("{format}: boxes within {:.3} % of the longer side", worst * 100.0);
        assert!(worst <= 0.01, "{format}: {worst}");
    }
}
