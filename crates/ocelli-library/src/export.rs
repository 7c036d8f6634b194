//! Entries in the formats of other programs.

mod coco;
#[cfg(feature = "parquet")]
mod parquet;
mod row;

use crate::error::{LibraryError, Result};
use crate::store::{Entries, Store};
use std::io::{self, BufWriter, Write};

/// What an export is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// An object a line and entry: everything that is known. `image`, `width`, `height` and `observations` are as
    /// `ocelli detect --format jsonl` prints them.
    Jsonl,
    /// A line for every observation, and one for every entry without any; boxes in pixels of the upright picture.
    Csv,
    /// The columns of the CSV as Apache Parquet.
    #[cfg(feature = "parquet")]
    Parquet,
    /// A COCO results file with images, annotations and categories; only pictures that were read and are not gone.
    Coco,
}

/// Writes every entry; answers how many.
pub(crate) fn write(format: Format, store: &Store, out: impl Write + Send) -> Result<u64> {
    let mut out = BufWriter::new(out);
    let count = match format {
        Format::Jsonl => jsonl(store.entries()?, &mut out)?,
        Format::Csv => csv(store.entries()?, &mut out)?,
        #[cfg(feature = "parquet")]
        Format::Parquet => parquet::write(store.entries()?, &mut out)?,
        Format::Coco => coco::write(store, &mut out)?,
    };
    out.flush().map_err(LibraryError::Write)?;
    Ok(count)
}

fn jsonl(entries: Entries, out: &mut impl Write) -> Result<u64> {
    let mut count = 0;
    for entry in entries {
        writeln!(out, "{}", entry?.to_json()).map_err(LibraryError::Write)?;
        count += 1;
    }
    Ok(count)
}

fn csv(entries: Entries, out: &mut impl Write) -> Result<u64> {
    let mut writer = csv::Writer::from_writer(out);
    let mut count = 0;
    for entry in entries {
        for row in row::rows(&entry?) {
            writer.serialize(row).map_err(|e| LibraryError::Write(io::Error::other(e)))?;
        }
        count += 1;
    }
    writer.flush().map_err(LibraryError::Write)?;
    Ok(count)
}

#[cfg(test)]
mod tests;
