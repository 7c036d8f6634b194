//! Which format a path holds.

use super::{Format, Limits, file, places};
use crate::{Error, Result};
use std::path::Path;

/// Bytes that tell a format.
const HEAD: u64 = 64 << 10;

/// The format of the data set at `path`, from its name and first bytes.
pub(super) fn format_of(path: &Path, limits: &Limits) -> Result<Format> {
    let found = if path.is_dir() { of_folder(path, limits)? } else { of_file(path)? };
    found.ok_or_else(|| Error::UnknownFormat {
        path: path.to_owned(),
        hint: format!("name one of {}", Format::ALL.map(Format::name).join(", ")),
    })
}

fn of_folder(path: &Path, limits: &Limits) -> Result<Option<Format>> {
    if path.join("labels").is_dir() {
        return Ok(Some(Format::Yolo));
    }
    let files = places::files(path, &["xml", "txt"], limits)?;
    let name = |p: &Path| p.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    if files.iter().any(|p| is_fold(&name(p))) {
        return Ok(Some(Format::Fddb));
    }
    if files.iter().any(|p| name(p).ends_with(".xml")) {
        return Ok(Some(Format::Voc));
    }
    Ok((!files.is_empty()).then_some(Format::Yolo))
}

fn is_fold(name: &str) -> bool {
    name.ends_with("ellipselist.txt")
}

fn of_file(path: &Path) -> Result<Option<Format>> {
    let head = file::head(path, HEAD)?;
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    if head.starts_with(b"MATLAB 5.0") {
        return Ok(Some(Format::Wider));
    }
    let text = String::from_utf8_lossy(&head);
    let start = text.trim_start_matches('\u{feff}').trim_start();
    if start.starts_with('{') || start.starts_with('[') {
        return Ok(of_json(start));
    }
    if start.starts_with('<') {
        return Ok(start.contains("<annotation").then_some(Format::Voc));
    }
    Ok(if is_fold(&name) { Some(Format::Fddb) } else { of_lines(start) })
}

fn of_json(start: &str) -> Option<Format> {
    let first_line = start.lines().next().unwrap_or_default();
    if first_line.contains("\"faces_tight\"") || first_line.contains("\"faces_head\"") {
        return Some(Format::CmuMit);
    }
    if first_line.contains("\"image\"") && first_line.contains("\"faces\"") {
        return Some(Format::Jsonl);
    }
    let coco = ["\"images\"", "\"annotations\"", "\"categories\""].iter().any(|key| start.contains(key));
    coco.then_some(Format::Coco)
}

/// Text lists: WIDER has name, count, boxes of ten numbers; FDDB name, count, ellipses of six; MIT+CMU name and twelve.
fn of_lines(start: &str) -> Option<Format> {
    let mut lines = file::lines(start).map(|(_, line)| line);
    let (first, second) = (lines.next()?, lines.next());
    let count = |line: &str| line.split_whitespace().count();
    if count(first) == 13 {
        return Some(Format::CmuMit);
    }
    if count(first) == 5 && first.split_whitespace().all(|w| w.parse::<f64>().is_ok()) {
        return Some(Format::Yolo);
    }
    second?.parse::<usize>().ok()?;
    match count(lines.next()?) {
        10 => Some(Format::Wider),
        6 => Some(Format::Fddb),
        _ => None,
    }
}
