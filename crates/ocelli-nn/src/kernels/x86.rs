//! AVX2 and AVX-512 registers.
#![allow(unsafe_code, reason = "SIMD intrinsics")]

use std::arch::x86_64::{
    __m256, __m512, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_max_ps, _mm256_set1_ps, _mm256_storeu_ps, _mm512_fmadd_ps,
    _mm512_loadu_ps, _mm512_max_ps, _mm512_set1_ps, _mm512_storeu_ps,
};

use super::vector::F32Lanes;

/// Implements the lanes over intrinsics of one width.
macro_rules! f32_lanes {
    ($register:ty, $lanes:literal, $load:ident, $splat:ident, $fma:ident, $max:ident, $store:ident) => {
        impl F32Lanes for $register {
            const LANES: usize = $lanes;

            #[inline(always)]
            unsafe fn load(source: *const f32) -> Self {
                // SAFETY: the caller vouches for LANES elements and for the target features.
                unsafe { $load(source) }
            }

            #[inline(always)]
            unsafe fn broadcast(source: *const f32) -> Self {
                // SAFETY: the caller vouches for one element and for the target features.
                unsafe { $splat(*source) }
            }

            #[inline(always)]
            unsafe fn mul_add(self, a: Self, b: Self) -> Self {
                // SAFETY: the caller vouches for the target features.
                unsafe { $fma(a, b, self) }
            }

            #[inline(always)]
            unsafe fn max(self, other: Self) -> Self {
                // SAFETY: the caller vouches for the target features.
                unsafe { $max(self, other) }
            }

            #[inline(always)]
            unsafe fn store(self, target: *mut f32) {
                // SAFETY: the caller vouches for LANES elements and for the target features.
                unsafe { $store(target, self) }
            }
        }
    };
}

f32_lanes!(__m256, 8, _mm256_loadu_ps, _mm256_set1_ps, _mm256_fmadd_ps, _mm256_max_ps, _mm256_storeu_ps);
f32_lanes!(__m512, 16, _mm512_loadu_ps, _mm512_set1_ps, _mm512_fmadd_ps, _mm512_max_ps, _mm512_storeu_ps);
