//! COCO's numbers against those of pycocotools on the same detections, recorded by `oracle/make_coco_oracle.py`.

use ocelli_core::PixelRect;
use ocelli_eval::metrics::{CocoSummary, Sorted};
use ocelli_eval::{Detection, Picture, Truth};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How far apart the numbers may be.
const TOLERANCE: f64 = 1e-6;

#[derive(Deserialize)]
struct Oracle {
    cases: BTreeMap<String, Case>,
}

#[derive(Deserialize)]
struct Case {
    images: usize,
    truths: Vec<TruthRecord>,
    detections: Vec<DetectionRecord>,
    expected: BTreeMap<String, Option<f64>>,
}

#[derive(Deserialize)]
struct TruthRecord {
    image_id: usize,
    bbox: [f64; 4],
    area: f64,
    iscrowd: u8,
}

#[derive(Deserialize)]
struct DetectionRecord {
    image_id: usize,
    bbox: [f64; 4],
    score: f64,
}

fn rect([x, y, w, h]: [f64; 4]) -> PixelRect {
    PixelRect::new(x, y, w, h)
}

fn summary(case: &Case) -> CocoSummary {
    let mut pictures: Vec<Picture> = (1..=case.images).map(|id| Picture::new(id.to_string())).collect();
    for truth in &case.truths {
        let picture = &mut pictures[truth.image_id - 1];
        if truth.iscrowd != 0 {
            picture.ignore.push(rect(truth.bbox));
        } else {
            let counted = Truth { stated_area: Some(truth.area), ..Truth::new(rect(truth.bbox)) };
            picture.truths.get_or_insert_default().push(counted);
        }
    }
    let mut detections = vec![Vec::new(); case.images];
    for d in &case.detections {
        detections[d.image_id - 1].push(Detection::new(rect(d.bbox), d.score));
    }
    let sorted: Vec<Sorted<'_>> = pictures.iter().zip(&detections).map(|(p, d)| Sorted::new(p, d)).collect();
    CocoSummary::new(&sorted.iter().collect::<Vec<_>>())
}

#[test]
fn twelve_numbers_equal_pycocotools() {
    let oracle: Oracle = serde_json::from_str(include_str!("oracle/coco.json")).expect("the oracle is JSON");
    assert!(oracle.cases.len() >= 7);
    for (name, case) in &oracle.cases {
        let ours = serde_json::to_value(summary(case)).expect("numbers serialize");
        assert_eq!(case.expected.len(), 12, "{name}");
        for (number, expected) in &case.expected {
            let ours = ours[number].as_f64();
            let same = match (ours, *expected) {
                (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE,
                (None, None) => true,
                _ => false,
            };
            assert!(same, "{name}: {number} is {ours:?}, pycocotools says {expected:?}");
        }
    }
}
