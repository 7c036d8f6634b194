//! How far a run has come.

use crate::entry::Entry;
use serde::Serialize;
use std::time::{Duration, Instant};

/// How often the caller hears of it.
const PAUSE: Duration = Duration::from_millis(200);

/// How far a run has come.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ScanProgress {
    /// Whether folders are still being walked.
    pub walking: bool,
    /// Picture files found so far.
    pub found: u64,
    /// Of these, files that need not be looked at: known and unchanged.
    pub known: u64,
    /// Files to look at in this run.
    pub queued: u64,
    /// Bytes of these.
    pub queued_bytes: u64,
    /// Looked at.
    pub done: u64,
    /// Bytes of these.
    pub done_bytes: u64,
    /// Of these, with an error.
    pub failed: u64,
    /// Time since looking began.
    pub elapsed: Duration,
}

impl ScanProgress {
    /// Pictures looked at a second.
    pub fn rate(&self) -> f64 {
        self.done as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// Time left, by the bytes that are left; `None` before there is anything to tell by.
    pub fn eta(&self) -> Option<Duration> {
        if self.walking || self.done_bytes == 0 {
            return None;
        }
        let left = self.queued_bytes.saturating_sub(self.done_bytes) as f64 / self.done_bytes as f64;
        Duration::try_from_secs_f64(self.elapsed.as_secs_f64() * left).ok()
    }
}

/// What a run came to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ScanReport {
    /// Picture files found.
    pub found: u64,
    /// Known and unchanged.
    pub known: u64,
    /// Looked at in this run.
    pub done: u64,
    /// Of these, with an error; folders that could not be looked into among them.
    pub failed: u64,
    /// Files that an earlier run saw and that are gone.
    pub gone: u64,
    /// Whether the run was stopped before its end.
    pub stopped: bool,
    /// Seconds that looking took, rounded down.
    pub seconds: u64,
}

/// Counts, and tells the caller from time to time.
pub(crate) struct Meter<'a> {
    tell: &'a mut dyn FnMut(&ScanProgress),
    now: ScanProgress,
    began: Instant,
    told: Instant,
    pub(crate) gone: u64,
}

impl<'a> Meter<'a> {
    pub(crate) fn new(tell: &'a mut dyn FnMut(&ScanProgress)) -> Self {
        let now = ScanProgress { walking: true, ..ScanProgress::default() };
        Self { tell, now, began: Instant::now(), told: Instant::now(), gone: 0 }
    }

    /// A picture file was found; `open` where it is to be looked at.
    pub(crate) fn found(&mut self, bytes: u64, open: bool) {
        self.now.found += 1;
        if open {
            self.now.queued += 1;
            self.now.queued_bytes += bytes;
        } else {
            self.now.known += 1;
        }
        self.tell();
    }

    /// A folder could not be looked into.
    pub(crate) fn trouble(&mut self) {
        self.now.failed += 1;
    }

    pub(crate) fn begin_looking(&mut self) {
        self.now.walking = false;
        self.began = Instant::now();
        (self.tell)(&self.now);
    }

    pub(crate) fn looked(&mut self, entry: &Entry) {
        self.now.done += 1;
        self.now.done_bytes += entry.stamp.bytes;
        self.now.failed += u64::from(entry.first_error().is_some());
    }

    pub(crate) fn tell(&mut self) {
        if self.told.elapsed() >= PAUSE {
            self.told = Instant::now();
            if !self.now.walking {
                self.now.elapsed = self.began.elapsed();
            }
            (self.tell)(&self.now);
        }
    }

    pub(crate) fn report(mut self, stopped: bool) -> ScanReport {
        self.now.elapsed = self.began.elapsed();
        (self.tell)(&self.now);
        let ScanProgress { found, known, done, failed, elapsed, .. } = self.now;
        ScanReport { found, known, done, failed, gone: self.gone, stopped, seconds: elapsed.as_secs() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_is_told_by_bytes() {
        let mut progress = ScanProgress { queued: 10, queued_bytes: 4000, ..ScanProgress::default() };
        assert_eq!(progress.eta(), None);
        (progress.done, progress.done_bytes, progress.elapsed) = (5, 3000, Duration::from_secs(6));
        assert_eq!(progress.eta(), Some(Duration::from_secs(2)));
        assert!((progress.rate() - 5.0 / 6.0).abs() < 1e-9);
    }
}
