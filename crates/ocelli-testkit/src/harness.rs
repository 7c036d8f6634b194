//! Tests that need something which a machine may lack: run where it is there, reported as ignored where not.
//!
//! The standard harness cannot skip at run time, and a test that silently returns looks like one that passed. A test
//! target with `harness = false` and a `main` that calls [`run`] lists every such test by name either way.

use libtest_mimic::{Arguments, Failed, Trial};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// A test, and whether what it needs is there.
#[derive(Debug)]
pub struct Case {
    name: &'static str,
    needs: &'static str,
    available: bool,
    body: fn(),
}

impl Case {
    /// A test that runs only where `available`; `needs` says what is missing otherwise, in one or two words.
    pub fn new(name: &'static str, needs: &'static str, available: bool, body: fn()) -> Self {
        Self { name, needs, available, body }
    }

    fn into_trial(self) -> Trial {
        let body = move || catch_unwind(AssertUnwindSafe(self.body)).map_err(|_| Failed::without_message());
        Trial::test(self.name, body).with_kind(self.needs).with_ignored_flag(!self.available)
    }
}

/// Runs the tests as the command line of `cargo test` or nextest asks, then ends the process.
pub fn run(cases: impl IntoIterator<Item = Case>) -> ! {
    let trials = cases.into_iter().map(Case::into_trial).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit()
}
