//! Backends, pictures and comparisons that the tests on an adapter share.

use ndarray::Array3;
use ocelli_gpu::{GpuBackend, GpuOptions};
use ocelli_nn::backend::{Backend, Job, Level, Urgency, Want};
use ocelli_nn::testing::{FileBuilder, Random};
use ocelli_nn::{ImageShape, Network, PlanOptions, RgbImage};
use std::sync::{Arc, OnceLock};

/// A test by name.
pub struct Case {
    name: &'static str,
    body: fn(),
}

impl Case {
    pub const fn new(name: &'static str, body: fn()) -> Self {
        Self { name, body }
    }
}

/// Runs the tests where there is an adapter, and lists them as ignored where there is none.
pub fn run_all(cases: &[Case]) -> ! {
    let available = ocelli_gpu::adapters().iter().any(|adapter| adapter.usable);
    let cases =
        cases.iter().map(|c| ocelli_testkit::harness::Case::new(c.name, "a graphics adapter", available, c.body));
    ocelli_testkit::harness::run(cases.collect::<Vec<_>>())
}

/// Options of all devices here: poisoned arenas, nothing kept on the disk.
pub fn options() -> GpuOptions {
    let mut options = GpuOptions::default();
    (options.cache, options.poison) = (None, true);
    options
}

pub fn device(options: GpuOptions) -> GpuBackend {
    GpuBackend::new(options)
}

/// The device that most tests share, so that kernels are compiled once.
pub fn backend() -> &'static GpuBackend {
    static SHARED: OnceLock<GpuBackend> = OnceLock::new();
    SHARED.get_or_init(|| device(options()))
}

/// Random packed RGB bytes, the same for the same shape.
pub fn picture([height, width]: [usize; 2]) -> Vec<u8> {
    Random((height * 1_000 + width) as u64).bytes(height * width * 3)
}

/// Levels of these shapes, each made from the one before.
pub fn levels(shapes: &[[usize; 2]]) -> Vec<Level> {
    let shapes: Vec<_> = shapes.iter().map(|&[height, width]| ImageShape::new(height, width)).collect();
    let level = |ix: usize| Level { shape: shapes[ix], through: shapes[..ix].to_vec() };
    (0..shapes.len()).map(level).collect()
}

pub fn job<'a>(
    network: &'a Arc<Network>,
    bytes: &'a [u8],
    [height, width]: [usize; 2],
    levels: &'a [Level],
    want: Want<'a>,
) -> Job<'a> {
    let picture = RgbImage::packed(bytes, ImageShape::new(height, width)).unwrap();
    Job { network, picture, levels, want, urgency: Urgency::Default, should_stop: &|| false }
}

/// All outputs of the engine on the CPU.
pub fn cpu(network: &Arc<Network>, bytes: &[u8], [height, width]: [usize; 2]) -> Vec<Array3<f32>> {
    let shape = ImageShape::new(height, width);
    let plan = network.plan(&[shape], &PlanOptions::default().with_workers(1)).unwrap();
    let mut arena = plan.arena().unwrap();
    let outputs = plan.run(&mut arena, &[RgbImage::packed(bytes, shape).unwrap()], &|| false).unwrap();
    network.graph().output_names().map(|name| outputs.get(0, name).unwrap().to_owned()).collect()
}

/// How far numbers may be apart, for numbers of size one.
pub struct Tolerance(f32);

/// Sums of a few hundred terms of size one, in another order.
pub const F32: Tolerance = Tolerance(1e-4);
/// The same in numbers of eleven binary digits, over eight layers.
pub const F16: Tolerance = Tolerance(2e-2);

impl Tolerance {
    pub fn compare(&self, found: &Array3<f32>, expected: &Array3<f32>, what: &str) {
        assert_eq!(found.dim(), expected.dim(), "{what}");
        for ((at, found), expected) in found.indexed_iter().zip(expected) {
            let close = (found - expected).abs() <= self.0 * (1.0 + expected.abs());
            assert!(close, "{what} at {at:?}: {found} instead of {expected}");
        }
    }
}

/// Runs `file` on the shared device at all shapes and compares all its outputs.
pub fn check(file: &FileBuilder, shapes: &[[usize; 2]], tolerance: Tolerance) {
    let network = Network::new(&file.model()).unwrap();
    let names: Vec<&str> = network.graph().output_names().collect();
    for &shape in shapes {
        let bytes = picture(shape);
        let levels = levels(&[shape]);
        let answer = backend().run(&job(&network, &bytes, shape, &levels, Want::Outputs(&names))).unwrap();
        for ((found, expected), name) in answer.outputs[0].iter().zip(cpu(&network, &bytes, shape)).zip(&names) {
            tolerance.compare(found, &expected, &format!("{name} of {shape:?}"));
        }
    }
}
