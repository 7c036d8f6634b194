//! JPEG: headers, and decoding at a part of the size by the inverse cosine transform, by jpeg-decoder or mozjpeg.
//!
//! Frames at full size are read by the `image` crate, whose decoder is the faster one there.

#[cfg(feature = "mozjpeg")]
mod fast;

use super::whole::{self, icc_meaning};
use super::{Body, Head, SourceRef, feed_frame};
use crate::colour::{Channels, Depth, Meaning, PixelType, Samples, SourceColour, ToCanon};
use crate::input::ReadSeek;
use crate::sink::Sink;
use image::metadata::Orientation as ImageOrientation;
use jpeg_decoder::{CodingProcess, Decoder, Error as JpegError, PixelFormat};
use ocelli_core::{Error, Orientation, Result, Size};
use std::io::{BufReader, SeekFrom};
use std::panic::resume_unwind;

pub(super) fn head(source: SourceRef<'_>) -> Result<Head> {
    let mut decoder = decoder(source)?;
    if decoder.read_info().is_err() {
        // The other decoder reads a few kinds that this one does not; its message is as good where it fails too.
        return whole::head(source);
    }
    let Some(info) = decoder.info() else { return Err(source.damaged("no frame header")) };
    let pixel = match info.pixel_format {
        PixelFormat::L8 => PixelType::new(Channels::Gray, Depth::Eight),
        PixelFormat::RGB24 => PixelType::new(Channels::Rgb, Depth::Eight),
        PixelFormat::CMYK32 => PixelType::new(Channels::Cmyk, Depth::Eight),
        PixelFormat::L16 => return whole::head(source),
    };
    let exif = decoder.exif_data().and_then(ImageOrientation::from_exif_chunk);
    let mut warnings = Vec::new();
    let meaning = match decoder.icc_profile() {
        Some(icc) => icc_meaning(icc, source.limits.max_profile_bytes, &mut warnings),
        None => Meaning::Srgb,
    };
    let progressive = info.coding_process == CodingProcess::DctProgressive;
    let stored = Size::new(info.width.into(), info.height.into());
    let coefficients = if progressive { coefficient_bytes(source, stored, pixel.bytes() as u64) } else { 0 };
    Ok(Head {
        stored,
        orientation: exif.and_then(|o| Orientation::from_exif(o.to_exif())),
        colour: SourceColour { meaning, pixel },
        body: Body::Jpeg { coefficients },
        warnings,
    })
}

/// Decodes at one part in `denominator` of the size.
pub(super) fn shrunk(
    source: SourceRef<'_>,
    denominator: u8,
    expected: Size,
    canon: &ToCanon,
    sink: &mut dyn Sink,
) -> Result<()> {
    #[cfg(feature = "mozjpeg")]
    if by_rows(canon.pixel().channels) {
        return fast::rows(source, denominator, expected, canon, sink);
    }
    let mut decoder = decoder(source)?;
    decoder.read_info().map_err(|e| error(source, e))?;
    let Some(info) = decoder.info() else { return Err(source.damaged("no frame header")) };
    let part = |side: u16| side.div_ceil(denominator.into());
    let (width, height) = decoder.scale(part(info.width), part(info.height)).map_err(|e| error(source, e))?;
    if Size::new(width.into(), height.into()) != expected {
        return Err(source.changed());
    }
    // A thread of its own: the decoder shares work through rayon, and a thread of the caller's pool that waits there
    // might take up other work which waits for the view that this decode is for.
    let decoded = std::thread::scope(|scope| scope.spawn(|| decoder.decode()).join());
    let frame = decoded.unwrap_or_else(|panic| resume_unwind(panic)).map_err(|e| error(source, e))?;
    if frame.len() as u64 != expected.pixels() * canon.pixel().bytes() as u64 {
        return Err(source.changed());
    }
    if canon.is_identity() { sink.all(frame) } else { feed_frame(Samples::U8(&frame), expected.width, canon, sink) }
}

/// Whether a decode at a part of the size delivers rows as they come.
pub(super) fn by_rows(channels: Channels) -> bool {
    // Ink goes through the decoder that is known to hand it over the same way for every kind of file.
    cfg!(feature = "mozjpeg") && channels != Channels::Cmyk
}

/// The most bytes of a shrunk decode: planes and result at the shrunk size, and all coefficients of a progressive file.
pub(super) fn shrunk_bytes(stored: Size, from: Size, denominator: u8, pixel: PixelType, body: Body) -> u64 {
    let by_rows = by_rows(pixel.channels);
    let pixel = pixel.bytes() as u64;
    let planes = if by_rows { u64::from(from.width) * 64 * pixel } else { from.pixels() * pixel };
    let coefficients = match body {
        // Rows of them are copied for the threads that transform them, at worst all.
        Body::Jpeg { coefficients: all @ 1.. } => all * 2,
        // Rows of blocks on their way to the threads that transform them.
        _ => u64::from(stored.width) * 16 * pixel * 2 * 4,
    };
    // Blocks at the right and lower edge stick out by up to 16 pixels.
    let edges = (u64::from(from.width) + u64::from(from.height) + 16) * 16 * pixel / u64::from(denominator).max(1);
    planes * 2 + edges + coefficients
}

/// The most bytes of a whole decode, beside the file itself.
pub(super) fn whole_bytes(stored: Size, pixel: u64, coefficients: u64) -> u64 {
    stored.pixels() * pixel + coefficients + u64::from(stored.width) * 64 * pixel
}

/// Two bytes for every sample of every component; where the frame header cannot be read, none counts as subsampled.
fn coefficient_bytes(source: SourceRef<'_>, stored: Size, components: u64) -> u64 {
    let full = (u64::from(stored.width) + 16) * (u64::from(stored.height) + 16) * components;
    source.open().ok().and_then(|mut input| samples(&mut input, stored)).unwrap_or(full) * 2
}

/// Samples of all components, whole blocks, from the frame header (Rec. ITU-T T.81, B.2.2).
fn samples(input: &mut impl ReadSeek, stored: Size) -> Option<u64> {
    // Comments and profiles may stand before the frame, but not thousands of them.
    const MOST_SEGMENTS: usize = 4096;
    input.seek(SeekFrom::Start(2)).ok()?;
    for _ in 0..MOST_SEGMENTS {
        let mut head = [0; 4];
        input.read_exact(&mut head).ok()?;
        let [0xff, marker, high, low] = head else { return None };
        let length = i64::from(u16::from_be_bytes([high, low]));
        if !matches!(marker, 0xc0..=0xcf) || matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            input.seek(SeekFrom::Current(length - 2)).ok()?;
            continue;
        }
        let mut frame = vec![0; usize::try_from(length - 2).ok()?];
        input.read_exact(&mut frame).ok()?;
        let factors: Vec<[u64; 2]> =
            frame.get(6..)?.as_chunks::<3>().0.iter().map(|c| [u64::from(c[1] >> 4), u64::from(c[1] & 15)]).collect();
        let largest = |axis: usize| factors.iter().map(|f| f[axis]).max().filter(|&f| f > 0);
        let units = |side: u32, axis: usize| largest(axis).map(|f| u64::from(side).div_ceil(8 * f) * 8);
        let (across, down) = (units(stored.width, 0)?, units(stored.height, 1)?);
        return Some(factors.iter().map(|[h, v]| across * h * down * v).sum());
    }
    None
}

/// The decoder takes its input byte by byte, so the buffer has to be at hand, not behind a virtual call.
fn decoder(source: SourceRef<'_>) -> Result<Decoder<BufReader<Box<dyn ReadSeek + '_>>>> {
    let mut decoder = Decoder::new(BufReader::new(source.open()?));
    decoder.set_max_decoding_buffer_size(usize::try_from(source.limits.max_decode_bytes).unwrap_or(usize::MAX));
    Ok(decoder)
}

fn error(source: SourceRef<'_>, error: JpegError) -> Error {
    match error {
        JpegError::Io(e) => source.io(e),
        JpegError::Unsupported(what) => source.unsupported(format!("{what:?}")),
        other => source.damaged(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn samples_follow_the_factors_of_the_frame() {
        let mut file = vec![0xff, 0xd8, 0xff, 0xe1, 0, 4, 9, 9];
        // 33 × 17 pixels: luma twice as fine as chroma along both sides.
        file.extend([0xff, 0xc2, 0, 17, 8, 0, 17, 0, 33, 3, 1, 0x22, 0, 2, 0x11, 1, 3, 0x11, 1]);
        let read = |bytes: &[u8]| samples(&mut Cursor::new(bytes.to_vec()), Size::new(33, 17));
        assert_eq!(read(&file), Some(48 * 32 + 2 * 24 * 16));
        (0..file.len()).for_each(|length| assert_eq!(read(&file[..length]), None));
        file[8 + 11] = 0;
        file[8 + 14] = 0;
        file[8 + 17] = 0;
        assert_eq!(read(&file), None);
    }
}
