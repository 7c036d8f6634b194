//! Where encoded bytes come from, and what kind of file they are.

use crate::format::{Format, readable};
use crate::source::Content;
use image::ImageFormat;
use ocelli_core::{Error, Limits, Result};
use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, ErrorKind, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Bytes looked at to tell the format.
const SNIFFED: usize = 64;

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
            #[cfg(feature = "http")]
            Content::Url(url) => crate::http::fetch(name, &url, limits),
            Content::Pixels(_) => unreachable!("pixels need no decoder"),
        }
    }

    /// Starts reading from the first byte; reads after `until` fail, so that no decoder goes on for ever.
    pub(crate) fn open(&self, name: &str, until: Option<Instant>) -> Result<Box<dyn ReadSeek + '_>> {
        // The clock is looked at once a buffer: decoders that read byte by byte would spend their time on it.
        Ok(match self {
            Self::File(path) => {
                let inner = File::open(path).map_err(|e| open_error(name, e))?;
                Box::new(BufReader::new(Timed { inner, until }))
            }
            Self::Bytes(bytes) => Box::new(BufReader::new(Timed { inner: Cursor::new(&bytes[..]), until })),
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
    pub(crate) fn sniff(&self, name: &str) -> Result<Format> {
        let head = match self {
            Self::Bytes(bytes) => bytes[..bytes.len().min(SNIFFED)].to_vec(),
            Self::File(path) => head_of(path).map_err(|e| open_error(name, e))?,
        };
        if head.is_empty() {
            return Err(Error::decoding(name, "the file is empty"));
        }
        let known = Format::of(&head).or_else(|| self.unmarked()).filter(|format| format.is_built_in());
        known.ok_or_else(|| Error::decoding(name, format!("{}; this build reads {}", described(&head), readable())))
    }
}

impl Input {
    /// TGA files begin with nothing that tells: there the name has to do.
    fn unmarked(&self) -> Option<Format> {
        let Self::File(path) = self else { return None };
        let named = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("tga"));
        named.then_some(Format::Image(ImageFormat::Tga))
    }
}

/// Reads to the end. What was read grows by doubling and is copied once, so it may be a third of what decoding may take.
pub(crate) fn read_all(name: &str, reader: impl Read, limits: &Limits) -> Result<Input> {
    let held = limits.max_decode_bytes / 3;
    let mut bytes = Vec::new();
    let limit = limits.max_file_bytes.min(held);
    reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| Error::io(name, e))?;
    check_file_bytes(name, bytes.len() as u64, limits)?;
    if bytes.len() as u64 > held {
        let hint = "name a file, which is not held in memory, or raise Limits::max_decode_bytes or the memory budget";
        let (input, value) = (name.to_owned(), bytes.len() as u64);
        return Err(Error::Limits {
            input,
            what: "bytes of a stream that is held in memory, at least",
            value,
            limit: held,
            hint,
        });
    }
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

/// A reader that stops at a time.
struct Timed<R> {
    inner: R,
    until: Option<Instant>,
}

impl<R> Timed<R> {
    fn check(&self) -> std::io::Result<()> {
        match self.until {
            Some(until) if Instant::now() >= until => Err(ErrorKind::TimedOut.into()),
            _ => Ok(()),
        }
    }
}

impl<R: Read> Read for Timed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.check()?;
        self.inner.read(buffer)
    }
}

impl<R: Seek> Seek for Timed<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.inner.seek(to)
    }
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
    if let Some(format) = Format::of(head) {
        let feature = format.feature().map(|f| format!(" (feature {f})")).unwrap_or_default();
        return format!("it is {} data, which is not built in{feature}", format.name());
    }
    let text = std::str::from_utf8(head).or_else(|e| std::str::from_utf8(&head[..e.valid_up_to()])).unwrap_or("");
    if text.len() > head.len() / 2 && text.chars().all(|c| !c.is_control() || c.is_ascii_whitespace()) {
        return "the content is text".into();
    }
    let bytes: Vec<_> = head.iter().take(4).map(|b| format!("{b:02x}")).collect();
    format!("no known format begins with the bytes {}", bytes.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_ends_with_its_time() {
        let input = Input::Bytes(Arc::from(vec![7; 100_000]));
        let mut all = Vec::new();
        input.open("a", None).unwrap().read_to_end(&mut all).unwrap();
        assert_eq!(all.len(), 100_000);
        let late = input.open("a", Some(Instant::now())).unwrap().read_to_end(&mut all);
        assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    }
}
