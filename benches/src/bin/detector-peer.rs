//! Runs the whole detector on demand for the peers script: levels, network and merging, from pixels in memory.
//!
//! Protocol on standard input and output: each line is answered by the nanoseconds of one run over a picture that was
//! not seen before, so that no level comes from the cache. End of input ends the program.

use anyhow::Context;
use clap::Parser;
use image::imageops::FilterType;
use ocelli::prelude::*;
use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

#[derive(Parser)]
struct Flags {
    /// The picture, resized before the clock starts.
    picture: PathBuf,
    /// Height in pixels.
    #[arg(long, default_value_t = 480)]
    height: u32,
    /// Width in pixels.
    #[arg(long, default_value_t = 640)]
    width: u32,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Name of the detector.
    #[arg(long, default_value = "deep")]
    detector: String,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let picture = image::open(&flags.picture).context("the picture")?;
    let picture = picture.resize_exact(flags.width, flags.height, FilterType::Triangle).to_rgb8();
    let vision = Vision::builder().threads(flags.threads).build()?;
    let request = DetectFaces::new().algorithm(&flags.detector);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        line?;
        let source = image::DynamicImage::from(picture.clone());
        let start = Instant::now();
        let (faces,) = vision.open(source)?.perform((request.clone(),))?;
        let spent = start.elapsed().as_nanos();
        std::hint::black_box(faces);
        writeln!(out, "{spent}")?;
        out.flush()?;
    }
    Ok(())
}
