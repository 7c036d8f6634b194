//! Data sets, matching, metrics and reports for comparing detectors.
//!
//! Two or more detectors, a folder of annotated pictures, and the truth about them: this crate reads data sets in
//! seven formats ([`DataSet`]), takes detections from whoever made them ([`Comparison`]: runs in this process, files of
//! other programs), judges them by the published protocols ([`Evaluation`], [`metrics`]), and writes a table, JSON and a
//! web page without network ([`Evaluation::write_report`]). What each number means is told in
//! `docs/comparing-detectors.md`.
//!
//! It runs no detector and decodes no picture: callers do, and hand over boxes and thumbnails.
//!
//! ```no_run
//! use ocelli_eval::{Comparison, DataSet, ForeignDetections, Limits, Protocol};
//! # fn detect(_: &std::path::Path) -> Vec<ocelli_eval::Detection> { Vec::new() }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut set = DataSet::open("faces/dev.jsonl")?;
//! set.keep_pictures_on_disk();
//! let mut comparison = Comparison::new(vec![set]);
//! let mut run = comparison.new_run("ours");
//! for (ix, picture) in comparison.pictures() {
//!     let Some(path) = &picture.path else { continue };
//!     let start = std::time::Instant::now();
//!     run.detected(ix, detect(path), Some(start.elapsed()));
//! }
//! comparison.add_run(run);
//! comparison.add_detections(&ForeignDetections::read("theirs.jsonl", &Limits::default())?);
//! let evaluation = comparison.evaluate(&Protocol::default());
//! println!("{}{}", evaluation.table(), evaluation.timings_table());
//! # Ok(()) }
//! ```

pub mod metrics;

mod comparison;
mod detection;
mod disagreement;
mod error;
mod evaluation;
mod read;
mod report;
mod results;
mod table;
mod truth;
mod warnings;

pub use comparison::{Comparison, Protocol};
pub use detection::{Detection, Run};
pub use disagreement::{ObjectComparison, PictureComparison, ShownBox};
pub use error::{Error, Result};
pub use evaluation::{BandResult, DetectorResult, Evaluation, Group, Operating, Timing};
pub use read::{CmuBox, DetectionEntry, ForeignDetections, Format, Limits, PictureKey, ReadOptions};
pub use report::{ReportOptions, Thumbnail, thumbnail_of_file};
pub use truth::{DataSet, Levels, Picture, Points, Truth};
pub use warnings::{Counted, Oddity, Warnings};
