//! Entries as flat rows.

use crate::entry::Entry;
use serde::Serialize;
use serde_json::Value;

/// An observation and its picture; without an observation, the picture alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Row {
    pub(super) image: String,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) bytes: u64,
    pub(super) hash: String,
    pub(super) kind: Option<String>,
    pub(super) confidence: Option<f64>,
    pub(super) x: Option<f64>,
    pub(super) y: Option<f64>,
    pub(super) box_width: Option<f64>,
    pub(super) box_height: Option<f64>,
    pub(super) error: Option<String>,
    pub(super) gone: bool,
}

/// The box of an observation in pixels: left, top, width, height.
pub(super) fn pixels(observation: &Value) -> Option<[f64; 4]> {
    let values: Vec<f64> = observation["pixels"].as_array()?.iter().filter_map(Value::as_f64).collect();
    values.try_into().ok()
}

pub(super) fn rows(entry: &Entry) -> Vec<Row> {
    let picture = Row {
        image: entry.path.to_string_lossy().into_owned(),
        width: entry.picture.as_ref().map(|p| p.width),
        height: entry.picture.as_ref().map(|p| p.height),
        bytes: entry.stamp.bytes,
        hash: entry.hash.clone(),
        error: entry.first_error().map(str::to_owned),
        gone: entry.gone,
        ..Row::default()
    };
    let with = |observation: &Value| {
        let [x, y, box_width, box_height] = pixels(observation).map_or([None; 4], |sides| sides.map(Some));
        Row {
            kind: observation["kind"].as_str().map(str::to_owned),
            confidence: observation["confidence"].as_f64(),
            x,
            y,
            box_width,
            box_height,
            ..picture.clone()
        }
    };
    let rows: Vec<Row> = entry.observations().map(with).collect();
    if rows.is_empty() { vec![picture] } else { rows }
}
