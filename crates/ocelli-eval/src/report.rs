//! The comparison as a web page: one file, no network, readable on a phone and in the dark.

mod cards;
mod html;
mod page;
mod plots;
mod thumbnail;

pub use thumbnail::{Thumbnail, thumbnail_of_file};

use crate::evaluation::Evaluation;
use crate::{Error, PictureComparison, Result};
use std::fs;
use std::path::Path;

/// How the report looks.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReportOptions {
    /// The heading.
    pub title: String,
    /// Pictures shown, the most interesting first. Default 96.
    pub max_pictures: usize,
    /// Longer side of a picture in it, pixels. Default 480.
    pub thumbnail_side: u32,
}

impl Default for ReportOptions {
    fn default() -> Self {
        Self { title: "Comparison of detectors".into(), max_pictures: 96, thumbnail_side: 480 }
    }
}

impl Evaluation {
    /// Writes `report.html`, `results.json` and `timings.json` into `folder`, which is made where it is missing.
    ///
    /// `thumbnail` brings a picture upright and no larger than a longer side in pixels, or nothing where it cannot:
    /// [`thumbnail_of_file`] will do, but whoever decodes better may.
    ///
    /// # Errors
    /// [`Error::Io`] where a file cannot be written.
    pub fn write_report(
        &self,
        folder: &Path,
        options: &ReportOptions,
        mut thumbnail: impl FnMut(&PictureComparison, u32) -> Option<Thumbnail>,
    ) -> Result<()> {
        fs::create_dir_all(folder).map_err(|e| Error::io(folder, e))?;
        let cards = cards::cards(self, options, &mut thumbnail);
        let page = page::page(self, options, &cards);
        for (name, content) in
            [("report.html", page), ("results.json", self.results_json()), ("timings.json", self.timings_json())]
        {
            let path = folder.join(name);
            fs::write(&path, content).map_err(|e| Error::io(&path, e))?;
        }
        Ok(())
    }
}
