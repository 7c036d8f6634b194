//! Where encoded bytes come from, and what kind of file they are.

use crate::source::Content;
use image::ImageFormat;
use ocelli_core::{Error, Limits, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes looked at to tell the format.
const SNIFFED: usize = 64;

/// What this build reads, for messages.
fn readable() -> String {
    let optional = [ImageFormat::Qoi, ImageFormat::Tga, ImageFormat::Hdr, ImageFormat::OpenExr];
    let more: String =
        optional.iter().filter(|f| f.reading_enabled()).map(|f| format!(", {}", format_name(*f))).collect();
    format!("JPEG, PNG, WebP, GIF, BMP, TIFF{more} and PNM")
}

/// Encoded bytes that can be read any number of times.
#[derive(Debug)]
pub(crate) enum Input {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

/// What decoders want of their input.
pub(crate) trait ReadSeek: BufRead + Seek + Send {}
impl<T: BufRead + Seek + Send> ReadSeek for T {}

impl Input {
    /// Opens files far enough to know that they are files; reads readers to the end, or to the limit.
    pub(crate) fn gather(name: &str, content: Content, limits: &Limits) -> Result<Self> {
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
                Ok(Self::File(path))
            }
            Content::Bytes(bytes) => {
                check_file_bytes(name, bytes.len() as u64, limits)?;
                Ok(Self::Bytes(bytes))
            }
            Content::Reader(reader) => read_all(name, reader, limits),
            Content::Pixels(_) => unreachable!("pixels need no decoder"),
        }
    }

    /// Starts reading from the first byte.
    pub(crate) fn open(&self, name: &str) -> Result<Box<dyn ReadSeek + '_>> {
        Ok(match self {
            Self::File(path) => Box::new(BufReader::new(File::open(path).map_err(|e| open_error(name, e))?)),
            Self::Bytes(bytes) => Box::new(Cursor::new(&bytes[..])),
        })
    }

    /// The most bytes that a decoder holds which copies the whole file before it begins; copies grow by doubling.
    pub(crate) fn bytes_to_load(&self) -> u64 {
        2 * match self {
            Self::File(path) => std::fs::metadata(path).map_or(0, |m| m.len()),
            Self::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Tells the format by the first bytes; the name of a file is not evidence.
    pub(crate) fn sniff(&self, name: &str) -> Result<ImageFormat> {
        let head = match self {
            Self::Bytes(bytes) => bytes[..bytes.len().min(SNIFFED)].to_vec(),
            Self::File(path) => head_of(path).map_err(|e| open_error(name, e))?,
        };
        if head.is_empty() {
            return Err(Error::decoding(name, "the file is empty"));
        }
        let known = image::guess_format(&head).ok().or_else(|| self.unmarked()).filter(|f| f.reading_enabled());
        known.ok_or_else(|| Error::decoding(name, format!("{}; this build reads {}", described(&head), readable())))
    }
}

impl Input {
    /// TGA files begin with nothing that tells: there the name has to do.
    fn unmarked(&self) -> Option<ImageFormat> {
        let Self::File(path) = self else { return None };
        let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tga"));
        named.then_some(ImageFormat::Tga)
    }
}

fn read_all(name: &str, reader: impl Read, limits: &Limits) -> Result<Input> {
    let mut bytes = Vec::new();
    reader.take(limits.max_file_bytes.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| Error::io(name, e))?;
    check_file_bytes(name, bytes.len() as u64, limits)?;
    Ok(Input::Bytes(bytes.into()))
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

/// The format as people call it.
pub(crate) fn format_name(format: ImageFormat) -> &'static str {
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
