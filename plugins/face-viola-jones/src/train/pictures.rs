//! Reading pictures and lists of pictures.

use super::config::BoxField;
use crate::{CascadeError, Result};
use ocelli_core::Size;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A grey picture.
pub(super) struct Gray {
    pub size: Size,
    pub pixels: Vec<u8>,
}

/// One line of a list of pictures with boxes; what else a line holds is not read.
#[derive(Deserialize)]
pub(super) struct Line {
    image: String,
    #[serde(default)]
    set: String,
    faces: Option<Vec<[f32; 4]>>,
    #[serde(default)]
    ignore: Vec<[f32; 4]>,
    #[serde(default)]
    peer: Vec<Vec<f32>>,
    /// Points of every object.
    #[serde(default)]
    pub landmarks: Vec<Vec<[f32; 2]>>,
}

impl Line {
    /// All boxes that may hold the object.
    pub fn taken(&self) -> Vec<[f32; 4]> {
        self.boxes(BoxField::Faces).chain(self.ignore.iter().copied()).chain(self.boxes(BoxField::Peer)).collect()
    }

    /// The boxes of one field.
    pub fn boxes(&self, field: BoxField) -> Box<dyn Iterator<Item = [f32; 4]> + '_> {
        match field {
            BoxField::Faces => Box::new(self.faces.iter().flatten().copied()),
            BoxField::Peer => Box::new(self.peer.iter().filter_map(|p| p.first_chunk::<4>().copied())),
        }
    }
}

/// Reads a picture as grey, with the weights of BT.601.
pub(super) fn read_gray(path: &Path) -> Result<Gray> {
    let failed = |reason: String| CascadeError::Training { reason: format!("{}: {reason}", path.display()) };
    let picture = image::open(path).map_err(|e| failed(e.to_string()))?;
    let size = Size::new(picture.width(), picture.height());
    let luma =
        |p: &[u8]| ((u32::from(p[0]) * 19595 + u32::from(p[1]) * 38470 + u32::from(p[2]) * 7471 + 32768) >> 16) as u8;
    let pixels = match picture {
        image::DynamicImage::ImageLuma8(gray) => gray.into_raw(),
        other => other.to_rgb8().as_raw().chunks_exact(3).map(luma).collect(),
    };
    Ok(Gray { size, pixels })
}

/// The lines of a list, with the path of each picture.
pub(super) fn read_list(path: &Path, sets: &[String]) -> Result<Vec<(PathBuf, Line)>> {
    let text = std::fs::read_to_string(path).map_err(|e| CascadeError::io(path, e))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut lines = Vec::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|e| CascadeError::Syntax { reason: e.to_string() })?;
        if sets.is_empty() || sets.contains(&line.set) {
            lines.push((folder.join(&line.image), line));
        }
    }
    Ok(lines)
}
