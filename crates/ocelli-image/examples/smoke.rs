//! The fuzz targets without a fuzzer: seeded mutations of small files of every format, on a stable compiler.
//!
//! `cargo run --release -p ocelli-image --example smoke -- [SECONDS] [SEED] [FORMAT]`
//!
//! Each target runs for the time given (60 seconds by default), on files of all formats or of the one named (`jxl`). A
//! panic ends the program, and so does a case that takes more memory than the limits allow; the seed and the number of
//! the case are printed before. What a fuzzer adds is guidance by coverage: `fuzz/smoke.sh` uses one where cargo-fuzz is
//! installed.

#[path = "../../../fuzz/targets.rs"]
mod targets;

use image::codecs::gif::GifEncoder;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use peak_alloc::PeakAlloc;
use std::io::Cursor;
use std::time::{Duration, Instant};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// SplitMix64 (Steele, Lea and Flood, 2014): the same cases for the same seed on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// One small file of every format that this build reads and can be made here.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let picture = RgbImage::from_fn(61, 47, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, (x * y % 251) as u8]));
    let formats = [
        ("jpeg", ImageFormat::Jpeg),
        ("png", ImageFormat::Png),
        ("webp", ImageFormat::WebP),
        ("bmp", ImageFormat::Bmp),
        ("tiff", ImageFormat::Tiff),
        ("pnm", ImageFormat::Pnm),
    ];
    let encoded = |(name, format)| {
        let mut bytes = Cursor::new(Vec::new());
        DynamicImage::from(picture.clone()).write_to(&mut bytes, format).expect("an encoder for this format");
        (name, bytes.into_inner())
    };
    let mut files: Vec<_> = formats.into_iter().map(encoded).collect();
    let mut gif = Vec::new();
    let frames = (0..3).map(|_| image::Frame::new(DynamicImage::from(picture.clone()).to_rgba8()));
    GifEncoder::new_with_speed(&mut gif, 30).encode_frames(frames).expect("an encoder for this format");
    files.push(("gif", gif));
    let fixtures: [(_, &[u8]); 7] = [
        ("jxl", include_bytes!("../tests/fixtures/gradient.jxl")),
        ("jxl", include_bytes!("../tests/fixtures/alpha.jxl")),
        ("jxl", include_bytes!("../tests/fixtures/linear.jxl")),
        ("jxl", include_bytes!("../tests/fixtures/patches.jxl")),
        ("jxl", include_bytes!("../tests/fixtures/profile.jxl")),
        ("jxl", include_bytes!("../tests/fixtures/turned.jxl")),
        ("avif", include_bytes!("../tests/fixtures/gradient-420.avif")),
    ];
    files.extend(fixtures.map(|(name, bytes)| (name, bytes.to_vec())));
    #[cfg(feature = "heic")]
    files.push((
        "heic",
        heifer::encode_rgb8(61, 47, &picture, &Default::default()).expect("an encoder for this format"),
    ));
    files
}

/// Flips bits, cuts, doubles pieces, writes numbers that are absurd as sizes, and mixes files.
fn mutated(files: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut bytes = files[random.below(files.len())].clone();
    for _ in 0..1 + random.below(6) {
        if bytes.is_empty() {
            break;
        }
        // Headers deserve half of the attention.
        let reach = if random.below(2) == 0 { bytes.len().min(96) } else { bytes.len() };
        let at = random.below(reach);
        match random.below(6) {
            0 => bytes[at] ^= 1 << random.below(8),
            1 => bytes[at] = random.next() as u8,
            2 => bytes.truncate(at),
            3 => {
                let piece: Vec<u8> = bytes[at..].iter().take(random.below(64)).copied().collect();
                bytes.splice(at..at, piece);
            }
            4 => {
                let absurd = [0u32, 1, 0x7fff_ffff, 0xffff_ffff, 0x8000_0000, 0xffff][random.below(6)];
                let number = if random.below(2) == 0 { absurd.to_be_bytes() } else { absurd.to_le_bytes() };
                bytes.iter_mut().skip(at).zip(number).for_each(|(byte, new)| *byte = new);
            }
            _ => {
                let other = &files[random.below(files.len())];
                let from = random.below(other.len());
                bytes.truncate(at);
                bytes.extend_from_slice(&other[from..]);
            }
        }
    }
    bytes
}

/// Runs a target until its time is over; tells how many cases there were and what the worst one took.
fn run(name: &str, seconds: u64, seed: u64, mut case: impl FnMut(&mut Random)) {
    let mut random = Random(seed);
    let (start, mut cases, mut worst, mut slowest) = (Instant::now(), 0u64, 0, Duration::ZERO);
    println!("{name}: seed {seed}, {seconds} s");
    while start.elapsed() < Duration::from_secs(seconds) {
        let state = random.0;
        let (before, began) = (MEMORY.current_usage(), Instant::now());
        MEMORY.reset_peak_usage();
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| case(&mut random)));
        let taken = MEMORY.peak_usage().saturating_sub(before) as u64;
        assert!(outcome.is_ok(), "{name}: case {cases} panicked; its state is {state}");
        // Views and the caller's own copies come on top of what decoding may take.
        assert!(taken < 2 * targets::MEMORY, "{name}: case {cases} took {taken} bytes; its state is {state}");
        worst = worst.max(taken);
        slowest = slowest.max(began.elapsed());
        cases += 1;
    }
    println!("{name}: {cases} cases, no panic, at most {:.1} MB, slowest {slowest:?}", worst as f64 / 1e6);
}

fn main() {
    let mut args = std::env::args().skip(1);
    let mut number = |otherwise| args.next().map_or(otherwise, |v| v.parse().expect("a whole number"));
    let (seconds, seed) = (number(60), number(1));
    let wanted = args.next();
    let files = files().into_iter().filter(|(name, _)| wanted.as_ref().is_none_or(|wanted| wanted == name));
    let files: Vec<_> = files.map(|(_, bytes)| bytes).collect();
    assert!(!files.is_empty(), "no file of the format {wanted:?}");
    // The last case stays as a file, so that what ended the program is at hand.
    let last = std::env::temp_dir().join("ocelli-smoke.case");
    println!("the case at work: {}", last.display());
    run("intake", seconds, seed, |random| {
        let bytes = mutated(&files, random);
        std::fs::write(&last, &bytes).expect("a file in the temporary folder");
        targets::intake(&bytes);
    });
    run("buffers", seconds, seed, |random| {
        let data: Vec<u8> = (0..random.below(4096)).map(|ix| ix as u8).collect();
        let side = |random: &mut Random| match random.below(4) {
            0 => random.next() as u32,
            _ => random.below(80) as u32,
        };
        let (width, height, x, y) = (side(random), side(random), side(random), side(random));
        let pitch = side(random) as usize;
        targets::buffers((random.next() as u8, width, height, x, y, pitch), &data);
    });
}
