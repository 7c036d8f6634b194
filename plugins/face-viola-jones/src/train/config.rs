//! What a training run is told.

use crate::{CascadeError, Result};
use ocelli_core::Size;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where windows of the object come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PositiveSource {
    /// A picture of square tiles, one object a tile.
    Mosaic {
        /// The picture.
        path: PathBuf,
        /// Side of a tile in pixels.
        tile: u32,
        /// Number of tiles, row by row; those behind are empty.
        count: usize,
        /// The part of a tile that becomes the window: x, y, width, height in pixels of the tile.
        crop: [f32; 4],
    },
    /// A list of pictures with boxes, one JSON object a line: `{"image": path, "set": name, "faces": [[x, y, w, h]…]}`.
    Boxes {
        /// The list; pictures are named relative to its folder.
        path: PathBuf,
        /// Only lines of these sets; empty is all.
        #[serde(default)]
        sets: Vec<String>,
        /// Boxes with a shorter side below this are left out.
        min_side: f32,
        /// The part of a box that becomes the window: x, y, width, height as fractions of the box, of which the
        /// window takes the centre and the mean of width and height in its own shape.
        crop: [f32; 4],
        /// Which boxes of a line: `faces`, or `peer` (what another detector saw, with its score behind).
        #[serde(default)]
        of: BoxField,
    },
    /// A list of pictures with points on every object, one JSON object a line:
    /// `{"image": path, "set": name, "landmarks": [[[x, y]…]…]}`.
    Points {
        /// The list; pictures are named relative to its folder.
        path: PathBuf,
        /// Only lines of these sets; empty is all.
        #[serde(default)]
        sets: Vec<String>,
        /// Objects that make a smaller window than this many pixels are left out.
        min_side: f32,
        /// Where points belong; the window is turned, scaled and shifted to fit them best.
        anchors: Vec<Anchor>,
        /// Objects of which an anchor lies further off than this fraction of the window's side are left out:
        /// seen from the side, or marked wrongly.
        max_error: f32,
    },
}

/// Which boxes of a list are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BoxField {
    /// Those that people drew.
    #[default]
    Faces,
    /// Those that another detector saw.
    Peer,
}

/// Some points whose mean has a place in the window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Anchor {
    /// Indices of the points.
    pub points: Vec<usize>,
    /// Place of their mean: x, y as fractions of the window.
    pub at: [f32; 2],
}

/// Where windows without the object come from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum NegativeSource {
    /// A folder of pictures without the object.
    Folder {
        /// The folder; its own files only.
        path: PathBuf,
    },
    /// Pictures in a list, such as the training part of a collection, as in [`PositiveSource::Boxes`]; windows that overlap a box by more than an IoU of 0.2
    /// are left out.
    Boxes {
        /// The list.
        path: PathBuf,
        /// Only lines of these sets; empty is all.
        #[serde(default)]
        sets: Vec<String>,
        /// Most pictures, from the start of the list; all unless given.
        #[serde(default)]
        max_pictures: Option<usize>,
    },
}

/// How much the light of a copy may differ from its picture.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Light {
    /// Largest standard deviation of the blur, in pixels of the window.
    pub blur: f32,
    /// Largest standard deviation of noise, as a fraction of the window's own.
    pub noise: f32,
    /// Largest exponent (and inverse of the smallest) of the curve that is laid over the levels, as a power of two.
    pub gamma: f32,
    /// Largest slope of light over the window, as a fraction of the window's standard deviation a half window.
    pub slope: f32,
    /// Share of the copies that are sampled without antialiasing, as the levels of the scan are.
    pub aliased: f32,
}

/// A training run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrainConfig {
    /// Goes into the cascade.
    pub description: String,
    /// Size of the window.
    pub window: Size,
    /// Windows of the object.
    pub positives: Vec<PositiveSource>,
    /// Changed copies of every positive, besides itself.
    pub copies: usize,
    /// Whether every other copy is mirrored, the first one first.
    pub mirror: bool,
    /// Largest random turn of a positive, in degrees.
    pub jitter_degrees: f32,
    /// Largest random change of a positive's size, as a fraction.
    pub jitter_scale: f32,
    /// Largest random shift of a positive, in pixels of the window.
    pub jitter_shift: f32,
    /// Largest change of a copy's light.
    pub light: Light,
    /// Share of the positives that is kept out of training, to measure.
    pub held_out: f32,
    /// Pictures without the object.
    pub negatives: Vec<NegativeSource>,
    /// Negative windows a stage.
    pub negatives_per_stage: usize,
    /// A stage with fewer negatives than this is not trained: the cascade is finished.
    pub min_negatives: usize,
    /// Most passes over all negative pictures when mining for one stage.
    pub max_passes: usize,
    /// Most stages.
    pub stages: usize,
    /// Share of the positives that a stage must let pass.
    pub hit_rate: f64,
    /// Share of the negatives that a stage may let pass.
    pub false_alarm: f64,
    /// Most stumps a stage.
    pub max_stumps: usize,
    /// Most stumps of the first stage, twice as many for the second, and so on: nearly all windows are looked at by
    /// the first stages only, so that these decide how long a scan takes.
    pub first_stumps: usize,
    /// Features tried for each stump, drawn at random; the best is then improved step by step.
    pub features_per_stump: usize,
    /// Samples on which they are compared, drawn anew for each stump; the winner is split on all of them.
    pub samples_per_stump: usize,
    /// Whether a stage adds its votes to those of all earlier stages, which makes it smaller and its margin mean more.
    pub cumulative: bool,
    /// At the end the thresholds of all stages but the last are lowered until no more than this share of the
    /// training objects that the last stage accepts is lost on the way; at 1 they stay.
    pub lost_early: f64,
    /// Share of the total weight of the samples that a stump is fitted to; the lightest samples are left out.
    pub weight_trim: f64,
    /// Decides everything that is random.
    pub seed: u64,
    /// Where the state is kept after every stage.
    pub checkpoint: Option<PathBuf>,
    /// No stage is begun after this time.
    pub max_seconds: Option<f64>,
}

impl Default for TrainConfig {
    fn default() -> Self {
        Self {
            description: String::new(),
            window: Size::new(20, 20),
            positives: Vec::new(),
            copies: 1,
            mirror: true,
            jitter_degrees: 6.0,
            jitter_scale: 0.06,
            jitter_shift: 0.5,
            light: Light::default(),
            held_out: 0.05,
            negatives: Vec::new(),
            negatives_per_stage: 6000,
            min_negatives: 500,
            max_passes: 4,
            stages: 22,
            hit_rate: 0.998,
            false_alarm: 0.45,
            max_stumps: 200,
            first_stumps: 10,
            features_per_stump: 4000,
            samples_per_stump: 10_000,
            cumulative: true,
            lost_early: 1.0,
            weight_trim: 0.98,
            seed: 1,
            checkpoint: None,
            max_seconds: None,
        }
    }
}

impl TrainConfig {
    /// Checks the numbers.
    ///
    /// # Errors
    /// [`CascadeError::Parameter`] naming the first that is out of range.
    pub fn validate(&self) -> Result<()> {
        let check = |name, ok: bool, value: String, expected| {
            if ok { Ok(()) } else { Err(CascadeError::Parameter { name, value, expected }) }
        };
        let fraction = |v: f64| v > 0.0 && v <= 1.0;
        let side = |v: u32| (8..=64).contains(&v);
        let window = side(self.window.width) && side(self.window.height);
        check("window", window, self.window.to_string(), "sides from 8 to 64 pixels")?;
        check("hit_rate", fraction(self.hit_rate), self.hit_rate.to_string(), "a number above 0, at most 1")?;
        check("false_alarm", fraction(self.false_alarm), self.false_alarm.to_string(), "a number above 0, at most 1")?;
        check("weight_trim", fraction(self.weight_trim), self.weight_trim.to_string(), "a number above 0, at most 1")?;
        check("held_out", (0.0..=0.5).contains(&self.held_out), self.held_out.to_string(), "a number from 0 to 0.5")?;
        check("stages", (1..=100).contains(&self.stages), self.stages.to_string(), "1 to 100")?;
        check("max_stumps", (1..=2000).contains(&self.max_stumps), self.max_stumps.to_string(), "1 to 2000")?;
        let first = self.first_stumps;
        check("first_stumps", (1..=2000).contains(&first), first.to_string(), "1 to 2000")?;
        let tries = self.features_per_stump;
        check("features_per_stump", tries >= 1, tries.to_string(), "at least 1")?;
        let negatives = self.negatives_per_stage;
        check("negatives_per_stage", (1..=1_000_000).contains(&negatives), negatives.to_string(), "1 to 1000000")?;
        check("copies", self.copies <= 100, self.copies.to_string(), "0 to 100")?;
        let tries = self.samples_per_stump;
        check("samples_per_stump", tries >= 100, tries.to_string(), "at least 100")?;
        let lost = (0.0..=1.0).contains(&self.lost_early);
        check("lost_early", lost, self.lost_early.to_string(), "a number from 0 to 1")?;
        let Light { blur, noise, gamma, slope, aliased } = self.light;
        let light = [blur, noise, gamma, slope, aliased].iter().all(|v| (0.0..=4.0).contains(v));
        check("light", light, format!("{:?}", self.light), "numbers from 0 to 4")?;
        let jitter = [self.jitter_degrees, self.jitter_scale, self.jitter_shift];
        let small = jitter.iter().all(|v| v.is_finite() && *v >= 0.0) && self.jitter_scale < 0.9;
        check("jitter", small, format!("{jitter:?}"), "numbers of at least 0, scale below 0.9")
    }
}
