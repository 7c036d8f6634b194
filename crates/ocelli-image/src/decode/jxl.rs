//! JPEG XL by jxl, pure Rust: the first frame in one piece.
//!
//! The codestream's own orientation counts; an EXIF orientation beside it says nothing more (ISO/IEC 18181-2).

use super::whole::icc_meaning;
use super::{Body, Head, SourceRef, feed_frame};
use crate::colour::{Channels, Depth, Meaning, PixelType, Samples, SourceColour, ToCanon};
use crate::input::ReadSeek;
use crate::sink::Sink;
use jxl::api::{
    AlphaMode, Endianness, Event, ExtraChannel, JxlBasicInfo, JxlBitDepth, JxlBitstreamInput, JxlColorEncoding,
    JxlColorProfile, JxlColorType, JxlDataFormat, JxlDecoder, JxlDecoderOptions, JxlOutputBuffer, JxlPixelFormat,
    JxlPrimaries, JxlTransferFunction, JxlWhitePoint,
};
use ocelli_core::{Error, Orientation, Result, Size};
use std::io::{IoSliceMut, Read, Seek, SeekFrom};

/// The most bytes that the decoder holds for a sample: four frames that later ones may refer to and the one at work, as
/// floats, beside the integers that it is made of.
const SAMPLE_BYTES: u64 = 7 * 4;

/// Rows are padded, so the decoder counts at least so many pixels of a row.
const MIN_ROW: u64 = 16;

pub(super) fn head(source: SourceRef<'_>) -> Result<Head> {
    let mut file = File::open(source, None)?;
    let info = file.info()?;
    let (width, height) = info.size;
    let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
    let pixel = file.choose_pixels(&info)?;
    let mut warnings = Vec::new();
    let meaning = match file.decoder.output_color_profile() {
        // What floats are for.
        Some(_) if pixel.depth == Depth::Float => Meaning::Srgb,
        Some(profile) => meaning(profile, source.limits.max_profile_bytes, &mut warnings),
        None => Meaning::Srgb,
    };
    Ok(Head {
        stored: Size::new(side(width), side(height)),
        orientation: Orientation::from_exif(info.orientation as u8),
        colour: SourceColour { meaning, pixel },
        body: Body::JpegXl { channels: 3 + info.extra_channels.len() as u64 },
        warnings,
    })
}

pub(super) fn frame(
    source: SourceRef<'_>,
    stored: Size,
    channels: u64,
    canon: &ToCanon,
    sink: &mut dyn Sink,
) -> Result<()> {
    let mut file = File::open(source, Some(samples(stored, channels)))?;
    let info = file.info()?;
    let pixel = file.choose_pixels(&info)?;
    if info.size != (stored.width as usize, stored.height as usize) || pixel != canon.pixel() {
        return Err(source.changed());
    }
    let count = info.size.0 * info.size.1 * pixel.channels.count();
    match pixel.depth {
        Depth::Eight => {
            let mut data = vec![0u8; count];
            file.fill(&mut data, info.size.1)?;
            feed_frame(Samples::U8(&data), stored.width, canon, sink)
        }
        Depth::Sixteen => {
            let mut data = vec![0u16; count];
            file.fill(bytemuck::cast_slice_mut(&mut data), info.size.1)?;
            feed_frame(Samples::U16(&data), stored.width, canon, sink)
        }
        Depth::Float => {
            let mut data = vec![0f32; count];
            file.fill(bytemuck::cast_slice_mut(&mut data), info.size.1)?;
            feed_frame(Samples::F32(&data), stored.width, canon, sink)
        }
    }
}

/// The most bytes that the decoder holds for a picture of pixels of `pixel` bytes, the result included.
pub(super) fn frame_bytes(stored: Size, channels: u64, pixel: u64) -> u64 {
    /// Tables of transforms and buffers of groups, whatever the picture's size.
    const TABLES: u64 = 4 << 20;
    stored.pixels() * pixel + samples(stored, channels) * SAMPLE_BYTES + TABLES
}

/// Samples of a picture, as the decoder counts them.
fn samples(stored: Size, channels: u64) -> u64 {
    /// Frames of small pictures that others refer to may be larger than the pictures.
    const FEW: u64 = 1 << 14;
    (u64::from(stored.width).max(MIN_ROW) * u64::from(stored.height) * channels).max(FEW)
}

/// A decoder and what it reads.
struct File<'a> {
    source: SourceRef<'a>,
    decoder: JxlDecoder,
    input: Stream<'a>,
}

impl<'a> File<'a> {
    /// No frame may have more than `samples`.
    fn open(source: SourceRef<'a>, samples: Option<u64>) -> Result<Self> {
        let mut options = JxlDecoderOptions::default();
        options.adjust_orientation = false;
        options.alpha_mode = AlphaMode::Unpremultiplied;
        // The decoder's limit is the first number that is too large.
        options.sample_limit = samples.map(|n| usize::try_from(n + 1).unwrap_or(usize::MAX));
        let input = Stream::new(source.open()?).map_err(|e| source.io(e))?;
        Ok(Self { source, decoder: JxlDecoder::new(options), input })
    }

    /// Reads to the end of the header.
    fn info(&mut self) -> Result<JxlBasicInfo> {
        self.step(None)?;
        self.decoder.basic_info().cloned().ok_or_else(|| self.source.damaged("no header"))
    }

    /// Asks for samples of the type that fits the file, and says which.
    fn choose_pixels(&mut self, info: &JxlBasicInfo) -> Result<PixelType> {
        let holds = |kind| info.extra_channels.iter().any(|channel| channel.ec_type == kind);
        if holds(ExtraChannel::Black) {
            return Err(self.source.unsupported("amounts of ink"));
        }
        let gray = self.decoder.current_pixel_format().is_some_and(|format| format.color_type.is_grayscale());
        let (color_type, channels) = match (gray, holds(ExtraChannel::Alpha)) {
            (true, false) => (JxlColorType::Grayscale, Channels::Gray),
            (true, true) => (JxlColorType::GrayscaleAlpha, Channels::GrayAlpha),
            (false, false) => (JxlColorType::Rgb, Channels::Rgb),
            (false, true) => (JxlColorType::Rgba, Channels::Rgba),
        };
        let linear = self.decoder.embedded_color_profile().is_some_and(is_linear_srgb);
        let depth = depth(&info.bit_depth, linear);
        let format = JxlPixelFormat {
            color_type,
            color_data_format: Some(data_format(depth)),
            extra_channel_format: vec![None; info.extra_channels.len()],
        };
        self.decoder.set_pixel_format(format).map_err(|e| error(self.source, e))?;
        Ok(PixelType::new(channels, depth))
    }

    /// Decodes the first frame into `data`.
    fn fill(&mut self, data: &mut [u8], rows: usize) -> Result<()> {
        let row_bytes = data.len() / rows.max(1);
        let mut buffers = [JxlOutputBuffer::new(data, rows, row_bytes)];
        loop {
            match self.step(Some(&mut buffers))? {
                Event::FrameHeader => {}
                Event::FrameComplete { .. } => return Ok(()),
                _ => return Err(self.source.damaged("no picture in it")),
            }
        }
    }

    /// To the next event. All of the file is at hand, so that a decoder that wants more has a file that was cut short.
    fn step(&mut self, buffers: Option<&mut [JxlOutputBuffer<'_>]>) -> Result<Event> {
        match self.decoder.process(&mut self.input, buffers, None) {
            Ok(Event::NeedMoreInput { .. }) => Err(self.source.io(std::io::ErrorKind::UnexpectedEof.into())),
            Ok(event) => Ok(event),
            Err(e) => Err(error(self.source, e)),
        }
    }
}

/// Floats are for linear sRGB, as everywhere; samples of other curves are as exact in 16 bits, and keep their meaning.
fn depth(bits: &JxlBitDepth, linear: bool) -> Depth {
    match bits {
        JxlBitDepth::Int { bits_per_sample: ..=8 } => Depth::Eight,
        JxlBitDepth::Int { bits_per_sample: ..=16 } => Depth::Sixteen,
        _ if linear => Depth::Float,
        _ => Depth::Sixteen,
    }
}

fn data_format(depth: Depth) -> JxlDataFormat {
    let endianness = Endianness::native();
    match depth {
        Depth::Eight => JxlDataFormat::U8 { bit_depth: 8 },
        Depth::Sixteen => JxlDataFormat::U16 { endianness, bit_depth: 16 },
        Depth::Float => JxlDataFormat::F32 { endianness },
    }
}

fn is_linear_srgb(profile: &JxlColorProfile) -> bool {
    use JxlColorEncoding::{GrayscaleColorSpace, RgbColorSpace};
    let JxlColorProfile::Simple(encoding) = profile else { return false };
    match encoding {
        RgbColorSpace { white_point, primaries, transfer_function, .. } => {
            (white_point, primaries, transfer_function)
                == (&JxlWhitePoint::D65, &JxlPrimaries::SRGB, &JxlTransferFunction::Linear)
        }
        GrayscaleColorSpace { white_point, transfer_function, .. } => {
            (white_point, transfer_function) == (&JxlWhitePoint::D65, &JxlTransferFunction::Linear)
        }
        JxlColorEncoding::XYB { .. } => false,
    }
}

/// What the samples mean that come out. High dynamic range goes by code points, which are tone-mapped; the rest that is
/// not sRGB by the profile that the decoder writes for it.
fn meaning(profile: &JxlColorProfile, limit: u64, warnings: &mut Vec<String>) -> Meaning {
    let srgb = JxlColorProfile::Simple(JxlColorEncoding::srgb(profile.channels() == 1));
    if profile.same_color_encoding(&srgb) {
        return Meaning::Srgb;
    }
    if let Some(meaning) = hdr_code_points(profile) {
        return meaning;
    }
    match profile.try_as_icc() {
        Some(icc) => icc_meaning(icc.into_owned(), limit, warnings),
        None => {
            warnings.push(format!("colours that no profile describes ({profile}): sRGB assumed"));
            Meaning::Srgb
        }
    }
}

/// Code points of Rec. ITU-T H.273 for the curves of high dynamic range.
fn hdr_code_points(profile: &JxlColorProfile) -> Option<Meaning> {
    let transfer = match profile.transfer_function()? {
        JxlTransferFunction::PQ => 16,
        JxlTransferFunction::HLG => 18,
        _ => return None,
    };
    let primaries = match profile {
        JxlColorProfile::Simple(JxlColorEncoding::RgbColorSpace { white_point, primaries, .. }) => {
            match (primaries, white_point) {
                (JxlPrimaries::SRGB, JxlWhitePoint::D65) => 1,
                (JxlPrimaries::BT2100, JxlWhitePoint::D65) => 9,
                (JxlPrimaries::P3, JxlWhitePoint::DCI) => 11,
                (JxlPrimaries::P3, JxlWhitePoint::D65) => 12,
                _ => return None,
            }
        }
        // Grey has none: any that share its white.
        _ => 9,
    };
    Some(Meaning::CodePoints { primaries, transfer })
}

fn error(source: SourceRef<'_>, error: jxl::error::Error) -> Error {
    use jxl::error::Error as Jxl;
    match error {
        Jxl::IOError(e) => source.io(e),
        Jxl::ImageSizeTooLarge(..) => source.unsupported("a frame that is larger than the picture"),
        Jxl::LevelLimitExceeded { .. } => source.unsupported(error),
        Jxl::OutOfMemory(_) | Jxl::ImageOutOfMemory(..) => {
            source.too_large(source.limits.max_decode_bytes.saturating_add(1))
        }
        other => source.damaged(other),
    }
}

/// A file as the decoder wants it, which reads several buffers at once and asks how much there is.
struct Stream<'a> {
    input: Box<dyn ReadSeek + 'a>,
    left: u64,
}

impl<'a> Stream<'a> {
    fn new(mut input: Box<dyn ReadSeek + 'a>) -> std::io::Result<Self> {
        let left = input.seek(SeekFrom::End(0))?;
        input.rewind()?;
        Ok(Self { input, left })
    }
}

impl JxlBitstreamInput for Stream<'_> {
    fn available_bytes(&mut self) -> std::io::Result<usize> {
        Ok(usize::try_from(self.left).unwrap_or(usize::MAX))
    }

    fn read(&mut self, buffers: &mut [IoSliceMut<'_>]) -> std::io::Result<usize> {
        let mut total = 0;
        for buffer in buffers {
            let mut filled = 0;
            while filled < buffer.len() {
                match self.input.read(&mut buffer[filled..])? {
                    0 => break,
                    n => filled += n,
                }
            }
            total += filled;
            if filled < buffer.len() {
                break;
            }
        }
        self.left = self.left.saturating_sub(total as u64);
        Ok(total)
    }

    fn skip(&mut self, bytes: usize) -> std::io::Result<usize> {
        let bytes = self.left.min(bytes as u64);
        self.input.seek_relative(i64::try_from(bytes).unwrap_or(i64::MAX))?;
        self.left -= bytes;
        Ok(bytes as usize)
    }
}
