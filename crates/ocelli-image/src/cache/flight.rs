//! Single flight: one thread builds a view, the others wait for it.

use super::Store;
use ocelli_core::{Control, Error, Result, View, ViewSpec};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

/// How often a waiting thread looks at its own cancel switch and deadline.
const PATIENCE: Duration = Duration::from_millis(20);

#[derive(Debug, Default)]
pub(crate) struct Flight {
    outcome: Mutex<Outcome>,
    landed: Condvar,
}

#[derive(Clone, Debug, Default)]
enum Outcome {
    #[default]
    Pending,
    Built(Arc<View>),
    Failed(Error),
    /// Cancelled, out of time or panicked: no word on whether the view can be built.
    Abandoned,
}

impl Flight {
    pub(super) fn wait(&self, control: &Control) -> Result<Option<Arc<View>>> {
        let _waiting = control.waiting();
        let mut outcome = self.lock();
        loop {
            match &*outcome {
                Outcome::Built(view) => return Ok(Some(view.clone())),
                Outcome::Failed(error) => return Err(error.clone()),
                Outcome::Abandoned => return Ok(None),
                Outcome::Pending => {}
            }
            control.go_on()?;
            outcome = self.landed.wait_timeout(outcome, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn land(&self, outcome: Outcome) {
        *self.lock() = outcome;
        self.landed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right and duty to build one view. Dropped without an answer it frees the waiting threads to try themselves.
#[derive(Debug)]
pub(crate) struct Slot {
    store: Arc<Store>,
    picture: u64,
    spec: ViewSpec,
    flight: Arc<Flight>,
    settled: bool,
}

impl Slot {
    pub(super) fn new(store: Arc<Store>, picture: u64, spec: ViewSpec) -> Self {
        Self { store, picture, spec, flight: Arc::default(), settled: false }
    }

    pub(super) fn flight(&self) -> Weak<Flight> {
        Arc::downgrade(&self.flight)
    }

    pub(crate) fn spec(&self) -> ViewSpec {
        self.spec
    }

    /// Hands the view to the store and to whoever waits.
    pub(crate) fn finish(mut self, view: &Arc<View>) {
        self.store.counters.built(self.spec.kind);
        self.settle(Some(view), Outcome::Built(view.clone()));
    }

    /// Passes a failure on to whoever waits, unless it was the builder's own wish to stop.
    pub(crate) fn fail(mut self, error: &Error) {
        let outcome = match error {
            Error::Cancelled | Error::DeadlineExceeded => Outcome::Abandoned,
            other => Outcome::Failed(other.clone()),
        };
        self.settle(None, outcome);
    }

    fn settle(&mut self, view: Option<&Arc<View>>, outcome: Outcome) {
        self.settled = true;
        self.store.settle(self.picture, self.spec, view);
        self.flight.land(outcome);
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if !self.settled {
            self.settle(None, Outcome::Abandoned);
        }
    }
}
