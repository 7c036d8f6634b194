//! The memory that the pictures of a [`Vision`](crate::Vision) may take together: a semaphore that counts bytes.
//!
//! Who wants to work on a picture reserves what its plan says first, and waits where others hold too much. The order is
//! that of asking: a large picture is not overtaken for ever by small ones.
//!
//! Waiting threads hold nothing, so they never wait for each other. The one rule that keeps it so: threads of the worker
//! pools never reserve. Their work is part of a call whose caller has reserved for it, and a worker that waited here
//! could sit on top of the very work that it waits for.

use ocelli_core::Result;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How often a waiting thread looks whether it still wants to.
const PATIENCE: Duration = Duration::from_millis(20);

/// Bytes that may be reserved at a time.
#[derive(Debug)]
pub(crate) struct Budget {
    room: u64,
    state: Mutex<State>,
    freed: Condvar,
}

#[derive(Debug)]
struct State {
    free: u64,
    /// Who waits, in the order of asking.
    queue: VecDeque<u64>,
    next: u64,
}

impl Budget {
    /// A budget of `room` bytes.
    pub(crate) fn new(room: u64) -> Arc<Self> {
        let state = State { free: room, queue: VecDeque::new(), next: 0 };
        Arc::new(Self { room, state: Mutex::new(state), freed: Condvar::new() })
    }

    /// Bytes in all.
    pub(crate) fn room(&self) -> u64 {
        self.room
    }

    /// Takes `bytes`, when they are free and it is this caller's turn. More than there is in all counts as all.
    ///
    /// # Errors
    /// What `go_on` answers while the caller waits: its wish to stop.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: u64, go_on: impl Fn() -> Result<()>) -> Result<Reservation> {
        let bytes = bytes.min(self.room);
        let mut state = self.lock();
        let ticket = state.next;
        state.next += 1;
        state.queue.push_back(ticket);
        loop {
            if state.queue.front() == Some(&ticket) && state.free >= bytes {
                state.free -= bytes;
                state.queue.pop_front();
                // The next one may fit beside this one.
                self.freed.notify_all();
                return Ok(Reservation { budget: self.clone(), bytes });
            }
            if let Err(error) = go_on() {
                state.queue.retain(|&waiting| waiting != ticket);
                self.freed.notify_all();
                return Err(error);
            }
            state = self.freed.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that are taken until this is dropped.
#[derive(Debug)]
#[must_use = "the bytes are free again when it is dropped"]
pub(crate) struct Reservation {
    budget: Arc<Budget>,
    bytes: u64,
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.lock().free += self.bytes;
        self.budget.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::Error;
    use std::sync::atomic::{AtomicU64, Ordering};

    #[test]
    fn no_more_is_out_than_there_is() {
        let budget = Budget::new(100);
        let (out, most) = (AtomicU64::new(0), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for bytes in [30, 70, 100, 1, 55, 45, 500] {
                let (budget, out, most) = (budget.clone(), &out, &most);
                scope.spawn(move || {
                    for _ in 0..50 {
                        let held = budget.reserve(bytes, || Ok(())).unwrap();
                        let now = out.fetch_add(bytes.min(100), Ordering::SeqCst) + bytes.min(100);
                        most.fetch_max(now, Ordering::SeqCst);
                        std::thread::yield_now();
                        out.fetch_sub(bytes.min(100), Ordering::SeqCst);
                        drop(held);
                    }
                });
            }
        });
        assert!(most.into_inner() <= 100);
        assert_eq!(budget.lock().free, 100);
    }

    #[test]
    fn who_gives_up_lets_the_others_pass() {
        let budget = Budget::new(10);
        let held = budget.reserve(8, || Ok(())).unwrap();
        assert!(matches!(budget.reserve(5, || Err(Error::Cancelled)), Err(Error::Cancelled)));
        drop(budget.reserve(2, || Ok(())).unwrap());
        drop(held);
        drop(budget.reserve(10, || Ok(())).unwrap());
    }
}
