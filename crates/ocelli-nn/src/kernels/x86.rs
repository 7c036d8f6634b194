//! AVX2 and AVX-512 registers.
#![allow(unsafe_code, reason = "SIMD intrinsics")]

use std::arch::x86_64::{
    __m256, __m256i, __m512, __m512i, _mm_packus_epi16, _mm_packus_epi32, _mm_storel_epi64, _mm_storeu_si128,
    _mm256_add_epi32, _mm256_and_si256, _mm256_castsi256_si128, _mm256_cvtepi32_epi8, _mm256_cvtepi32_ps,
    _mm256_cvtps_epi32, _mm256_dpbusd_epi32, _mm256_extracti128_si256, _mm256_fmadd_ps, _mm256_loadu_ps,
    _mm256_loadu_si256, _mm256_madd_epi16, _mm256_maddubs_epi16, _mm256_max_ps, _mm256_min_ps, _mm256_mul_ps,
    _mm256_set1_epi16, _mm256_set1_epi32, _mm256_set1_ps, _mm256_slli_epi16, _mm256_srai_epi16, _mm256_srli_epi16,
    _mm256_storeu_ps, _mm512_add_epi32, _mm512_cvtepi32_epi8, _mm512_cvtepi32_ps, _mm512_cvtps_epi32,
    _mm512_dpbusd_epi32, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_loadu_si512, _mm512_max_ps, _mm512_min_ps,
    _mm512_mul_ps, _mm512_set1_epi32, _mm512_set1_ps, _mm512_storeu_ps,
};

use super::vector::{F32Lanes, I32Lanes};

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

/// Eight sums with VNNI's dot product.
#[derive(Clone, Copy)]
pub(crate) struct Dot8(__m256i);

/// Sixteen sums with VNNI's dot product.
#[derive(Clone, Copy)]
pub(crate) struct Dot16(__m512i);

/// Eight sums without VNNI. Bytes are widened to 16 bits, so that no pair of products saturates; `NARROW` inputs, at most
/// 127, need not be.
#[derive(Clone, Copy)]
pub(crate) struct Madd8<const NARROW: bool>(__m256i);

impl I32Lanes for Dot8 {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(source: *const i32) -> Self {
        // SAFETY: the caller vouches for the elements and the target features.
        unsafe { Self(_mm256_loadu_si256(source.cast())) }
    }

    #[inline(always)]
    unsafe fn broadcast(source: *const u8) -> Self {
        // SAFETY: the caller vouches for four bytes and the target features.
        unsafe { Self(_mm256_set1_epi32(source.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot(self, x: Self, w: Self) -> Self {
        // SAFETY: the caller vouches for the target features.
        unsafe { Self(_mm256_dpbusd_epi32(self.0, x.0, w.0)) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, scale: *const f32, range: [f32; 2], zero_point: i32, target: *mut u8) {
        // SAFETY: the caller vouches for the elements and the target features; eight bytes are stored.
        unsafe {
            let rounded = requantize8(self.0, scale, range, zero_point);
            _mm_storel_epi64(target.cast(), _mm256_cvtepi32_epi8(rounded));
        }
    }

    #[inline(always)]
    unsafe fn store_floats(self, scale: *const f32, low: f32, target: *mut f32) {
        // SAFETY: the caller vouches for the elements and the target features.
        unsafe { store_floats8(self.0, scale, low, target) }
    }
}

impl I32Lanes for Dot16 {
    const LANES: usize = 16;

    #[inline(always)]
    unsafe fn load(source: *const i32) -> Self {
        // SAFETY: the caller vouches for the elements and the target features.
        unsafe { Self(_mm512_loadu_si512(source.cast())) }
    }

    #[inline(always)]
    unsafe fn broadcast(source: *const u8) -> Self {
        // SAFETY: the caller vouches for four bytes and the target features.
        unsafe { Self(_mm512_set1_epi32(source.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot(self, x: Self, w: Self) -> Self {
        // SAFETY: the caller vouches for the target features.
        unsafe { Self(_mm512_dpbusd_epi32(self.0, x.0, w.0)) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, scale: *const f32, range: [f32; 2], zero_point: i32, target: *mut u8) {
        // SAFETY: the caller vouches for the elements and the target features; sixteen bytes are stored.
        unsafe {
            let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(self.0), _mm512_loadu_ps(scale));
            let low = _mm512_max_ps(scaled, _mm512_set1_ps(range[0]));
            let rounded = _mm512_cvtps_epi32(_mm512_min_ps(low, _mm512_set1_ps(range[1])));
            let moved = _mm512_add_epi32(rounded, _mm512_set1_epi32(zero_point));
            _mm_storeu_si128(target.cast(), _mm512_cvtepi32_epi8(moved));
        }
    }

    #[inline(always)]
    unsafe fn store_floats(self, scale: *const f32, low: f32, target: *mut f32) {
        // SAFETY: the caller vouches for the elements and the target features.
        unsafe {
            let scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(self.0), _mm512_loadu_ps(scale));
            _mm512_storeu_ps(target, _mm512_max_ps(scaled, _mm512_set1_ps(low)));
        }
    }
}

impl<const NARROW: bool> I32Lanes for Madd8<NARROW> {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(source: *const i32) -> Self {
        // SAFETY: the caller vouches for the elements and the target features.
        unsafe { Self(_mm256_loadu_si256(source.cast())) }
    }

    #[inline(always)]
    unsafe fn broadcast(source: *const u8) -> Self {
        // SAFETY: the caller vouches for four bytes and the target features.
        unsafe { Self(_mm256_set1_epi32(source.cast::<i32>().read_unaligned())) }
    }

    #[inline(always)]
    unsafe fn dot(self, x: Self, w: Self) -> Self {
        // SAFETY: the caller vouches for the target features.
        unsafe {
            if NARROW {
                // 2 · 127 · 127 fits 16 bits, so that this instruction, which saturates, never does.
                let pairs = _mm256_maddubs_epi16(x.0, w.0);
                return Self(_mm256_add_epi32(self.0, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1))));
            }
            // Even and odd bytes apart; the compiler shares the splits among a tile's sums.
            let x_even = _mm256_and_si256(x.0, _mm256_set1_epi32(0x00ff_00ff));
            let x_odd = _mm256_srli_epi16::<8>(x.0);
            let w_even = _mm256_srai_epi16::<8>(_mm256_slli_epi16::<8>(w.0));
            let w_odd = _mm256_srai_epi16::<8>(w.0);
            let even = _mm256_madd_epi16(x_even, w_even);
            let odd = _mm256_madd_epi16(x_odd, w_odd);
            Self(_mm256_add_epi32(self.0, _mm256_add_epi32(even, odd)))
        }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, scale: *const f32, range: [f32; 2], zero_point: i32, target: *mut u8) {
        // SAFETY: the caller vouches for the elements and the target features; eight bytes are stored.
        unsafe {
            let rounded = requantize8(self.0, scale, range, zero_point);
            let halves = (_mm256_castsi256_si128(rounded), _mm256_extracti128_si256::<1>(rounded));
            let words = _mm_packus_epi32(halves.0, halves.1);
            _mm_storel_epi64(target.cast(), _mm_packus_epi16(words, words));
        }
    }

    #[inline(always)]
    unsafe fn store_floats(self, scale: *const f32, low: f32, target: *mut f32) {
        // SAFETY: the caller vouches for the elements and the target features.
        unsafe { store_floats8(self.0, scale, low, target) }
    }
}

/// # Safety
/// AVX2, and eight scales.
#[inline(always)]
unsafe fn requantize8(sums: __m256i, scale: *const f32, range: [f32; 2], zero_point: i32) -> __m256i {
    // SAFETY: as the caller vouches.
    unsafe {
        let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_loadu_ps(scale));
        let low = _mm256_max_ps(scaled, _mm256_set1_ps(range[0]));
        let rounded = _mm256_cvtps_epi32(_mm256_min_ps(low, _mm256_set1_ps(range[1])));
        _mm256_add_epi32(rounded, _mm256_set1_epi32(zero_point))
    }
}

/// # Safety
/// AVX2, eight scales, and room for eight floats.
#[inline(always)]
unsafe fn store_floats8(sums: __m256i, scale: *const f32, low: f32, target: *mut f32) {
    // SAFETY: as the caller vouches.
    unsafe {
        let scaled = _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_loadu_ps(scale));
        _mm256_storeu_ps(target, _mm256_max_ps(scaled, _mm256_set1_ps(low)));
    }
}
