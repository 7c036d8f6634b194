//! Deadlines of the built-in detectors, by a clock that ticks at every look: the same on every machine.

use ocelli::prelude::*;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

fn portrait() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/astronaut.png")
}

/// One thread, so that the clock is looked at in one order.
fn vision() -> (Vision, Arc<AtomicU64>) {
    let (zero, ticks) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let shared = ticks.clone();
    let clock = move || zero + Duration::from_millis(shared.fetch_add(1, Ordering::SeqCst));
    (Vision::builder().threads(1).clock(clock).build().unwrap(), ticks)
}

fn faces(vision: &Vision, algorithm: &str, milliseconds: u64) -> Result<Vec<FaceObservation>> {
    let request = DetectFaces::new().algorithm(algorithm).deadline(Duration::from_millis(milliseconds));
    vision.open(portrait())?.perform_one(request)
}

/// Returns with the large face from the small levels, marked, when the deadline comes just before the end.
fn is_useful_when_cut_short(algorithm: &str) {
    let (vision, ticks) = vision();
    let whole = faces(&vision, algorithm, 1 << 40).unwrap();
    assert!(!whole[0].provenance.incomplete);
    let looks = ticks.load(Ordering::SeqCst);
    let partial = faces(&vision, algorithm, looks - 10).unwrap();
    assert!(partial[0].provenance.incomplete, "{algorithm}");
    assert!(partial[0].rect.iou(whole[0].rect) > 0.5, "{algorithm}: {:?} {:?}", partial[0].rect, whole[0].rect);
    let nothing = faces(&vision, algorithm, 1);
    assert!(matches!(nothing, Err(Error::DeadlineExceeded)), "{algorithm}");
}

#[test]
fn the_deep_detector_answers_from_its_small_levels() {
    is_useful_when_cut_short("deep");
}

#[test]
fn the_cascade_answers_from_its_small_levels() {
    is_useful_when_cut_short("viola-jones");
}

#[test]
fn a_deadline_far_away_changes_nothing() {
    let (vision, _) = vision();
    let without = vision.open(portrait()).unwrap().perform_one(DetectFaces::new()).unwrap();
    assert_eq!(faces(&vision, "deep", 1 << 40).unwrap(), without);
}
