//! Plans of random graphs under the checker, and the figures of known ones.

use proptest::prelude::*;

use super::check::check;
use crate::testing::{FileBuilder, Random, student};
use crate::{Error, Execution, ImageShape, JointPlan, Model, ModelLimits, Network, PlanOptions};

/// A graph of some ten random nodes that fit each other.
fn random_graph(seed: u64) -> FileBuilder {
    let mut random = Random(seed);
    let mut file = FileBuilder::new(seed);
    // Values of stride 1, 2, 4 with their channels.
    let mut values: Vec<(String, usize, usize)> = vec![("image".to_owned(), 1, 3)];
    for ix in 0..3 + random.below(9) {
        let (name, stride, channels) = values[random.below(values.len())].clone();
        let output = format!("v{ix}");
        let same = values.iter().find(|v| v.0 != name && v.1 == stride && v.2 == channels).cloned();
        let like = values.iter().find(|v| v.1 * 2 == stride).cloned();
        let made = match (random.below(7), same, like) {
            (0, Some(other), _) => (file.plain("add", &[&name, &other.0], &output), stride, channels),
            (1, Some(other), _) => (file.plain("concat", &[&name, &other.0], &output), stride, channels * 2),
            (2, _, Some(like)) => (file.plain("upsample_nearest2d", &[&name, &like.0], &output), like.1, channels),
            (3, ..) => (file.pool(&name, &output, 3, 1, 1), stride, channels),
            (4, ..) => (file.plain("relu", &[&name], &output), stride, channels),
            (5, ..) if stride < 4 => (file.conv(&name, &output, [channels, 9], 3, 2), stride * 2, 9),
            _ => (file.conv(&name, &output, [channels, 8], [1, 3, 5][random.below(3)], 1), stride, 8),
        };
        values.push(made);
    }
    file.outputs = vec![values.last().unwrap().0.clone()];
    let second = values[1 + random.below(values.len() - 1)].0.clone();
    if second != file.outputs[0] {
        file.outputs.push(second);
    }
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn test_random_plans_pass_the_checker(
        seed in any::<u64>(),
        sides in prop::collection::vec((1_usize..40, 1_usize..40), 1..4),
        workers in 1_usize..5,
        band_rows in 0_usize..4,
    ) {
        let network = Network::new(&random_graph(seed).model()).unwrap();
        let levels: Vec<ImageShape> = sides.iter().map(|&(h, w)| ImageShape::new(h, w)).collect();
        let execution = match band_rows {
            0 => Execution::Whole,
            band_rows => Execution::Streamed { band_rows },
        };
        let options = PlanOptions::default().with_execution(execution).with_workers(workers);
        let plan = network.plan(&levels, &options).unwrap();
        prop_assert_eq!(check(&plan), Ok(()));
        let report = plan.report();
        prop_assert!(report.arena_bytes >= report.bound_bytes);
        if workers == 1 {
            let apart: u64 = whole_and_apart(&network, &levels);
            prop_assert!(report.arena_bytes <= apart, "{} {}", report.arena_bytes, apart);
        }
    }
}

/// Bytes of all tensors whole and side by side, as laid out, with the padding rows.
fn whole_and_apart(network: &std::sync::Arc<Network>, levels: &[ImageShape]) -> u64 {
    let options = PlanOptions::default().with_execution(Execution::Whole).with_workers(1);
    let layout = network.plan(levels, &options).unwrap().layout.clone();
    let tensors: usize = layout.planned.iter().map(|planned| planned.item.size).sum();
    (layout.pads.len() * layout.pad_bytes + tensors) as u64
}

fn octaves(height: usize, width: usize) -> Vec<ImageShape> {
    (0..5).map(|level| ImageShape::new((height >> level).max(1), (width >> level).max(1))).collect()
}

/// The figures that a change of planner must answer for; the graph is fixed here, not read from
/// `models/`, so that training does not move them.
#[test]
fn test_figures_of_three_shapes() {
    let network = Network::new(&student(1, [16, 24, 48, 64]).model()).unwrap();
    let mut text = String::new();
    for (height, width) in [(480, 640), (720, 1280), (333, 517)] {
        for execution in [Execution::Streamed { band_rows: 1 }, Execution::Whole] {
            let options = PlanOptions::default().with_execution(execution).with_workers(1);
            let report = network.plan(&octaves(height, width), &options).unwrap().report();
            text += &report.to_string();
            text.push('\n');
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn test_five_levels_at_vga_meet_the_targets() {
    let network = Network::new(&student(1, [16, 24, 48, 64]).model()).unwrap();
    let options = PlanOptions::default().with_workers(1);
    let plan = network.plan(&octaves(480, 640), &options).unwrap();
    check(&plan).unwrap();
    let report = plan.report();
    assert!(report.ratio <= 1.02, "{}", report.ratio);
    assert!(report.share_of_naive <= 0.125, "{}", report.share_of_naive);
    let svg = report.svg();
    assert_eq!(svg.matches("<title>").count(), report.tensors.len());
    assert!(svg.ends_with("</svg>\n"));
}

#[test]
fn test_report_has_the_promised_keys() {
    let network = Network::new(&student(1, [8, 8, 8, 8]).model()).unwrap();
    let plan = network.plan(&octaves(40, 40), &PlanOptions::default()).unwrap();
    let json = serde_json::to_value(plan.report()).unwrap();
    for key in ["naive_bytes", "bound_bytes", "arena_bytes"] {
        assert!(json[key].as_u64().is_some_and(|n| n > 0), "{key}");
    }
    assert!(json["ratio"].as_f64().is_some_and(|ratio| ratio >= 1.0));
}

#[test]
fn test_plans_are_cached_and_repeatable() {
    let network = Network::new(&student(1, [8, 8, 8, 8]).model()).unwrap();
    let levels = octaves(64, 48);
    let first = network.plan(&levels, &PlanOptions::default()).unwrap();
    let second = network.plan(&levels, &PlanOptions::default()).unwrap();
    assert!(std::sync::Arc::ptr_eq(&first.layout, &second.layout));
    for side in 1..100 {
        network.plan(&[ImageShape::new(side, side)], &PlanOptions::default()).unwrap();
    }
    let again = network.plan(&levels, &PlanOptions::default()).unwrap();
    assert!(!std::sync::Arc::ptr_eq(&first.layout, &again.layout), "the cache is bounded");
    assert_eq!(first.report(), again.report());
}

#[test]
fn test_several_networks_share_an_arena() {
    let small = Network::new(&student(1, [8, 8, 8, 8]).model()).unwrap();
    let large = Network::new(&student(2, [16, 24, 48, 64]).model()).unwrap();
    let shape = ImageShape::new(64, 80);
    let options = PlanOptions::default().with_workers(1).with_execution(Execution::Whole);
    let joint = JointPlan::build(&[(small.clone(), shape), (large.clone(), shape)], &options).unwrap();
    check(&joint).unwrap();
    let alone = |network: &std::sync::Arc<Network>| network.plan(&[shape], &options).unwrap().arena_bytes();
    assert!(joint.arena_bytes() < alone(&small) + alone(&large));
    let weights = small.weight_bytes() + large.weight_bytes();
    assert_eq!(joint.report().weight_bytes, weights as u64);
}

#[test]
fn test_budget_and_absurd_shapes_are_refused() {
    let network = Network::new(&student(1, [16, 24, 48, 64]).model()).unwrap();
    let vga = [ImageShape::new(480, 640)];
    let tight = PlanOptions::default().with_memory_limit(10_000);
    assert!(matches!(network.plan(&vga, &tight), Err(Error::MemoryLimit { limit: 10_000, .. })));
    let options = PlanOptions::default().with_execution(Execution::Whole);
    let huge = [ImageShape::new(65_535, 65_535)];
    assert!(matches!(network.plan(&huge, &options), Err(Error::MemoryLimit { .. })));
    for (height, width) in [(0, 10), (10, 0), (usize::MAX, 1), (1, 70_000)] {
        let answer = network.plan(&[ImageShape::new(height, width)], &options);
        assert!(matches!(answer, Err(Error::Shape { .. })), "{height}×{width}");
    }
}

#[test]
fn test_a_plan_of_nothing() {
    let network = Network::new(&student(1, [8, 8, 8, 8]).model()).unwrap();
    let plan = network.plan(&[], &PlanOptions::default()).unwrap();
    let mut arena = plan.arena().unwrap();
    assert!(plan.run(&mut arena, &[], &|| false).is_ok());
    assert_eq!(plan.report().tensors, []);
}

#[test]
fn test_toy_plans_pass_the_checker() {
    let toy = include_bytes!("../../../../models/testdata/toy.safetensors");
    let network = Network::new(&Model::from_bytes(toy, &ModelLimits::default()).unwrap()).unwrap();
    for workers in 1..4 {
        for execution in [Execution::Whole, Execution::Streamed { band_rows: 2 }] {
            let options = PlanOptions::default().with_execution(execution).with_workers(workers);
            let plan = network.plan(&octaves(50, 70)[..2], &options).unwrap();
            check(&plan).unwrap();
        }
    }
}
