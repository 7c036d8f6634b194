//! PNG by rows, and its four ways to say what a colour is.

use super::whole::icc_meaning;
use super::{Body, Head, SourceRef, feed_frame};
use crate::colour::{Channels, Depth, Meaning, PixelType, Primaries, Samples, SourceColour, ToCanon};
use crate::input::ReadSeek;
use crate::sink::Sink;
use image::metadata::Orientation as ImageOrientation;
use ocelli_core::{Error, Limits, Orientation, Result, Size};
use png::{BitDepth, ColorType, Decoder, DecodingError, Info, Reader, Transformations};

pub(super) fn head(source: SourceRef<'_>) -> Result<Head> {
    let reader = reader(source)?;
    let info = reader.info();
    let mut warnings = Vec::new();
    let meaning = meaning(info, source.limits, &mut warnings);
    let exif = info.exif_metadata.as_deref().and_then(ImageOrientation::from_exif_chunk);
    Ok(Head {
        stored: Size::new(info.width, info.height),
        orientation: exif.and_then(|o| Orientation::from_exif(o.to_exif())),
        colour: SourceColour { meaning, pixel: pixel_type(&reader) },
        body: if info.interlaced { Body::Whole } else { Body::PngRows },
        warnings,
    })
}

/// The order of precedence of the PNG specification, third edition: cICP, iCCP, sRGB, then gAMA and cHRM.
fn meaning(info: &Info<'_>, limits: &Limits, warnings: &mut Vec<String>) -> Meaning {
    if let Some(code) = &info.coding_independent_code_points {
        if !code.is_video_full_range_image {
            warnings.push("a cICP chunk declares narrow range, which is read as full range".into());
        }
        return Meaning::CodePoints { primaries: code.color_primaries, transfer: code.transfer_function };
    }
    if let Some(icc) = &info.icc_profile {
        return icc_meaning(icc.to_vec(), limits.max_profile_bytes, warnings);
    }
    if info.srgb.is_some() {
        return Meaning::Srgb;
    }
    let primaries = info
        .chrm_chunk
        .map(|c| Primaries([c.white, c.red, c.green, c.blue].map(|(x, y)| [x.into_value(), y.into_value()])));
    match (info.gama_chunk.map(|g| g.into_value()), primaries) {
        (None, None) => Meaning::Srgb,
        (None, Some(primaries)) => Meaning::Primaries(primaries),
        // 1/2.2 is what programs write when they mean sRGB's own curve, which it approximates.
        (Some(gamma), primaries) if (gamma - 1.0 / 2.2).abs() < 0.002 => {
            primaries.map_or(Meaning::Srgb, Meaning::Primaries)
        }
        (Some(gamma), primaries) => Meaning::Gamma { exponent: 1.0 / gamma, primaries },
    }
}

/// Decodes row by row.
pub(super) fn rows(source: SourceRef<'_>, stored: Size, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let mut reader = reader(source)?;
    if (Size::new(reader.info().width, reader.info().height), pixel_type(&reader)) != (stored, canon.pixel()) {
        return Err(source.changed());
    }
    let mut wide = Vec::new();
    for _ in 0..stored.height {
        let Some(row) = reader.next_row().map_err(|e| error(source, e))? else { break };
        let samples = match canon.pixel().depth {
            Depth::Sixteen => {
                wide.clear();
                wide.extend(row.data().as_chunks::<2>().0.iter().map(|&b| u16::from_be_bytes(b)));
                Samples::U16(&wide)
            }
            _ => Samples::U8(row.data()),
        };
        feed_frame(samples, stored.width, canon, sink)?;
        if sink.is_full() {
            break;
        }
    }
    Ok(())
}

fn reader<'a>(source: SourceRef<'a>) -> Result<Reader<Box<dyn ReadSeek + 'a>>> {
    let bytes = usize::try_from(source.limits.max_decode_bytes).unwrap_or(usize::MAX);
    let mut decoder = Decoder::new_with_limits(source.open()?, png::Limits { bytes });
    decoder.set_ignore_text_chunk(true);
    // Palettes to RGB, fewer than 8 bits to 8, a transparent colour to alpha; 16 bits stay.
    decoder.set_transformations(Transformations::EXPAND);
    decoder.read_info().map_err(|e| error(source, e))
}

fn pixel_type<R: ReadSeek>(reader: &Reader<R>) -> PixelType {
    let (colour, depth) = reader.output_color_type();
    let channels = match colour {
        ColorType::Grayscale => Channels::Gray,
        ColorType::GrayscaleAlpha => Channels::GrayAlpha,
        ColorType::Rgba => Channels::Rgba,
        // EXPAND turns palettes into RGB.
        ColorType::Rgb | ColorType::Indexed => Channels::Rgb,
    };
    PixelType::new(channels, if depth == BitDepth::Sixteen { Depth::Sixteen } else { Depth::Eight })
}

fn error(source: SourceRef<'_>, error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(e) => source.io(e),
        DecodingError::LimitsExceeded => source.too_large(source.limits.max_decode_bytes.saturating_add(1)),
        other => source.damaged(other),
    }
}
