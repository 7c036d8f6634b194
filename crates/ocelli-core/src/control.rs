//! How a caller steers work that is under way: cancel, deadline, progress, priority, device.

use crate::{Error, Host, RequestOptions, Result, Step};
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
///
/// One run may serve several callers: it stops when the last of them wants it to.
#[derive(Clone, Debug, Default)]
pub struct Control {
    wishes: Vec<Wish>,
    priority: Priority,
    host: Option<Arc<dyn Host>>,
    incomplete: Arc<AtomicBool>,
}

/// What one caller wants of a run.
#[derive(Clone, Debug)]
struct Wish {
    cancels: Vec<Cancel>,
    deadline: Option<Instant>,
    progress: Option<Progress>,
}

impl Wish {
    fn stopped(&self, now: impl FnOnce() -> Instant) -> Option<Error> {
        if self.cancels.iter().any(Cancel::is_cancelled) {
            return Some(Error::Cancelled);
        }
        self.deadline.is_some_and(|d| now() >= d).then_some(Error::DeadlineExceeded)
    }
}

impl Control {
    /// Starts the clock of a request.
    pub fn start(cancel: Option<Cancel>, deadline: Option<Duration>, progress: Option<Progress>) -> Self {
        Self::default().wish(Instant::now(), cancel, deadline, progress)
    }

    /// For a request that was made at `began` and runs inside `host`.
    pub fn hosted(host: Arc<dyn Host>, began: Instant, options: &RequestOptions) -> Self {
        let control = Self { host: Some(host), priority: options.priority, ..Self::default() };
        control.wish(began, options.cancel.clone(), options.deadline, options.progress.clone())
    }

    fn wish(
        mut self,
        began: Instant,
        cancel: Option<Cancel>,
        deadline: Option<Duration>,
        progress: Option<Progress>,
    ) -> Self {
        // A deadline too far away for the clock is no deadline.
        let deadline = deadline.and_then(|d| began.checked_add(d));
        self.wishes.push(Wish { cancels: cancel.into_iter().collect(), deadline, progress });
        self
    }

    /// Tightens every caller's wish: stops by any of these switches, and at this time, too.
    pub fn within(mut self, cancels: &[Cancel], deadline: Option<Instant>) -> Self {
        for wish in &mut self.wishes {
            wish.cancels.extend_from_slice(cancels);
            wish.deadline = [wish.deadline, deadline].into_iter().flatten().min();
        }
        self
    }

    /// Lets the run serve the callers of `other`, too: it stops when all of them want it to, and is as urgent as the
    /// most urgent one.
    pub fn join(&mut self, other: &Self) {
        self.wishes.extend(other.wishes.iter().cloned());
        self.priority = self.priority.max(other.priority);
    }

    /// The same wishes without anybody listening to progress: for work on the way to what the callers asked for.
    pub fn silent(&self) -> Self {
        let mut control = Self { incomplete: Arc::default(), ..self.clone() };
        control.wishes.iter_mut().for_each(|wish| wish.progress = None);
        control
    }

    /// Whether the request should end now: cheap enough for every row band.
    pub fn should_stop(&self) -> bool {
        self.checkpoint().is_err()
    }

    /// Ends the request here if its caller cancelled it or its deadline passed. Less urgent work is held here for a
    /// moment while more urgent work runs, so long loops should come by every millisecond or so.
    ///
    /// # Errors
    /// [`Error::Cancelled`] or [`Error::DeadlineExceeded`].
    pub fn checkpoint(&self) -> Result<()> {
        self.go_on()?;
        match &self.host {
            Some(host) if host.give_way(self.priority) => self.go_on(),
            _ => Ok(()),
        }
    }

    /// [`checkpoint`](Self::checkpoint) that never holds the thread: for places where a lock is held.
    ///
    /// # Errors
    /// [`Error::Cancelled`] or [`Error::DeadlineExceeded`].
    pub fn go_on(&self) -> Result<()> {
        let mut first = None;
        for wish in &self.wishes {
            match wish.stopped(|| self.now()) {
                None => return Ok(()),
                Some(error) => first = first.or(Some(error)),
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn now(&self) -> Instant {
        self.host.as_ref().map_or_else(Instant::now, |host| host.now())
    }

    /// Whether time is limited: then an algorithm does what tells most first, so that it has something to return.
    pub fn has_deadline(&self) -> bool {
        !self.wishes.is_empty() && self.wishes.iter().all(|wish| wish.deadline.is_some())
    }

    /// How urgent the run is.
    pub fn priority(&self) -> Priority {
        self.priority
    }

    /// Parts that the run may split its work into at once: fewer where other runs are under way, for a split costs work at
    /// its seams. 0 means one a thread of the present pool. Answers must not depend on it.
    pub fn share(&self) -> usize {
        self.host.as_ref().map_or(0, |host| host.share(self.priority))
    }

    /// Says, for as long as the guard lives, that this thread waits for another one, so that it does not hold back the
    /// very thread that it waits for.
    pub fn waiting(&self) -> Waiting<'_> {
        let host = self.host.as_deref();
        if let Some(host) = host {
            host.waits(self.priority, true);
        }
        Waiting { host, priority: self.priority }
    }

    /// Notes that the answers will not be all: see [`Input::cut_short`](crate::Input::cut_short).
    pub fn mark_incomplete(&self) {
        self.incomplete.store(true, Ordering::Relaxed);
    }

    /// Whether the answers are known not to be all.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete.load(Ordering::Relaxed)
    }

    /// Puts a finished step into the record of the run.
    pub fn record(&self, step: Step) {
        if let Some(host) = &self.host {
            host.record(step);
        }
    }

    /// Tells the callers how far the request has come, 0 to 1.
    pub fn progress(&self, fraction: f32) {
        self.wishes.iter().filter_map(|wish| wish.progress.as_ref()).for_each(|progress| progress.report(fraction));
    }
}

/// See [`Control::waiting`].
#[derive(Debug)]
#[must_use = "the thread counts as waiting until it is dropped"]
pub struct Waiting<'a> {
    host: Option<&'a dyn Host>,
    priority: Priority,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(host) = self.host {
            host.waits(self.priority, false);
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
    fn a_shared_run_stops_with_its_last_caller() {
        let (one, two) = (Cancel::new(), Cancel::new());
        let mut control = Control::start(Some(one.clone()), None, None);
        control.join(&Control::start(Some(two.clone()), None, None));
        one.cancel();
        assert!(control.checkpoint().is_ok());
        two.cancel();
        assert!(matches!(control.checkpoint(), Err(Error::Cancelled)));
        assert!(!Control::default().should_stop());
    }

    #[test]
    fn a_batch_tightens_its_requests() {
        let all = Cancel::new();
        let control = Control::start(None, Some(Duration::MAX), None).within(std::slice::from_ref(&all), None);
        assert!(control.checkpoint().is_ok());
        all.cancel();
        assert!(matches!(control.checkpoint(), Err(Error::Cancelled)));
        let late = Control::start(None, Some(Duration::from_secs(3600)), None).within(&[], Some(Instant::now()));
        assert!(late.has_deadline() && matches!(late.checkpoint(), Err(Error::DeadlineExceeded)));
    }

    /// A host whose clock ticks at every look, and that cancels while it holds a thread.
    #[derive(Debug)]
    struct Ticking(Instant, std::sync::atomic::AtomicU32, Cancel);

    impl Host for Ticking {
        fn now(&self) -> Instant {
            self.0 + Duration::from_secs(self.1.fetch_add(1, Ordering::Relaxed).into())
        }
        fn give_way(&self, priority: Priority) -> bool {
            if priority == Priority::Background {
                self.2.cancel();
            }
            priority == Priority::Background
        }
    }

    #[test]
    fn the_host_keeps_the_clock_and_holds_threads() {
        let host = Arc::new(Ticking(Instant::now(), Default::default(), Cancel::new()));
        let mut options = RequestOptions { deadline: Some(Duration::from_secs(2)), ..Default::default() };
        let control = Control::hosted(host.clone(), host.now(), &options);
        assert!(control.checkpoint().is_ok(), "second 1");
        assert!(matches!(control.checkpoint(), Err(Error::DeadlineExceeded)), "second 2");
        options = RequestOptions { priority: Priority::Background, cancel: Some(host.2.clone()), ..Default::default() };
        let held = Control::hosted(host.clone(), host.0, &options).checkpoint();
        assert!(matches!(held, Err(Error::Cancelled)), "cancelled while it was held");
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
