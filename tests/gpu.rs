//! Requests on a graphics device: the same faces as on the processor, and what happens where the device fails.
//!
//! Tests on an adapter, software or hardware, are ignored by name where there is none. `OCELLI_GPU_ALL=1` compares all
//! dev pictures instead of a few.

use ocelli::gpu::GpuOptions;
use ocelli::prelude::*;
use ocelli_testkit::data;
use ocelli_testkit::harness::{Case, run};
use std::path::{Path, PathBuf};

mod broken_device;

fn main() {
    let adapter = ocelli::gpu::adapters().iter().any(|adapter| adapter.usable);
    let both = adapter && data::faces().is_some();
    run([
        Case::new("the_portrait_has_the_same_face", "adapter", adapter, the_portrait_has_the_same_face),
        Case::new("a_region_has_the_same_face", "adapter", adapter, a_region_has_the_same_face),
        Case::new(
            "levels_that_are_no_halves_have_the_same_faces",
            "adapter",
            adapter,
            levels_that_are_no_halves_have_the_same_faces,
        ),
        Case::new("a_batch_has_the_same_faces", "adapter", adapter, a_batch_has_the_same_faces),
        Case::new("dev_pictures_have_the_same_faces", "adapter, photographs", both, dev_pictures_have_the_same_faces),
        Case::new(
            "a_lost_device_is_an_error_to_who_insists",
            "adapter",
            adapter,
            a_lost_device_is_an_error_to_who_insists,
        ),
        Case::new("slices_are_told", "adapter", adapter, slices_are_told),
        Case::new(
            "a_missing_adapter_is_an_error_or_no_matter",
            "nothing",
            true,
            a_missing_adapter_is_an_error_or_no_matter,
        ),
        Case::new(
            "a_broken_device_leaves_it_to_the_processor",
            "nothing",
            true,
            broken_device::leaves_it_to_the_processor,
        ),
        Case::new(
            "a_broken_device_is_an_error_to_who_insists",
            "nothing",
            true,
            broken_device::is_an_error_to_who_insists,
        ),
    ]);
}

/// How far the device may be from the processor: sums in another order. Levels have the same bytes.
const CONFIDENCE: f32 = 0.001;
const IOU: f64 = 0.999;

fn options() -> GpuOptions {
    GpuOptions { cache: None, poison: true, ..GpuOptions::default() }
}

fn vision() -> Vision {
    Vision::builder().gpu(options()).build().unwrap()
}

fn portrait() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/astronaut.png")
}

/// Faces without a partner on the other side, but for those about as sure as the threshold.
fn unmatched(one: &[FaceObservation], other: &[FaceObservation], threshold: f32) -> usize {
    let close = |a: &FaceObservation, b: &FaceObservation| {
        (a.confidence - b.confidence).abs() <= CONFIDENCE && a.rect.iou(b.rect) >= IOU
    };
    let sure = one.iter().filter(|face| face.confidence >= threshold + CONFIDENCE);
    sure.filter(|a| !other.iter().any(|b| close(a, b))).count()
}

fn assert_same(vision: &Vision, source: impl Into<Source>, request: &DetectFaces) {
    let picture = vision.open(source).unwrap();
    let threshold = 0.5;
    let on = |device: Device| picture.perform_one(request.clone().threshold(threshold).device(device)).unwrap();
    let (cpu, gpu) = (on(Device::Cpu), on(Device::Gpu));
    let apart = unmatched(&cpu, &gpu, threshold) + unmatched(&gpu, &cpu, threshold);
    assert_eq!(apart, 0, "{:?}:\n{cpu:#?}\n{gpu:#?}", picture.info());
    assert!(gpu.iter().all(|face| face.provenance.device == Device::Gpu));
    assert!(cpu.iter().all(|face| face.provenance.device == Device::Cpu));
}

fn the_portrait_has_the_same_face() {
    let vision = vision();
    assert_same(&vision, portrait(), &DetectFaces::new().min_size(0.15));
    let found = vision.open(portrait()).unwrap().perform_one(DetectFaces::new().min_size(0.15).device(Device::Gpu));
    assert_eq!(found.unwrap().len(), 1);
}

fn a_region_has_the_same_face() {
    let region = Region::new(0.25, 0.0, 0.5, 0.5).unwrap();
    assert_same(&vision(), portrait(), &DetectFaces::new().min_size(0.2).region(region));
}

/// Of 253 pixels the levels have 253, 127, 63 and 32, but 63 is made from 126, and 32 from 64 and 128. The face fills so much
/// of the picture that those two find it.
fn levels_that_are_no_halves_have_the_same_faces() {
    let close = image::open(portrait()).unwrap().crop(150, 40, 150, 165);
    let close = close.resize(253, 253, image::imageops::FilterType::Triangle);
    assert_eq!(close.height(), 253);
    assert_same(&vision(), close, &DetectFaces::new());
}

fn a_batch_has_the_same_faces() {
    let vision = vision();
    let on = |device: Device| {
        let request = DetectFaces::new().min_size(0.2).device(device);
        let outcomes = vision.batch([portrait(), portrait(), portrait()]).perform((request,));
        outcomes.map(|outcome| outcome.unwrap().1.0.unwrap()).collect::<Vec<_>>()
    };
    for (cpu, gpu) in on(Device::Cpu).iter().zip(on(Device::Gpu)) {
        assert_eq!(unmatched(cpu, &gpu, 0.0) + unmatched(&gpu, cpu, 0.0), 0);
    }
}

fn dev_pictures_have_the_same_faces() {
    let folder = data::faces().expect("checked by main");
    let all = std::env::var_os("OCELLI_GPU_ALL").is_some();
    let lines = std::fs::read_to_string(folder.join("dev.jsonl")).unwrap();
    let names = lines.lines().map(|line| {
        let record: serde_json::Value = serde_json::from_str(line).unwrap();
        record["image"].as_str().or_else(|| record["path"].as_str()).unwrap().to_owned()
    });
    let names: Vec<String> = names.collect();
    let step = if all { 1 } else { (names.len() / 3).max(1) };
    let vision = vision();
    // Few pictures, few pixels: a software device takes a second for what a real one does in a millisecond.
    let request = if all { DetectFaces::new() } else { DetectFaces::new().min_size(0.1) };
    for name in names.iter().step_by(step) {
        assert_same(&vision, folder.join(name), &request);
    }
}

fn a_lost_device_is_an_error_to_who_insists() {
    let vision = vision();
    let request = || DetectFaces::new().min_size(0.2);
    let picture = vision.open(portrait()).unwrap();
    picture.perform_one(request().device(Device::Gpu)).unwrap();
    vision.devices().gpu_backend().destroy_device();
    let lost = picture.perform_one(request().device(Device::Gpu)).unwrap_err();
    assert!(matches!(lost, Error::Device { .. }), "{lost}");
    assert_eq!(picture.perform_one(request()).unwrap().len(), 1);
}

fn slices_are_told() {
    let vision = vision();
    assert!(vision.devices().gpu_report().is_none());
    let picture = vision.open(portrait()).unwrap();
    picture.perform_one(DetectFaces::new().min_size(0.3).device(Device::Gpu)).unwrap();
    let report = vision.devices().gpu_report().unwrap();
    assert_eq!(report.jobs, 1);
    assert!(report.slices.n > 0 && report.slices.p50_us <= report.slices.p99_us);
    assert!(report.slices.p99_us <= report.slices.max_us);
    // The largest level alone went up, and little came back.
    assert!(report.bytes_up > 80 * 80 * 3 && report.bytes_down < 200_000, "{report:?}");
    let text = report.to_string();
    assert!(text.contains("p99") && text.contains("MB up"), "{text}");
}

fn a_missing_adapter_is_an_error_or_no_matter() {
    let none = GpuOptions { adapter: Some("no such adapter".into()), ..options() };
    let vision = Vision::builder().gpu(none).build().unwrap();
    let error = vision.devices().gpu_ready().unwrap_err();
    assert!(matches!(error, Error::Device { .. }), "{error}");
    let picture = vision.open(portrait()).unwrap();
    let request = || DetectFaces::new().min_size(0.2);
    let error = picture.perform_one(request().device(Device::Gpu)).unwrap_err().to_string();
    assert!(error.contains("no such adapter") && !error.contains('\n'), "{error}");
    let faces = picture.perform_one(request().device(Device::Auto)).unwrap();
    assert_eq!(faces.len(), 1);
    assert_eq!(faces[0].provenance.device, Device::Cpu);
}
