//! `ocelli library`: long runs over many pictures, and what they found.

mod args;

pub use args::Library;

use crate::progress;
use anyhow::{Context, Result};
use args::{Command, Export, ExportFormat, Query, QueryFormat, Scan, Stats};
use indicatif::{HumanDuration, ProgressBar};
use ocelli::prelude::*;
use ocelli_library::{Format, Library as Store, LibraryError, ScanOptions, ScanProgress, ScanReport};
use std::fs::File;
use std::io::{self, Write};
use std::process::ExitCode;

/// The detector of long runs: nearly the faces that the best one finds, in about half the time.
const DETECTOR: &str = "deep-int8";

/// Runs the command.
///
/// # Errors
/// Wrong parameters, a store that cannot be used, an output that takes nothing; bad pictures are counted instead.
pub fn run(args: &Library) -> Result<ExitCode> {
    match &args.command {
        Command::Scan(args) => scan(args),
        Command::Export(args) => export(args),
        Command::Stats(args) => stats(args),
        Command::Query(args) => query(args),
    }
}

/// Whether the caller should change the command.
pub fn is_usage(error: &anyhow::Error) -> bool {
    match error.downcast_ref::<LibraryError>() {
        Some(LibraryError::Query { .. }) => true,
        Some(LibraryError::Vision(error)) => error.class() == ocelli::core::ErrorClass::Caller,
        _ => false,
    }
}

fn scan(args: &Scan) -> Result<ExitCode> {
    let threads = if args.threads == 0 { std::thread::available_parallelism()?.get() } else { args.threads };
    // Pictures are seen once each: the views of a few that are under way are all that is worth keeping.
    let builder = Vision::builder().threads(threads).background_threads(threads).cache_bytes(64 << 20);
    let asked = args.requests.with_default_detector(DETECTOR);
    let vision = asked.vision(builder)?;
    let requests = asked.build(&vision)?;
    let library = Store::create(&args.store)?;
    let mut options = ScanOptions::default();
    options.priority = args.priority.into();
    options.workers = threads + 1;
    options.retry_failed = args.retry_failed;
    let bar = progress::bytes_bar(args.quiet);
    let scanned = library.scan(&vision, &args.folders, &requests, &options, &mut |now| show(&bar, now));
    bar.finish_and_clear();
    let report = scanned?;
    tell(&report);
    Ok(ExitCode::from(u8::from(report.failed > 0)))
}

/// The bar counts bytes, since they tell how long the rest will take; people count pictures.
fn show(bar: &ProgressBar, now: &ScanProgress) {
    if now.walking {
        bar.set_message(format!("{} pictures found", now.found));
        return;
    }
    bar.set_length(now.queued_bytes);
    bar.set_position(now.done_bytes);
    let left = now.eta().map_or(String::new(), |eta| format!(", about {} left", HumanDuration(eta)));
    let failed = if now.failed > 0 { format!(", {} failed", now.failed) } else { String::new() };
    bar.set_message(format!("{} of {} pictures, {:.1}/s{failed}{left}", now.done, now.queued, now.rate()));
}

fn tell(report: &ScanReport) {
    let ScanReport { found, known, done, failed, gone, .. } = report;
    eprintln!("ocelli: {found} pictures found, {known} known and unchanged, {done} looked at, {gone} gone");
    if *failed > 0 {
        eprintln!("ocelli: {failed} failed; `ocelli library query error` lists them");
    }
}

fn export(args: &Export) -> Result<ExitCode> {
    let library = Store::open(&args.store)?;
    let format = match args.format {
        ExportFormat::Jsonl => Format::Jsonl,
        ExportFormat::Csv => Format::Csv,
        #[cfg(feature = "parquet")]
        ExportFormat::Parquet => Format::Parquet,
        #[cfg(not(feature = "parquet"))]
        ExportFormat::Parquet => {
            let (what, hint) = ("Parquet".into(), "build with `--features parquet`, or export as csv".into());
            return Err(Error::Unsupported { what, hint }.into());
        }
        ExportFormat::Coco => Format::Coco,
    };
    match &args.out {
        None => library.export(format, io::stdout())?,
        Some(path) => {
            let file = File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
            let written = library.export(format, &file);
            // Half an export is worse than none.
            if written.is_err() && path.is_file() {
                let _ = std::fs::remove_file(path);
            }
            written.with_context(|| path.display().to_string())?
        }
    };
    Ok(ExitCode::SUCCESS)
}

fn stats(args: &Stats) -> Result<ExitCode> {
    let stats = Store::open(&args.store)?.stats()?;
    if args.json {
        println!("{}", serde_json::to_string(&stats)?)
    } else {
        print!("{stats}")
    }
    Ok(ExitCode::SUCCESS)
}

fn query(args: &Query) -> Result<ExitCode> {
    let query = ocelli_library::Query::parse(&args.expression)?;
    let library = Store::open(&args.store)?;
    let mut out = io::stdout().lock();
    for entry in library.query(&query)? {
        let entry = entry?;
        match (args.format, entry.first_error()) {
            (QueryFormat::Json, _) => writeln!(out, "{}", entry.to_json()),
            (QueryFormat::Text, Some(error)) => writeln!(out, "{}  {error}", entry.path.display()),
            (QueryFormat::Text, None) => writeln!(out, "{}", entry.path.display()),
        }
        .context("cannot write to standard output")?;
    }
    Ok(ExitCode::SUCCESS)
}
