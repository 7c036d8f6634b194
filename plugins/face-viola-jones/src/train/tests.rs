use super::*;
use ocelli_core::{Cancel, Size};
use std::path::{Path, PathBuf};

const TILE: u32 = 14;
const TILES: usize = 120;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("ocelli-train-{}-{name}", std::process::id()));
        std::fs::create_dir_all(path.join("negatives")).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Objects: a bright cross in noise. Negatives: noise with bars.
fn write_pictures(folder: &Path) {
    let mut rng = fastrand::Rng::with_seed(11);
    let mosaic = image::GrayImage::from_fn(TILE * 10, TILE * 12, |x, y| {
        let (x, y) = (x % TILE, y % TILE);
        let lit = (5..9).contains(&x) || (5..9).contains(&y);
        image::Luma([rng.u8(0..90) + if lit { 120 } else { 0 }])
    });
    mosaic.save(folder.join("objects.png")).unwrap();
    for number in 0..8_u32 {
        let bars = image::GrayImage::from_fn(70, 60, |x, y| {
            let lit = (x + number) % 11 < 4 && (y / 9 + number) % 3 == 0;
            image::Luma([rng.u8(0..90) + if lit { 120 } else { 0 }])
        });
        bars.save(folder.join(format!("negatives/{number}.png"))).unwrap();
    }
}

fn config(folder: &Path) -> TrainConfig {
    TrainConfig {
        window: Size::new(12, 12),
        positives: vec![PositiveSource::Mosaic {
            path: folder.join("objects.png"),
            tile: TILE,
            count: TILES,
            crop: [1.0, 1.0, 12.0, 12.0],
        }],
        jitter_degrees: 2.0,
        negatives: vec![NegativeSource::Folder { path: folder.join("negatives") }],
        negatives_per_stage: 150,
        min_negatives: 5,
        stages: 3,
        features_per_stump: 60,
        max_stumps: 12,
        hit_rate: 0.98,
        held_out: 0.1,
        ..TrainConfig::default()
    }
}

fn run(config: &TrainConfig) -> Result<(Cascade, Vec<StageReport>)> {
    let mut reports = Vec::new();
    let cascade = train(config, &Control::default(), &mut |p| {
        if let TrainPhase::Stage(report) = &p.phase {
            reports.push(report.clone());
        }
    })?;
    Ok((cascade, reports))
}

#[test]
fn a_small_cascade_learns_its_object() {
    let folder = Folder::new("learns");
    write_pictures(&folder.0);
    let (cascade, reports) = run(&config(&folder.0)).unwrap();
    assert_eq!(cascade.stages().len(), reports.len());
    assert!(reports[0].hit_rate >= 0.98 && reports[0].false_alarm <= 0.45, "{reports:?}");
    assert!(reports.last().unwrap().held_out_hit_rate > 0.7, "{reports:?}");
    let positives = crops::positives(&config(&folder.0)).unwrap().train;
    let kept = positives.iter().filter(|p| crate::detect::judge(&cascade, p).is_some()).count();
    assert!(kept * 10 > positives.len() * 9, "{kept} of {}", positives.len());
    assert!(crate::detect::judge(&cascade, &[7; 144]).is_none(), "flat windows are no objects");
}

#[test]
fn threads_and_interruptions_change_nothing() {
    let folder = Folder::new("resumes");
    write_pictures(&folder.0);
    let config = config(&folder.0);
    let whole = run(&config).unwrap().0;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
    assert_eq!(pool.install(|| run(&config)).unwrap().0, whole);
    let kept = TrainConfig { checkpoint: Some(folder.0.join("state.json")), ..config };
    let first = run(&TrainConfig { stages: 1, ..kept.clone() }).unwrap().0;
    assert_eq!(first.stages(), &whole.stages()[..1]);
    assert_eq!(run(&kept).unwrap().0, whole);
    let other = TrainConfig { seed: 99, ..kept };
    assert!(matches!(run(&other), Err(CascadeError::Training { .. })), "another configuration's state is refused");
}

#[test]
fn stages_that_start_anew_learn_too() {
    let folder = Folder::new("anew");
    write_pictures(&folder.0);
    let (cascade, reports) = run(&TrainConfig { cumulative: false, ..config(&folder.0) }).unwrap();
    assert!(cascade.stages().iter().all(|s| !s.cumulative));
    assert!(reports.last().unwrap().held_out_hit_rate > 0.7, "{reports:?}");
}

#[test]
fn relaxed_thresholds_lose_nothing_that_the_last_stage_accepts() {
    let folder = Folder::new("relaxed");
    write_pictures(&folder.0);
    let config = TrainConfig { false_alarm: 0.7, ..config(&folder.0) };
    let strict = run(&config).unwrap().0;
    let relaxed = run(&TrainConfig { lost_early: 0.0, ..config.clone() }).unwrap().0;
    assert!(strict.stages().len() > 1);
    for (strict, relaxed) in strict.stages().iter().zip(relaxed.stages()) {
        assert!(relaxed.threshold <= strict.threshold && relaxed.trees == strict.trees);
    }
    let positives = Samples::new(config.window, &crops::positives(&config).unwrap().train, &[]);
    let verdicts = positives.judge(&relaxed);
    let last = relaxed.stages().last().unwrap().threshold;
    let accepted = verdicts.votes.last().unwrap().iter().map(|v| *v >= last);
    assert!(accepted.zip(&verdicts.pass).all(|(accepted, pass)| accepted == *pass));
}

#[test]
fn lists_name_positives_and_negatives() {
    let folder = Folder::new("lists");
    write_pictures(&folder.0);
    // The first objects of the mosaic by their boxes; the same picture is no negative where they lie.
    let objects: Vec<[u32; 4]> = (0..30).map(|ix| [ix % 10 * TILE + 1, ix / 10 * TILE + 1, 12, 12]).collect();
    let mut lines = vec![serde_json::json!({ "image": "objects.png", "set": "objects", "peer": objects })];
    for number in 0..8 {
        lines.push(serde_json::json!({ "image": format!("negatives/{number}.png"), "set": "none", "faces": [] }));
    }
    let text: Vec<String> = lines.iter().map(ToString::to_string).collect();
    let path = folder.0.join("train.jsonl");
    std::fs::write(&path, text.join("\n")).unwrap();
    let boxes = PositiveSource::Boxes {
        path: path.clone(),
        sets: vec!["objects".into()],
        min_side: 12.0,
        crop: [0.0, 0.0, 1.0, 1.0],
        of: BoxField::Peer,
    };
    let negatives = NegativeSource::Boxes { path, sets: vec!["none".into()], max_pictures: None };
    let config = TrainConfig {
        positives: vec![boxes],
        negatives: vec![negatives],
        copies: 2,
        held_out: 0.0,
        stages: 1,
        light: Light { blur: 0.5, noise: 0.2, gamma: 0.3, slope: 0.2, aliased: 0.5 },
        ..config(&folder.0)
    };
    assert_eq!(crops::positives(&config).unwrap().train.len(), 90);
    let (_, reports) = run(&config).unwrap();
    assert!(reports[0].hit_rate >= 0.97, "{reports:?}");
}

#[test]
fn what_cannot_be_trained_is_refused() {
    let folder = Folder::new("refused");
    write_pictures(&folder.0);
    let good = config(&folder.0);
    for bad in [
        TrainConfig { window: Size::new(3, 3), ..good.clone() },
        TrainConfig { hit_rate: f64::NAN, ..good.clone() },
        TrainConfig { features_per_stump: 0, ..good.clone() },
        TrainConfig { jitter_shift: f32::INFINITY, ..good.clone() },
        TrainConfig { lost_early: -0.1, ..good.clone() },
        TrainConfig { samples_per_stump: 0, ..good.clone() },
        TrainConfig { light: Light { noise: f32::NAN, ..Light::default() }, ..good.clone() },
    ] {
        assert!(matches!(run(&bad), Err(CascadeError::Parameter { .. })), "{bad:?}");
    }
    assert!(matches!(run(&TrainConfig { positives: vec![], ..good.clone() }), Err(CascadeError::Training { .. })));
    assert!(matches!(run(&TrainConfig { negatives: vec![], ..good.clone() }), Err(CascadeError::Training { .. })));
    let cancel = Cancel::new();
    cancel.cancel();
    let control = Control::start(Some(cancel), None, None);
    assert!(matches!(train(&good, &control, &mut |_| ()), Err(CascadeError::Cancelled)));
}
