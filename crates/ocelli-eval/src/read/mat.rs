//! MATLAB 5 files: checked within limits here, then parsed by `matrw`.

use super::{Limits, file};
use crate::{Error, Result};
use matrw::{MatFile, MatVariable};
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

/// Bytes before the first variable: free text, an offset that is not used here, version and byte order.
const HEADER: usize = 128;
const TEXT: usize = 116;
/// Data types of the format that are met here.
const MATRIX: u32 = 14;
const COMPRESSED: u32 = 15;
/// Array classes of the format: cells, text, and the numeric ones from double to 64-bit unsigned.
const CELL: u8 = 1;
const CHAR: u8 = 4;
const NUMERIC: std::ops::RangeInclusive<u8> = 6..=15;
/// Cells in cells in cells: WIDER FACE needs three.
const MAX_DEPTH: usize = 8;

/// The variables of a MATLAB 5 file (`save -v6` or `-v7`): cells, numbers and text; others are passed over.
///
/// `matrw` trusts lengths and unpacks without bounds, so lengths, nesting and unpacked sizes are checked before it
/// sees a byte.
pub(super) fn load(path: &Path, limits: &Limits) -> Result<MatFile> {
    let bytes = file::bytes(path, limits)?;
    let plain = checked(path, &bytes, limits)?;
    // Its errors are coloured traces of its own source: of no use to whoever owns the file.
    let parsed = catch_unwind(AssertUnwindSafe(|| matrw::load_matfile_from_u8(&plain).ok()));
    parsed.ok().flatten().ok_or_else(|| Error::malformed(path, "not readable as a MATLAB 5 file"))
}

/// The file with its variables unpacked, every length inside found true.
fn checked(path: &Path, bytes: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    let bad = |reason: &str| Error::malformed(path, reason);
    let header = bytes.get(..HEADER).ok_or_else(|| bad("shorter than the header of a MATLAB file"))?;
    if header.starts_with(b"MATLAB 7.3") {
        return Err(bad("a MATLAB 7.3 (HDF5) file; save it with -v7"));
    }
    if !header.starts_with(b"MATLAB 5.0") || &header[126..] != b"IM" {
        return Err(bad("not a little-endian MATLAB 5 file"));
    }
    // The text at the start is free after "MATLAB 5.0 MAT-file", but matrw asks for MATLAB's own comma.
    let mut plain = b"MATLAB 5.0 MAT-file, ".to_vec();
    plain.resize(TEXT, b' ');
    plain.resize(TEXT + 8, 0);
    plain.extend_from_slice(&header[TEXT + 8..]);
    let mut rest = &bytes[HEADER..];
    let limit = limits.max_unpacked_bytes;
    while !rest.is_empty() {
        let (kind, content, after) = element(rest).ok_or_else(|| bad("a length reaches past the end of the file"))?;
        let mut unpacked = Vec::new();
        let whole = match kind {
            COMPRESSED => {
                let room = limit.saturating_sub(plain.len() as u64);
                let mut stream = flate2::read::ZlibDecoder::new(content).take(room + 1);
                stream.read_to_end(&mut unpacked).map_err(|e| bad(&format!("a variable does not unpack: {e}")))?;
                if unpacked.len() as u64 > room {
                    let (what, value) = ("unpacked size in bytes", plain.len() as u64 + unpacked.len() as u64);
                    return Err(Error::Limits { path: path.to_owned(), what, value, limit });
                }
                &unpacked[..]
            }
            _ => &rest[..rest.len() - after.len()],
        };
        match element(whole) {
            Some((MATRIX, matrix, _)) => match is_readable(matrix, 0) {
                Some(true) => plain.extend_from_slice(whole),
                Some(false) => {}
                None => return Err(bad("a variable contradicts its own lengths")),
            },
            _ => return Err(bad("something else than a variable at the top")),
        }
        rest = after;
    }
    Ok(plain)
}

/// Kind and content of the element at the start, and what follows it.
fn element(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let word = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    let first = word(0)?;
    // Up to four bytes are stored within the tag: length above, kind below.
    let (small_length, kind) = ((first >> 16) as usize, first & 0xffff);
    if small_length > 0 {
        return (small_length <= 4).then_some(()).and(Some((kind, bytes.get(4..4 + small_length)?, bytes.get(8..)?)));
    }
    let length = word(4)? as usize;
    let content = bytes.get(8..8usize.checked_add(length)?)?;
    // Everything but packed variables is padded to eight bytes.
    let padded = if kind == COMPRESSED { length } else { length.div_ceil(8) * 8 };
    Some((kind, content, bytes.get(8 + padded..).unwrap_or_default()))
}

/// Whether a matrix holds only classes met here; `None` where a length is false.
fn is_readable(matrix: &[u8], depth: usize) -> Option<bool> {
    if matrix.is_empty() {
        return Some(depth > 0);
    }
    let (_, flags, rest) = element(matrix)?;
    let class = *flags.first()?;
    let (_, dims, rest) = element(rest)?;
    let sizes = dims.chunks_exact(4).map(|d| u32::from_le_bytes([d[0], d[1], d[2], d[3]]));
    let count = sizes.clone().try_fold(1u32, |product, size| product.checked_mul(size))?;
    let (_, _name, mut rest) = element(rest)?;
    if class != CELL {
        element(rest).filter(|_| sizes.len() >= 2)?;
        return Some(class == CHAR || NUMERIC.contains(&class));
    }
    if depth >= MAX_DEPTH {
        return None;
    }
    let mut readable = true;
    for _ in 0..count {
        let (kind, inner, after) = element(rest)?;
        if kind != MATRIX {
            return None;
        }
        readable &= is_readable(inner, depth + 1)?;
        rest = after;
    }
    Some(readable)
}

/// The cells of a cell array; none of anything else.
pub(super) fn cells(variable: &MatVariable) -> &[MatVariable] {
    match variable {
        MatVariable::CellArray(cells) => &cells.value,
        _ => &[],
    }
}

/// The numbers of an array in column order, whatever their type; none of anything else.
pub(super) fn numbers(variable: &MatVariable) -> Vec<f64> {
    macro_rules! first_of {
        ($($read:ident),*) => {
            $(if let Some(values) = variable.$read() {
                return values.into_iter().map(|v| v as f64).collect();
            })*
        };
    }
    first_of!(to_vec_f64, to_vec_f32, to_vec_u8, to_vec_u16, to_vec_u32, to_vec_i8, to_vec_i16, to_vec_i32);
    Vec::new()
}

/// The text of a character array.
pub(super) fn text(variable: &MatVariable) -> Option<String> {
    variable.to_vec_char().map(|chars| chars.into_iter().collect())
}
