//! What a running request is inside of: its clock, its traffic rules, and the record of its steps.

use crate::{Priority, ViewSpec};
use serde::Serialize;
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// The scheduler's side of a [`Control`](crate::Control). By default a host does nothing.
pub trait Host: Debug + Send + Sync {
    /// The time that deadlines are measured by. By default the system's.
    fn now(&self) -> Instant {
        Instant::now()
    }

    /// Called at checkpoints: holds the thread while more urgent work runs, but never for long. Answers whether it did.
    /// By default it does not.
    fn give_way(&self, priority: Priority) -> bool {
        let _ = priority;
        false
    }

    /// A thread begins or ends to wait for another one. By default nobody cares.
    fn waits(&self, priority: Priority, begins: bool) {
        let _ = (priority, begins);
    }

    /// Parts that a run of this priority may split its work into at once, so that all runs together just fill the
    /// threads; 0 means one a thread of the present pool, and is the default.
    fn share(&self, priority: Priority) -> usize {
        let _ = priority;
        0
    }

    /// Takes the record of a finished step. By default it is lost.
    fn record(&self, step: Step) {
        let _ = step;
    }
}

/// A finished step of a run: what plans show after the fact, and what counters add up.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// What was done.
    pub kind: StepKind,
    /// When it began.
    #[serde(skip)]
    pub began: Instant,
    /// How long it took, waiting for other threads included.
    pub time: Duration,
    /// Bytes of what it made; of a hit, bytes that were found.
    pub bytes: u64,
}

/// What a [`Step`] did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum StepKind {
    /// Read the file once, for these views.
    Decode(Vec<ViewSpec>),
    /// Made a view from another one.
    View(ViewSpec),
    /// Found a view finished, or took it from a thread that was making it.
    Hit(ViewSpec),
    /// Ran the algorithm of this name.
    Algorithm(String),
}

impl Step {
    /// A step that began then and ends now.
    pub fn since(began: Instant, kind: StepKind, bytes: u64) -> Self {
        Self { kind, began, time: began.elapsed(), bytes }
    }
}
