//! Where a run's time goes, step by step.

use std::time::{Duration, Instant};

use serde::Serialize;

use super::{Outputs, Run, ShouldStop};
use crate::arena::Arena;
use crate::plan::JointPlan;
use crate::{Error, RgbImage};

/// One step of one level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StepTime {
    /// Index of the level.
    pub level_ix: usize,
    /// The node's name.
    pub step: String,
    /// Multiplications the model asks for at this size.
    pub multiplications: u64,
    /// Time in the step's kernels, in nanoseconds.
    pub nanoseconds: u64,
}

impl JointPlan {
    /// [`JointPlan::run`] on one thread with a clock around every band of rows. Allocates.
    ///
    /// # Errors
    /// As [`JointPlan::run`].
    pub fn run_profiled<'a>(
        &'a self,
        arena: &'a mut Arena,
        pictures: &[RgbImage<'_>],
        should_stop: ShouldStop<'_>,
    ) -> Result<(Outputs<'a>, Vec<StepTime>), Error> {
        let mut spent: Vec<Vec<Duration>> =
            self.networks.iter().map(|network| vec![Duration::ZERO; network.steps.len()]).collect();
        let outputs = self.run_with(arena, pictures, should_stop, |run: &Run<'_>| {
            for piece in self.layout.workers.iter().flatten() {
                for entry_ix in 0..piece.entries.len() {
                    if run.stop() {
                        return;
                    }
                    let start = Instant::now();
                    run.entry(piece, entry_ix);
                    let step_ix = piece.entries[entry_ix].step_ix as usize;
                    spent[piece.level_ix][step_ix] += start.elapsed();
                }
            }
        })?;
        Ok((outputs, self.step_times(&spent)))
    }

    fn step_times(&self, spent: &[Vec<Duration>]) -> Vec<StepTime> {
        let mut times = Vec::new();
        for (level_ix, (network, level)) in self.networks.iter().zip(&self.layout.levels).enumerate() {
            for (step, spent) in network.steps.iter().zip(&spent[level_ix]) {
                times.push(StepTime {
                    level_ix,
                    step: step.name.clone(),
                    multiplications: step.kind.macs_per_pixel() * level.shapes[step.output].area(),
                    nanoseconds: u64::try_from(spent.as_nanos()).unwrap_or(u64::MAX),
                });
            }
        }
        times
    }
}
