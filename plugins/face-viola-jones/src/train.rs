//! The trainer: stages of boosted stumps against ever harder negatives.
//!
//! ```text
//! positives ──┐
//! negatives ──┴─▶ mine windows that the cascade so far accepts ─▶ boost a stage ─▶ checkpoint ─▶ again
//! ```
//!
//! A run is a pure function of its [`TrainConfig`] and the pictures: the same for any number of threads, and the same
//! whether it was interrupted or not (a time limit aside, which decides only how many stages there are).

mod boost;
mod checkpoint;
mod config;
mod crops;
mod features;
mod light;
mod mine;
mod pictures;
mod relax;
mod samples;

pub use config::{Anchor, BoxField, Light, NegativeSource, PositiveSource, TrainConfig};

use crate::cascade::{CascadeInfo, CascadeParts, Feature, Stage};
use crate::{Cascade, CascadeError, Result};
use checkpoint::Checkpoint;
use ocelli_core::Control;
use samples::Samples;
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

/// How far a run has come.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TrainProgress {
    /// What happens now.
    pub phase: TrainPhase,
    /// Stages finished.
    pub stages: usize,
    /// Time since the start of this run.
    pub elapsed: Duration,
    /// Estimated time to the last stage; `None` before the first stage is finished.
    pub eta: Option<Duration>,
}

/// What a run is doing.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TrainPhase {
    /// Reading pictures.
    Reading,
    /// Looking for windows that the cascade so far accepts wrongly.
    Mining {
        /// Windows found, of those wanted.
        found: usize,
        /// Windows wanted.
        wanted: usize,
    },
    /// Adding stumps to a stage.
    Boosting {
        /// Stumps so far.
        stumps: usize,
        /// Share of this stage's negatives that still pass.
        false_alarm: f64,
    },
    /// A stage is finished.
    Stage(StageReport),
}

/// Figures of one finished stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageReport {
    /// Stumps.
    pub stumps: usize,
    /// Share of the stage's positives that pass.
    pub hit_rate: f64,
    /// Share of all held-out positives that pass this and all earlier stages.
    pub held_out_hit_rate: f64,
    /// Share of this stage's negatives that pass.
    pub false_alarm: f64,
    /// Share of scanned windows that the cascade accepted before this stage.
    pub accepted_before: f64,
}

/// Trains a cascade; `progress` hears of every step.
///
/// With [`TrainConfig::checkpoint`] the state is written after every stage, and a run that finds the file of an
/// interrupted run with the same configuration goes on from there. Uses the current rayon thread pool.
///
/// # Errors
/// [`CascadeError::Parameter`] for a configuration out of range, [`CascadeError::Io`] and [`CascadeError::Syntax`] for
/// files, [`CascadeError::Training`] where there are no positives or negatives, [`CascadeError::Cancelled`].
pub fn train(config: &TrainConfig, control: &Control, progress: &mut dyn FnMut(&TrainProgress)) -> Result<Cascade> {
    config.validate()?;
    let mut run = Run { config, control, progress, start: Instant::now(), done: 0, resumed: 0 };
    run.report(TrainPhase::Reading);
    let mut state = Checkpoint::resume(config)?;
    run.done = state.reports.len();
    run.resumed = run.done;
    let all = crops::positives(config)?;
    let held_out = Samples::new(config.window, &all.held_out, &[]);
    let pool = mine::Pool::open(config)?;
    while state.reports.len() < config.stages && !run.out_of_time() {
        let cascade = state.cascade(config)?;
        let mined = pool.mine(cascade.as_ref(), state.reports.len(), &mut run)?;
        if mined.windows.len() < config.min_negatives {
            break;
        }
        let boosted = boost_next(config, cascade.as_ref(), &all.train, &mined.windows, state.reports.len(), &mut run)?;
        state.push(&boosted);
        let cascade = state.cascade(config)?.unwrap_or_else(|| unreachable!("a stage was pushed"));
        let kept = held_out.judge(&cascade).pass.iter().filter(|pass| **pass).count();
        let report = StageReport {
            stumps: boosted.stage.trees.len(),
            hit_rate: boosted.hit_rate,
            held_out_hit_rate: kept as f64 / held_out.count.max(1) as f64,
            false_alarm: boosted.false_alarm,
            accepted_before: mined.accepted,
        };
        state.reports.push(report.clone());
        state.save(config)?;
        run.done = state.reports.len();
        run.report(TrainPhase::Stage(report));
    }
    let cascade = state.cascade(config)?.ok_or_else(|| CascadeError::Training {
        reason: "no stage was made; give more negatives or a lower min_negatives".into(),
    })?;
    relax::thresholds(cascade, &Samples::new(config.window, &all.train, &[]), config.lost_early)
}

/// Boosts the next stage: positives that pass the cascade so far against negatives that pass it.
fn boost_next(
    config: &TrainConfig,
    cascade: Option<&Cascade>,
    positives: &[Vec<u8>],
    negatives: &[Vec<u8>],
    number: usize,
    run: &mut Run<'_>,
) -> Result<boost::Boosted> {
    let Some(cascade) = cascade else {
        return boost::stage(config, number, &Samples::new(config.window, positives, negatives), None, run);
    };
    let pass = Samples::new(config.window, positives, &[]).judge(cascade).pass;
    let kept: Vec<Vec<u8>> = positives.iter().zip(pass).filter(|(_, pass)| *pass).map(|(p, _)| p.clone()).collect();
    let samples = Samples::new(config.window, &kept, negatives);
    let before = samples.judge(cascade).votes.pop().filter(|_| config.cumulative);
    boost::stage(config, number, &samples, before, run)
}

/// What every step of a run needs: configuration, cancel, progress.
struct Run<'a> {
    config: &'a TrainConfig,
    control: &'a Control,
    progress: &'a mut dyn FnMut(&TrainProgress),
    start: Instant,
    done: usize,
    resumed: usize,
}

impl Run<'_> {
    fn report(&mut self, phase: TrainPhase) {
        let elapsed = self.start.elapsed();
        // Later stages are longer, about in proportion to their number: time grows with the square.
        let square = |n: usize| (n * n) as f64;
        let made = square(self.done) - square(self.resumed);
        let left = square(self.config.stages) - square(self.done);
        let eta = (made > 0.0).then(|| elapsed.mul_f64((left / made).clamp(0.0, 1e4)));
        (self.progress)(&TrainProgress { phase, stages: self.done, elapsed, eta });
    }

    fn checkpoint(&self) -> Result<()> {
        self.control.checkpoint().map_err(|_| CascadeError::Cancelled)
    }

    fn out_of_time(&self) -> bool {
        self.config.max_seconds.is_some_and(|s| self.start.elapsed().as_secs_f64() > s)
    }
}

/// Makes a cascade of what a run has so far.
fn assemble(config: &TrainConfig, features: &[Feature], stages: &[Stage]) -> Result<Cascade> {
    let info = CascadeInfo { description: config.description.clone(), ..CascadeInfo::default() };
    Cascade::new(CascadeParts { window: config.window, info, features: features.to_vec(), stages: stages.to_vec() })
}

#[cfg(test)]
mod tests;
