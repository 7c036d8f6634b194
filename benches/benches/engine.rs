//! The engine stage by stage: `cargo bench -p ocelli-benches --bench engine`.
//!
//! Ids are `stage/case/isa`; a word after `--` filters them.

use std::fmt;
use std::sync::Arc;

use divan::{Bencher, black_box};
use ocelli_benches::{octaves, picture};
use ocelli_nn::{
    Calibration, Execution, ImageShape, Isa, Model, ModelLimits, Network, NetworkOptions, PlanOptions, Precision,
    RgbImage,
};

fn main() {
    divan::main();
}

const MODEL: &[u8] = include_bytes!("../../models/face-student.safetensors");

/// Pictures that stages run over.
const SIZES: [(&str, ImageShape, usize); 3] = [
    ("vga1", ImageShape::new(480, 640), 1),
    ("vga5", ImageShape::new(480, 640), 5),
    ("1080p5", ImageShape::new(1080, 1920), 5),
];

#[derive(Clone, Copy)]
struct Case {
    name: &'static str,
    shape: ImageShape,
    levels: usize,
    isa: Isa,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name, self.isa)
    }
}

/// Every size on every vector instruction set; plain code on the smallest only.
fn cases() -> Vec<Case> {
    let of = |isa: Isa| SIZES.into_iter().map(move |(name, shape, levels)| Case { name, shape, levels, isa });
    Isa::available().flat_map(of).filter(|case| case.isa != Isa::Scalar || case.name == "vga1").collect()
}

fn model() -> Model {
    Model::from_bytes(MODEL, &ModelLimits::default()).expect("the repository's model is sound")
}

fn run(bencher: Bencher<'_, '_>, case: Case, options: NetworkOptions, plan_options: &PlanOptions) {
    let network = Network::with_options(&model(), &options.with_isa(case.isa)).expect("the CPU has the set");
    let shapes = octaves(case.shape, case.levels);
    let pixels: Vec<Vec<u8>> = shapes.iter().map(|&shape| picture(shape)).collect();
    let pictures: Vec<RgbImage<'_>> =
        pixels.iter().zip(&shapes).map(|(data, &shape)| RgbImage::packed(data, shape).expect("fits")).collect();
    let plan = network.plan(&shapes, plan_options).expect("fits the memory");
    let mut arena = plan.arena().expect("there is memory");
    bencher.bench_local(|| {
        black_box(plan.run(&mut arena, &pictures, &|| false).expect("runs"));
    });
}

fn one_worker() -> PlanOptions {
    PlanOptions::default().with_workers(1)
}

#[divan::bench(args = cases(), sample_count = 20)]
fn network_f32(bencher: Bencher<'_, '_>, case: Case) {
    run(bencher, case, NetworkOptions::default(), &one_worker());
}

#[divan::bench(args = cases(), sample_count = 20)]
fn network_f32_direct(bencher: Bencher<'_, '_>, case: Case) {
    run(bencher, case, NetworkOptions::default().with_direct(true), &one_worker());
}

#[divan::bench(args = cases(), sample_count = 20)]
fn network_f32_whole(bencher: Bencher<'_, '_>, case: Case) {
    run(bencher, case, NetworkOptions::default(), &one_worker().with_execution(Execution::Whole));
}

#[divan::bench(args = cases(), sample_count = 20)]
fn network_i8(bencher: Bencher<'_, '_>, case: Case) {
    let model = model();
    let pixels = picture(case.shape);
    let calibration = Network::new(&model)
        .and_then(|network| Calibration::measure(&network, &[RgbImage::packed(&pixels, case.shape)?]));
    let options = NetworkOptions::default().with_precision(Precision::Int8);
    run(bencher, case, options.with_calibration(calibration.expect("f32 runs")), &one_worker());
}

/// Planning a shape never seen before.
#[divan::bench(args = cases().into_iter().filter(|case| case.isa == Isa::detect()), sample_count = 100)]
fn plan_new_shape(bencher: Bencher<'_, '_>, case: Case) {
    let network = Network::new(&model()).expect("the repository's model is sound");
    let mut width = case.shape.width;
    let mut next = |network: &Arc<Network>| {
        width += 1;
        let shapes = octaves(ImageShape::new(case.shape.height, width), case.levels);
        black_box(network.plan(&shapes, &one_worker()).expect("fits the memory"));
    };
    bencher.bench_local(|| next(&network));
}

/// A model file to a network ready to run.
#[divan::bench(sample_count = 20)]
fn load_model() -> Arc<Network> {
    Network::new(&model()).expect("the repository's model is sound")
}
