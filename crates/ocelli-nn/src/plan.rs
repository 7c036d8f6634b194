//! The joint plan: what every level runs when, and where each tensor lies in one arena.

mod assign;
pub(crate) mod cache;
#[cfg(test)]
mod check;
mod layout;
mod report;
mod stream;

use std::sync::Arc;

pub(crate) use layout::{Buffer, Layout, Piece};
pub use report::{PlanReport, TensorReport};

use crate::arena::Arena;
use crate::{Error, ImageShape, Network};

/// How much of each tensor exists at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Execution {
    /// Layer by layer: every tensor exists whole from its making to its last use.
    Whole,
    /// Depth first: each tensor is a ring of the few rows its readers still want, and each layer
    /// makes about `band_rows` rows of the network's outputs' worth at a time.
    Streamed {
        /// Output rows made at a time, at least 1.
        band_rows: usize,
    },
}

/// What a plan may take and how it runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct PlanOptions {
    /// Bytes that the arena may take; a plan over it is refused before anything is allocated.
    pub memory_limit: u64,
    /// Depth first or layer by layer.
    pub execution: Execution,
    /// Parts of the work that may run at once; 0 takes the current rayon pool's threads. Results
    /// are the same for every number.
    pub workers: usize,
}

impl Default for PlanOptions {
    /// One gibibyte, depth first, as many workers as threads.
    fn default() -> Self {
        Self { memory_limit: 1 << 30, execution: Execution::Streamed { band_rows: 1 }, workers: 0 }
    }
}

impl PlanOptions {
    /// These options with another memory limit, in bytes.
    #[must_use]
    pub fn with_memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = bytes;
        self
    }

    /// These options with another way to run.
    #[must_use]
    pub fn with_execution(mut self, execution: Execution) -> Self {
        self.execution = execution;
        self
    }

    /// These options for another number of workers.
    #[must_use]
    pub fn with_workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// The options with the number of workers settled.
    pub(crate) fn settled(&self) -> Self {
        let workers = if self.workers == 0 { rayon::current_num_threads() } else { self.workers };
        Self { workers: workers.clamp(1, 256), ..self.clone() }
    }
}

/// All levels of one job as one plan: one set of weights a network, one arena, one timetable.
///
/// Cheap to clone. Made by [`Network::plan`], or by [`JointPlan::build`] for several networks.
#[derive(Debug, Clone)]
pub struct JointPlan {
    /// The network of each level.
    pub(crate) networks: Vec<Arc<Network>>,
    pub(crate) layout: Arc<Layout>,
}

impl JointPlan {
    /// Plans several networks together, each at its own size, in one arena; not cached.
    ///
    /// # Errors
    /// As [`Network::plan`].
    pub fn build(parts: &[(Arc<Network>, ImageShape)], options: &PlanOptions) -> Result<Self, Error> {
        let networks: Vec<Arc<Network>> = parts.iter().map(|(network, _)| network.clone()).collect();
        let shapes: Vec<ImageShape> = parts.iter().map(|&(_, shape)| shape).collect();
        let borrowed: Vec<&Network> = networks.iter().map(Arc::as_ref).collect();
        let layout = Arc::new(Layout::build(&borrowed, &shapes, &options.settled())?);
        Ok(Self { networks, layout })
    }

    /// How many levels the plan runs.
    #[must_use]
    pub fn n_levels(&self) -> usize {
        self.networks.len()
    }

    /// The picture's size that level `level_ix` takes.
    #[must_use]
    pub fn level_shape(&self, level_ix: usize) -> Option<ImageShape> {
        self.layout.levels.get(level_ix).map(|level| level.picture)
    }

    /// Bytes of the arena that [`JointPlan::arena`] takes.
    #[must_use]
    pub fn arena_bytes(&self) -> usize {
        self.layout.arena_bytes
    }

    /// Multiplications that the model asks for, all levels together; padding is not counted.
    #[must_use]
    pub fn operations(&self) -> u64 {
        let level = |(network, level): (&Arc<Network>, &layout::Level)| -> u64 {
            network.steps.iter().map(|step| step.kind.macs_per_pixel() * level.shapes[step.output].area()).sum()
        };
        self.networks.iter().zip(&self.layout.levels).map(level).sum()
    }

    /// An arena for this plan: one from the network's pool where one is free and large enough,
    /// otherwise a new one. Dropping it gives it back.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`] if the allocator refuses.
    pub fn arena(&self) -> Result<Arena, Error> {
        match self.networks.first() {
            Some(network) => network.arenas.take(self.layout.arena_bytes),
            None => Arc::<crate::arena::Pool>::default().take(self.layout.arena_bytes),
        }
    }
}

#[cfg(test)]
mod tests;
