//! Counters of the work done, added up from the same steps that records of single calls hold.

use ocelli_core::{Step, StepKind};
use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// What a [`Vision`](crate::Vision) did since it was made: `vision.metrics()`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Metrics {
    /// Requests answered or failed; equal ones of a call count as one, producers that the plan added count.
    pub requests: u64,
    /// Requests that failed.
    pub failed: u64,
    /// Requests answered in part, since their deadline passed.
    pub incomplete: u64,
    /// Passes over files.
    pub decodes: Tally,
    /// Views made from other views.
    pub views: Tally,
    /// Views found, with the bytes that need not be made.
    pub hits: Tally,
    /// Runs of algorithms.
    pub algorithms: Tally,
    /// How often a thread was held at a checkpoint for the sake of more urgent work.
    pub holds: u64,
}

/// Steps of one kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Bytes of what they made.
    pub bytes: u64,
    /// Time that they took, added up over threads.
    pub time: Duration,
}

#[derive(Debug, Default)]
pub(crate) struct Counting {
    requests: AtomicU64,
    failed: AtomicU64,
    incomplete: AtomicU64,
    /// Count, bytes, nanoseconds by kind of step.
    steps: [[AtomicU64; 3]; 4],
}

impl Counting {
    pub(crate) fn step(&self, step: &Step) {
        let place = match step.kind {
            StepKind::Decode(_) => 0,
            StepKind::View(_) => 1,
            StepKind::Hit(_) => 2,
            StepKind::Algorithm(_) => 3,
            _ => return,
        };
        let [count, bytes, time] = &self.steps[place];
        count.fetch_add(1, Relaxed);
        bytes.fetch_add(step.bytes, Relaxed);
        time.fetch_add(step.time.as_nanos() as u64, Relaxed);
    }

    pub(crate) fn request(&self, failed: bool, incomplete: bool) {
        self.requests.fetch_add(1, Relaxed);
        self.failed.fetch_add(u64::from(failed), Relaxed);
        self.incomplete.fetch_add(u64::from(incomplete), Relaxed);
    }

    pub(crate) fn read(&self, holds: u64) -> Metrics {
        let [decodes, views, hits, algorithms] = self.steps.each_ref().map(|[count, bytes, time]| Tally {
            count: count.load(Relaxed),
            bytes: bytes.load(Relaxed),
            time: Duration::from_nanos(time.load(Relaxed)),
        });
        let [requests, failed, incomplete] =
            [&self.requests, &self.failed, &self.incomplete].map(|counter| counter.load(Relaxed));
        Metrics { requests, failed, incomplete, decodes, views, hits, algorithms, holds }
    }
}
