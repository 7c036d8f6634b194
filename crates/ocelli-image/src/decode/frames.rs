//! One frame of an animation: GIF, WebP, PNG. (Pages of a TIFF are in their own room.)

use super::whole::{self, limits_of};
use super::{Body, Head, SourceRef, feed_frame};
use crate::colour::{Channels, Depth, PixelType, Samples, ToCanon};
use crate::format::Format;
use crate::sink::Sink;
use image::codecs::{gif::GifDecoder, png::PngDecoder, webp::WebPDecoder};
use image::{AnimationDecoder, Frames, ImageDecoder, ImageFormat, ImageResult};
use ocelli_core::{Error, Result, Size};

/// Frames come with alpha, as large as the whole canvas.
const PIXEL: PixelType = PixelType::new(Channels::Rgba, Depth::Eight);

pub(super) fn head(source: SourceRef<'_>) -> Result<Head> {
    check_number(source)?;
    let animated = [ImageFormat::Gif, ImageFormat::WebP, ImageFormat::Png].map(Format::Image);
    if !animated.contains(&source.format) {
        return Err(missing(source));
    }
    let mut head = whole::head(source)?;
    head.colour.pixel = PIXEL;
    head.body = Body::Whole;
    Ok(head)
}

/// Refuses numbers beyond the limit.
pub(super) fn check_number(source: SourceRef<'_>) -> Result<()> {
    let limit = source.limits.max_frames;
    if source.frame < limit || source.frame == 0 {
        return Ok(());
    }
    let (input, value) = (source.name.to_owned(), source.frame.into());
    let hint = "raise Limits::max_frames if the animation is genuine";
    Err(Error::Limits { input, what: "number of the frame", value, limit: limit.into(), hint })
}

/// Decodes up to the frame, since each builds on those before it.
pub(super) fn frame(source: SourceRef<'_>, stored: Size, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let mut frames = frames(source).map_err(|e| whole::error(source, e))?;
    for _ in 0..source.frame {
        frames.next().ok_or_else(|| missing(source))?.map_err(|e| whole::error(source, e))?;
    }
    let frame = frames.next().ok_or_else(|| missing(source))?.map_err(|e| whole::error(source, e))?.into_buffer();
    if Size::new(frame.width(), frame.height()) != stored {
        return Err(source.changed());
    }
    feed_frame(Samples::U8(&frame), stored.width, canon, sink)
}

fn frames(source: SourceRef<'_>) -> ImageResult<Frames<'_>> {
    let input = source.open().map_err(|e| image::ImageError::IoError(std::io::Error::other(e)))?;
    let limits = limits_of(source);
    match source.format {
        Format::Image(ImageFormat::Gif) => {
            let mut decoder = GifDecoder::new(input)?;
            decoder.set_limits(limits)?;
            Ok(decoder.into_frames())
        }
        Format::Image(ImageFormat::WebP) => {
            let mut decoder = WebPDecoder::new(input)?;
            decoder.set_limits(limits)?;
            Ok(decoder.into_frames())
        }
        _ => Ok(PngDecoder::with_limits(input, limits)?.apng()?.into_frames()),
    }
}

pub(super) fn missing(source: SourceRef<'_>) -> Error {
    Error::parameter(format!("frame of {}", source.name), source.frame, "the number of a frame of the file, from 0")
}
