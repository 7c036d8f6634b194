//! TIFF by strips or rows of tiles.

use super::frames;
use super::whole::{self, icc_meaning};
use super::{Body, Head, SourceRef, feed_frame};
use crate::colour::{Channels, Depth, Meaning, PixelType, Sample, Samples, SourceColour, ToCanon, straight};
use crate::input::ReadSeek;
use crate::sink::{PORTION, Sink};
use ocelli_core::{Error, Orientation, Result, Size};
use std::ops::Range;
use tiff::decoder::{ChunkType, Decoder, DecodingResult};
use tiff::tags::Tag;
use tiff::{ColorType, TiffError};

pub(super) fn head(source: SourceRef<'_>) -> Result<Head> {
    let mut decoder = decoder(source)?;
    let (width, height) = decoder.dimensions().map_err(|e| error(source, e))?;
    let planar = decoder.find_tag_unsigned::<u16>(Tag::PlanarConfiguration).ok().flatten() == Some(2);
    // Whatever has samples of other kinds, or apart from each other, the `image` crate reads in one piece.
    let Some(pixel) = pixel_type(&mut decoder).filter(|_| !planar && width > 0 && height > 0) else {
        // That way reads the first page alone.
        return if source.frame == 0 { whole::head(source) } else { Err(frames::missing(source)) };
    };
    let orientation = decoder.find_tag_unsigned::<u8>(Tag::Orientation).ok().flatten();
    let mut warnings = Vec::new();
    let icc = decoder.find_tag(Tag::IccProfile).ok().flatten().and_then(|v| v.into_u8_vec().ok());
    let meaning = match icc {
        Some(icc) => icc_meaning(icc, source.limits.max_profile_bytes, &mut warnings),
        None => Meaning::Srgb,
    };
    let band_rows = decoder.chunk_dimensions().1.min(height);
    Ok(Head {
        stored: Size::new(width, height),
        orientation: orientation.and_then(Orientation::from_exif),
        colour: SourceColour { meaning, pixel },
        body: Body::TiffChunks { band_rows },
        warnings,
    })
}

/// Decodes one strip, or one row of tiles, after the other.
pub(super) fn chunks(source: SourceRef<'_>, stored: Size, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let mut decoder = decoder(source)?;
    let (width, height) = decoder.dimensions().map_err(|e| error(source, e))?;
    if (Size::new(width, height), pixel_type(&mut decoder)) != (stored, Some(canon.pixel())) {
        return Err(source.changed());
    }
    let (chunk_width, chunk_height) = decoder.chunk_dimensions();
    let across = match decoder.get_chunk_type() {
        ChunkType::Strip => 1,
        ChunkType::Tile => width.div_ceil(chunk_width.max(1)),
    };
    let associated = associated_alpha(&mut decoder, canon.pixel().channels);
    let bands = height.div_ceil(chunk_height.max(1));
    for band in 0..bands {
        if across == 1 {
            feed(source, chunk(source, &mut decoder, band, associated)?, width, canon, sink)?;
        } else {
            let tiles = band * across..(band + 1) * across;
            tile_row(source, &mut decoder, tiles, associated, stored, canon, sink)?;
        }
        if sink.is_full() {
            break;
        }
    }
    Ok(())
}

/// Puts the tiles of one row side by side, in canonical colour.
fn tile_row<'a>(
    source: SourceRef<'a>,
    decoder: &mut Decoder<Box<dyn ReadSeek + 'a>>,
    tiles: Range<u32>,
    associated: Option<Channels>,
    stored: Size,
    canon: &ToCanon,
    sink: &mut dyn Sink,
) -> Result<()> {
    let (_, rows) = decoder.chunk_data_dimensions(tiles.start);
    let pitch = stored.width as usize * 3;
    let mut band = vec![0u8; pitch * rows as usize];
    let mut left = 0;
    for tile in tiles {
        let (width, tile_rows) = decoder.chunk_data_dimensions(tile);
        let chunk = chunk(source, decoder, tile, associated)?;
        let mut rgb = Vec::new();
        canon.append(samples(&chunk).ok_or_else(|| source.changed())?, &mut rgb);
        let row = width as usize * 3;
        if tile_rows != rows || rgb.len() != row * rows as usize || left + row > pitch {
            return Err(source.damaged("tiles that do not fit together"));
        }
        for (from, to) in rgb.chunks_exact(row).zip(band.chunks_exact_mut(pitch)) {
            to[left..left + row].copy_from_slice(from);
        }
        left += row;
    }
    band.chunks(pitch * PORTION).try_for_each(|rows| sink.rows(rows))
}

/// One strip, or one tile; colours that are multiplied by their alpha are brought back.
fn chunk(
    source: SourceRef<'_>,
    decoder: &mut Decoder<Box<dyn ReadSeek + '_>>,
    ix: u32,
    associated: Option<Channels>,
) -> Result<DecodingResult> {
    let mut chunk = decoder.read_chunk(ix).map_err(|e| error(source, e))?;
    match (&mut chunk, associated) {
        (DecodingResult::U8(data), Some(Channels::Rgba)) => divide::<_, 4>(data),
        (DecodingResult::U8(data), Some(Channels::GrayAlpha)) => divide::<_, 2>(data),
        (DecodingResult::U16(data), Some(Channels::Rgba)) => divide::<_, 4>(data),
        (DecodingResult::U16(data), Some(Channels::GrayAlpha)) => divide::<_, 2>(data),
        _ => {}
    }
    Ok(chunk)
}

fn divide<T: Sample, const N: usize>(data: &mut [T]) {
    data.as_chunks_mut::<N>().0.iter_mut().for_each(|pixel| *pixel = straight(*pixel));
}

/// The channels, where the tag ExtraSamples says that colours are multiplied by alpha (TIFF 6.0, section 18).
fn associated_alpha<R: ReadSeek>(decoder: &mut Decoder<R>, channels: Channels) -> Option<Channels> {
    let extra = decoder.find_tag_unsigned_vec::<u16>(Tag::ExtraSamples).ok().flatten();
    extra.is_some_and(|kinds| kinds.first() == Some(&1)).then_some(channels)
}

fn feed(source: SourceRef<'_>, chunk: DecodingResult, width: u32, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    feed_frame(samples(&chunk).ok_or_else(|| source.changed())?, width, canon, sink)
}

fn samples(chunk: &DecodingResult) -> Option<Samples<'_>> {
    match chunk {
        DecodingResult::U8(data) => Some(Samples::U8(data)),
        DecodingResult::U16(data) => Some(Samples::U16(data)),
        _ => None,
    }
}

/// Kinds of samples that arrive as they are; `None` for others.
fn pixel_type<R: ReadSeek>(decoder: &mut Decoder<R>) -> Option<PixelType> {
    let (channels, bits) = match decoder.colortype().ok()? {
        ColorType::Gray(bits) => (Channels::Gray, bits),
        ColorType::GrayA(bits) => (Channels::GrayAlpha, bits),
        ColorType::RGB(bits) => (Channels::Rgb, bits),
        ColorType::RGBA(bits) => (Channels::Rgba, bits),
        ColorType::CMYK(bits) => (Channels::Cmyk, bits),
        _ => return None,
    };
    // Signed and floating samples share these widths, so the sample format has to be the unsigned one.
    let format = decoder.find_tag_unsigned_vec::<u16>(Tag::SampleFormat).ok().flatten();
    if format.is_some_and(|all| all.iter().any(|&f| f != 1)) {
        return None;
    }
    match bits {
        8 => Some(PixelType::new(channels, Depth::Eight)),
        16 => Some(PixelType::new(channels, Depth::Sixteen)),
        _ => None,
    }
}

fn decoder<'a>(source: SourceRef<'a>) -> Result<Decoder<Box<dyn ReadSeek + 'a>>> {
    let mut limits = tiff::decoder::Limits::default();
    let bytes = usize::try_from(source.limits.max_decode_bytes).unwrap_or(usize::MAX);
    limits.decoding_buffer_size = bytes;
    limits.intermediate_buffer_size = bytes;
    limits.ifd_value_size = usize::try_from(source.limits.max_profile_bytes).unwrap_or(usize::MAX).max(1 << 20);
    let decoder = Decoder::new(source.open()?).map_err(|e| error(source, e))?;
    let mut decoder = decoder.with_limits(limits);
    for _ in 0..source.frame {
        if !decoder.more_images() {
            return Err(frames::missing(source));
        }
        decoder.next_image().map_err(|e| error(source, e))?;
    }
    Ok(decoder)
}

fn error(source: SourceRef<'_>, error: TiffError) -> Error {
    match error {
        TiffError::IoError(e) => source.io(e),
        TiffError::UnsupportedError(what) => source.unsupported(what),
        TiffError::LimitsExceeded | TiffError::IntSizeError => {
            source.too_large(source.limits.max_decode_bytes.saturating_add(1))
        }
        other => source.damaged(other),
    }
}
