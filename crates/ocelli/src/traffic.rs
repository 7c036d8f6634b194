//! Who is under way, and who lets whom pass.
//!
//! Only `crate::sync` is used for synchronization, so that `tests/interleavings.rs` can run this very file under loom.

use crate::sync::{AtomicUsize, Condvar, Mutex, Ordering};
use ocelli_core::Priority;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// The longest that a thread is held at one checkpoint. It then does one more step, so that nothing starves, and nothing
/// that somebody waits for without saying so is stuck for good.
const LONGEST_HOLD: Duration = Duration::from_millis(50);

/// Counts running work by priority; less urgent work waits here while more urgent work runs.
#[derive(Debug)]
pub(crate) struct Traffic {
    running: [AtomicUsize; 3],
    /// Calls under way, those that wait or decode among them.
    calls: [AtomicUsize; 3],
    /// Nothing but the place to wait at.
    gate: Mutex<()>,
    freed: Condvar,
    held: AtomicUsize,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        Self {
            running: std::array::from_fn(|_| AtomicUsize::new(0)),
            calls: std::array::from_fn(|_| AtomicUsize::new(0)),
            gate: Mutex::new(()),
            freed: Condvar::new(),
            held: AtomicUsize::new(0),
        }
    }

    /// A thread begins work of this priority, or goes on with it after waiting for another thread.
    pub(crate) fn enter(&self, priority: Priority) {
        self.running[priority as usize].fetch_add(1, Ordering::SeqCst);
    }

    /// A thread ends work of this priority, or begins to wait for another thread.
    pub(crate) fn leave(&self, priority: Priority) {
        if self.running[priority as usize].fetch_sub(1, Ordering::SeqCst) == 1 && priority != Priority::Background {
            // With the lock, so that nobody misses it between looking and falling asleep.
            drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
            self.freed.notify_all();
        }
    }

    /// Holds the thread while anything more urgent runs, for a limited time. Answers whether it was held.
    pub(crate) fn give_way(&self, priority: Priority) -> bool {
        if !self.is_busy_above(priority) {
            return false;
        }
        self.held.fetch_add(1, Ordering::Relaxed);
        let until = Instant::now() + LONGEST_HOLD;
        let mut gate = self.gate.lock().unwrap_or_else(PoisonError::into_inner);
        while self.is_busy_above(priority) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            gate = self.freed.wait_timeout(gate, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// A call of this priority is under way until the guard is dropped.
    pub(crate) fn call(&self, priority: Priority) -> UnderWay<'_> {
        let count = &self.calls[priority as usize];
        count.fetch_add(1, Ordering::SeqCst);
        UnderWay(count)
    }

    /// How many of `threads` each call of this priority may fill: all calls as urgent get alike, less urgent ones wait.
    pub(crate) fn share(&self, threads: usize, priority: Priority) -> usize {
        let calls: usize = self.calls[priority as usize..].iter().map(|n| n.load(Ordering::SeqCst)).sum();
        (threads / calls.max(1)).max(1)
    }

    /// How often a thread was held.
    pub(crate) fn times_held(&self) -> u64 {
        self.held.load(Ordering::Relaxed) as u64
    }

    fn is_busy_above(&self, priority: Priority) -> bool {
        self.running[priority as usize + 1..].iter().any(|n| n.load(Ordering::SeqCst) > 0)
    }
}

/// See [`Traffic::call`].
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a AtomicUsize);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}
