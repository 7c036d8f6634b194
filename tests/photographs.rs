//! Tests over photographs that licences keep out of the repository: ignored by name where those are absent.

use ocelli::prelude::*;
use ocelli_testkit::data;
use ocelli_testkit::harness::{Case, run};
use std::path::PathBuf;

fn main() {
    let faces = data::faces().is_some();
    let pictures = data::pictures().is_some();
    run([
        Case::new("landscapes_have_few_false_faces", "photographs", faces, landscapes_have_few_false_faces),
        Case::new("portraits_have_their_face", "photographs", faces, portraits_have_their_face),
        Case::new("orientations_agree", "pictures", pictures, orientations_agree),
    ]);
}

fn folder(set: &str, n: usize) -> Vec<PathBuf> {
    let folder = data::faces().expect("checked by main").join("images").join(set);
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    paths.truncate(n);
    paths
}

fn counts(paths: Vec<PathBuf>) -> Vec<usize> {
    let vision = Vision::new().unwrap();
    let outcomes = vision.batch(paths).perform((DetectFaces::new(),));
    outcomes.map(|o| o.map(|(_, (faces,))| faces.unwrap().len()).unwrap()).collect()
}

fn landscapes_have_few_false_faces() {
    let counts = counts(folder("neg_hays", 100));
    let found: usize = counts.iter().sum();
    assert!(found <= counts.len() / 10, "{found} faces in {} pictures without any", counts.len());
}

fn portraits_have_their_face() {
    let counts = counts(folder("utkface", 100));
    let found = counts.iter().filter(|&&n| n >= 1).count();
    assert!(found * 100 >= counts.len() * 95, "a face in {found} of {} portraits", counts.len());
}

fn orientations_agree() {
    let folder = data::pictures().expect("checked by main").join("exif-orientation");
    let vision = Vision::new().unwrap();
    let rgb = |n: usize| {
        let picture = vision.open(folder.join(format!("Landscape_{n}.jpg"))).unwrap();
        picture.to_rgb().unwrap()
    };
    let expected = rgb(1);
    for n in 2..=8 {
        let picture = rgb(n);
        assert_eq!(picture.dimensions(), expected.dimensions(), "orientation {n}");
        let difference: u64 = picture.iter().zip(expected.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        // The eight files were compressed one by one.
        let mean = difference as f64 / expected.len() as f64;
        assert!(mean < 6.0, "orientation {n} differs by {mean:.1} levels on average");
    }
}
