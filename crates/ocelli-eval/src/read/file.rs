//! Reading a file within limits.

use crate::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Bounds on what a reader takes in: met before anything is parsed.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// Largest file, bytes. A picture or a film given by mistake ends here.
    pub max_file_bytes: u64,
    /// Most files of one data set (VOC and YOLO have one a picture).
    pub max_files: u64,
    /// Most bytes that a compressed part of a file may unpack to.
    pub max_unpacked_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_file_bytes: 512 << 20, max_files: 1_000_000, max_unpacked_bytes: 512 << 20 }
    }
}

/// The bytes of a file, if it is small enough.
pub(super) fn bytes(path: &Path, limits: &Limits) -> Result<Vec<u8>> {
    let io = |e| Error::io(path, e);
    let limit = limits.max_file_bytes;
    let too_large = |value| Error::Limits { path: path.to_owned(), what: "size in bytes", value, limit };
    let file = File::open(path).map_err(io)?;
    let stated = file.metadata().map_err(io)?.len();
    if stated > limit {
        return Err(too_large(stated));
    }
    let mut bytes = Vec::new();
    // The file may grow, or be a pipe that states no size.
    file.take(limit + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > limit {
        return Err(too_large(bytes.len() as u64));
    }
    Ok(bytes)
}

/// The text of a file, if it is small enough; a byte order mark is dropped.
pub(super) fn text(path: &Path, limits: &Limits) -> Result<String> {
    let text = String::from_utf8(bytes(path, limits)?).map_err(|e| {
        let good = e.utf8_error().valid_up_to();
        let line = 1 + e.as_bytes()[..good].iter().filter(|&&b| b == b'\n').count();
        Error::at(path, line, "not UTF-8 text")
    })?;
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// The first bytes of a file, for finding out what it is.
pub(super) fn head(path: &Path, n: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| Error::io(path, e))?;
    file.take(n).read_to_end(&mut bytes).map_err(|e| Error::io(path, e))?;
    Ok(bytes)
}

/// The lines of a text that are not blank, trimmed, with their numbers counted from 1.
pub(super) fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines().enumerate().map(|(ix, line)| (ix + 1, line.trim())).filter(|(_, line)| !line.is_empty())
}

/// The finite numbers of a line.
pub(super) fn numbers(path: &Path, line: usize, text: &str) -> Result<Vec<f64>> {
    let number = |word: &str| match word.parse::<f64>() {
        Ok(value) if value.is_finite() => Ok(value),
        _ => Err(Error::at(path, line, format!("{word:?} is not a finite number"))),
    };
    text.split_whitespace().map(number).collect()
}
