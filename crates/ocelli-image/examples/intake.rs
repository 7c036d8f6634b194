//! What a view of a file costs: plan, time and peak memory, beside decoding all of it with the `image` crate.
//!
//! `cargo run --release -p ocelli-image --example intake -- FILE [LONGER_SIDE]`

use image::imageops::FilterType;
use ocelli_core::{Control, Limits, ViewKind, ViewSpec};
use ocelli_image::{Picture, ViewCache};
use peak_alloc::PeakAlloc;
use std::time::Instant;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Runs something five times: median of the times in milliseconds, largest peak in bytes above the start.
fn measured(mut work: impl FnMut()) -> (f64, usize) {
    let mut times = Vec::new();
    let mut peak = 0;
    for _ in 0..5 {
        let before = MEMORY.current_usage();
        MEMORY.reset_peak_usage();
        let start = Instant::now();
        work();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        peak = peak.max(MEMORY.peak_usage() - before);
    }
    times.sort_by(f64::total_cmp);
    (times[2], peak)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args = std::env::args().skip(1);
    let file = args.next().ok_or("usage: intake FILE [LONGER_SIDE]")?;
    let longer: u32 = args.next().map_or(Ok(640), |v| v.parse())?;
    let levels: Vec<_> = (0..5).map(|i| ViewSpec::scaled(ViewKind::Rgb8, (longer >> i).max(1))).collect();
    print!("{}", Picture::open(&file, &Limits::default())?.plan(&levels)?);
    let (ours, our_peak) = measured(|| {
        let picture = Picture::open(&file, &Limits::default()).expect("opened above");
        picture.views(&levels, &levels, &ViewCache::new(64 << 20), &Control::default()).expect("a sound file");
    });
    let (theirs, their_peak) = measured(|| {
        let whole = image::ImageReader::open(&file).and_then(|r| r.with_guessed_format()).expect("opened above");
        let whole = whole.decode().expect("a sound file");
        std::hint::black_box(whole.resize(longer, longer, FilterType::Triangle));
    });
    println!("five levels from {longer}: {ours:.0} ms, peak {:.1} MB", our_peak as f64 / 1e6);
    println!("image crate, whole, one resize: {theirs:.0} ms, peak {:.1} MB", their_peak as f64 / 1e6);
    Ok(())
}
