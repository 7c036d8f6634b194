//! Boxes equal OpenCV's for the same cascade and pictures.
//!
//! `benches/peers/viola_jones.py boxes` writes what OpenCV finds; `OCELLI_OPENCV_BOXES` names its file. Without it the
//! test is skipped by name.

use ocelli_core::Size;
use ocelli_face_viola_jones::Cascade;
use ocelli_face_viola_jones::detect::{LadderOptions, ladder, scan_level};
use ocelli_face_viola_jones::group::{Candidate, group};
use ocelli_face_viola_jones::level::{integrals, sample};
use ocelli_face_viola_jones::scan::Isa;
use ocelli_testkit::harness::{Case, run};
use serde::Deserialize;

#[derive(Deserialize)]
struct Record {
    cascade: String,
    scale_factor: f64,
    min_neighbors: u32,
    pictures: Vec<Picture>,
}

#[derive(Deserialize)]
struct Picture {
    pixels: String,
    windows: Vec<[i32; 4]>,
    boxes: Vec<[i32; 4]>,
}

/// Reads a binary PGM of 8 bits as OpenCV writes it.
fn pgm(path: &str) -> (Vec<u8>, Size) {
    let bytes = std::fs::read(path).unwrap();
    let header: Vec<&[u8]> = bytes.splitn(4, |b| b.is_ascii_whitespace()).collect();
    let number = |word: &[u8]| std::str::from_utf8(word).unwrap().parse::<u32>().unwrap();
    let size = Size::new(number(header[1]), number(header[2]));
    (bytes[bytes.len() - size.pixels() as usize..].to_vec(), size)
}

/// How many of `theirs` have a partner of their own in `ours`, all edges within a pixel.
fn matched(theirs: &[[i32; 4]], ours: &[[i32; 4]]) -> usize {
    let mut left = ours.to_vec();
    let mut take = |b: &[i32; 4], slack: i32| {
        let close = |o: &[i32; 4]| o.iter().zip(b).all(|(a, b)| (a - b).abs() <= slack);
        left.iter().position(close).map(|ix| left.swap_remove(ix)).is_some()
    };
    let rest: Vec<_> = theirs.iter().filter(|b| !take(b, 0)).collect();
    theirs.len() - rest.len() + rest.into_iter().filter(|b| take(b, 1)).count()
}

fn main() {
    let there = std::env::var_os(BOXES).is_some();
    run([Case::new("parity_with_opencv", BOXES, there, parity_with_opencv)]);
}

/// Names the file that `benches/peers/viola_jones.py boxes` wrote.
const BOXES: &str = "OCELLI_OPENCV_BOXES";

fn parity_with_opencv() {
    let path = std::env::var(BOXES).unwrap();
    let record: Record = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cascade = Cascade::open(&record.cascade).unwrap();
    let options = LadderOptions { scale_factor: record.scale_factor, ..LadderOptions::default() };
    let (mut windows, mut boxes) = ([0; 3], [0; 3]);
    for picture in &record.pictures {
        let (pixels, size) = pgm(&picture.pixels);
        let mut candidates: Vec<Candidate> = Vec::new();
        for level in ladder(size, cascade.window(), &options).unwrap() {
            let (sums, squares) = integrals(&sample(&pixels, size, level.size), level.size);
            candidates.extend(scan_level(&cascade, &level, &sums, &squares, Isa::best(), &|| true).unwrap());
        }
        for (neighbors, theirs, count) in
            [(0, &picture.windows, &mut windows), (record.min_neighbors, &picture.boxes, &mut boxes)]
        {
            let groups = group(&candidates, neighbors);
            let ours: Vec<_> = groups.iter().map(|g| g.clipped(size)).map(|g| [g.x, g.y, g.width, g.height]).collect();
            count[0] += theirs.len();
            count[1] += ours.len();
            count[2] += matched(theirs, &ours);
        }
    }
    eprintln!("OpenCV, ours, matched: windows {windows:?}, boxes {boxes:?}");
    for [theirs, ours, matched] in [windows, boxes] {
        assert!(theirs > 0, "nothing to compare");
        assert!(matched as f64 >= 0.99 * theirs.max(ours) as f64, "{matched} of {theirs} and {ours}");
    }
}
