//! A run allocates nothing once it is warm: counted by the allocator itself.
#![allow(unsafe_code, reason = "a counting allocator")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

use ocelli_nn::{
    Calibration, ImageShape, JointPlan, Model, ModelLimits, Network, NetworkOptions, PlanOptions, Precision, RgbImage,
};

/// The system's allocator, counting.
struct Counting;

static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);

// SAFETY: everything is passed on unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        // SAFETY: as the caller vouches.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as the caller vouches.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

/// Runs `plan` until warm, then counts the allocations of a hundred runs, arenas taken anew each time.
fn allocations(plan: &JointPlan, pictures: &[RgbImage<'_>]) -> u64 {
    let run = || {
        let mut arena = plan.arena().unwrap();
        plan.run(&mut arena, pictures, &|| false).unwrap();
    };
    (0..10).for_each(|_| run());
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    (0..100).for_each(|_| run());
    ALLOCATIONS.load(Ordering::Relaxed) - before
}

/// One test, because the counter counts everybody.
#[test]
fn test_warm_runs_allocate_nothing() {
    let model = include_bytes!("../../../models/face-student.safetensors");
    let model = Model::from_bytes(model, &ModelLimits::default()).unwrap();
    let shapes = [ImageShape::new(96, 128), ImageShape::new(48, 64), ImageShape::new(24, 32)];
    let pixels: Vec<Vec<u8>> = shapes.iter().map(|s| vec![77; s.height * s.width * 3]).collect();
    let pictures: Vec<RgbImage<'_>> =
        pixels.iter().zip(shapes).map(|(data, shape)| RgbImage::packed(data, shape).unwrap()).collect();
    let floats = Network::new(&model).unwrap();
    let calibration = Calibration::measure(&floats, &pictures).unwrap();
    let options = NetworkOptions::default().with_precision(Precision::Int8).with_calibration(calibration);
    let bytes = Network::with_options(&model, &options).unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    for network in [&floats, &bytes] {
        let plan = network.plan(&shapes, &PlanOptions::default().with_workers(1)).unwrap();
        assert_eq!(allocations(&plan, &pictures), 0, "one worker");
        let plan = network.plan(&shapes, &PlanOptions::default().with_workers(2)).unwrap();
        assert_eq!(pool.install(|| allocations(&plan, &pictures)), 0, "two workers");
    }
    // The counter does count.
    let before = ALLOCATIONS.load(Ordering::Relaxed);
    drop(std::hint::black_box(vec![0_u8; 1_000]));
    assert!(ALLOCATIONS.load(Ordering::Relaxed) > before);
}
