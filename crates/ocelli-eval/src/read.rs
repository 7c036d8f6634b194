//! Readers: a format a file. Every one answers a bad file with an error that names file and line.

mod cmu_mit;
mod coco;
mod detections;
mod fddb;
mod file;
mod jsonl;
mod mat;
mod places;
mod sniff;
mod voc;
mod wider;
mod wider_mat;
mod yolo;

#[cfg(test)]
mod tests;

pub use detections::{DetectionEntry, ForeignDetections, PictureKey};
pub use file::Limits;

use crate::{DataSet, Error, Result};
use serde::Serialize;
use std::path::{Path, PathBuf};

/// The formats of data sets.
#[non_exhaustive]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Our JSON lines: `{"image", "width", "height", "faces": [[x, y, w, h]…] or null, "ignore", "complete", "set"}`.
    Jsonl,
    /// WIDER FACE as text, `wider_face_*_bbx_gt.txt`, or as MATLAB file, `wider_face_*.mat`. The lists of easy, medium
    /// and hard faces are read from `wider_easy_*.mat` … beside it, where they are.
    Wider,
    /// FDDB folds, `FDDB-fold-*-ellipseList.txt`: one file, or the folder of all.
    Fddb,
    /// COCO JSON, `instances_*.json`.
    Coco,
    /// Pascal VOC: a folder of XML files, or one.
    Voc,
    /// YOLO: `data.yaml`-less folder with `labels/` and `images/`, or a folder of label files; class, middle, extent.
    Yolo,
    /// MIT+CMU: the list of six points a face as first distributed, or JSON lines with `faces_tight` and `faces_head`.
    CmuMit,
}

impl Format {
    /// All formats.
    pub const ALL: [Self; 7] = [Self::Jsonl, Self::Wider, Self::Fddb, Self::Coco, Self::Voc, Self::Yolo, Self::CmuMit];

    /// Its name on a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Wider => "wider",
            Self::Fddb => "fddb",
            Self::Coco => "coco",
            Self::Voc => "voc",
            Self::Yolo => "yolo",
            Self::CmuMit => "cmu-mit",
        }
    }
}

impl std::str::FromStr for Format {
    type Err = Error;
    fn from_str(name: &str) -> Result<Self> {
        let names = || Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|f| f.name() == name);
        found.ok_or_else(|| Error::parameter("format", name, format!("one of {}", names())))
    }
}

/// Which box of an MIT+CMU face counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CmuBox {
    /// Forehead to chin, ear to ear: the convention of our detectors.
    #[default]
    Head,
    /// Brow to mouth: near the windows of Viola and Jones.
    Tight,
}

/// How to read a data set.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct ReadOptions {
    /// The format; `None` finds out from path and content.
    pub format: Option<Format>,
    /// The folder that holds the pictures; `None` looks in the usual places near the annotations.
    pub images: Option<PathBuf>,
    /// Classes that count, by name (COCO, VOC) or number (YOLO); empty for all.
    pub classes: Vec<String>,
    /// Which box of an MIT+CMU face counts.
    pub cmu_box: CmuBox,
    /// Bounds on what is read.
    pub limits: Limits,
}

impl ReadOptions {
    /// Format found out, pictures in the usual places, all classes.
    pub fn new() -> Self {
        Self::default()
    }

    fn wants_class(&self, class: &str) -> bool {
        self.classes.is_empty() || self.classes.iter().any(|c| c == class)
    }
}

impl DataSet {
    /// Reads the data set at `path`, its format found out from path and content.
    ///
    /// # Errors
    /// [`Error::UnknownFormat`] where nothing says what it is; [`Error::Limits`] where a file is too large;
    /// [`Error::Malformed`] naming file and line; [`Error::Io`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::read(path, &ReadOptions::new())
    }

    /// Reads the data set at `path` as `options` say.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        let format = match options.format {
            Some(format) => format,
            None => sniff::format_of(path, &options.limits)?,
        };
        let read = match format {
            Format::Jsonl => jsonl::read(path, options)?,
            Format::Wider => wider::read(path, options)?,
            Format::Fddb => fddb::read(path, options)?,
            Format::Coco => coco::read(path, options)?,
            Format::Voc => voc::read(path, options)?,
            Format::Yolo => yolo::read(path, options)?,
            Format::CmuMit => cmu_mit::read(path, options)?,
        };
        let mut set = Self::new(places::set_name(path), format, read.pictures);
        set.warnings.merge(&read.warnings);
        Ok(set)
    }
}

/// What a reader hands over.
#[derive(Default)]
struct Read {
    pictures: Vec<crate::Picture>,
    warnings: crate::Warnings,
}
