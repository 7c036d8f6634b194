//! Apache Parquet: the rows of the CSV, column by column, a row group for every few thousand.

use super::row::{Row, rows};
use crate::error::{LibraryError, Result};
use crate::store::Entries;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use std::io::{self, Write};
use std::sync::Arc;

/// Columns in the order in which [`group`] writes them.
const SCHEMA: &str = "message library {
    required binary image (utf8);
    optional int64 width;
    optional int64 height;
    required int64 bytes;
    required binary hash (utf8);
    optional binary kind (utf8);
    optional double confidence;
    optional double x;
    optional double y;
    optional double box_width;
    optional double box_height;
    optional binary error (utf8);
    required boolean gone;
}";

/// Rows in memory at a time.
const GROUP: usize = 8192;

pub(super) fn write(entries: Entries, out: &mut (impl Write + Send)) -> Result<u64> {
    let schema = Arc::new(parse_message_type(SCHEMA).map_err(failed)?);
    let mut writer = SerializedFileWriter::new(out, schema, Arc::default()).map_err(failed)?;
    let (mut pending, mut count) = (Vec::with_capacity(GROUP), 0);
    for entry in entries {
        pending.extend(rows(&entry?));
        count += 1;
        if pending.len() >= GROUP {
            group(&mut writer, &pending).map_err(failed)?;
            pending.clear();
        }
    }
    group(&mut writer, &pending).map_err(failed)?;
    writer.close().map_err(failed)?;
    Ok(count)
}

fn failed(error: ParquetError) -> LibraryError {
    LibraryError::Write(io::Error::other(error))
}

fn group<W: Write + Send>(writer: &mut SerializedFileWriter<W>, rows: &[Row]) -> Result<(), ParquetError> {
    if rows.is_empty() {
        return Ok(());
    }
    let text = |text: &str| ByteArray::from(text);
    let side = |side: Option<u32>| side.map(i64::from);
    let mut group = writer.next_row_group()?;
    column::<ByteArrayType, _>(&mut group, rows.iter().map(|row| text(&row.image)))?;
    optional::<Int64Type, _>(&mut group, rows.iter().map(|row| side(row.width)))?;
    optional::<Int64Type, _>(&mut group, rows.iter().map(|row| side(row.height)))?;
    column::<Int64Type, _>(&mut group, rows.iter().map(|row| row.bytes as i64))?;
    column::<ByteArrayType, _>(&mut group, rows.iter().map(|row| text(&row.hash)))?;
    optional::<ByteArrayType, _>(&mut group, rows.iter().map(|row| row.kind.as_deref().map(text)))?;
    optional::<DoubleType, _>(&mut group, rows.iter().map(|row| row.confidence))?;
    optional::<DoubleType, _>(&mut group, rows.iter().map(|row| row.x))?;
    optional::<DoubleType, _>(&mut group, rows.iter().map(|row| row.y))?;
    optional::<DoubleType, _>(&mut group, rows.iter().map(|row| row.box_width))?;
    optional::<DoubleType, _>(&mut group, rows.iter().map(|row| row.box_height))?;
    optional::<ByteArrayType, _>(&mut group, rows.iter().map(|row| row.error.as_deref().map(text)))?;
    column::<BoolType, _>(&mut group, rows.iter().map(|row| row.gone))?;
    group.close()?;
    Ok(())
}

/// Writes the next column, which has a value in every row.
fn column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = T::T>,
) -> Result<(), ParquetError> {
    let values: Vec<T::T> = values.collect();
    write_column::<T, W>(group, &values, None)
}

/// Writes the next column, which may lack values.
fn optional<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ParquetError> {
    let values: Vec<Option<T::T>> = values.collect();
    let levels: Vec<i16> = values.iter().map(|value| i16::from(value.is_some())).collect();
    let present: Vec<T::T> = values.into_iter().flatten().collect();
    write_column::<T, W>(group, &present, Some(&levels))
}

fn write_column<T: DataType, W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("more columns than the schema has".into());
    let mut column = group.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
