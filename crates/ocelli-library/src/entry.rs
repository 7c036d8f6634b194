//! What is kept of a picture.

use ocelli::core::{AnyRequest, Registry};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::path::PathBuf;
use std::time::UNIX_EPOCH;

/// Size and time of a file: while they stay, the file counts as unchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stamp {
    /// Bytes of the file.
    pub bytes: u64,
    /// Nanoseconds from 1970 to its last change; 0 where the system does not say.
    pub modified: i64,
}

impl Stamp {
    pub(crate) fn of(meta: &Metadata) -> Self {
        let since = meta.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Self { bytes: meta.len(), modified: since.map_or(0, |since| since.as_nanos() as i64) }
    }
}

/// What the header of a picture says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PictureInfo {
    /// Width in pixels, upright.
    pub width: u32,
    /// Height in pixels, upright.
    pub height: u32,
    /// Format of the file.
    pub format: String,
}

/// The answer to one request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Answer {
    /// Kind of the request: `faces`.
    pub kind: String,
    /// [Records](ocelli::core::Observation::record) of the observations, most confident first.
    #[serde(default)]
    pub observations: Vec<Value>,
    /// Whether a deadline cut the search short; it is then made again by the next scan.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
    /// Why there is no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What is kept of a picture, or of a folder that could not be looked into.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Entry {
    /// Absolute path.
    #[serde(skip)]
    pub path: PathBuf,
    /// The file when it was looked at.
    pub stamp: Stamp,
    /// BLAKE3 of its content, hexadecimal; empty where it could not be read.
    pub hash: String,
    /// What its header says; `None` where it could not be read as a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picture: Option<PictureInfo>,
    /// Why it could not be looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether the cause lies outside the file (permissions, limits), so that the next scan tries again.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retry: bool,
    /// Whether this is a folder or link, not a file.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub folder: bool,
    /// Whether the file was gone at the end of the last scan. Its answers are kept.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
    /// Answers by request: its kind and parameters, and who answered.
    pub answers: BTreeMap<String, Answer>,
}

impl Entry {
    /// All observations, request by request.
    pub fn observations(&self) -> impl Iterator<Item = &Value> {
        self.answers.values().flat_map(|answer| &answer.observations)
    }

    /// Answers to requests of a kind.
    pub fn of_kind<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Answer> {
        self.answers.values().filter(move |answer| answer.kind == kind)
    }

    /// Everything that is known, as a JSON object: `image`, `width`, `height` and `observations` are as
    /// `ocelli detect --format jsonl` prints them.
    pub fn to_json(&self) -> Value {
        let mut line = json!({
            "image": self.path.to_string_lossy(),
            "bytes": self.stamp.bytes,
            "modified": self.stamp.modified,
            "hash": self.hash,
            "observations": self.observations().collect::<Vec<_>>(),
        });
        if let Some(picture) = &self.picture {
            (line["width"], line["height"]) = (picture.width.into(), picture.height.into());
            line["format"] = picture.format.clone().into();
        }
        let failed = self.answers.iter().filter_map(|(id, answer)| Some((id.clone(), answer.error.clone()?.into())));
        let failed: serde_json::Map<String, Value> = failed.collect();
        if !failed.is_empty() {
            line["failed"] = failed.into();
        }
        if let Some(error) = &self.error {
            line["error"] = error.clone().into();
        }
        if self.gone {
            line["gone"] = true.into();
        }
        line
    }

    /// The first error, of the picture or of a request.
    pub fn first_error(&self) -> Option<&str> {
        let of_answers = || self.answers.values().find_map(|answer| answer.error.as_deref());
        self.error.as_deref().or_else(of_answers)
    }
}

/// Parameters that steer a run and do not change what it finds.
const STEERING: [&str; 4] = ["device", "priority", "deadline", "algorithm"];

/// What stands for a request in a store: its kind and parameters, and who answers it. Another revision is another
/// request, so an upgrade finds the pictures that are to be looked at again.
pub(crate) fn request_id(registry: &Registry, request: &AnyRequest) -> ocelli::core::Result<String> {
    let algorithm = registry.select(request)?;
    let mut parameters = request.to_json();
    if let Some(parameters) = parameters.as_object_mut() {
        parameters.retain(|name, value| !value.is_null() && !STEERING.contains(&name.as_str()) && name != "revision");
    }
    Ok(format!("{} {parameters} by {} r{}", request.kind(), algorithm.name(), algorithm.revision()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli::prelude::*;

    #[test]
    fn requests_are_the_same_by_what_they_find() {
        let vision = Vision::new().unwrap();
        let id = |request: DetectFaces| request_id(vision.registry(), &AnyRequest::new(request)).unwrap();
        let plain = id(DetectFaces::new());
        assert!(plain.starts_with("faces {") && plain.contains("by deep r"), "{plain}");
        assert_eq!(plain, id(DetectFaces::new().priority(Priority::Background).algorithm("deep")));
        assert_ne!(plain, id(DetectFaces::new().min_size(0.01)));
        assert_ne!(plain, id(DetectFaces::new().algorithm("viola-jones")));
    }

    #[test]
    fn an_entry_survives_its_json() {
        let answer = Answer { kind: "faces".into(), observations: vec![1.into()], incomplete: false, error: None };
        let entry = Entry { hash: "ab".into(), answers: [("a".to_owned(), answer)].into(), ..Entry::default() };
        let back: Entry = serde_json::from_slice(&serde_json::to_vec(&entry).unwrap()).unwrap();
        assert_eq!(back, entry);
    }
}
