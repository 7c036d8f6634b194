//! One call of a handler: what all its runs are inside of.

use crate::Vision;
use ocelli_core::{AnyRequest, Cancel, Error, Host, Priority, Result, Step};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// What a caller asked for all requests of a call, or of a batch of calls, at once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Steering {
    pub(crate) priority: Option<Priority>,
    pub(crate) cancels: Vec<Cancel>,
    pub(crate) deadline: Option<Instant>,
}

impl Steering {
    /// The whole call is as urgent as its most urgent request, since its caller waits for all of them.
    pub(crate) fn priority_of(&self, requests: &[AnyRequest]) -> Priority {
        let most = || requests.iter().map(|request| request.options().priority).max();
        self.priority.or_else(most).unwrap_or_default()
    }
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Call {
    vision: Vision,
    pub(crate) began: Instant,
    pub(crate) steering: Steering,
    /// Where somebody wants to see them.
    steps: Option<Mutex<Vec<Step>>>,
}

impl Call {
    pub(crate) fn new(vision: &Vision, steering: Steering) -> Arc<Self> {
        Arc::new(Self { vision: vision.clone(), began: vision.now(), steering, steps: None })
    }

    pub(crate) fn recorded(vision: &Vision, steering: Steering) -> Arc<Self> {
        let steps = Some(Mutex::default());
        Arc::new(Self { vision: vision.clone(), began: vision.now(), steering, steps })
    }

    /// Whether anybody still waits for the answers to `requests`.
    ///
    /// # Errors
    /// [`Error::Cancelled`] or [`Error::DeadlineExceeded`] where nobody does.
    pub(crate) fn go_on(&self, requests: &[AnyRequest]) -> Result<()> {
        if self.steering.cancels.iter().any(Cancel::is_cancelled) {
            return Err(Error::Cancelled);
        }
        let now = self.vision.now();
        if self.steering.deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Error::DeadlineExceeded);
        }
        let stopped = |request: &AnyRequest| {
            let options = request.options();
            if options.cancel.as_ref().is_some_and(Cancel::is_cancelled) {
                return Some(Error::Cancelled);
            }
            let late = options.deadline.is_some_and(|time| now.saturating_duration_since(self.began) >= time);
            late.then_some(Error::DeadlineExceeded)
        };
        let mut stops = requests.iter().map(stopped);
        match stops.next().flatten() {
            Some(first) if stops.all(|stop| stop.is_some()) => Err(first),
            _ => Ok(()),
        }
    }

    pub(crate) fn vision(&self) -> &Vision {
        &self.vision
    }

    /// The steps so far, in the order in which they ended.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let steps = self.steps.as_ref();
        steps.map(|steps| steps.lock().unwrap_or_else(PoisonError::into_inner).clone()).unwrap_or_default()
    }
}

impl Host for Call {
    fn now(&self) -> Instant {
        self.vision.now()
    }

    fn give_way(&self, priority: Priority) -> bool {
        self.vision.traffic().give_way(priority)
    }

    fn waits(&self, priority: Priority, begins: bool) {
        self.vision.traffic().wait(priority, begins);
    }

    fn share(&self, priority: Priority) -> usize {
        let threads = self.vision.lanes().pool(priority).current_num_threads();
        self.vision.traffic().share(threads, priority)
    }

    fn record(&self, step: Step) {
        self.vision.counting().step(&step);
        if let Some(steps) = &self.steps {
            steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_under_way_share_the_threads() {
        let vision = Vision::builder().without_builtin().threads(4).build().unwrap();
        let call = Call::new(&vision, Steering::default());
        let traffic = vision.traffic();
        let first = traffic.call(Priority::Default);
        assert_eq!(call.share(Priority::Default), 4, "alone");
        let _second = traffic.call(Priority::Default);
        assert_eq!(call.share(Priority::Default), 2);
        assert_eq!(call.share(Priority::Interactive), 4, "less urgent calls wait");
        let others: Vec<_> = (0..9).map(|_| traffic.call(Priority::Interactive)).collect();
        assert_eq!(call.share(Priority::Default), 1, "never less");
        drop((first, others));
        assert_eq!(call.share(Priority::Default), 4);
    }
}
