//! Bad input: a clear error that names the file and the remedy, never a panic, never unbounded memory.

use image::ImageFormat;
use ocelli::prelude::*;
use ocelli_testkit::memory::CountingAllocator;
use ocelli_testkit::pictures::{encoded, gradient};
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();
static VISION: LazyLock<Vision> = LazyLock::new(|| Vision::new().expect("the built-in models load"));
/// Tests here watch the allocator: one at a time.
static ALONE: Mutex<()> = Mutex::new(());

/// What opening and asking comes to: the error's text, without the folder.
fn outcome(folder: &Path, name: &str) -> String {
    let result = VISION.open(folder.join(name)).and_then(|picture| picture.perform((DetectFaces::new(),)));
    let text = match result {
        Ok((faces,)) => format!("{} faces", faces.len()),
        Err(error) => error.to_string(),
    };
    text.replace(&format!("{}/", folder.display()), "").replace(&folder.display().to_string(), "FOLDER")
}

/// A PNG header that declares this size, and no pixels: about a hundred bytes.
fn declared_png(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = encoded(&gradient(4, 4), ImageFormat::Png);
    bytes.truncate(100);
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&bytes[12..29]);
    bytes[29..33].copy_from_slice(&crc.to_be_bytes());
    bytes
}

/// The checksum of PNG chunks (ISO 3309), bit by bit: the test must not be refused for a wrong one.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |c, _| (c >> 1) ^ (0xEDB8_8320 & (c & 1).wrapping_neg()))
    };
    !bytes.iter().fold(u32::MAX, step)
}

#[test]
fn every_bad_file_gives_a_clear_error() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, bytes: &[u8]| -> PathBuf {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let jpeg = encoded(&gradient(64, 48), ImageFormat::Jpeg);
    write("empty.jpg", &[]);
    write("text.jpg", b"dear diary, this is not a picture at all\n");
    write("truncated.jpg", &jpeg[..jpeg.len() / 8]);
    write("truncated.png", &encoded(&gradient(64, 48), ImageFormat::Png)[..60]);
    write("really-a-jpeg.png", &jpeg);
    write("huge.png", &declared_png(65_535, 65_535));
    write("zero.png", &declared_png(0, 0));
    write("one-pixel.png", &encoded(&gradient(1, 1), ImageFormat::Png));
    std::fs::create_dir(folder.path().join("folder.jpg")).unwrap();
    let names = [
        "missing.jpg",
        "folder.jpg",
        "empty.jpg",
        "text.jpg",
        "truncated.jpg",
        "truncated.png",
        "really-a-jpeg.png",
        "huge.png",
        "zero.png",
        "one-pixel.png",
    ];
    let lines: Vec<_> = names.iter().map(|name| format!("{name:18} → {}", outcome(folder.path(), name))).collect();
    insta::assert_snapshot!("bad_files", lines.join("\n"));
}

#[test]
fn a_declared_giant_costs_no_memory() {
    let _alone = ALONE.lock().unwrap_or_else(|e| e.into_inner());
    LazyLock::force(&VISION);
    let giant = declared_png(65_535, 65_535);
    let before = ALLOCATOR.live_bytes();
    ALLOCATOR.reset_peak();
    assert!(matches!(VISION.open(giant), Err(Error::Limits { .. })));
    let grown = ALLOCATOR.peak_bytes() - before;
    assert!(grown < 1 << 20, "{grown} bytes for a header of 100");
}

#[test]
fn bad_parameters_are_refused_by_name() {
    let picture = VISION.open(image::DynamicImage::from(gradient(32, 32))).unwrap();
    let bad = [
        DetectFaces::new().min_size(f32::NAN),
        DetectFaces::new().min_size(0.0),
        DetectFaces::new().min_size(0.5).max_size(0.2),
        DetectFaces::new().max_size(f32::INFINITY),
        DetectFaces::new().threshold(f32::NAN),
        DetectFaces::new().threshold(1.5),
        DetectFaces::new().algorithm("clairvoyant"),
        DetectFaces::new().revision(4096),
    ];
    let lines: Vec<_> = bad.into_iter().map(|r| picture.perform((r,)).unwrap_err().to_string()).collect();
    insta::assert_snapshot!("bad_parameters", lines.join("\n"));
}
