//! Small pictures for the report.

use base64::Engine;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ImageDecoder, ImageReader, RgbImage};
use ocelli_core::Size;
use std::path::Path;

/// Quality of the JPEG files in the report, 1 to 100.
const QUALITY: u8 = 78;
/// Most memory for reading one picture, bytes.
const MAX_DECODED: u64 = 512 << 20;

/// A picture made small, upright.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    /// The small picture, sRGB.
    pub image: RgbImage,
    /// Size of the upright original, in whose pixels the boxes are.
    pub full_size: Size,
}

impl Thumbnail {
    /// The picture as the `src` of an `img`.
    pub(super) fn data_uri(&self) -> Option<String> {
        let mut jpeg = Vec::new();
        JpegEncoder::new_with_quality(&mut jpeg, QUALITY).encode_image(&self.image).ok()?;
        Some(format!("data:image/jpeg;base64,{}", base64::engine::general_purpose::STANDARD.encode(jpeg)))
    }
}

/// The picture in a file, upright by its EXIF orientation and at most `longer_side` pixels long; `None` if unreadable.
///
/// It decodes the whole picture and takes its colours for sRGB: good enough to look at boxes.
pub fn thumbnail_of_file(path: &Path, longer_side: u32) -> Option<Thumbnail> {
    let mut reader = ImageReader::open(path).ok()?.with_guessed_format().ok()?;
    let mut limits = image::Limits::default();
    limits.max_alloc = Some(MAX_DECODED);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    picture.apply_orientation(orientation);
    let full_size = Size::new(picture.width(), picture.height());
    let image = match full_size.longer_side() > longer_side {
        true => picture.thumbnail(longer_side, longer_side).to_rgb8(),
        false => picture.to_rgb8(),
    };
    Some(Thumbnail { image, full_size })
}
