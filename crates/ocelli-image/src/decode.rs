//! Encoded bytes to canonical rows: one room for each way of reading.
//!
//! | way | formats | holds at a time |
//! | --- | --- | --- |
//! | shrunk by the inverse cosine transform | JPEG, when a small picture is wanted of a large one | the shrunk frame |
//! | rows | PNG without interlacing; JPEG with the feature `mozjpeg` | two rows; 64 rows |
//! | strips, tiles | TIFF with chunky samples of 8 or 16 bits | one strip, or one row of tiles |
//! | whole | everything else | the frame |

mod frames;
mod jpeg;
mod png;
mod tiff;
mod whole;

use crate::colour::{Channels, Samples, SourceColour, ToCanon};
use crate::input::{Input, format_name};
use crate::sink::{Collector, Fan, PORTION, Sink, Target};
use crate::source::Content;
use image::ImageFormat;
use ocelli_core::{Control, Error, ImageInfo, Limits, Orientation, Result, Size};
use std::io::ErrorKind;

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
        progressive: bool,
    },
    PngRows,
    TiffChunks {
        band_rows: u32,
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
    format: ImageFormat,
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
        let source = SourceRef { name: &name, input: &input, format, frame, limits };
        let head = match format {
            ImageFormat::Tiff => tiff::head(source)?,
            _ if frame > 0 => frames::head(source)?,
            ImageFormat::Jpeg => jpeg::head(source)?,
            ImageFormat::Png => png::head(source)?,
            _ => whole::head(source)?,
        };
        check_size(&name, head.stored, limits)?;
        let orientation = orientation.or(head.orientation).unwrap_or_default();
        let (canon, warning) = head.colour.to_canon();
        let mut warnings = head.warnings;
        warnings.extend(warning);
        let info = ImageInfo::new(&name, orientation.upright_size(head.stored), orientation, format_name(format));
        let Head { stored, colour, body, .. } = head;
        Ok((Self { name, input, format, stored, orientation, frame, body, colour, canon }, info, warnings))
    }

    /// How a pass reads the file for `target`: a pure function of the two.
    pub(crate) fn method(&self, target: Target) -> Method {
        match self.body {
            Body::PngRows | Body::TiffChunks { .. } => Method::Rows,
            Body::Whole => Method::Whole,
            Body::Jpeg { .. } => {
                let wanted = f64::from(target.size.longer_side()) * DECODED_OVER_WANTED;
                let shrunk = |d: &u8| f64::from(target.region.size().longer_side()) / f64::from(*d) >= wanted;
                match [8, 4, 2].into_iter().find(shrunk) {
                    Some(denominator) => Method::Shrunk(denominator),
                    None => self.unshrunk(target),
                }
            }
        }
    }

    /// A JPEG at full size. Ink goes through the decoder that hands it over unmixed; what is less than the whole
    /// picture is taken from rows where they can be had.
    fn unshrunk(&self, target: Target) -> Method {
        let channels = self.canon.pixel().channels;
        let part = self.orientation.stored_size(target.size) != self.stored;
        if channels == Channels::Cmyk || (part && jpeg::by_rows(channels)) { Method::Shrunk(1) } else { Method::Whole }
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
        let from = self.decoded_size(method);
        let scale = scale_of(method);
        let streamed = self.is_streamed(method);
        let collector = |t: &Target| Collector::peak_bytes(*t, self.orientation, from, scale, streamed);
        let collectors: u64 = targets.iter().map(collector).sum();
        let pixel = self.canon.pixel().bytes() as u64;
        let canon = if self.canon.is_identity() || streamed { 0 } else { from.pixels() * 3 };
        let decoder = match (method, self.body) {
            (Method::Rows, Body::TiffChunks { band_rows }) => {
                2 * u64::from(band_rows) * u64::from(from.width) * (pixel + 3)
            }
            (Method::Rows, _) => 8 * u64::from(from.width) * (pixel + 3),
            (Method::Shrunk(d), body) => jpeg::shrunk_bytes(self.stored, from, d, self.canon.pixel(), body) + canon,
            (Method::Whole, Body::Jpeg { progressive }) => {
                jpeg::whole_bytes(self.stored, pixel, progressive) + self.input.bytes_to_load() + canon
            }
            (Method::Whole, _) => {
                let load = if self.format == ImageFormat::WebP { self.input.bytes_to_load() } else { 0 };
                whole::frame_bytes(self.format, self.stored, pixel) + load + canon
            }
        };
        /// Buffers, tables and windows of decoders, whatever the picture's size.
        const OVERHEAD: u64 = 1 << 20;
        collectors + decoder + OVERHEAD
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
        let from = self.decoded_size(method);
        let collector = |t: &Target| Collector::new(*t, self.orientation, self.stored, from, scale_of(method));
        let mut fan = Fan { collectors: targets.iter().map(collector).collect(), control };
        let (name, format) = (&self.name, self.format);
        let source = SourceRef { name, input: &self.input, format, frame: self.frame, limits };
        match (method, self.format) {
            (Method::Shrunk(d), _) => jpeg::shrunk(source, d, from, &self.canon, &mut fan)?,
            (Method::Rows, ImageFormat::Png) => png::rows(source, self.stored, &self.canon, &mut fan)?,
            (Method::Rows, _) => tiff::chunks(source, self.stored, &self.canon, &mut fan)?,
            (Method::Whole, format) if self.frame > 0 && format != ImageFormat::Tiff => {
                frames::frame(source, self.stored, &self.canon, &mut fan)?;
            }
            (Method::Whole, _) => whole::frame(source, self.stored, &self.canon, &mut fan)?,
        }
        let rename = |e| match e {
            Error::Decoding { reason, .. } => Error::decoding(&self.name, reason),
            other => other,
        };
        fan.collectors.into_iter().map(|c| c.finish().map_err(rename)).collect()
    }

    /// Refuses a pass that would not fit.
    pub(crate) fn check_budget(&self, method: Method, targets: &[Target], limits: &Limits) -> Result<()> {
        let value = self.peak_bytes(method, targets);
        if value <= limits.max_decode_bytes {
            return Ok(());
        }
        let hint = match self.body {
            Body::Jpeg { progressive: true } => {
                "progressive files need all coefficients at once: raise Limits::max_decode_bytes or store it as baseline"
            }
            Body::Jpeg { .. } => "ask for smaller views or raise Limits::max_decode_bytes",
            _ => "raise Limits::max_decode_bytes, or ask for smaller views of a file that is read by rows",
        };
        let (input, limit) = (self.name.clone(), limits.max_decode_bytes);
        Err(Error::Limits { input, what: "memory to decode it in bytes", value, limit, hint })
    }

    /// The colour step of the way to the canon, for plans.
    pub(crate) fn colour_step(&self) -> Option<&'static str> {
        self.colour.step()
    }

    /// How a method is called in plans.
    pub(crate) fn method_name(&self, method: Method) -> String {
        let progressive = if self.body == (Body::Jpeg { progressive: true }) { ", progressive" } else { "" };
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
    format: ImageFormat,
    frame: u32,
    limits: &'a Limits,
}

impl SourceRef<'_> {
    fn damaged(&self, what: impl std::fmt::Display) -> Error {
        let format = format_name(self.format);
        Error::decoding(self.name, format!("damaged {format} data ({what}); replace the file"))
    }

    fn unsupported(&self, what: impl std::fmt::Display) -> Error {
        let hint = format!("convert it to a common kind of {} or to PNG", format_name(self.format));
        Error::Unsupported { what: format!("{}: {what}", self.name), hint }
    }

    fn io(&self, error: std::io::Error) -> Error {
        if error.kind() == ErrorKind::UnexpectedEof {
            let format = format_name(self.format);
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
