//! Encoded bytes to canonical rows: one room for each way of reading.
//!
//! | way | formats | holds at a time |
//! | --- | --- | --- |
//! | shrunk by the inverse cosine transform | JPEG, when a small picture is wanted of a large one | the shrunk frame |
//! | rows | PNG without interlacing; JPEG with the feature `mozjpeg` | two rows; 64 rows |
//! | strips, tiles | TIFF with chunky samples of 8 or 16 bits | one strip, or one row of tiles |
//! | whole | everything else | the frame |

#[cfg(feature = "avif")]
mod avif;
mod frames;
#[cfg(feature = "heic")]
mod heic;
#[cfg(any(feature = "heic", feature = "avif"))]
mod heif;
mod jpeg;
#[cfg(feature = "jxl")]
mod jxl;
mod png;
mod tiff;
mod whole;

use crate::colour::{Channels, Samples, SourceColour, ToCanon};
use crate::format::Format;
use crate::input::{Input, ReadSeek};
use crate::sink::{Collector, Fan, PORTION, Relay, Sink, Target};
use crate::source::Content;
use image::ImageFormat;
use ocelli_core::{Control, Error, ImageInfo, Limits, Orientation, Result, Size};
use std::io::ErrorKind;
use std::time::{Duration, Instant};

/// What a header says.
pub(crate) struct Head {
    pub(crate) stored: Size,
    pub(crate) orientation: Option<Orientation>,
    pub(crate) colour: SourceColour,
    pub(crate) body: Body,
    pub(crate) warnings: Vec<String>,
}

/// How the pixels are stored, as far as it decides how they are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Jpeg {
        /// Bytes of the coefficients of a progressive file, which are needed all at once; 0 for others.
        coefficients: u64,
    },
    PngRows,
    TiffChunks {
        band_rows: u32,
    },
    #[cfg(feature = "jxl")]
    JpegXl {
        /// Colours and extra channels, all of which are decoded.
        channels: u64,
    },
    /// Frames that are decoded in one piece, by the `image` crate.
    Whole,
}

/// How a pass reads the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Method {
    /// The frame in one piece.
    Whole,
    /// Rows, strips or tiles as they come.
    Rows,
    /// At one part in 1, 2, 4 or 8 of the size, by the JPEG's own transform.
    Shrunk(u8),
}

/// An encoded picture that passed its checks, ready to be decoded.
pub(crate) struct Encoded {
    name: String,
    input: Input,
    format: Format,
    stored: Size,
    orientation: Orientation,
    frame: u32,
    body: Body,
    colour: SourceColour,
    canon: ToCanon,
}

/// A decoder's shrunk side is at least this many times the wanted one, so that the resizing that follows still
/// decides what the picture looks like.
const DECODED_OVER_WANTED: f64 = 1.5;

impl Encoded {
    /// Reads the header of a file, bytes or reader and checks it against the limits. The strings are warnings.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Decoding`] or [`Error::Limits`], each naming the source and what to do.
    pub(crate) fn probe(
        name: String,
        content: Content,
        orientation: Option<Orientation>,
        frame: u32,
        limits: &Limits,
    ) -> Result<(Self, ImageInfo, Vec<String>)> {
        let input = Input::gather(&name, content, limits)?;
        let format = input.sniff(&name)?;
        let source = SourceRef { name: &name, input: &input, format, frame, limits, until: until(limits) };
        let head = match format {
            Format::Image(ImageFormat::Tiff) => tiff::head(source)?,
            #[cfg(feature = "heic")]
            Format::Heic => heic::head(source)?,
            _ if frame > 0 => frames::head(source)?,
            Format::Image(ImageFormat::Jpeg) => jpeg::head(source)?,
            Format::Image(ImageFormat::Png) => png::head(source)?,
            #[cfg(feature = "avif")]
            Format::Avif => avif::head(source)?,
            #[cfg(feature = "jxl")]
            Format::JpegXl => jxl::head(source)?,
            _ => whole::head(source)?,
        };
        check_size(&name, head.stored, limits)?;
        let orientation = orientation.or(head.orientation).unwrap_or_default();
        let (canon, warning) = head.colour.to_canon();
        let mut warnings = head.warnings;
        warnings.extend(warning);
        let info = ImageInfo::new(&name, orientation.upright_size(head.stored), orientation, format.name());
        let Head { stored, colour, body, .. } = head;
        Ok((Self { name, input, format, stored, orientation, frame, body, colour, canon }, info, warnings))
    }

    /// How a pass reads the file for `target`: a pure function of the two.
    pub(crate) fn method(&self, target: Target) -> Method {
        match self.body {
            Body::PngRows | Body::TiffChunks { .. } => Method::Rows,
            Body::Whole => Method::Whole,
            #[cfg(feature = "jxl")]
            Body::JpegXl { .. } => Method::Whole,
            Body::Jpeg { .. } => {
                let wanted = f64::from(target.size.longer_side()) * DECODED_OVER_WANTED;
                let shrunk = |d: &u8| f64::from(target.region.size().longer_side()) / f64::from(*d) >= wanted;
                match [8, 4, 2].into_iter().find(shrunk) {
                    Some(denominator) => Method::Shrunk(denominator),
                    None => self.unshrunk(),
                }
            }
        }
    }

    /// A JPEG at full size. Ink goes through the decoder that hands it over unmixed; rows are taken where they can be had,
    /// for tiles and whole views alike, so that both hold the same pixels.
    fn unshrunk(&self) -> Method {
        let channels = self.canon.pixel().channels;
        if channels == Channels::Cmyk || jpeg::by_rows(channels) { Method::Shrunk(1) } else { Method::Whole }
    }

    /// Whether rows come in portions, and nothing holds the frame.
    fn is_streamed(&self, method: Method) -> bool {
        match method {
            Method::Rows => true,
            Method::Shrunk(_) => jpeg::by_rows(self.canon.pixel().channels),
            Method::Whole => false,
        }
    }

    /// Size of the rows that a pass delivers, as stored.
    pub(crate) fn decoded_size(&self, method: Method) -> Size {
        match method {
            Method::Shrunk(d) => Size::new(self.stored.width.div_ceil(d.into()), self.stored.height.div_ceil(d.into())),
            Method::Whole | Method::Rows => self.stored,
        }
    }

    /// The most bytes that a pass for `targets` holds at a time, results included; an upper bound.
    pub(crate) fn peak_bytes(&self, method: Method, targets: &[Target]) -> u64 {
        let streamed = self.is_streamed(method);
        targets.iter().map(|t| self.collector_bytes(method, *t, streamed)).sum::<u64>() + self.decoder_bytes(method)
    }

    /// The most bytes that a pass holds which hands every target on as soon as it is complete; an upper bound.
    pub(crate) fn stream_bytes(&self, method: Method, targets: &[Target]) -> u64 {
        let taken: Vec<_> = targets.iter().map(|t| self.collector(method, *t).rows_taken()).collect();
        // Rows come in portions, so a target may begin one portion before another has ended.
        let overlap = |a: (u32, u32), b: (u32, u32)| a.0 <= b.1 + PORTION as u32 && b.0 <= a.1 + PORTION as u32;
        let at_once = |ix: usize| {
            let others =
                targets.iter().zip(&taken).filter(|&(_, rows)| rows.0 <= taken[ix].0 && overlap(*rows, taken[ix]));
            others.map(|(t, _)| self.collector_bytes(method, *t, true)).sum::<u64>()
        };
        (0..targets.len()).map(at_once).max().unwrap_or(0) + self.decoder_bytes(method)
    }

    fn collector_bytes(&self, method: Method, target: Target, streamed: bool) -> u64 {
        Collector::peak_bytes(target, self.orientation, self.decoded_size(method), scale_of(method), streamed)
    }

    /// The most bytes that a decoder holds, whatever becomes of its rows; an upper bound.
    fn decoder_bytes(&self, method: Method) -> u64 {
        let from = self.decoded_size(method);
        let streamed = self.is_streamed(method);
        let pixel = self.canon.pixel().bytes() as u64;
        let canon = if self.canon.is_identity() || streamed { 0 } else { from.pixels() * 3 };
        let decoder = match (method, self.body) {
            (Method::Rows, Body::TiffChunks { band_rows }) => {
                2 * u64::from(band_rows) * u64::from(from.width) * (pixel + 3)
            }
            (Method::Rows, _) => 8 * u64::from(from.width) * (pixel + 3),
            (Method::Shrunk(d), body) => jpeg::shrunk_bytes(self.stored, from, d, self.canon.pixel(), body) + canon,
            (Method::Whole, Body::Jpeg { coefficients }) => {
                jpeg::whole_bytes(self.stored, pixel, coefficients) + self.input.bytes_to_load() + canon
            }
            #[cfg(feature = "jxl")]
            (Method::Whole, Body::JpegXl { channels }) => {
                jxl::frame_bytes(self.stored, channels, pixel) + self.input.bytes_to_load() + canon
            }
            (Method::Whole, _) => {
                let loads = !matches!(self.format, Format::Image(format) if format != ImageFormat::WebP);
                let load = if loads { self.input.bytes_to_load() } else { 0 };
                whole::frame_bytes(self.format, self.stored, pixel) + load + canon
            }
        };
        /// Buffers, tables and windows of decoders, whatever the picture's size.
        const OVERHEAD: u64 = 1 << 20;
        decoder + OVERHEAD
    }

    /// Decodes once and makes every target, upright, in canonical colour.
    ///
    /// # Errors
    /// [`Error::Limits`] before anything is decoded where the pass would take more than
    /// [`Limits::max_decode_bytes`]; those of decoding; the wish of the caller to stop.
    pub(crate) fn collect(
        &self,
        method: Method,
        targets: &[Target],
        limits: &Limits,
        control: &Control,
    ) -> Result<Vec<Vec<u8>>> {
        self.check_budget(method, targets, limits)?;
        let collectors = targets.iter().map(|t| self.collector(method, *t)).collect();
        let mut fan = Fan { collectors, control };
        self.decode(method, limits, &mut fan)?;
        fan.collectors.into_iter().map(|c| c.finish().map_err(|e| self.renamed(e))).collect()
    }

    /// Decodes once and hands every target on, upright, in canonical colour, as soon as its rows are there.
    ///
    /// # Errors
    /// As [`collect`](Self::collect); those of `done`.
    pub(crate) fn stream(
        &self,
        method: Method,
        targets: &[Target],
        limits: &Limits,
        control: &Control,
        done: &mut dyn FnMut(usize, Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        self.check_bytes(self.stream_bytes(method, targets), limits)?;
        let waiting = targets.iter().map(|t| self.collector(method, *t)).enumerate().collect();
        let mut relay = Relay { waiting, from: self.decoded_size(method), control, done };
        self.decode(method, limits, &mut relay)?;
        match relay.waiting.pop() {
            // The decoder ended before the last rows: the same complaint as of a whole view.
            Some((_, collector)) => collector.finish().map(drop).map_err(|e| self.renamed(e)),
            None => Ok(()),
        }
    }

    fn collector(&self, method: Method, target: Target) -> Collector {
        Collector::new(target, self.orientation, self.stored, self.decoded_size(method), scale_of(method))
    }

    /// One pass over the file.
    fn decode(&self, method: Method, limits: &Limits, sink: &mut dyn Sink) -> Result<()> {
        let (name, format) = (&self.name, self.format);
        let source = SourceRef { name, input: &self.input, format, frame: self.frame, limits, until: until(limits) };
        match (method, self.format) {
            (Method::Shrunk(d), _) => jpeg::shrunk(source, d, self.decoded_size(method), &self.canon, sink),
            (Method::Rows, Format::Image(ImageFormat::Png)) => png::rows(source, self.stored, &self.canon, sink),
            (Method::Rows, _) => tiff::chunks(source, self.stored, &self.canon, sink),
            #[cfg(feature = "heic")]
            (Method::Whole, Format::Heic) => heic::frame(source, self.stored, &self.canon, sink),
            (Method::Whole, format) if self.frame > 0 && format != Format::Image(ImageFormat::Tiff) => {
                frames::frame(source, self.stored, &self.canon, sink)
            }
            #[cfg(feature = "avif")]
            (Method::Whole, Format::Avif) => avif::frame(source, self.stored, &self.canon, sink),
            #[cfg(feature = "jxl")]
            (Method::Whole, Format::JpegXl) => {
                let Body::JpegXl { channels } = self.body else { return Err(source.changed()) };
                jxl::frame(source, self.stored, channels, &self.canon, sink)
            }
            (Method::Whole, _) => whole::frame(source, self.stored, &self.canon, sink),
        }
    }

    fn renamed(&self, error: Error) -> Error {
        match error {
            Error::Decoding { reason, .. } => Error::decoding(&self.name, reason),
            other => other,
        }
    }

    /// Refuses a pass that would not fit.
    pub(crate) fn check_budget(&self, method: Method, targets: &[Target], limits: &Limits) -> Result<()> {
        self.check_bytes(self.peak_bytes(method, targets), limits)
    }

    fn check_bytes(&self, value: u64, limits: &Limits) -> Result<()> {
        if value <= limits.max_decode_bytes {
            return Ok(());
        }
        let hint = match self.body {
            Body::Jpeg { coefficients: 1.. } => {
                "progressive files need all coefficients at once: raise Limits::max_decode_bytes or store it as baseline"
            }
            Body::Jpeg { .. } => "ask for smaller views or raise Limits::max_decode_bytes",
            _ => "raise Limits::max_decode_bytes, or ask for smaller views of a file that is read by rows",
        };
        let (input, limit) = (self.name.clone(), limits.max_decode_bytes);
        Err(Error::Limits { input, what: "memory to decode it in bytes", value, limit, hint })
    }

    /// Bytes of the file that are held in memory because a reader delivered them.
    pub(crate) fn held_bytes(&self) -> u64 {
        match &self.input {
            Input::File(_) => 0,
            Input::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// The colour step of the way to the canon, for plans.
    pub(crate) fn colour_step(&self) -> Option<&'static str> {
        self.colour.step()
    }

    /// How a method is called in plans.
    pub(crate) fn method_name(&self, method: Method) -> String {
        let progressive = if matches!(self.body, Body::Jpeg { coefficients: 1.. }) { ", progressive" } else { "" };
        match (method, self.body) {
            (Method::Shrunk(d), _) if d > 1 => format!("1/{d} by DCT{progressive}"),
            (Method::Rows, Body::TiffChunks { .. }) => "by strips or tiles".into(),
            (Method::Rows | Method::Shrunk(_), _) if self.is_streamed(method) => format!("by rows{progressive}"),
            _ => format!("whole{progressive}"),
        }
    }
}

/// Step from stored pixels to decoded ones.
fn scale_of(method: Method) -> f64 {
    match method {
        Method::Shrunk(d) => 1.0 / f64::from(d),
        Method::Whole | Method::Rows => 1.0,
    }
}

/// What every room needs to know of the source.
#[derive(Clone, Copy)]
struct SourceRef<'a> {
    name: &'a str,
    input: &'a Input,
    format: Format,
    frame: u32,
    limits: &'a Limits,
    /// When reading has to be over.
    until: Option<Instant>,
}

impl<'a> SourceRef<'a> {
    fn open(&self) -> Result<Box<dyn ReadSeek + 'a>> {
        self.input.open(self.name, self.until)
    }

    fn damaged(&self, what: impl std::fmt::Display) -> Error {
        let format = self.format.name();
        Error::decoding(self.name, format!("damaged {format} data ({what}); replace the file"))
    }

    fn unsupported(&self, what: impl std::fmt::Display) -> Error {
        let hint = format!("convert it to a common kind of {} or to PNG", self.format.name());
        Error::Unsupported { what: format!("{}: {what}", self.name), hint }
    }

    fn io(&self, error: std::io::Error) -> Error {
        if error.kind() == ErrorKind::TimedOut {
            return timed_out(self.name, self.limits);
        }
        if error.kind() == ErrorKind::UnexpectedEof {
            let format = self.format.name();
            return Error::decoding(self.name, format!("the {format} data ends too early; the file was cut short"));
        }
        // Decoders wrap their own complaints in errors without a system code.
        if error.raw_os_error().is_none() { self.damaged(error) } else { Error::io(self.name, error) }
    }

    fn too_large(&self, needed: u64) -> Error {
        let limit = self.limits.max_decode_bytes;
        let hint = "raise Limits::max_decode_bytes or max_side if the picture is genuine";
        let what = "memory to decode it in bytes";
        Error::Limits { input: self.name.to_owned(), what, value: needed, limit, hint }
    }

    fn changed(&self) -> Error {
        Error::decoding(self.name, "the file changed since it was opened; open it again")
    }
}

/// When a pass that begins now has to be over; a time too far away for the clock is none.
fn until(limits: &Limits) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_secs(limits.max_seconds.into()))
}

fn timed_out(name: &str, limits: &Limits) -> Error {
    let limit = limits.max_seconds.into();
    let hint = "raise Limits::max_seconds if the picture is genuine";
    Error::Limits { input: name.to_owned(), what: "seconds of reading it, at least", value: limit, limit, hint }
}

/// Refuses pictures of no pixels and pictures beyond the limits.
pub(crate) fn check_size(name: &str, size: Size, limits: &Limits) -> Result<()> {
    if size.pixels() == 0 {
        return Err(Error::decoding(name, format!("it declares {size} pixels, so there is nothing to see")));
    }
    let refuse = |what, value, limit, hint| Err(Error::Limits { input: name.to_owned(), what, value, limit, hint });
    if size.longer_side() > limits.max_side {
        let hint = "raise Limits::max_side if the picture is genuine";
        return refuse("longer side in pixels", size.longer_side().into(), limits.max_side.into(), hint);
    }
    if size.pixels() > limits.max_pixels {
        let hint = "raise Limits::max_pixels if the picture is genuine";
        return refuse("number of pixels", size.pixels(), limits.max_pixels, hint);
    }
    Ok(())
}

/// Hands a frame of samples to the sink in portions of rows, so that it is never held twice.
fn feed_frame(samples: Samples<'_>, width: u32, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let portion = (width as usize * canon.pixel().channels.count() * PORTION).max(1);
    let mut rgb = Vec::new();
    let mut feed = |samples: Samples<'_>| {
        rgb.clear();
        canon.append(samples, &mut rgb);
        sink.rows(&rgb)
    };
    match samples {
        Samples::U8(data) => data.chunks(portion).try_for_each(|rows| feed(Samples::U8(rows))),
        Samples::U16(data) => data.chunks(portion).try_for_each(|rows| feed(Samples::U16(rows))),
        Samples::F32(data) => data.chunks(portion).try_for_each(|rows| feed(Samples::F32(rows))),
    }
}
