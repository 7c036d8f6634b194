//! Everything that wants a graphics device, in one go: agreement, slices, throughput, transfers, the device's limits.
//!
//! Prints the rows of `docs/performance/gpu.md`. Runs on a software adapter, too, with small sizes, to try itself out.

use anyhow::Result;
use clap::Parser;
use image::imageops::FilterType;
use ocelli::gpu::{GpuOptions, GpuReport, Half};
use ocelli::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Flags {
    /// Part of the adapter's name.
    #[arg(long)]
    adapter: Option<String>,
    /// The picture that is scaled to all sizes.
    #[arg(long, default_value = "examples/astronaut.png")]
    picture: PathBuf,
    /// Folder with `dev.jsonl` and its pictures, for the agreement.
    #[arg(long)]
    data: Option<PathBuf>,
    /// Most pictures of the agreement.
    #[arg(long, default_value_t = 200)]
    most: usize,
    /// Seconds for each row of the table.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Sizes, as WIDTHxHEIGHT.
    #[arg(long, value_delimiter = ',', default_value = "640x480,1920x1080,3840x2160")]
    sizes: Vec<String>,
    /// Pictures under way at once.
    #[arg(long, value_delimiter = ',', default_value = "1,2,4,8,16,32")]
    batches: Vec<usize>,
    /// 16-bit floats where the adapter has them.
    #[arg(long)]
    half: bool,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    for adapter in ocelli::gpu::adapters() {
        print!("{adapter}");
    }
    let backend = ocelli::gpu::GpuBackend::new(options(&flags, 1));
    let peaks = backend.peaks()?;
    println!(
        "\nAt most {:.1} GFLOP/s of multiplications and additions, {:.1} GB/s read and written.",
        peaks.gflops, peaks.gbytes
    );
    agreement(&flags)?;
    throughput(&flags)
}

fn options(flags: &Flags, in_flight: usize) -> GpuOptions {
    let half = if flags.half { Half::WhereSupported } else { Half::Never };
    GpuOptions { adapter: flags.adapter.clone(), half, in_flight, cache: None, ..GpuOptions::default() }
}

/// A request whose largest level is the picture itself: faces of 20 pixels.
fn request(longer: u32, device: Device) -> DetectFaces {
    DetectFaces::new().min_size(20.0 / longer as f32).device(device)
}

fn throughput(flags: &Flags) -> Result<()> {
    let picture = image::open(&flags.picture)?;
    println!(
        "\n| size | device | batch | pictures/s | slices | p50 µs | p99 µs | max µs | over 1 ms | up a picture | back |"
    );
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for size in &flags.sizes {
        let (width, height) =
            size.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?))).unwrap_or((640, 480));
        let pixels = picture.resize_exact(width, height, FilterType::Triangle).to_rgb8();
        let longer = width.max(height);
        let vision = Vision::builder().threads(2).cache_bytes(0).build()?;
        let cpu = rate(&vision, &pixels, &request(longer, Device::Cpu), flags.seconds)?;
        println!("| {size} | 2 processor threads | 2 | {cpu:.1} | | | | | | | |");
        for &batch in &flags.batches {
            let builder = Vision::builder().threads(batch).cache_bytes(0);
            let vision = builder.gpu(options(flags, batch.min(8))).build()?;
            let gpu = rate(&vision, &pixels, &request(longer, Device::Gpu), flags.seconds)?;
            let report = vision.devices().gpu_report();
            println!("{}", row(size, batch, gpu, report.as_ref(), gpu / cpu));
        }
    }
    Ok(())
}

fn row(size: &str, batch: usize, rate: f64, report: Option<&GpuReport>, ratio: f64) -> String {
    let Some(GpuReport { adapter, element, jobs, bytes_up, bytes_down, slices, .. }) = report else {
        return String::new();
    };
    let each = |bytes: u64| bytes as f64 / (*jobs).max(1) as f64 / 1e6;
    format!(
        "| {size} | {adapter} {element} | {batch} | {rate:.1} ({ratio:.2}×) | {} | {} | {} | {} | {} | {:.2} MB | {:.3} MB |",
        slices.n,
        slices.p50_us,
        slices.p99_us,
        slices.max_us,
        slices.over_limit,
        each(*bytes_up),
        each(*bytes_down)
    )
}

/// Pictures a second of the whole detector, from pixels in memory, after a warm-up.
fn rate(vision: &Vision, pixels: &image::RgbImage, request: &DetectFaces, seconds: f64) -> Result<f64> {
    let one = || vision.open(pixels.clone())?.perform((request.clone(),));
    for _ in 0..2 {
        one()?;
    }
    let (start, end) = (Instant::now(), Duration::from_secs_f64(seconds));
    let sources = std::iter::from_fn(|| (start.elapsed() < end).then(|| pixels.clone()));
    let mut n = 0;
    for outcome in vision.batch(sources).perform((request.clone(),)) {
        let (_, (faces,)) = outcome?;
        faces?;
        n += 1;
    }
    Ok(f64::from(n) / start.elapsed().as_secs_f64())
}

/// Differences between the processor's and the device's answers over the dev pictures.
fn agreement(flags: &Flags) -> Result<()> {
    let Some(folder) = &flags.data else { return Ok(()) };
    let vision = Vision::builder().gpu(options(flags, 3)).build()?;
    let (mut n, mut faces, mut apart, mut confidence, mut iou) = (0, 0, 0, 0.0_f32, 1.0_f64);
    for path in dev_pictures(folder)?.into_iter().take(flags.most) {
        let picture = vision.open(path.as_path())?;
        let on = |device| picture.perform_one(DetectFaces::new().device(device));
        let (cpu, gpu) = (on(Device::Cpu)?, on(Device::Gpu)?);
        (n, faces) = (n + 1, faces + cpu.len());
        apart += cpu.len().abs_diff(gpu.len());
        for a in &cpu {
            let near = gpu.iter().max_by(|x, y| x.rect.iou(a.rect).total_cmp(&y.rect.iou(a.rect)));
            match near.filter(|b| b.rect.iou(a.rect) >= 0.5) {
                None => apart += 1,
                Some(b) => {
                    confidence = confidence.max((a.confidence - b.confidence).abs());
                    iou = iou.min(a.rect.iou(b.rect));
                }
            }
        }
    }
    println!(
        "\nAgreement over {n} dev pictures, {faces} faces: {apart} without a partner; partners' confidence at most"
    );
    println!("{confidence:.5} apart, IoU at least {iou:.4}.");
    Ok(())
}

fn dev_pictures(folder: &Path) -> Result<Vec<PathBuf>> {
    let lines = std::fs::read_to_string(folder.join("dev.jsonl"))?;
    // One field of each line: `"image": "…"`.
    let name = |line: &str| Some(line.split_once("\"image\":")?.1.split('"').nth(1)?.to_owned());
    Ok(lines.lines().filter_map(name).map(|name| folder.join(name)).collect())
}
