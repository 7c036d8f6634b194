//! Encoded bytes to the canonical picture, within limits.

use crate::canon::canonical;
use crate::raster::Raster;
use crate::source::Content;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader};
use ocelli_core::{Error, ImageInfo, Limits, Orientation, Result, Size};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes looked at to tell the format.
const SNIFFED: usize = 64;

/// What this build reads, for messages.
const READABLE: &str = "JPEG, PNG, WebP, GIF, BMP, TIFF and PNM";

/// An encoded picture that passed its checks, ready to be decoded.
#[derive(Debug)]
pub(crate) struct Encoded {
    name: String,
    data: Data,
    format: ImageFormat,
    stored: Size,
}

#[derive(Debug)]
enum Data {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// What decoders want of their input.
trait Input: BufRead + Seek {}
impl<T: BufRead + Seek> Input for T {}

impl Encoded {
    /// Reads the header of a file, bytes or reader and checks it against the limits.
    ///
    /// # Errors
    /// [`Error::Io`], [`Error::Decoding`] or [`Error::Limits`], each naming the source and what to do.
    pub(crate) fn probe(
        name: String,
        content: Content,
        orientation: Option<Orientation>,
        limits: &Limits,
    ) -> Result<(Self, ImageInfo)> {
        let data = gather(&name, content, limits)?;
        let format = sniff(&name, &data)?;
        let mut encoded = Self { name, data, format, stored: Size::new(0, 0) };
        let mut decoder = encoded.decoder(limits)?;
        let (width, height) = decoder.dimensions();
        // A broken tag is no reason to refuse a picture: it counts as absent.
        let declared = decoder.orientation().ok().and_then(|o| Orientation::from_exif(o.to_exif()));
        drop(decoder);
        encoded.stored = Size::new(width, height);
        check_size(&encoded.name, encoded.stored, limits)?;
        let orientation = orientation.or(declared).unwrap_or_default();
        let size = orientation.upright_size(encoded.stored);
        let info = ImageInfo::new(encoded.name.clone(), size, orientation, format_name(format));
        Ok((encoded, info))
    }

    /// Decodes the whole picture to canonical colour, as stored.
    pub(crate) fn decode(&self, limits: &Limits) -> Result<Raster> {
        let decoder = self.decoder(limits)?;
        let (width, height) = decoder.dimensions();
        if Size::new(width, height) != self.stored {
            return Err(Error::decoding(&self.name, "the file changed since it was opened; open it again"));
        }
        let picture = DynamicImage::from_decoder(decoder).map_err(|e| self.error(e, limits))?;
        Ok(canonical(picture))
    }

    fn decoder(&self, limits: &Limits) -> Result<impl ImageDecoder + '_> {
        let input: Box<dyn Input + '_> = match &self.data {
            Data::File(path) => Box::new(BufReader::new(File::open(path).map_err(|e| open_error(&self.name, e))?)),
            Data::Bytes(bytes) => Box::new(Cursor::new(&bytes[..])),
        };
        let mut reader = ImageReader::with_format(input, self.format);
        reader.limits(image_limits(limits));
        reader.into_decoder().map_err(|e| self.error(e, limits))
    }

    fn error(&self, error: ImageError, limits: &Limits) -> Error {
        let format = format_name(self.format);
        match error {
            ImageError::Limits(_) => Error::Limits {
                input: self.name.clone(),
                what: "memory to decode it in bytes",
                value: self.stored.pixels().saturating_mul(4),
                limit: limits.max_decode_bytes,
                hint: "raise Limits::max_decode_bytes or max_side if the picture is genuine",
            },
            ImageError::IoError(e) if e.kind() != ErrorKind::UnexpectedEof => Error::io(&self.name, e),
            ImageError::IoError(_) => {
                Error::decoding(&self.name, format!("the {format} data ends too early; the file was cut short"))
            }
            ImageError::Unsupported(e) => Error::Unsupported {
                what: format!("{}: {e}", self.name),
                hint: format!("convert it to a common kind of {format} or to PNG"),
            },
            other => Error::decoding(&self.name, format!("damaged {format} data ({other}); replace the file")),
        }
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

/// Opens files far enough to know that they are files; reads readers to the end, or to the limit.
fn gather(name: &str, content: Content, limits: &Limits) -> Result<Data> {
    match content {
        Content::File(path) => {
            let meta = std::fs::metadata(&path).map_err(|e| open_error(name, e))?;
            if meta.is_dir() {
                let cause = std::io::Error::new(ErrorKind::IsADirectory, "is a folder; name a picture inside it");
                return Err(Error::io(name, cause));
            }
            if !meta.is_file() {
                // A pipe or device has no length to check, so it counts as a reader.
                let file = File::open(&path).map_err(|e| open_error(name, e))?;
                return read_all(name, file, limits);
            }
            check_file_bytes(name, meta.len(), limits)?;
            Ok(Data::File(path))
        }
        Content::Bytes(bytes) => {
            check_file_bytes(name, bytes.len() as u64, limits)?;
            Ok(Data::Bytes(bytes))
        }
        Content::Reader(reader) => read_all(name, reader, limits),
        Content::Pixels(_) => unreachable!("pixels need no decoder"),
    }
}

fn read_all(name: &str, reader: impl Read, limits: &Limits) -> Result<Data> {
    let mut bytes = Vec::new();
    reader.take(limits.max_file_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| Error::io(name, e))?;
    check_file_bytes(name, bytes.len() as u64, limits)?;
    Ok(Data::Bytes(bytes.into()))
}

fn check_file_bytes(name: &str, bytes: u64, limits: &Limits) -> Result<()> {
    if bytes <= limits.max_file_bytes {
        return Ok(());
    }
    let hint = "raise Limits::max_file_bytes if the file is genuine";
    let limit = limits.max_file_bytes;
    Err(Error::Limits { input: name.to_owned(), what: "file size in bytes", value: bytes, limit, hint })
}

fn open_error(name: &str, error: std::io::Error) -> Error {
    let advice = match error.kind() {
        ErrorKind::NotFound => "no such file; check the path",
        ErrorKind::PermissionDenied => "no permission to read it; change its permissions or its owner",
        _ => return Error::io(name, error),
    };
    Error::io(name, std::io::Error::new(error.kind(), advice))
}

/// Tells the format by the first bytes; the name of a file is not evidence.
fn sniff(name: &str, data: &Data) -> Result<ImageFormat> {
    let head = match data {
        Data::Bytes(bytes) => bytes[..bytes.len().min(SNIFFED)].to_vec(),
        Data::File(path) => head_of(path).map_err(|e| open_error(name, e))?,
    };
    if head.is_empty() {
        return Err(Error::decoding(name, "the file is empty"));
    }
    let known = image::guess_format(&head).ok().filter(|f| f.reading_enabled());
    known.ok_or_else(|| Error::decoding(name, format!("{}; this build reads {READABLE}", described(&head))))
}

fn head_of(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    File::open(path)?.take(SNIFFED as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// What the first bytes of a file that is no picture look like.
fn described(head: &[u8]) -> String {
    if let Ok(format) = image::guess_format(head) {
        return format!("it is {} data, which is not built in", format_name(format));
    }
    let text = std::str::from_utf8(head).or_else(|e| std::str::from_utf8(&head[..e.valid_up_to()])).unwrap_or("");
    if text.len() > head.len() / 2 && text.chars().all(|c| !c.is_control() || c.is_ascii_whitespace()) {
        return "the content is text".into();
    }
    let bytes: Vec<_> = head.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("no known format begins with the bytes {}", bytes.join(" "))
}

fn format_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Png => "PNG",
        ImageFormat::Jpeg => "JPEG",
        ImageFormat::Gif => "GIF",
        ImageFormat::WebP => "WebP",
        ImageFormat::Pnm => "PNM",
        ImageFormat::Tiff => "TIFF",
        ImageFormat::Tga => "TGA",
        ImageFormat::Dds => "DDS",
        ImageFormat::Bmp => "BMP",
        ImageFormat::Ico => "ICO",
        ImageFormat::Hdr => "HDR",
        ImageFormat::OpenExr => "OpenEXR",
        ImageFormat::Farbfeld => "farbfeld",
        ImageFormat::Avif => "AVIF",
        ImageFormat::Qoi => "QOI",
        _ => "unnamed",
    }
}

fn image_limits(limits: &Limits) -> image::Limits {
    let mut theirs = image::Limits::no_limits();
    theirs.max_image_width = Some(limits.max_side);
    theirs.max_image_height = Some(limits.max_side);
    theirs.max_alloc = Some(limits.max_decode_bytes);
    theirs
}
