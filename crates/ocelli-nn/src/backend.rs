//! The contract with other machines than this CPU: what a backend is asked and what it answers.
//!
//! A [`Backend`] takes one picture up, makes the pyramid levels there, runs the network over all of them as one joint
//! plan, and brings back only what was asked for ([`Want`]). This crate knows no such machine: whoever makes one reads
//! the network through [`DeviceNetwork`], and plugins are handed an `Arc<dyn Backend>`.

mod device;

use std::fmt::Debug;
use std::sync::Arc;

use ndarray::Array3;

pub use crate::graph::{Activation, Window};
pub use device::{Call, DeviceNetwork, DeviceOutput, DevicePlan, Operation, Tensor};

use crate::run::ShouldStop;
use crate::{Error, ImageShape, Network, RgbImage};

/// How urgent a job is beside others on the same device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Urgency {
    /// Nobody waits: leaves gaps for others, even of other programs.
    Background,
    /// The ordinary case.
    #[default]
    Default,
    /// A person waits: goes first at the next boundary between two slices of work.
    Interactive,
}

/// One level: the picture, shrunk or grown by the antialiased triangle filter of the CPU's intake.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Level {
    /// Its height and width.
    pub shape: ImageShape,
    /// Shapes on the way from the picture to the level, each made from the one before; equal ways are gone once.
    pub through: Vec<ImageShape>,
}

/// What should come back from the device.
#[derive(Debug, Clone, Copy)]
pub enum Want<'a> {
    /// These outputs, whole.
    Outputs(&'a [&'a str]),
    /// Of each cell whose score is high enough, these outputs.
    Cells {
        /// Name of an output of one channel.
        score: &'a str,
        /// The least score that comes back; [`f32::MIN`] for all cells.
        at_least: f32,
        /// Names of the outputs to read at those cells: as high and as wide as the score.
        read: &'a [&'a str],
    },
}

/// One picture through one network.
pub struct Job<'a> {
    /// The network, in floats.
    pub network: &'a Arc<Network>,
    /// The picture that goes up.
    pub picture: RgbImage<'a>,
    /// The levels that are made from it and scanned.
    pub levels: &'a [Level],
    /// What comes back.
    pub want: Want<'a>,
    /// How urgent it is.
    pub urgency: Urgency,
    /// Asked at every boundary between two slices of work.
    pub should_stop: ShouldStop<'a>,
}

impl Debug for Job<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let levels = self.levels.len();
        f.debug_struct("Job").field("network", &self.network.name()).field("levels", &levels).finish_non_exhaustive()
    }
}

/// A cell of a level's output grid, with what was asked to be read there.
#[derive(Debug, Clone, PartialEq)]
pub struct Cell {
    /// Index of the level.
    pub level_ix: usize,
    /// Row of the grid.
    pub y: usize,
    /// Column of the grid.
    pub x: usize,
    /// The score.
    pub score: f32,
    /// All channels of all outputs read, in the order asked for.
    pub values: Vec<f32>,
}

/// What came back.
#[derive(Debug, Default)]
pub struct Answer {
    /// For [`Want::Cells`]: sorted by level, row and column.
    pub cells: Vec<Cell>,
    /// For [`Want::Outputs`]: for each level, the outputs in the order asked for, `[height, width, channels]`.
    pub outputs: Vec<Vec<Array3<f32>>>,
}

/// A machine that runs networks, shared by all threads.
///
/// Any failure of the machine itself is [`Error::Device`]: the CPU can still do the same job.
pub trait Backend: Debug + Send + Sync {
    /// The machine's name, for people.
    fn name(&self) -> String;

    /// Opens the machine where it is not open yet.
    ///
    /// # Errors
    /// [`Error::Device`] saying why there is none, or that it was lost.
    fn ready(&self) -> Result<(), Error>;

    /// Whether a caller who leaves the choice open should come here with a job of these levels rather than stay on the
    /// CPU. Answers no where the machine is missing, lost or slower.
    fn is_faster(&self, network: &Arc<Network>, levels: &[ImageShape]) -> bool;

    /// Does a job and waits for its answer; several threads may call at once.
    ///
    /// # Errors
    /// [`Error::Device`], [`Error::OutOfMemory`] and [`Error::MemoryLimit`] where the machine cannot do it,
    /// [`Error::Unsupported`] where this backend does not, [`Error::Cancelled`], and those of planning.
    fn run(&self, job: &Job<'_>) -> Result<Answer, Error>;
}
