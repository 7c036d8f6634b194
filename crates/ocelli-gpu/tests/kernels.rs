//! The kernels on an adapter, software or hardware, against the engine on the CPU: ignored by name where there is none.
//!
//! Every backend here poisons its arena before each job, so that a kernel that reads what nobody wrote shows.

mod common;

use common::{Case, F16, F32, backend, check, cpu, device, job, levels, options, picture, run_all};
use ocelli_gpu::{GpuOptions, Half};
use ocelli_nn::backend::{Backend, Urgency, Want};
use ocelli_nn::testing::{FileBuilder, student};
use ocelli_nn::{Error, ImageShape, Network};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

fn main() {
    run_all(&[
        Case::new("conv", conv),
        Case::new("depthwise", depthwise),
        Case::new("max_pool", max_pool),
        Case::new("add", add),
        Case::new("activate", activate),
        Case::new("concat", concat),
        Case::new("upsample2", upsample2),
        Case::new("global_avg_pool", global_avg_pool),
        Case::new("unpack_and_input", unpack_and_input),
        Case::new("resize_columns_and_rows", resize_columns_and_rows),
        Case::new("select_and_gather", select_and_gather),
        Case::new("more_cells_than_come_back_at_once", more_cells_than_come_back_at_once),
        Case::new("slices_do_not_change_results", slices_do_not_change_results),
        Case::new("rings_of_rows_do_not_change_results", rings_of_rows_do_not_change_results),
        Case::new("half_floats_stay_close", half_floats_stay_close),
        Case::new("several_pictures_in_flight", several_pictures_in_flight),
        Case::new("the_urgent_overtake", the_urgent_overtake),
        Case::new("cancelled_jobs_leave_the_device_usable", cancelled_jobs_leave_the_device_usable),
        Case::new("a_lost_device_says_so", a_lost_device_says_so),
        Case::new("a_full_device_says_so_and_goes_on", a_full_device_says_so_and_goes_on),
        Case::new("a_software_adapter_is_never_chosen", a_software_adapter_is_never_chosen),
    ]);
}

/// Widths that end in every tail of four pixels and of a workgroup; heights of every tail of its rows.
const SHAPES: [[usize; 2]; 9] = [[1, 1], [2, 3], [5, 4], [8, 5], [9, 7], [3, 31], [7, 33], [17, 34], [4, 67]];

fn conv() {
    for (seed, (channels, kernel, stride)) in
        [([3, 1], 1, 1), ([3, 5], 3, 1), ([3, 8], 3, 2), ([3, 13], 5, 1), ([3, 4], 5, 3)].into_iter().enumerate()
    {
        let mut file = FileBuilder::new(seed as u64);
        let a = file.conv("image", "a", channels, kernel, stride);
        let a = file.plain("relu", &[&a], "ar");
        let b = file.conv(&a, "b", [channels[1], 6], 3, 1);
        let b = file.plain("sigmoid", &[&b], "bs");
        let c = file.grouped(&b, "c", [6, 8], 3, 1, 2);
        file.outputs = vec![c];
        check(&file, &SHAPES, F32);
    }
}

fn depthwise() {
    let mut file = FileBuilder::new(11);
    let a = file.conv("image", "a", [3, 7], 1, 1);
    let b = file.grouped(&a, "b", [7, 7], 3, 2, 7);
    let b = file.plain("relu", &[&b], "br");
    let c = file.grouped(&b, "c", [7, 7], 5, 1, 7);
    let c = file.batch_norm(&c, 7);
    file.outputs = vec![c];
    check(&file, &SHAPES, F32);
}

fn max_pool() {
    let mut file = FileBuilder::new(12);
    let a = file.conv("image", "a", [3, 9], 1, 1);
    let p = file.pool(&a, "p", 3, 2, 1);
    let q = file.pool(&p, "q", 2, 1, 1);
    file.outputs = vec![q];
    check(&file, &SHAPES, F32);
}

fn add() {
    let mut file = FileBuilder::new(13);
    let a = file.conv("image", "a", [3, 6], 1, 1);
    let b = file.conv("image", "b", [3, 6], 3, 1);
    let s = file.plain("add", &[&a, &b], "s");
    let r = file.plain("relu", &[&s], "r");
    let t = file.plain("add", &[&r, &a], "t");
    file.outputs = vec![t];
    check(&file, &SHAPES, F32);
}

fn activate() {
    let mut file = FileBuilder::new(14);
    let a = file.conv("image", "a", [3, 5], 1, 1);
    // Two readers each: neither can be fused.
    let r = file.plain("relu", &[&a], "r");
    let s = file.plain("sigmoid", &[&a], "s");
    let t = file.plain("add", &[&r, &s], "t");
    file.outputs = vec![t, a];
    check(&file, &SHAPES, F32);
}

fn concat() {
    let mut file = FileBuilder::new(15);
    let parts: Vec<String> = [1, 3, 4, 2, 6]
        .iter()
        .map(|&n| file.conv("image", &format!("p{n}"), [3, n], if n % 2 == 0 { 3 } else { 1 }, 1))
        .collect();
    let names: Vec<&str> = parts.iter().map(String::as_str).collect();
    let c = file.plain("concat", &names, "c");
    let d = file.conv(&c, "d", [16, 3], 1, 1);
    file.outputs = vec![c, d];
    check(&file, &SHAPES, F32);
}

fn upsample2() {
    let mut file = FileBuilder::new(16);
    let a = file.conv("image", "a", [3, 5], 3, 1);
    let b = file.conv(&a, "b", [5, 5], 3, 2);
    let u = file.plain("upsample_nearest2d", &[&b, &a], "u");
    let s = file.plain("add", &[&u, &a], "s");
    file.outputs = vec![s];
    check(&file, &SHAPES, F32);
}

fn global_avg_pool() {
    let mut file = FileBuilder::new(17);
    let a = file.conv("image", "a", [3, 11], 3, 1);
    let g = file.plain("global_avg_pool", &[&a], "g");
    let l = file.conv(&g, "linear", [11, 6], 1, 1);
    let l = file.plain("sigmoid", &[&l], "ls");
    file.outputs = vec![l];
    check(&file, &SHAPES, F32);
}

/// A network that gives the picture's own numbers back.
fn mirror() -> FileBuilder {
    let mut file = FileBuilder::new(18);
    let a = file.conv("image", "a", [3, 3], 1, 1);
    for (_, _, data) in &mut file.tensors {
        let identity = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0];
        let n = data.len();
        data.copy_from_slice(if n == 9 { &identity } else { &[0.0; 3] });
    }
    file.outputs = vec![a];
    file
}

fn unpack_and_input() {
    check(&mirror(), &SHAPES, F32);
}

/// Levels made on the device have the bytes of the intake's: their numbers are equal to the last bit.
fn resize_columns_and_rows() {
    let network = Network::new(&mirror().model()).unwrap();
    let backend = backend();
    for (from, to) in
        [([48, 64], [24, 32]), ([49, 65], [24, 33]), ([30, 40], [15, 20]), ([70, 33], [29, 40]), ([8, 300], [3, 7])]
    {
        let bytes = picture(from);
        let levels = levels(&[from, to]);
        let answer = backend.run(&job(&network, &bytes, from, &levels, Want::Outputs(&["a"]))).unwrap();
        let size = |[height, width]: [usize; 2]| [width as u32, height as u32];
        let whole = ocelli_resize::CropBox::whole(size(from));
        let small = ocelli_resize::resize_rgb(&bytes, size(from), whole, size(to)).unwrap();
        for (level_ix, (bytes, shape)) in [(&bytes, from), (&small, to)].into_iter().enumerate() {
            let expected = cpu(&network, bytes, shape).remove(0);
            assert_eq!(answer.outputs[level_ix][0], expected, "level {level_ix} of {from:?} to {to:?}");
        }
    }
}

fn three_levels() -> [[usize; 2]; 3] {
    [[41, 66], [21, 33], [11, 17]]
}

fn select_and_gather() {
    let network = Network::new(&student(3, [8, 12, 16, 20]).model()).unwrap();
    let (bytes, shapes) = (picture(three_levels()[0]), three_levels());
    let levels = levels(&shapes);
    let whole = backend().run(&job(&network, &bytes, shapes[0], &levels, Want::Outputs(&["score", "box"]))).unwrap();
    let mut scores: Vec<f32> = whole.outputs.iter().flat_map(|outputs| outputs[0].iter().copied()).collect();
    scores.sort_by(f32::total_cmp);
    for at_least in [f32::MIN, scores[scores.len() / 2], scores[scores.len() - 1], f32::MAX] {
        let want = Want::Cells { score: "score", at_least, read: &["box", "score"] };
        let cells = backend().run(&job(&network, &bytes, shapes[0], &levels, want)).unwrap().cells;
        let mut expected = Vec::new();
        for (level_ix, outputs) in whole.outputs.iter().enumerate() {
            for ((y, x, _), &score) in outputs[0].indexed_iter().filter(|(_, score)| **score >= at_least) {
                let values = (0..4).map(|c| outputs[1][[y, x, c]]).chain([score]).collect::<Vec<f32>>();
                expected.push((level_ix, y, x, score, values));
            }
        }
        let found: Vec<_> = cells.into_iter().map(|c| (c.level_ix, c.y, c.x, c.score, c.values)).collect();
        assert_eq!(found, expected, "scores of at least {at_least}");
    }
}

fn more_cells_than_come_back_at_once() {
    let mut file = FileBuilder::new(19);
    let s = file.conv("image", "score", [3, 1], 1, 1);
    let b = file.conv("image", "box", [3, 4], 1, 1);
    file.outputs = vec![s, b];
    let network = Network::new(&file.model()).unwrap();
    let shape = [60, 70];
    let want = Want::Cells { score: "score", at_least: f32::MIN, read: &["box"] };
    let cells = backend().run(&job(&network, &picture(shape), shape, &levels(&[shape]), want)).unwrap().cells;
    // Records of 32 bytes, 64 KiB of them at once: 4200 cells are twice as many.
    let places: Vec<_> = cells.iter().map(|cell| [cell.y, cell.x]).collect();
    let expected: Vec<_> = (0..60).flat_map(|y| (0..70).map(move |x| [y, x])).collect();
    assert_eq!(places, expected);
}

fn slices_do_not_change_results() {
    let network = Network::new(&student(4, [8, 8, 12, 16]).model()).unwrap();
    let (bytes, shapes) = (picture(three_levels()[0]), three_levels());
    let levels = levels(&shapes);
    let want = Want::Outputs(&["score", "box"]);
    let with_limit = |slice_limit: Duration| {
        let backend = device(GpuOptions { slice_limit, ..options() });
        let outputs = backend.run(&job(&network, &bytes, shapes[0], &levels, want)).unwrap().outputs;
        (outputs, backend.report().unwrap().slices.n)
    };
    let (whole, few) = with_limit(Duration::from_secs(10));
    let (sliced, many) = with_limit(Duration::from_micros(40));
    assert_eq!(sliced, whole);
    assert!(few < 10 && many > 40, "{few} and {many} slices");
}

fn rings_of_rows_do_not_change_results() {
    let network = Network::new(&student(5, [16, 16, 16, 16]).model()).unwrap();
    let shape = [320, 48];
    let (bytes, levels) = (picture(shape), levels(&[shape]));
    let want = Want::Outputs(&["score", "box"]);
    let whole = backend().run(&job(&network, &bytes, shape, &levels, want)).unwrap();
    // Half of what the whole takes: bands of rows must do.
    let taken = backend().report().unwrap().arena_bytes;
    let tight = device(GpuOptions { job_bytes: 320 * 48 * 7 + taken / 2, ..options() });
    let banded = tight.run(&job(&network, &bytes, shape, &levels, want)).unwrap();
    assert_eq!(banded.outputs, whole.outputs);
    assert!(tight.report().unwrap().arena_bytes <= taken / 2);
    let tighter = device(GpuOptions { job_bytes: 1 << 12, ..options() });
    let refused = tighter.run(&job(&network, &bytes, shape, &levels, want));
    assert!(matches!(refused, Err(Error::MemoryLimit { .. })));
}

fn half_floats_stay_close() {
    let half = device(GpuOptions { half: Half::WhereSupported, ..options() });
    let network = Network::new(&student(6, [16, 24, 32, 48]).model()).unwrap();
    let shape = [37, 50];
    let bytes = picture(shape);
    let levels = levels(&[shape]);
    let answer = half.run(&job(&network, &bytes, shape, &levels, Want::Outputs(&["score", "box"]))).unwrap();
    for (found, expected) in answer.outputs[0].iter().zip(cpu(&network, &bytes, shape)) {
        F16.compare(found, &expected, "half");
    }
}

fn several_pictures_in_flight() {
    let network = Network::new(&student(7, [8, 8, 8, 8]).model()).unwrap();
    let backend = Arc::new(device(GpuOptions { in_flight: 2, ..options() }));
    let threads: Vec<_> = (0..6_usize)
        .map(|n| {
            let (network, backend) = (network.clone(), backend.clone());
            std::thread::spawn(move || {
                for k in 0..3 {
                    // Sizes differ, so that workspaces change hands.
                    let shape = [16 + n * 5, 24 + k * 9];
                    let bytes = picture(shape);
                    let levels = levels(&[shape]);
                    let want = Want::Outputs(&["score", "box"]);
                    let answer = backend.run(&job(&network, &bytes, shape, &levels, want)).unwrap();
                    for (found, expected) in answer.outputs[0].iter().zip(cpu(&network, &bytes, shape)) {
                        F32.compare(found, &expected, "in flight");
                    }
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(backend.report().unwrap().jobs, 18);
}

fn the_urgent_overtake() {
    let network = Network::new(&student(8, [16, 16, 16, 16]).model()).unwrap();
    let backend = Arc::new(device(GpuOptions { slice_limit: Duration::from_micros(100), ..options() }));
    let finished = Arc::new(AtomicUsize::new(0));
    let begun = Arc::new(AtomicUsize::new(0));
    let run = |shape: [usize; 2], urgency: Urgency| {
        let (network, backend) = (network.clone(), backend.clone());
        let (finished, begun) = (finished.clone(), begun.clone());
        move || {
            let bytes = picture(shape);
            let levels = levels(&[shape]);
            let should_stop = || {
                begun.fetch_add(1, Ordering::SeqCst);
                false
            };
            let mut job = job(&network, &bytes, shape, &levels, Want::Outputs(&["score"]));
            (job.urgency, job.should_stop) = (urgency, &should_stop);
            backend.run(&job).unwrap();
            finished.fetch_add(1, Ordering::SeqCst)
        }
    };
    let slow = std::thread::spawn(run([200, 200], Urgency::Background));
    while begun.load(Ordering::SeqCst) < 3 {
        std::thread::yield_now();
    }
    let urgent = std::thread::spawn(run([16, 16], Urgency::Interactive));
    assert_eq!((urgent.join().unwrap(), slow.join().unwrap()), (0, 1));
}

fn cancelled_jobs_leave_the_device_usable() {
    let network = Network::new(&student(9, [8, 8, 8, 8]).model()).unwrap();
    let backend = device(GpuOptions { slice_limit: Duration::from_micros(50), ..options() });
    let shape = [64, 64];
    let bytes = picture(shape);
    let levels = levels(&[shape]);
    let asked = AtomicUsize::new(0);
    let should_stop = || asked.fetch_add(1, Ordering::SeqCst) == 2;
    let mut job = job(&network, &bytes, shape, &levels, Want::Outputs(&["score", "box"]));
    job.should_stop = &should_stop;
    assert!(matches!(backend.run(&job), Err(Error::Cancelled)));
    job.should_stop = &|| false;
    let answer = backend.run(&job).unwrap();
    for (found, expected) in answer.outputs[0].iter().zip(cpu(&network, &bytes, shape)) {
        F32.compare(found, &expected, "after a cancelled job");
    }
}

fn tiny() -> (Arc<Network>, Vec<u8>, [usize; 2]) {
    let shape = [16, 16];
    (Network::new(&student(10, [8, 8, 8, 8]).model()).unwrap(), picture(shape), shape)
}

fn a_lost_device_says_so() {
    let (network, bytes, shape) = tiny();
    let levels = levels(&[shape]);
    let backend = device(options());
    let job = job(&network, &bytes, shape, &levels, Want::Outputs(&["score"]));
    backend.run(&job).unwrap();
    backend.destroy_device();
    for _ in 0..2 {
        assert!(matches!(backend.run(&job), Err(Error::Device { .. })));
    }
    assert!(backend.ready().is_err());
    assert!(!backend.is_faster(&network, &[ImageShape::new(4_000, 4_000)]));
}

fn a_full_device_says_so_and_goes_on() {
    let network = tiny().0;
    let backend = device(options());
    // First the weights find no room, then the tables of a new size, then those of a larger one.
    for shape in [[16, 16], [16, 24], [40, 40]] {
        let bytes = picture(shape);
        let levels = levels(&[shape, shape.map(|n| n / 2)]);
        let job = job(&network, &bytes, shape, &levels, Want::Outputs(&["score"]));
        backend.refuse_next_buffer();
        let error = backend.run(&job).unwrap_err();
        assert!(matches!(error, Error::OutOfMemory { .. }), "{error}");
        backend.run(&job).unwrap();
    }
}

fn a_software_adapter_is_never_chosen() {
    let (network, ..) = tiny();
    let backend = device(options());
    let hardware = ocelli_gpu::adapters().iter().any(|adapter| adapter.automatic);
    let chosen = backend.is_faster(&network, &[ImageShape::new(8, 8)]);
    // The smallest of jobs is not worth the way to any device.
    assert!(!chosen, "hardware: {hardware}");
    // Neither does a backend that finds no adapter claim to be fast.
    let none = device(GpuOptions { adapter: Some("no such adapter".into()), ..options() });
    assert!(!none.is_faster(&network, &[ImageShape::new(4_000, 4_000)]));
    let error = none.ready().unwrap_err().to_string();
    assert!(error.contains("no such adapter"), "{error}");
}
