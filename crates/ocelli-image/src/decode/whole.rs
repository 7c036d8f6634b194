//! Frames in one piece, by the `image` crate.

use super::{Body, Head, SourceRef, feed_frame};
use crate::colour::{Meaning, PixelType, SourceColour, ToCanon, straight, with_samples};
use crate::format::Format;
use crate::sink::Sink;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use ocelli_core::{Error, Orientation, Result, Size};

pub(super) fn head(source: SourceRef<'_>) -> Result<Head> {
    let mut decoder = decoder(source)?;
    let (width, height) = decoder.dimensions();
    // A broken tag is no reason to refuse a picture: it counts as absent.
    let orientation = decoder.orientation().ok().and_then(|o| Orientation::from_exif(o.to_exif()));
    let mut warnings = Vec::new();
    let limit = source.limits.max_profile_bytes;
    let meaning = match decoder.icc_profile().ok().flatten() {
        Some(icc) => icc_meaning(icc, limit, &mut warnings),
        None => Meaning::Srgb,
    };
    let colour = SourceColour { meaning, pixel: PixelType::of(decoder.color_type()) };
    Ok(Head { stored: Size::new(width, height), orientation, colour, body: Body::Whole, warnings })
}

/// A profile within the limit; a larger one counts as none, with a warning.
pub(super) fn icc_meaning(icc: Vec<u8>, limit: u64, warnings: &mut Vec<String>) -> Meaning {
    if icc.len() as u64 <= limit {
        return Meaning::Icc(icc);
    }
    warnings.push(format!("the colour profile has {} bytes, the limit is {limit}: sRGB assumed", icc.len()));
    Meaning::Srgb
}

pub(super) fn frame(source: SourceRef<'_>, stored: Size, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let decoder = decoder(source)?;
    let (width, height) = decoder.dimensions();
    if Size::new(width, height) != stored || PixelType::of(decoder.color_type()) != canon.pixel() {
        return Err(source.changed());
    }
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| error(source, e))?;
    if let (Format::Image(ImageFormat::OpenExr), DynamicImage::ImageRgba32F(pixels)) = (source.format, &mut picture) {
        // OpenEXR's colours are multiplied by their alpha.
        pixels.pixels_mut().for_each(|pixel| pixel.0 = straight(pixel.0));
    }
    match picture {
        DynamicImage::ImageRgb8(picture) if canon.is_identity() => sink.all(picture.into_raw()),
        picture => with_samples(&picture, |samples| feed_frame(samples, width, canon, sink)),
    }
}

/// The most bytes that a decoder holds for a frame: measured factors, rounded up.
pub(super) fn frame_bytes(format: Format, stored: Size, pixel: u64) -> u64 {
    let frame = stored.pixels() * pixel;
    // HEIF: planes, samples of two bytes, the picture in RGBA, and what turns it.
    let Format::Image(format) = format else { return stored.pixels() * 16 };
    match format {
        // Planes of the lossy decoder, or the transforms of the lossless one, beside the result.
        ImageFormat::WebP => frame * 3 + stored.pixels() * 4,
        // Frames of an animation are composed of the one before and the new one.
        ImageFormat::Gif => frame.max(stored.pixels() * 4) * 3 + stored.pixels(),
        ImageFormat::Bmp | ImageFormat::Pnm | ImageFormat::Png => frame + frame / 8,
        _ => frame * 2,
    }
}

fn decoder(source: SourceRef<'_>) -> Result<Box<dyn ImageDecoder + '_>> {
    let input = source.open()?;
    let Format::Image(format) = source.format else { return Err(source.unsupported("its format")) };
    let mut reader = ImageReader::with_format(input, format);
    reader.limits(limits_of(source));
    Ok(Box::new(reader.into_decoder().map_err(|e| error(source, e))?))
}

pub(super) fn limits_of(source: SourceRef<'_>) -> image::Limits {
    let mut limits = image::Limits::no_limits();
    limits.max_image_width = Some(source.limits.max_side);
    limits.max_image_height = Some(source.limits.max_side);
    limits.max_alloc = Some(source.limits.max_decode_bytes);
    limits
}

pub(super) fn error(source: SourceRef<'_>, error: ImageError) -> Error {
    match error {
        ImageError::Limits(_) => source.too_large(source.limits.max_decode_bytes.saturating_add(1)),
        ImageError::IoError(e) => source.io(e),
        ImageError::Unsupported(e) => source.unsupported(e),
        other => source.damaged(other),
    }
}
