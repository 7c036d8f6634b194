//! The kernel suite: every case of every row kernel against its scalar twin, for one instruction set
//! by one line.
#![allow(unsafe_code, reason = "calls kernels on rows made here")]

use super::isa::Isa;
use super::{conv_f32, conv_i8};
use crate::model::MAX_KERNEL;
use crate::quantize::MOST;
use crate::testing::Random;

/// Every tail of every tile, and more.
const PIXELS: [usize; 17] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 17, 23, 33];
/// Every block width, alone and in company.
const CHANNELS: [usize; 9] = [8, 16, 24, 32, 40, 48, 56, 64, 72];

/// Window rows, run and step of a case: 1×1, the picture's first layer, 3×3 of stride 1 and 2, 5×5.
const WINDOWS: [[usize; 3]; 5] = [[1, 8, 8], [3, 9, 6], [3, 24, 8], [3, 48, 32], [5, 40, 8]];

/// Declares the suite for one instruction set; it is skipped by name where the CPU lacks the set.
macro_rules! kernel_suite {
    ($($name:ident = $isa:expr),*) => {$(
        mod $name {
            #[test]
            fn test_conv_f32() {
                super::when_available($isa, super::conv_f32_cases);
            }

            #[test]
            fn test_conv_i8() {
                super::when_available($isa, super::conv_i8_cases);
            }
        }
    )*};
}

kernel_suite!(scalar = super::Isa::Scalar, neon = super::Isa::Neon);
kernel_suite!(avx2 = super::Isa::Avx2, avx512 = super::Isa::Avx512);

fn when_available(isa: Isa, cases: impl Fn(Isa)) {
    match isa.is_available() {
        true => cases(isa),
        false => println!("skipped: this CPU has no {isa}"),
    }
}

/// Misaligned on purpose: rows start one element after the allocation.
fn rows_of<T>(data: &[T], kernel_h: usize, row_len: usize) -> [*const T; MAX_KERNEL] {
    let mut rows = [data.as_ptr(); MAX_KERNEL];
    for (ky, row) in rows[..kernel_h].iter_mut().enumerate() {
        *row = data[1 + ky * row_len..].as_ptr();
    }
    rows
}

fn conv_f32_cases(isa: Isa) {
    let mut random = Random(1);
    for [kernel_h, run, step] in WINDOWS {
        for channels in CHANNELS {
            for n in PIXELS {
                let row_len = (n - 1) * step + run;
                let input: Vec<f32> = (0..=kernel_h * row_len).map(|_| random.unit()).collect();
                // `[kernel_h * run][channels]`, then cut into blocks.
                let weights: Vec<f32> = (0..kernel_h * run * channels).map(|_| random.unit()).collect();
                let bias: Vec<f32> = (0..channels).map(|_| random.unit()).collect();
                let run_with = |isa: Isa| {
                    let mut out = vec![f32::NAN; n * channels + 1];
                    for block in conv_f32::blocks(isa, channels) {
                        let packed: Vec<f32> = weights
                            .chunks_exact(channels)
                            .flat_map(|row| &row[block.first..block.first + block.width])
                            .copied()
                            .collect();
                        let args = conv_f32::ConvRow {
                            rows: rows_of(&input, kernel_h, row_len),
                            kernel_h,
                            run,
                            step,
                            weights: packed.as_ptr(),
                            bias: bias[block.first..].as_ptr(),
                            out: out[1 + block.first..].as_mut_ptr(),
                            out_step: channels,
                            n,
                            floor: if n % 2 == 0 { 0.0 } else { f32::NEG_INFINITY },
                        };
                        // SAFETY: the CPU has the set, and every buffer was made for these sizes.
                        unsafe { (block.kernel)(&args) };
                    }
                    assert!(out[0].is_nan(), "wrote before the row");
                    out.split_off(1)
                };
                // Sums of up to 200 products of size one: a scaled absolute tolerance.
                for (ix, (actual, expected)) in run_with(isa).iter().zip(run_with(Isa::Scalar)).enumerate() {
                    let close = (actual - expected).abs() <= 1e-5 * (run * kernel_h) as f32;
                    assert!(close, "{isa} {channels} channels, {n} pixels, {ix}: {actual} {expected}");
                }
            }
        }
    }
}

fn conv_i8_cases(isa: Isa) {
    for most in [u8::MAX, MOST] {
        conv_i8_cases_up_to(isa, most);
    }
}

fn conv_i8_cases_up_to(isa: Isa, most: u8) {
    let mut random = Random(2);
    for [kernel_h, run, step] in WINDOWS {
        let quads = run.div_ceil(conv_i8::QUAD);
        for channels in CHANNELS {
            for n in PIXELS {
                let row_len = (n - 1) * step + quads * conv_i8::QUAD;
                // Extremes among the bytes: pairs of products must not saturate.
                let input = random.bytes(1 + kernel_h * row_len).into_iter();
                let input: Vec<u8> = input.map(|x| if x > 200 { most } else { x.min(most) }).collect();
                let weights = random.bytes(kernel_h * quads * channels * conv_i8::QUAD);
                let weights: Vec<i8> =
                    weights.into_iter().map(|x| if x > 200 { -127 } else { (x as i8).max(-127) }).collect();
                let bias: Vec<i32> = (0..channels).map(|_| random.below(20_000) as i32 - 10_000).collect();
                let scale: Vec<f32> = (0..channels).map(|_| random.unit().abs() * 2e-3).collect();
                let (bytes, floats) = (run_i8(isa, true), run_i8(isa, false));
                let (twin_bytes, twin_floats) = (run_i8(Isa::Scalar, true), run_i8(Isa::Scalar, false));
                let case = I8Case {
                    input: &input,
                    weights: &weights,
                    bias: &bias,
                    scale: &scale,
                    most,
                    window: [kernel_h, quads, step, row_len],
                    channels,
                    n,
                };
                assert_eq!(bytes(&case), twin_bytes(&case), "{isa} bytes, {channels} channels, {n} pixels");
                assert_eq!(floats(&case), twin_floats(&case), "{isa} floats, {channels} channels, {n} pixels");
            }
        }
    }
}

struct I8Case<'a> {
    input: &'a [u8],
    /// `[kernel_h * quads][channels][4]`.
    weights: &'a [i8],
    bias: &'a [i32],
    scale: &'a [f32],
    /// The greatest input byte.
    most: u8,
    /// Window rows, quads, step and row length.
    window: [usize; 4],
    channels: usize,
    n: usize,
}

/// Runs a case on `isa`, to bytes or to floats; the answer is the bit patterns.
fn run_i8(isa: Isa, to_bytes: bool) -> impl Fn(&I8Case<'_>) -> Vec<u32> {
    move |case| {
        let [kernel_h, quads, step, row_len] = case.window;
        let size = case.n * case.channels;
        let (mut bytes, mut floats) = (vec![0_u8; size], vec![0.0_f32; size]);
        for block in conv_i8::blocks(isa, case.channels, case.most) {
            let span = block.first * conv_i8::QUAD..(block.first + block.width) * conv_i8::QUAD;
            let rows = case.weights.chunks_exact(case.channels * conv_i8::QUAD);
            let packed: Vec<i8> = rows.flat_map(|row| &row[span.clone()]).copied().collect();
            let target = match to_bytes {
                true => conv_i8::Target::Bytes {
                    out: bytes[block.first..].as_mut_ptr(),
                    low: -30.0,
                    high: 225.0,
                    zero_point: 30,
                },
                false => conv_i8::Target::Floats { out: floats[block.first..].as_mut_ptr(), low: -50.0 },
            };
            let args = conv_i8::ConvRow {
                rows: rows_of(case.input, kernel_h, row_len),
                kernel_h,
                quads,
                step,
                weights: packed.as_ptr(),
                bias: case.bias[block.first..].as_ptr(),
                scale: case.scale[block.first..].as_ptr(),
                target,
                out_step: case.channels,
                n: case.n,
            };
            // SAFETY: the CPU has the set, and every buffer was made for these sizes.
            unsafe { (block.kernel)(&args) };
        }
        match to_bytes {
            true => bytes.into_iter().map(u32::from).collect(),
            false => floats.into_iter().map(f32::to_bits).collect(),
        }
    }
}
