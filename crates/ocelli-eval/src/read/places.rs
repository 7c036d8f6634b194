//! Where the pictures of a data set lie.

use super::{Limits, ReadOptions};
use crate::{Error, Result};
use std::path::{Path, PathBuf};

/// Endings of picture files.
const ENDINGS: [&str; 10] = ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "ppm", "pgm"];

/// The name of a data set: the file or folder, without ending; a folder that only says "labels" has its parent's.
pub(super) fn set_name(path: &Path) -> String {
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let plain = |p: &Path| p.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name = plain(&full);
    match (name.as_str(), full.parent()) {
        ("labels" | "annotations" | "Annotations" | "boxes", Some(parent)) => format!("{}-{name}", plain(parent)),
        _ => name,
    }
}

/// Folders that may hold pictures, most likely first: where the caller says, else near the annotations.
pub(super) struct Places {
    folders: Vec<PathBuf>,
}

impl Places {
    /// `near` are paths relative to the folder of the annotations at `path`.
    pub(super) fn new(path: &Path, options: &ReadOptions, near: &[&str]) -> Self {
        if let Some(folder) = &options.images {
            return Self { folders: vec![folder.clone()] };
        }
        let base = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
        Self { folders: near.iter().map(|n| base.join(n)).collect() }
    }

    /// The picture called `name`, if it is on disk.
    pub(super) fn find(&self, name: &str) -> Option<PathBuf> {
        // Names come from files of strangers: they may go down, not up or anywhere.
        let relative = Path::new(name);
        let down =
            |c: std::path::Component<'_>| matches!(c, std::path::Component::Normal(_) | std::path::Component::CurDir);
        if !relative.components().all(down) {
            return None;
        }
        self.folders.iter().map(|folder| folder.join(relative)).find(|path| path.is_file())
    }

    /// The picture called `stem` with one of the usual endings.
    pub(super) fn find_stem(&self, stem: &str) -> Option<PathBuf> {
        ENDINGS.iter().find_map(|ending| self.find(&format!("{stem}.{ending}")))
    }

    /// Every picture in the folders, sorted.
    pub(super) fn pictures(&self, limits: &Limits) -> Result<Vec<PathBuf>> {
        let mut found = Vec::new();
        for folder in self.folders.iter().filter(|f| f.is_dir()) {
            found.extend(files(folder, &ENDINGS, limits)?);
        }
        found.sort();
        found.dedup();
        Ok(found)
    }
}

/// The files in `folder` and below whose ending is among `endings`, sorted.
pub(super) fn files(folder: &Path, endings: &[&str], limits: &Limits) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
        let entry = entry.map_err(|e| Error::io(folder, e.into()))?;
        let path = entry.path();
        let ending = path.extension().map(|e| e.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
        if entry.file_type().is_file() && endings.contains(&ending.as_str()) {
            found.push(path.to_owned());
        }
        if found.len() as u64 > limits.max_files {
            let (what, limit) = ("number of files", limits.max_files);
            return Err(Error::Limits { path: folder.to_owned(), what, value: found.len() as u64, limit });
        }
    }
    Ok(found)
}
