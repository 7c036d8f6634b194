//! How a caller steers work that is under way: cancel, deadline, progress, priority, device.

use crate::{Error, Result};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A switch that stops every request it was given to; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Makes a switch that is not thrown.
    pub fn new() -> Self {
        Self::default()
    }

    /// Throws the switch; requests end with [`Error::Cancelled`] at their next checkpoint.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the switch is thrown.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A callback that hears how far a request has come, as a fraction from 0 to 1.
///
/// It runs on the thread that does the work, with no lock held, and should return quickly.
#[derive(Clone)]
pub struct Progress(Arc<dyn Fn(f32) + Send + Sync>);

impl Progress {
    /// Wraps a callback.
    pub fn new(callback: impl Fn(f32) + Send + Sync + 'static) -> Self {
        Self(Arc::new(callback))
    }

    /// Tells the callback a fraction, clamped to `0..=1`.
    pub fn report(&self, fraction: f32) {
        (self.0)(fraction.clamp(0.0, 1.0));
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress(..)")
    }
}

/// How urgent a request is beside others in the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Nobody waits: gives way to everything else.
    Background,
    /// The ordinary case.
    #[default]
    Default,
    /// A person waits.
    Interactive,
}

/// Where a request should run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Device {
    /// Whatever is best at hand.
    #[default]
    Auto,
    /// The processor.
    Cpu,
    /// A graphics processor, or an error.
    Gpu,
}

/// The running request's side of [`Cancel`], deadline and [`Progress`]; algorithms ask it at checkpoints.
#[derive(Clone, Debug, Default)]
pub struct Control {
    cancel: Option<Cancel>,
    deadline: Option<Instant>,
    progress: Option<Progress>,
}

impl Control {
    /// Starts the clock of a request.
    pub fn start(cancel: Option<Cancel>, deadline: Option<Duration>, progress: Option<Progress>) -> Self {
        // A deadline too far away for the clock is no deadline.
        let deadline = deadline.and_then(|d| Instant::now().checked_add(d));
        Self { cancel, deadline, progress }
    }

    /// Whether the request should end now: cheap enough for every row band.
    pub fn should_stop(&self) -> bool {
        self.checkpoint().is_err()
    }

    /// Ends the request here if its caller cancelled it or its deadline passed.
    ///
    /// # Errors
    /// [`Error::Cancelled`] or [`Error::DeadlineExceeded`].
    pub fn checkpoint(&self) -> Result<()> {
        if self.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
            return Err(Error::Cancelled);
        }
        if self.deadline.is_some_and(|d| Instant::now() >= d) {
            return Err(Error::DeadlineExceeded);
        }
        Ok(())
    }

    /// Tells the caller how far the request has come, 0 to 1.
    pub fn progress(&self, fraction: f32) {
        if let Some(progress) = &self.progress {
            progress.report(fraction);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn cancel_and_deadline_stop_at_a_checkpoint() {
        let cancel = Cancel::new();
        let control = Control::start(Some(cancel.clone()), None, None);
        assert!(control.checkpoint().is_ok());
        cancel.cancel();
        assert!(matches!(control.checkpoint(), Err(Error::Cancelled)));
        let late = Control::start(None, Some(Duration::ZERO), None);
        assert!(matches!(late.checkpoint(), Err(Error::DeadlineExceeded)));
        assert!(!Control::start(None, Some(Duration::MAX), None).should_stop());
    }

    #[test]
    fn progress_is_clamped() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sink = seen.clone();
        let progress = Progress::new(move |f| sink.lock().unwrap().push(f));
        Control::start(None, None, Some(progress)).progress(7.0);
        assert_eq!(*seen.lock().unwrap(), [1.0]);
    }
}
