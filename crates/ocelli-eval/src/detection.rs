//! What detectors found: detections, and the run of one detector over the pictures of a comparison.

use ocelli_core::PixelRect;
use std::time::Duration;

/// One box that a detector reports.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Where, in pixels of the upright picture, origin top-left.
    pub rect: PixelRect,
    /// How sure: larger is surer. Calibration is measured only where all scores lie in `0..=1`.
    pub score: f64,
}

impl Detection {
    /// A detection at `rect` with `score`.
    pub const fn new(rect: PixelRect, score: f64) -> Self {
        Self { rect, score }
    }
}

/// What a detector did with one picture.
#[derive(Clone, Debug, Default)]
pub(crate) enum Outcome {
    /// It was not shown the picture, or a file of detections has no entry for it.
    #[default]
    None,
    /// It found these.
    Detected(Vec<Detection>),
    /// It failed, for this reason.
    Failed(String),
}

/// The run of one detector over the pictures of a [`Comparison`](crate::Comparison), which makes it.
#[derive(Clone, Debug)]
pub struct Run {
    pub(crate) name: String,
    pub(crate) outcomes: Vec<Outcome>,
    pub(crate) times: Vec<Option<Duration>>,
    pub(crate) peak_memory: Option<u64>,
}

impl Run {
    pub(crate) fn new(name: String, n_pictures: usize) -> Self {
        Self { name, outcomes: vec![Outcome::None; n_pictures], times: vec![None; n_pictures], peak_memory: None }
    }

    /// The detector's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Notes what was found in the picture of that index, and how long it took.
    ///
    /// # Panics
    /// Where the comparison has no picture of that index.
    pub fn detected(&mut self, picture_ix: usize, detections: Vec<Detection>, time: Option<Duration>) {
        self.outcomes[picture_ix] = Outcome::Detected(detections);
        self.times[picture_ix] = time;
    }

    /// Notes that the detector failed on the picture of that index: it is then left out for all detectors.
    ///
    /// # Panics
    /// Where the comparison has no picture of that index.
    pub fn failed(&mut self, picture_ix: usize, reason: impl Into<String>) {
        self.outcomes[picture_ix] = Outcome::Failed(reason.into());
    }

    /// Notes the most memory that the detector held, in bytes.
    pub fn peak_memory(&mut self, bytes: u64) {
        self.peak_memory = Some(bytes);
    }
}
