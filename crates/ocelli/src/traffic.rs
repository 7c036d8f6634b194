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
    /// Threads that wait for another thread in the middle of their work.
    waiting: [AtomicUsize; 3],
    /// Calls under way, from their first step until their caller has the answers.
    calls: [AtomicUsize; 3],
    /// Nothing but the place to wait at.
    gate: Mutex<()>,
    freed: Condvar,
    held: AtomicUsize,
}

impl Traffic {
    pub(crate) fn new() -> Self {
        let none = || std::array::from_fn(|_| AtomicUsize::new(0));
        Self {
            running: none(),
            waiting: none(),
            calls: none(),
            gate: Mutex::new(()),
            freed: Condvar::new(),
            held: AtomicUsize::new(0),
        }
    }

    /// A thread begins work of this priority.
    pub(crate) fn enter(&self, priority: Priority) {
        self.running[priority as usize].fetch_add(1, Ordering::SeqCst);
    }

    /// A thread ends work of this priority.
    pub(crate) fn leave(&self, priority: Priority) {
        if self.running[priority as usize].fetch_sub(1, Ordering::SeqCst) == 1 {
            self.free(priority);
        }
    }

    /// A thread begins to wait for another one, or ends to.
    pub(crate) fn wait(&self, priority: Priority, begins: bool) {
        let waiting = &self.waiting[priority as usize];
        if begins {
            waiting.fetch_add(1, Ordering::SeqCst);
            self.leave(priority);
        } else {
            self.enter(priority);
            waiting.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// A call of this priority is under way until the guard is dropped.
    pub(crate) fn call(&self, priority: Priority) -> UnderWay<'_> {
        self.calls[priority as usize].fetch_add(1, Ordering::SeqCst);
        UnderWay(self, priority)
    }

    /// How many of `threads` each call of this priority may fill: all calls as urgent get alike, less urgent ones wait.
    pub(crate) fn share(&self, threads: usize, priority: Priority) -> usize {
        let calls: usize = self.calls[priority as usize..].iter().map(|n| n.load(Ordering::SeqCst)).sum();
        (threads / calls.max(1)).max(1)
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

    /// Wakes those that are held, with the lock, so that nobody misses it between looking and falling asleep.
    fn free(&self, priority: Priority) {
        if priority != Priority::Background {
            drop(self.gate.lock().unwrap_or_else(PoisonError::into_inner));
            self.freed.notify_all();
        }
    }

    /// How often a thread was held.
    pub(crate) fn times_held(&self) -> u64 {
        self.held.load(Ordering::Relaxed) as u64
    }

    /// Whether more urgent work runs, or a more urgent call has a moment between two steps: work that were let go then
    /// would hold the processor until the system's next tick. A call that waits for another thread holds nobody: it may
    /// wait for the very work that would be held.
    fn is_busy_above(&self, priority: Priority) -> bool {
        let load = |counts: &[AtomicUsize; 3], at: usize| counts[at].load(Ordering::SeqCst) > 0;
        (priority as usize + 1..3)
            .any(|at| load(&self.running, at) || (load(&self.calls, at) && !load(&self.waiting, at)))
    }
}

/// See [`Traffic::call`].
#[derive(Debug)]
pub(crate) struct UnderWay<'a>(&'a Traffic, Priority);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        if self.0.calls[self.1 as usize].fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.free(self.1);
        }
    }
}
