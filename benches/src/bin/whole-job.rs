//! Files to faces, beside decoding all of the file and resizing it with the `image` crate; and memory.
//!
//! `whole-job FILE…` prints one row a file: both sides in turns, fastest and median of a number of rounds, the peak of the
//! resident memory over the idle process. `whole-job --serve` answers each path on its input with the milliseconds that it
//! took: what `benches/peers/whole_job.py` measures beside OpenCV.

use anyhow::{Context, Result};
use clap::Parser;
use image::imageops::FilterType;
use ocelli::prelude::*;
use std::fs;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(Parser)]
struct Args {
    /// Pictures
    files: Vec<PathBuf>,
    /// Worker threads
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Rounds, both sides in each
    #[arg(long, default_value_t = 7)]
    rounds: usize,
    /// Name of the detector
    #[arg(long, default_value = "deep")]
    detector: String,
    /// Smallest face, as a fraction of the longer side
    #[arg(long, default_value_t = 0.03125)]
    min_size: f32,
    /// Memory budget in MiB
    #[arg(long)]
    memory: Option<u64>,
    /// Answer paths from the input
    #[arg(long)]
    serve: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut builder = Vision::builder().threads(args.threads);
    if let Some(mebibytes) = args.memory {
        builder = builder.memory_budget(mebibytes << 20);
    }
    let vision = builder.build()?;
    // Weights are packed and threads are up before anything is measured.
    vision.open(image::DynamicImage::new_rgb8(640, 480))?.perform((request(&args),))?;
    if args.serve {
        return serve(&vision, &args);
    }
    println!(
        "| file | ours, fastest | median | image crate, fastest | median | ratio of the fastest | peak over idle | faces |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for file in &args.files {
        row(&vision, &args, file).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

fn request(args: &Args) -> DetectFaces {
    DetectFaces::new().algorithm(&args.detector).min_size(args.min_size)
}

fn faces(vision: &Vision, args: &Args, file: &Path) -> Result<usize> {
    let (faces,) = vision.open(file)?.perform((request(args),))?;
    Ok(faces.len())
}

fn serve(vision: &Vision, args: &Args) -> Result<()> {
    for line in std::io::stdin().lock().lines() {
        let start = Instant::now();
        let found = faces(vision, args, Path::new(&line?))?;
        println!("{} {found}", start.elapsed().as_secs_f64() * 1e3);
        std::io::stdout().flush()?;
    }
    Ok(())
}

fn row(vision: &Vision, args: &Args, file: &Path) -> Result<()> {
    // Memory first: the other side leaves more behind.
    let idle = reset_peak();
    let found = faces(vision, args, file)?;
    let peak = peak_bytes().zip(idle).map(|(peak, idle)| format!("{:.1} MB", peak.saturating_sub(idle) as f64 / 1e6));
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds {
        ours.push(timed(|| faces(vision, args, file).map(drop))?);
        theirs.push(timed(|| whole(file))?);
    }
    let (ours, theirs) = (summary(ours), summary(theirs));
    println!(
        "| {} | {:.0} ms | {:.0} ms | {:.0} ms | {:.0} ms | {:.2} | {} | {found} |",
        file.file_name().unwrap_or_default().display(),
        ours.0,
        ours.1,
        theirs.0,
        theirs.1,
        ours.0 / theirs.0,
        peak.unwrap_or_default(),
    );
    Ok(())
}

/// The whole file, and one resize to the size at which the detector begins.
fn whole(file: &Path) -> Result<()> {
    let picture = image::ImageReader::open(file)?.with_guessed_format()?.decode()?;
    std::hint::black_box(picture.resize(640, 640, FilterType::Triangle));
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e3)
}

/// Fastest and median.
fn summary(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    (times[0], times[times.len() / 2])
}

/// Starts a new peak; the resident bytes now, where the system tells (proc(5)).
fn reset_peak() -> Option<u64> {
    fs::write("/proc/self/clear_refs", "5").ok()?;
    peak_bytes()
}

fn peak_bytes() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes << 10)
}
