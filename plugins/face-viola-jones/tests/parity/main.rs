//! Windows and boxes equal OpenCV's for the same cascade file and pictures.
//!
//! `opencv.json` holds what OpenCV found in pictures that the test makes anew (`scenes.rs`): recorded by
//! `benches/peers/viola_jones.py record`. The cascade files are looked for in `OCELLI_OPENCV_CASCADES`, else where the
//! package opencv-data puts them; tests without their file are skipped by name. So is the comparison with boxes of
//! one's own pictures, unless `OCELLI_OPENCV_BOXES` names what `viola_jones.py boxes` wrote.

mod scenes;

use ocelli_core::Size;
use ocelli_face_viola_jones::Cascade;
use ocelli_face_viola_jones::detect::{LadderOptions, ladder, scan_level};
use ocelli_face_viola_jones::group::{Candidate, group};
use ocelli_face_viola_jones::level::{integrals, sample};
use ocelli_face_viola_jones::scan::Isa;
use ocelli_testkit::data::{faces, workspace_root};
use ocelli_testkit::harness::{Case, run};
use scenes::{Gray, hash};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What OpenCV found, by cascade file.
#[derive(Deserialize)]
struct Recording {
    scale_factor: f64,
    min_neighbors: u32,
    cascades: BTreeMap<String, Vec<Found>>,
}

/// What OpenCV found in one picture.
#[derive(Deserialize)]
struct Found {
    group: String,
    name: String,
    /// Hash of the grey pixels.
    pixels: String,
    windows: Vec<[i32; 4]>,
    boxes: Vec<[i32; 4]>,
}

/// Names the file that `viola_jones.py boxes` wrote.
const BOXES: &str = "OCELLI_OPENCV_BOXES";
/// Names the folder of OpenCV's cascade files.
const CASCADES: &str = "OCELLI_OPENCV_CASCADES";
const INSTALLED: [&str; 3] =
    ["/usr/share/opencv4/haarcascades", "/usr/share/opencv/haarcascades", "/usr/local/share/opencv4/haarcascades"];

const DEFAULT: &str = "haarcascade_frontalface_default.xml";
const TREES: &str = "haarcascade_frontalface_alt2.xml";
const OLD_FORMAT: &str = "haarcascade_licence_plate_rus_16stages.xml";
const PROFILE: &str = "haarcascade_profileface.xml";

fn main() {
    let there = |file| cascade_file(file).is_some();
    let photographs = faces().is_some() && there(DEFAULT);
    run([
        Case::new("portraits_with_stumps", DEFAULT, there(DEFAULT), || compare("portraits", DEFAULT)),
        Case::new("portraits_with_trees", TREES, there(TREES), || compare("portraits", TREES)),
        Case::new("portraits_from_the_side", PROFILE, there(PROFILE), || compare("portraits", PROFILE)),
        Case::new("portraits_with_the_old_format", OLD_FORMAT, there(OLD_FORMAT), || compare("portraits", OLD_FORMAT)),
        Case::new("a_hundred_pictures_of_photographs", "photographs", photographs, || compare("photographs", DEFAULT)),
        Case::new("installed_files_are_read_or_refused_by_name", "opencv-data", there(DEFAULT), all_files),
        Case::new("boxes_of_own_pictures", BOXES, std::env::var_os(BOXES).is_some(), own_boxes),
    ]);
}

fn cascade_folder() -> Option<PathBuf> {
    let named = std::env::var_os(CASCADES).map(PathBuf::from);
    named.into_iter().chain(INSTALLED.map(PathBuf::from)).find(|folder| folder.join(DEFAULT).is_file())
}

fn cascade_file(name: &str) -> Option<PathBuf> {
    cascade_folder().map(|folder| folder.join(name)).filter(|file| file.is_file())
}

/// Makes the pictures of a group and compares ours with the recording.
fn compare(group: &str, cascade: &str) {
    let recording = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parity/opencv.json");
    let recording: Recording = serde_json::from_str(&std::fs::read_to_string(recording).unwrap()).unwrap();
    let pictures = match group {
        "portraits" => scenes::portraits(workspace_root()),
        _ => scenes::photographs(&faces().unwrap().join("caltech_web36/mosaic.png")),
    };
    let recorded: Vec<&Found> = recording.cascades[cascade].iter().filter(|f| f.group == group).collect();
    assert_eq!(recorded.len(), pictures.len(), "record the pictures anew");
    let cascade = Cascade::open(cascade_file(cascade).unwrap()).unwrap();
    let mut tally = Tally::default();
    for (found, (name, gray)) in recorded.iter().zip(&pictures) {
        assert_eq!((&found.name, &found.pixels), (name, &hash(&gray.pixels)), "record the pictures anew");
        tally.add(&cascade, recording.scale_factor, recording.min_neighbors, gray, &found.windows, &found.boxes);
    }
    tally.check();
}

/// Windows and boxes: OpenCV's, ours, and those that match.
#[derive(Default)]
struct Tally {
    windows: [usize; 3],
    boxes: [usize; 3],
}

impl Tally {
    fn add(
        &mut self,
        cascade: &Cascade,
        scale_factor: f64,
        min_neighbors: u32,
        gray: &Gray,
        windows: &[[i32; 4]],
        boxes: &[[i32; 4]],
    ) {
        let candidates = candidates(cascade, scale_factor, gray);
        for (neighbors, theirs, count) in [(0, windows, &mut self.windows), (min_neighbors, boxes, &mut self.boxes)] {
            let groups = group(&candidates, neighbors);
            let clipped = groups.iter().map(|g| g.clipped(gray.size));
            let ours: Vec<_> = clipped.map(|g| [g.x, g.y, g.width, g.height]).collect();
            count[0] += theirs.len();
            count[1] += ours.len();
            count[2] += matched(theirs, &ours);
        }
    }

    fn check(&self) {
        eprintln!("OpenCV, ours, matched: windows {:?}, boxes {:?}", self.windows, self.boxes);
        assert!(self.windows[0] > 0, "nothing to compare");
        for [theirs, ours, matched] in [self.windows, self.boxes] {
            assert!(matched as f64 >= 0.99 * theirs.max(ours) as f64, "{matched} of {theirs} and {ours}");
        }
    }
}

fn candidates(cascade: &Cascade, scale_factor: f64, gray: &Gray) -> Vec<Candidate> {
    let options = LadderOptions { scale_factor, ..LadderOptions::default() };
    let mut all = Vec::new();
    for level in ladder(gray.size, cascade.window(), &options).unwrap() {
        let (sums, squares) = integrals(&sample(&gray.pixels, gray.size, level.size), level.size);
        all.extend(scan_level(cascade, &level, &sums, &squares, Isa::best(), &|| true).unwrap());
    }
    all
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

/// Every installed file is a cascade or says why not.
fn all_files() {
    let (mut read, mut tilted) = (0, 0);
    for entry in std::fs::read_dir(cascade_folder().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        match Cascade::open(&path) {
            Ok(cascade) => match ocelli_face_viola_jones::ViolaJones::with_cascade(cascade) {
                Ok(_) => read += 1,
                Err(error) => {
                    assert!(error.to_string().contains("tilted feature"), "{}: {error}", path.display());
                    tilted += 1;
                }
            },
            Err(error) => assert!(error.to_string().contains("tree of stages"), "{}: {error}", path.display()),
        }
    }
    assert!(read >= 5 && tilted >= 1, "{read} read, {tilted} refused");
}

/// What `viola_jones.py boxes` writes.
#[derive(Deserialize)]
struct Own {
    cascade: String,
    scale_factor: f64,
    min_neighbors: u32,
    pictures: Vec<OwnPicture>,
}

#[derive(Deserialize)]
struct OwnPicture {
    /// Grey pixels as PGM, a path.
    pixels: String,
    windows: Vec<[i32; 4]>,
    boxes: Vec<[i32; 4]>,
}

fn own_boxes() {
    let path = std::env::var(BOXES).unwrap();
    let own: Own = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let cascade = Cascade::open(&own.cascade).unwrap();
    let mut tally = Tally::default();
    for picture in &own.pictures {
        let gray = pgm(&picture.pixels);
        tally.add(&cascade, own.scale_factor, own.min_neighbors, &gray, &picture.windows, &picture.boxes);
    }
    tally.check();
}

/// Reads a binary PGM of 8 bits as OpenCV writes it.
fn pgm(path: &str) -> Gray {
    let bytes = std::fs::read(path).unwrap();
    let header: Vec<&[u8]> = bytes.splitn(4, |b| b.is_ascii_whitespace()).collect();
    let number = |word: &[u8]| std::str::from_utf8(word).unwrap().parse::<u32>().unwrap();
    let size = Size::new(number(header[1]), number(header[2]));
    Gray { size, pixels: bytes[bytes.len() - size.pixels() as usize..].to_vec() }
}
