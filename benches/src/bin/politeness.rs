//! How much a long run in the background slows down the requests that a person waits for.
//!
//!     cargo run --release -p ocelli-benches --bin politeness -- PHOTOS_DIR
//!
//! One process, all cores. Every 40 ms an interactive request (faces in a photograph, from its bytes) is made and timed; phases
//! take turns: alone, beside a batch over the folder at background priority, and beside the same batch at default priority,
//! which is what politeness spares. The table gives median, 95th percentile and what the batch did meanwhile.

use anyhow::{Context, Result, bail};
use clap::Parser;
use ocelli::core::{AnyRequest, Cancel};
use ocelli::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Flags {
    /// Folder of photographs, searched for `.jpg`.
    photos: PathBuf,
    /// Seconds a phase.
    #[arg(long, default_value_t = 6.0)]
    seconds: f64,
    /// Times that every phase comes.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Milliseconds from one interactive request to the next.
    #[arg(long, default_value_t = 40)]
    pause: u64,
    /// Threads of the batch; 0 is one a core.
    #[arg(long, default_value_t = 0)]
    background_threads: usize,
}

#[derive(Default)]
struct Phase {
    latencies: Vec<Duration>,
    pictures: usize,
    time: Duration,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let photos = photos(&flags.photos, 400)?;
    let cores = std::thread::available_parallelism()?.get();
    let threads = if flags.background_threads == 0 { cores } else { flags.background_threads };
    let vision = Vision::builder().background_threads(threads).build()?;
    let portrait = std::fs::read(&photos[photos.len() / 2])?;
    let ways = [("alone", None), ("background", Some(Priority::Background)), ("default", Some(Priority::Default))];
    let mut phases: Vec<Phase> = ways.iter().map(|_| Phase::default()).collect();
    for _ in 0..flags.rounds {
        for ((_, priority), phase) in ways.iter().zip(&mut phases) {
            run(&vision, &photos, &portrait, *priority, &flags, phase)?;
        }
    }
    println!("| interactive beside | requests | median ms | p95 ms | p95 / alone | batch pictures/s |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: |");
    let base = percentile(&mut phases[0].latencies, 0.95);
    for ((name, _), phase) in ways.iter().zip(&mut phases) {
        let (p50, p95) = (percentile(&mut phase.latencies, 0.5), percentile(&mut phase.latencies, 0.95));
        let rate = phase.pictures as f64 / phase.time.as_secs_f64();
        println!("| {name} | {} | {p50:.2} | {p95:.2} | {:.2} | {rate:.1} |", phase.latencies.len(), p95 / base);
    }
    println!("\n{cores} cores, {threads} background threads, times held at checkpoints: {}", vision.metrics().holds);
    Ok(())
}

fn photos(folder: &Path, most: usize) -> Result<Vec<PathBuf>> {
    let walk = walkdir::WalkDir::new(folder).sort_by_file_name().into_iter().flatten();
    let is_photo = |path: &PathBuf| path.extension().is_some_and(|e| e == "jpg");
    let photos: Vec<_> = walk.map(walkdir::DirEntry::into_path).filter(is_photo).take(most).collect();
    if photos.len() < 10 {
        bail!("{}: fewer than ten photographs (.jpg)", folder.display());
    }
    Ok(photos)
}

fn run(
    vision: &Vision,
    photos: &[PathBuf],
    portrait: &[u8],
    priority: Option<Priority>,
    flags: &Flags,
    phase: &mut Phase,
) -> Result<()> {
    let stop = Cancel::new();
    std::thread::scope(|scope| {
        let batch = priority.map(|priority| {
            let endless = photos.iter().cycle().cloned();
            let batch = vision.batch(endless).priority(priority).cancel(&stop);
            scope.spawn(move || batch.perform((DetectFaces::new(),)).filter(Result::is_ok).count())
        });
        std::thread::sleep(Duration::from_millis(300));
        let (began, time) = (Instant::now(), Duration::from_secs_f64(flags.seconds));
        let request = [AnyRequest::new(DetectFaces::new().priority(Priority::Interactive))];
        let mut outcome = Ok(());
        while began.elapsed() < time && outcome.is_ok() {
            let start = Instant::now();
            outcome = interactive(vision, portrait, &request);
            phase.latencies.push(start.elapsed());
            std::thread::sleep(Duration::from_millis(flags.pause).saturating_sub(start.elapsed()));
        }
        phase.time += began.elapsed();
        stop.cancel();
        if let Some(batch) = batch {
            phase.pictures += batch.join().ok().context("the batch panicked")?;
        }
        outcome
    })
}

fn interactive(vision: &Vision, portrait: &[u8], request: &[AnyRequest]) -> Result<()> {
    let answers = vision.open(portrait)?.perform_any(request);
    answers.into_iter().try_for_each(|answer| Ok(answer.map(drop)?))
}

/// In milliseconds.
fn percentile(latencies: &mut [Duration], part: f64) -> f64 {
    latencies.sort_unstable();
    let ix = ((latencies.len() as f64 * part) as usize).min(latencies.len().saturating_sub(1));
    latencies.get(ix).map_or(f64::NAN, |latency| latency.as_secs_f64() * 1e3)
}
