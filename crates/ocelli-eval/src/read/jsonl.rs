//! Our JSON lines.

use super::places::Places;
use super::{Read, ReadOptions, file};
use crate::{Error, Picture, Result, Truth};
use ocelli_core::{PixelRect, Size};
use serde::Deserialize;
use std::path::Path;

#[derive(Deserialize)]
struct Line {
    image: String,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
    faces: Option<Vec<[f64; 4]>>,
    #[serde(default)]
    ignore: Vec<[f64; 4]>,
    #[serde(default = "complete")]
    complete: bool,
    #[serde(default)]
    set: Option<String>,
}

fn complete() -> bool {
    true
}

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let places = Places::new(path, options, &["", "images"]);
    let text = file::text(path, &options.limits)?;
    let mut read = Read::default();
    for (number, line) in file::lines(&text) {
        let line: Line = serde_json::from_str(line).map_err(|e| Error::at(path, number, json_reason(&e)))?;
        read.pictures.push(picture(line, &places));
    }
    Ok(read)
}

/// serde_json counts lines of its own input: here always one.
pub(super) fn json_reason(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let reason = text.split(" at line ").next().unwrap_or(&text).to_owned();
    if error.column() > 0 { format!("{reason} (column {})", error.column()) } else { reason }
}

fn picture(line: Line, places: &Places) -> Picture {
    let rect = |[x, y, w, h]: [f64; 4]| PixelRect::new(x, y, w, h);
    let truth = |values| Truth::new(rect(values));
    Picture {
        path: places.find(&line.image),
        size: line.width.zip(line.height).map(|(w, h)| Size::new(w, h)),
        truths: line.faces.map(|faces| faces.into_iter().map(truth).collect()),
        ignore: line.ignore.into_iter().map(rect).collect(),
        complete: line.complete,
        group: line.set,
        ..Picture::new(line.image)
    }
}
