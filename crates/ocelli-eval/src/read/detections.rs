//! Detections of other programs: JSON lines as `ocelli detect` prints them, and COCO results.

use super::jsonl::json_reason;
use super::{Limits, file, places};
use crate::{Detection, Error, Oddity, Result, Warnings};
use ocelli_core::{PixelRect, Size};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

/// How a file of detections names a picture.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PictureKey {
    /// By name or path.
    Name(String),
    /// By its number in a COCO file.
    Id(u64),
}

/// The detections of one picture.
#[derive(Clone, Debug)]
pub struct DetectionEntry {
    /// Which picture.
    pub key: PictureKey,
    /// Its size as the file states it.
    pub size: Option<Size>,
    /// What was found, or why nothing could be.
    pub outcome: Result<Vec<Detection>, String>,
}

/// A file of detections.
#[derive(Clone, Debug)]
pub struct ForeignDetections {
    /// Its name in tables: the file's, without ending.
    pub name: String,
    /// Its pictures, each once.
    pub entries: Vec<DetectionEntry>,
    /// What was odd in it.
    pub warnings: Warnings,
}

#[derive(Deserialize)]
struct Line {
    image: String,
    width: Option<u32>,
    height: Option<u32>,
    observations: Option<Vec<Record>>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Record {
    #[serde(alias = "score")]
    confidence: Option<f64>,
    pixels: [f64; 4],
}

#[derive(Deserialize)]
struct CocoResult {
    image_id: CocoKey,
    bbox: [f64; 4],
    score: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum CocoKey {
    Id(u64),
    Name(String),
}

impl ForeignDetections {
    /// Reads a file of detections: a JSON array is taken as COCO results, anything else as JSON lines.
    ///
    /// COCO results: `[{"image_id", "bbox": [x, y, w, h], "score"}…]`; JSON lines:
    /// `{"image", "observations": [{"confidence", "pixels": [x, y, w, h]}…]}`, or `{"image", "error"}`.
    ///
    /// # Errors
    /// [`Error::Limits`] where the file is too large, [`Error::Malformed`] naming the line, [`Error::Io`].
    pub fn read(path: impl AsRef<Path>, limits: &Limits) -> Result<Self> {
        let path = path.as_ref();
        let text = file::text(path, limits)?;
        let mut warnings = Warnings::default();
        let entries = if text.trim_start().starts_with('[') {
            coco(path, &text, &mut warnings)?
        } else {
            json_lines(path, &text, &mut warnings)?
        };
        Ok(Self { name: places::set_name(path), entries, warnings })
    }
}

/// The detection, if it is a proper one.
fn checked(bounds: [f64; 4], score: Option<f64>, place: &str, warnings: &mut Warnings) -> Option<Detection> {
    let [x, y, width, height] = bounds;
    let Some(score) = score.filter(|s| s.is_finite()) else {
        warnings.add(Oddity::NonFiniteScore, place);
        return None;
    };
    if bounds.iter().any(|v| !v.is_finite()) || width <= 0.0 || height <= 0.0 {
        warnings.add(Oddity::BadDetection, place);
        return None;
    }
    Some(Detection::new(PixelRect::new(x, y, width, height), score))
}

fn json_lines(path: &Path, text: &str, warnings: &mut Warnings) -> Result<Vec<DetectionEntry>> {
    let mut entries = Vec::new();
    let mut seen = HashMap::new();
    for (number, line) in file::lines(text) {
        let line: Line = serde_json::from_str(line).map_err(|e| Error::at(path, number, json_reason(&e)))?;
        if seen.insert(line.image.clone(), ()).is_some() {
            warnings.add(Oddity::DuplicateName, &line.image);
            continue;
        }
        let outcome = match (line.observations, line.error) {
            (Some(records), _) => {
                let place = &line.image;
                Ok(records.into_iter().filter_map(|r| checked(r.pixels, r.confidence, place, warnings)).collect())
            }
            (None, Some(error)) => Err(error),
            (None, None) => return Err(Error::at(path, number, "missing field `observations`")),
        };
        let size = line.width.zip(line.height).map(|(w, h)| Size::new(w, h));
        entries.push(DetectionEntry { key: PictureKey::Name(line.image), size, outcome });
    }
    Ok(entries)
}

fn coco(path: &Path, text: &str, warnings: &mut Warnings) -> Result<Vec<DetectionEntry>> {
    let results: Vec<CocoResult> =
        serde_json::from_str(text).map_err(|e| Error::at(path, e.line().max(1), json_reason(&e)))?;
    let mut entries: Vec<(PictureKey, Vec<Detection>)> = Vec::new();
    let mut index = HashMap::new();
    for result in results {
        let (key, place) = match result.image_id {
            CocoKey::Id(id) => (PictureKey::Id(id), format!("image_id {id}")),
            CocoKey::Name(name) => (PictureKey::Name(name.clone()), name),
        };
        let ix = *index.entry(key.clone()).or_insert_with(|| {
            entries.push((key, Vec::new()));
            entries.len() - 1
        });
        entries[ix].1.extend(checked(result.bbox, result.score, &place, warnings));
    }
    Ok(entries.into_iter().map(|(key, found)| DetectionEntry { key, size: None, outcome: Ok(found) }).collect())
}
