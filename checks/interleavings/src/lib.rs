//! The traffic rules of `ocelli` under every interleaving of their threads: the very file, on the parts of loom.
//!
//! A workspace of its own, so that nobody else builds loom: `cargo test --manifest-path checks/interleavings/Cargo.toml`.

#![cfg(test)]
#![allow(dead_code, reason = "only what the models call is used")]

#[path = "../../../crates/ocelli/src/traffic.rs"]
mod traffic;

/// In the place of the crate's own.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicUsize, Ordering};
    pub(crate) use loom::sync::{Condvar, Mutex};
}

use loom::sync::Arc;
use loom::thread;
use ocelli_core::Priority;
use traffic::Traffic;

/// Loom's waiting has no time limit, so a wake-up that is lost shows as a deadlock.
#[test]
fn nobody_is_held_for_ever() {
    // Three threads: two involuntary switches find what is to be found, and all of them would take minutes.
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(2);
    model.check(|| {
        let traffic = Arc::new(Traffic::new());
        traffic.enter(Priority::Interactive);
        let background = {
            let traffic = traffic.clone();
            thread::spawn(move || traffic.give_way(Priority::Background))
        };
        let other = {
            let traffic = traffic.clone();
            thread::spawn(move || {
                traffic.enter(Priority::Default);
                traffic.leave(Priority::Default);
            })
        };
        traffic.leave(Priority::Interactive);
        background.join().unwrap();
        other.join().unwrap();
    });
}

/// An interactive thread that waits for a background one lets it pass first.
#[test]
fn who_waits_holds_nobody_back() {
    loom::model(|| {
        let traffic = Arc::new(Traffic::new());
        let (sender, receiver) = loom::sync::mpsc::channel();
        let call = traffic.call(Priority::Interactive);
        traffic.enter(Priority::Interactive);
        let builder = {
            let traffic = traffic.clone();
            thread::spawn(move || {
                traffic.enter(Priority::Background);
                traffic.give_way(Priority::Background);
                sender.send(()).unwrap();
                traffic.leave(Priority::Background);
            })
        };
        traffic.wait(Priority::Interactive, true);
        receiver.recv().unwrap();
        traffic.wait(Priority::Interactive, false);
        traffic.leave(Priority::Interactive);
        drop(call);
        builder.join().unwrap();
    });
}

/// A call that is between two steps holds less urgent work, and its end lets that go.
#[test]
fn the_end_of_a_call_frees_who_is_held() {
    loom::model(|| {
        let traffic = Arc::new(Traffic::new());
        let call = traffic.call(Priority::Interactive);
        let background = {
            let traffic = traffic.clone();
            thread::spawn(move || traffic.give_way(Priority::Background))
        };
        drop(call);
        background.join().unwrap();
    });
}
