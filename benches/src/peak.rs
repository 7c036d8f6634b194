//! The core's own peak, measured beside the kernels: a share of it says more than seconds do.
#![allow(unsafe_code, reason = "SIMD intrinsics")]

use std::time::Instant;

/// Multiplications and additions per second of one core in f32, in units of 10⁹ multiplications.
/// `None` where this program has no probe for the CPU.
#[must_use]
pub fn f32_gmacs() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        // SAFETY: the features were just found.
        return Some(best(|| unsafe { x86::fma(ROUNDS) }, ROUNDS * 12 * 8));
    }
    None
}

/// The same for u8 × i8 products summed in i32 (VNNI).
#[must_use]
pub fn i8_gmacs() -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512vl") {
        // SAFETY: the features were just found.
        return Some(best(|| unsafe { x86::dot(ROUNDS) }, ROUNDS * 12 * 32));
    }
    None
}

const ROUNDS: u64 = 200_000;

/// The fastest of some tries, in 10⁹ operations a second.
fn best(work: impl Fn() -> f32, operations: u64) -> f64 {
    let mut best = 0.0_f64;
    for _ in 0..30 {
        let start = Instant::now();
        std::hint::black_box(work());
        best = best.max(operations as f64 / start.elapsed().as_secs_f64() / 1e9);
    }
    best
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_add_epi32, _mm256_add_ps, _mm256_cvtepi32_ps, _mm256_cvtss_f32, _mm256_dpbusd_epi32, _mm256_fmadd_ps,
        _mm256_set1_epi32, _mm256_set1_ps,
    };

    use std::hint::black_box;

    /// Twelve independent chains of fused multiply-adds, enough to fill two units of latency four.
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn fma(rounds: u64) -> f32 {
        let (a, b) = black_box((_mm256_set1_ps(0.999), _mm256_set1_ps(0.001)));
        let mut sums = black_box([_mm256_set1_ps(1.0); 12]);
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_fmadd_ps(*sum, a, b);
            }
        }
        let total = sums.into_iter().fold(_mm256_set1_ps(0.0), |a, b| _mm256_add_ps(a, b));
        _mm256_cvtss_f32(total)
    }

    /// Twelve independent chains of byte dot products.
    #[target_feature(enable = "avx2,avx512vl,avx512vnni")]
    pub(super) fn dot(rounds: u64) -> f32 {
        let (a, b) = black_box((_mm256_set1_epi32(0x0101_0101), _mm256_set1_epi32(0x0101_0101)));
        let mut sums = black_box([_mm256_set1_epi32(1); 12]);
        for _ in 0..rounds {
            for sum in &mut sums {
                *sum = _mm256_dpbusd_epi32(*sum, a, b);
            }
        }
        let total = sums.into_iter().fold(_mm256_set1_epi32(0), |a, b| _mm256_add_epi32(a, b));
        _mm256_cvtss_f32(_mm256_cvtepi32_ps(total))
    }
}
