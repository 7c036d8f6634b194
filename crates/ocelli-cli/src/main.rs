//! The `ocelli` command: flags, printing and exit codes around the `ocelli` crate; no algorithm lives here.
//!
//! Exit status: 0 everything was read, 1 some pictures failed, 2 wrong usage.

mod annotate;
mod args;
mod compare;
mod detect;
mod devices;
mod explain;
mod inputs;
mod library;
mod output;
mod progress;
mod resident;
mod train_cascade;

use clap::Parser;
use ocelli::core::{Error, ErrorClass};
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match args::Cli::parse().command {
        args::Command::Detect(detect) => detect::run(&detect),
        args::Command::Explain(explain) => explain::run(&explain),
        args::Command::ExplainMiss(miss) => explain::miss(&miss),
        args::Command::Compare(compare) => compare::run(&compare),
        args::Command::TrainCascade(train) => train_cascade::run(&train),
        args::Command::Devices(list) => devices::run(&list),
        args::Command::Library(library) => library::run(&library),
        args::Command::Algorithms => explain::algorithms(),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("ocelli: {error:#}");
        exit_code(&error)
    })
}

/// 2 where the caller should change the command, 1 otherwise.
fn exit_code(error: &anyhow::Error) -> ExitCode {
    let class = error.downcast_ref::<Error>().map(Error::class);
    ExitCode::from(if class == Some(ErrorClass::Caller) || library::is_usage(error) { 2 } else { 1 })
}
