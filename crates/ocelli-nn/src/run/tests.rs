//! Whole networks against the reference evaluator.

use crate::testing::reference::evaluate;
use crate::testing::{FileBuilder, Random, student};
use crate::{Error, Execution, ImageShape, Isa, Network, NetworkOptions, PlanOptions, RgbImage};

/// Runs `file` at `shapes` and compares every output of every level with the reference.
fn check(file: &FileBuilder, shapes: &[ImageShape], isa: Isa, options: &PlanOptions) {
    let model = file.model();
    let network = Network::with_options(&model, &NetworkOptions::default().with_isa(isa)).unwrap();
    let plan = network.plan(shapes, options).unwrap();
    let mut random = Random(7);
    let pixels: Vec<Vec<u8>> = shapes.iter().map(|s| random.bytes(s.height * s.width * 3)).collect();
    let pictures: Vec<RgbImage<'_>> =
        pixels.iter().zip(shapes).map(|(data, &shape)| RgbImage::packed(data, shape).unwrap()).collect();
    let mut arena = plan.arena().unwrap();
    // Whatever the last user left there must not matter; NaN would spread.
    arena.bytes_mut().fill(0xff);
    let outputs = plan.run(&mut arena, &pictures, &|| false).unwrap();
    for (level_ix, &shape) in shapes.iter().enumerate() {
        let values = evaluate(model.graph(), &pixels[level_ix], shape);
        for output in &model.graph().outputs {
            let expected = &values[output.value];
            let actual = outputs.get(level_ix, &output.name).unwrap();
            let dims = (expected.shape.height, expected.shape.width, expected.channels);
            assert_eq!(actual.dim(), dims);
            for ((y, x, c), &actual) in actual.indexed_iter() {
                let expected = expected.at(y, x, c);
                // f32 sums of some hundred terms of size one.
                let close = (f64::from(actual) - expected).abs() <= 1e-4 * (1.0 + expected.abs());
                let name = &output.name;
                assert!(close, "{isa} {name} level {level_ix} ({y}, {x}, {c}): {actual} {expected}");
            }
        }
    }
}

fn check_everywhere(file: &FileBuilder, shapes: &[ImageShape]) {
    for isa in Isa::available() {
        for workers in [1, 3] {
            for band_rows in [1, 3] {
                let execution = Execution::Streamed { band_rows };
                let options = PlanOptions::default().with_execution(execution).with_workers(workers);
                check(file, shapes, isa, &options);
            }
            let options = PlanOptions::default().with_execution(Execution::Whole).with_workers(workers);
            check(file, shapes, isa, &options);
        }
    }
}

fn shapes(sides: &[(usize, usize)]) -> Vec<ImageShape> {
    sides.iter().map(|&(h, w)| ImageShape::new(h, w)).collect()
}

#[test]
fn test_student_matches_reference() {
    let sizes = shapes(&[(67, 93), (34, 47), (17, 23), (9, 12), (1, 1)]);
    check_everywhere(&student(1, [16, 24, 32, 48]), &sizes);
}

#[test]
fn test_odd_channels_match_reference() {
    check_everywhere(&student(2, [5, 9, 17, 56]), &shapes(&[(40, 130), (3, 7)]));
}

#[test]
fn test_every_operator_matches_reference() {
    let mut file = FileBuilder::new(3);
    let a = file.conv("image", "a", [3, 12], 5, 1);
    let b = file.grouped(&a, "b", [12, 12], 3, 2, 12);
    let b = file.plain("sigmoid", &[&b], "b.sigmoid");
    let p = file.pool(&a, "p", 3, 2, 1);
    let s = file.plain("add", &[&b, &p], "s");
    let s = file.plain("relu", &[&s], "s.relu");
    let s = file.batch_norm(&s, 12);
    let g = file.grouped(&s, "g", [12, 8], 3, 1, 4);
    let u = file.plain("upsample_nearest2d", &[&g, &a], "u");
    let c = file.plain("concat", &[&u, &a], "c");
    let i = file.pool("image", "i", 2, 2, 0);
    file.conv(&c, "dense", [20, 7], 1, 1);
    let m = file.plain("global_avg_pool", &[&c], "mean");
    file.plain("sigmoid", &[&m], "mean.sigmoid");
    file.plain("relu", &["u"], "u.relu");
    let i = file.plain("relu", &[&i], "i.relu");
    file.outputs = ["dense", "mean.sigmoid", "u.relu", "s.relu.bn", "c"].map(str::to_owned).to_vec();
    file.outputs.push(i);
    check_everywhere(&file, &shapes(&[(31, 45), (2, 2), (16, 16)]));
}

#[test]
fn test_subsampling_and_merged_heads() {
    let mut file = FileBuilder::new(4);
    let a = file.conv("image", "a", [3, 16], 3, 1);
    let a = file.pool(&a, "a2", 1, 2, 0);
    for (name, channels) in [("x", 1), ("y", 4), ("z", 10)] {
        file.conv(&a, name, [16, channels], 3, 1);
    }
    file.outputs = ["z", "x", "y"].map(str::to_owned).to_vec();
    check_everywhere(&file, &shapes(&[(21, 34), (8, 9)]));
}

#[test]
fn test_same_bits_for_any_workers_and_execution() {
    let network = Network::new(&student(5, [16, 24, 48, 64]).model()).unwrap();
    let shape = ImageShape::new(97, 121);
    let pixels = Random(1).bytes(97 * 121 * 3);
    let picture = [RgbImage::packed(&pixels, shape).unwrap()];
    let bits = |options: &PlanOptions| -> Vec<u32> {
        let plan = network.plan(&[shape], options).unwrap();
        let mut arena = plan.arena().unwrap();
        let outputs = plan.run(&mut arena, &picture, &|| false).unwrap();
        outputs.get(0, "box").unwrap().iter().map(|x| x.to_bits()).collect()
    };
    let options = PlanOptions::default().with_execution(Execution::Whole);
    let whole = bits(&options.clone().with_workers(1));
    for workers in [1, 2, 5, 16] {
        assert_eq!(whole, bits(&PlanOptions::default().with_workers(workers)), "{workers} streamed");
        assert_eq!(whole, bits(&options.clone().with_workers(workers)), "{workers} whole");
    }
}

#[test]
fn test_wrong_pictures_are_refused() {
    let network = Network::new(&student(6, [8, 8, 8, 8]).model()).unwrap();
    let shape = ImageShape::new(16, 16);
    let plan = network.plan(&[shape], &PlanOptions::default()).unwrap();
    let mut arena = plan.arena().unwrap();
    let pixels = vec![0; 16 * 17 * 3];
    let other = RgbImage::packed(&pixels, ImageShape::new(16, 17)).unwrap();
    let none = plan.run(&mut arena, &[], &|| false).unwrap_err();
    assert!(matches!(none, Error::Picture { picture_ix: 0, .. }));
    let wrong = plan.run(&mut arena, &[other], &|| false).unwrap_err();
    assert!(matches!(wrong, Error::Picture { picture_ix: 0, .. }));
    assert!(RgbImage::packed(&pixels[1..], ImageShape::new(16, 17)).is_err());
    assert!(RgbImage::new(&pixels, ImageShape::new(2, 17), 50).is_err());
    assert!(RgbImage::packed(&[], ImageShape::new(usize::MAX, usize::MAX)).is_err());
}

#[test]
fn test_cancelled_run_says_so() {
    let network = Network::new(&student(6, [8, 8, 8, 8]).model()).unwrap();
    let shape = ImageShape::new(16, 16);
    let plan = network.plan(&[shape], &PlanOptions::default()).unwrap();
    let mut arena = plan.arena().unwrap();
    let pixels = vec![0; 16 * 16 * 3];
    let picture = [RgbImage::packed(&pixels, shape).unwrap()];
    assert!(matches!(plan.run(&mut arena, &picture, &|| true), Err(Error::Cancelled)));
    let outputs = plan.run(&mut arena, &picture, &|| false).unwrap();
    assert!(matches!(outputs.get(0, "nose"), Err(Error::UnknownOutput { level_ix: 0, .. })));
    assert!(matches!(outputs.get(1, "score"), Err(Error::UnknownOutput { level_ix: 1, .. })));
}

/// A tensor of a safetensors file as f32 or bytes.
fn recorded<'a>(file: &'a safetensors::SafeTensors<'a>, name: &str) -> (Vec<usize>, &'a [u8]) {
    let view = file.tensor(name).unwrap();
    (view.shape().to_vec(), view.data())
}

/// Runs a model of the repository on the recorded picture; compares with the training framework.
fn check_recorded(model: &[u8], reference: &[u8], image: &str, outputs: &[(&str, &str)]) {
    let model = crate::Model::from_bytes(model, &crate::ModelLimits::default()).unwrap();
    let reference = safetensors::SafeTensors::deserialize(reference).unwrap();
    let (shape, pixels) = recorded(&reference, image);
    let shape = ImageShape::new(shape[0], shape[1]);
    for isa in Isa::available() {
        let network = Network::with_options(&model, &NetworkOptions::default().with_isa(isa)).unwrap();
        let plan = network.plan(&[shape], &PlanOptions::default()).unwrap();
        let mut arena = plan.arena().unwrap();
        let picture = [RgbImage::packed(pixels, shape).unwrap()];
        let results = plan.run(&mut arena, &picture, &|| false).unwrap();
        for (name, record) in outputs {
            let (dims, data) = recorded(&reference, record);
            let expected: Vec<f32> = data.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect();
            let actual = results.get(0, name).unwrap();
            assert_eq!(actual.shape(), dims);
            for (actual, expected) in actual.iter().zip(expected) {
                let close = (actual - expected).abs() <= 2e-4 * (1.0 + expected.abs());
                assert!(close, "{isa} {name}: {actual}, recorded {expected}");
            }
        }
    }
}

#[test]
fn test_toy_matches_training_framework() {
    let toy = include_bytes!("../../../../models/testdata/toy.safetensors");
    let outputs = [("map", "reference.map"), ("vector", "reference.vector")];
    check_recorded(toy, toy, "reference.image", &outputs);
}

#[test]
fn test_face_student_matches_training_framework() {
    let model = include_bytes!("../../../../models/face-student.safetensors");
    let reference = include_bytes!("../../../../models/testdata/face-student.reference.safetensors");
    check_recorded(model, reference, "image", &[("score", "score"), ("box", "box")]);
}

#[test]
fn test_face_student_tiny_matches_training_framework() {
    let model = include_bytes!("../../../../models/face-student-tiny.safetensors");
    let reference = include_bytes!("../../../../models/testdata/face-student-tiny.reference.safetensors");
    check_recorded(model, reference, "image", &[("score", "score"), ("box", "box")]);
}

#[test]
fn test_face_landmarks_matches_training_framework() {
    let model = include_bytes!("../../../../models/face-landmarks.safetensors");
    let reference = include_bytes!("../../../../models/testdata/face-landmarks.reference.safetensors");
    check_recorded(model, reference, "image", &[("points", "points"), ("spread", "spread")]);
}

/// A network in int8 calibrated on the picture it will see, and its float twin.
fn int8(model: &crate::Model, isa: Isa, picture: &RgbImage<'_>) -> Result<std::sync::Arc<Network>, Error> {
    let calibration = crate::Calibration::measure(&Network::new(model)?, &[*picture])?;
    let options = NetworkOptions::default().with_isa(isa).with_precision(crate::Precision::Int8);
    Network::with_options(model, &options.with_calibration(calibration))
}

fn run_output(
    network: &std::sync::Arc<Network>,
    picture: &RgbImage<'_>,
    name: &str,
    options: &PlanOptions,
) -> Vec<f32> {
    let plan = network.plan(&[picture.shape()], options).unwrap();
    let mut arena = plan.arena().unwrap();
    arena.bytes_mut().fill(0xff);
    let outputs = plan.run(&mut arena, &[*picture], &|| false).unwrap();
    outputs.get(0, name).unwrap().iter().copied().collect()
}

/// Every operator that has a byte form.
fn byte_operators() -> FileBuilder {
    let mut file = FileBuilder::new(11);
    // Bytes want one whole mean.
    file.input_means = [128.0; 3];
    let a = file.conv("image", "a", [3, 12], 3, 1);
    let p = file.pool(&a, "p", 3, 2, 1);
    let b = file.conv(&p, "b", [12, 12], 3, 2);
    let u = file.plain("upsample_nearest2d", &[&b, &p], "u");
    let s = file.plain("add", &[&u, &p], "s");
    let s = file.plain("relu", &[&s], "s.relu");
    let a2 = file.conv("image", "a2", [3, 6], 5, 2);
    let c = file.plain("concat", &[&s, &a2, &u], "c");
    file.conv(&c, "dense", [30, 7], 1, 1);
    let h = file.conv(&c, "h", [30, 2], 3, 1);
    file.plain("sigmoid", &[&h], "h.sigmoid");
    file.outputs = ["dense", "h.sigmoid"].map(str::to_owned).to_vec();
    file
}

#[test]
fn test_int8_is_bit_equal_everywhere() {
    for (file, height, width) in [(byte_operators(), 29, 43), (student8(12), 61, 85), (student8(13), 7, 5)] {
        let model = file.model();
        let shape = ImageShape::new(height, width);
        let pixels = Random(4).bytes(height * width * 3);
        let picture = RgbImage::packed(&pixels, shape).unwrap();
        let scalar = int8(&model, Isa::Scalar, &picture).unwrap();
        for output in &file.outputs {
            let one = PlanOptions::default().with_workers(1);
            let expected = run_output(&scalar, &picture, output, &one.clone().with_execution(Execution::Whole));
            for isa in Isa::available() {
                let network = int8(&model, isa, &picture).unwrap();
                for options in [one.clone(), PlanOptions::default().with_workers(3)] {
                    assert_eq!(run_output(&network, &picture, output, &options), expected, "{isa} {output}");
                }
            }
        }
    }
}

/// The student with an input that bytes can stand for.
fn student8(seed: u64) -> FileBuilder {
    let mut file = student(seed, [16, 24, 48, 64]);
    file.input_means = [128.0; 3];
    file
}

#[test]
fn test_int8_stays_near_f32() {
    let model = include_bytes!("../../../../models/face-student.safetensors");
    let model = crate::Model::from_bytes(model, &crate::ModelLimits::default()).unwrap();
    let shape = ImageShape::new(61, 85);
    let pixels = Random(4).bytes(61 * 85 * 3);
    let picture = RgbImage::packed(&pixels, shape).unwrap();
    let floats = Network::new(&model).unwrap();
    let bytes = int8(&model, Isa::detect(), &picture).unwrap();
    for (name, tolerance) in [("score", 0.5), ("box", 0.25)] {
        let expected = run_output(&floats, &picture, name, &PlanOptions::default());
        let actual = run_output(&bytes, &picture, name, &PlanOptions::default());
        let most = expected.iter().zip(&actual).map(|(e, a)| (e - a).abs()).fold(0.0, f32::max);
        // Some steps of 1/127 of the widest layer; a wrong scale or zero point is off by whole logits.
        assert!(most < tolerance, "{name} differs by {most}");
        assert!(actual != expected, "bytes were not used");
    }
}

#[test]
fn test_int8_refuses_what_it_cannot_do() {
    let model = student8(5).model();
    let uncalibrated = NetworkOptions::default().with_precision(crate::Precision::Int8);
    assert!(matches!(Network::with_options(&model, &uncalibrated), Err(Error::Unsupported { .. })));
    let mut file = FileBuilder::new(1);
    file.input_means = [128.0; 3];
    file.grouped("image", "d", [3, 3], 3, 1, 3);
    file.outputs = vec!["d".to_owned()];
    let pixels = [0; 48];
    let picture = RgbImage::packed(&pixels, ImageShape::new(4, 4)).unwrap();
    assert!(matches!(int8(&file.model(), Isa::Scalar, &picture), Err(Error::Unsupported { .. })));
}

#[test]
fn test_calibration_travels_in_the_file() {
    let file = student8(5);
    let pixels = Random(4).bytes(16 * 16 * 3);
    let picture = RgbImage::packed(&pixels, ImageShape::new(16, 16)).unwrap();
    let calibration = crate::Calibration::measure(&Network::new(&file.model()).unwrap(), &[picture]).unwrap();
    let bytes = calibration.write_into(&file.bytes()).unwrap();
    let model = crate::Model::from_bytes(&bytes, &crate::ModelLimits::default()).unwrap();
    let options = NetworkOptions::default().with_precision(crate::Precision::Int8);
    let carried = Network::with_options(&model, &options).unwrap();
    let given = int8(&file.model(), Isa::detect(), &picture).unwrap();
    let plain = PlanOptions::default();
    assert_eq!(run_output(&carried, &picture, "box", &plain), run_output(&given, &picture, "box", &plain));
}
