//! Vector lanes: what the kernel needs of an instruction set.

/// A handful of windows side by side.
pub(super) trait Lanes {
    /// Number of lanes.
    const COUNT: usize;
    /// Windows alive in a vector below which they are followed one by one: a vector costs about as much.
    const WORTHWHILE: u32;
    /// Whole numbers, wrapping.
    type Int: Copy;
    /// Floating-point numbers.
    type Float: Copy;
    /// The lanes in memory.
    type Array: AsRef<[f32]>;

    /// # Safety
    /// The processor has the features of this set; here and in all functions below.
    unsafe fn zero() -> Self::Int;
    /// # Safety
    /// `COUNT` elements are readable.
    unsafe fn read(from: *const u32) -> Self::Int;
    /// # Safety
    /// As for `zero`.
    unsafe fn add_product(sum: Self::Int, value: Self::Int, factor: i32) -> Self::Int;
    /// # Safety
    /// As for `zero`.
    unsafe fn float(value: Self::Int) -> Self::Float;
    /// # Safety
    /// As for `zero`.
    unsafe fn splat(value: f32) -> Self::Float;
    /// # Safety
    /// `COUNT` elements are readable.
    unsafe fn load(from: *const f32) -> Self::Float;
    /// # Safety
    /// As for `zero`.
    unsafe fn add(a: Self::Float, b: Self::Float) -> Self::Float;
    /// # Safety
    /// As for `zero`.
    unsafe fn mul(a: Self::Float, b: Self::Float) -> Self::Float;
    /// `a < b ? left : right`
    ///
    /// # Safety
    /// As for `zero`.
    unsafe fn below(a: Self::Float, b: Self::Float, left: Self::Float, right: Self::Float) -> Self::Float;
    /// Bit mask of `a >= b`, the first lane lowest.
    ///
    /// # Safety
    /// As for `zero`.
    unsafe fn at_least(a: Self::Float, b: Self::Float) -> u32;
    /// # Safety
    /// As for `zero`.
    unsafe fn array(a: Self::Float) -> Self::Array;
}

/// The scalar twin.
pub(super) struct Single;

impl Lanes for Single {
    const COUNT: usize = 1;
    const WORTHWHILE: u32 = 1;
    type Int = i32;
    type Float = f32;
    type Array = [f32; 1];

    #[inline(always)]
    unsafe fn zero() -> i32 {
        0
    }
    #[inline(always)]
    unsafe fn read(from: *const u32) -> i32 {
        // SAFETY: readable, as the caller promises.
        unsafe { from.read() as i32 }
    }
    #[inline(always)]
    unsafe fn add_product(sum: i32, value: i32, factor: i32) -> i32 {
        sum.wrapping_add(value.wrapping_mul(factor))
    }
    #[inline(always)]
    unsafe fn float(value: i32) -> f32 {
        value as f32
    }
    #[inline(always)]
    unsafe fn splat(value: f32) -> f32 {
        value
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> f32 {
        // SAFETY: readable, as the caller promises.
        unsafe { from.read() }
    }
    #[inline(always)]
    unsafe fn add(a: f32, b: f32) -> f32 {
        a + b
    }
    #[inline(always)]
    unsafe fn mul(a: f32, b: f32) -> f32 {
        a * b
    }
    #[inline(always)]
    unsafe fn below(a: f32, b: f32, left: f32, right: f32) -> f32 {
        if a < b { left } else { right }
    }
    #[inline(always)]
    unsafe fn at_least(a: f32, b: f32) -> u32 {
        u32::from(a >= b)
    }
    #[inline(always)]
    unsafe fn array(a: f32) -> [f32; 1] {
        [a]
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// Eight lanes.
    pub struct Avx2;

    impl Lanes for Avx2 {
        const COUNT: usize = 8;
        const WORTHWHILE: u32 = 2;
        type Int = __m256i;
        type Float = __m256;
        type Array = [f32; 8];

        #[inline(always)]
        unsafe fn zero() -> __m256i {
            // SAFETY: the caller has AVX2; here and below.
            unsafe { _mm256_setzero_si256() }
        }
        #[inline(always)]
        unsafe fn read(from: *const u32) -> __m256i {
            // SAFETY: readable, as the caller promises; alignment is not needed.
            unsafe { _mm256_loadu_si256(from.cast()) }
        }
        #[inline(always)]
        unsafe fn add_product(sum: __m256i, value: __m256i, factor: i32) -> __m256i {
            // SAFETY: see `zero`.
            unsafe { _mm256_add_epi32(sum, _mm256_mullo_epi32(value, _mm256_set1_epi32(factor))) }
        }
        #[inline(always)]
        unsafe fn float(value: __m256i) -> __m256 {
            // SAFETY: see `zero`.
            unsafe { _mm256_cvtepi32_ps(value) }
        }
        #[inline(always)]
        unsafe fn splat(value: f32) -> __m256 {
            // SAFETY: see `zero`.
            unsafe { _mm256_set1_ps(value) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m256 {
            // SAFETY: readable, as the caller promises; alignment is not needed.
            unsafe { _mm256_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn add(a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `zero`.
            unsafe { _mm256_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m256, b: __m256) -> __m256 {
            // SAFETY: see `zero`.
            unsafe { _mm256_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn below(a: __m256, b: __m256, left: __m256, right: __m256) -> __m256 {
            // SAFETY: see `zero`.
            unsafe { _mm256_blendv_ps(right, left, _mm256_cmp_ps::<_CMP_LT_OQ>(a, b)) }
        }
        #[inline(always)]
        unsafe fn at_least(a: __m256, b: __m256) -> u32 {
            // SAFETY: see `zero`.
            unsafe { _mm256_movemask_ps(_mm256_cmp_ps::<_CMP_GE_OQ>(a, b)) as u32 }
        }
        #[inline(always)]
        unsafe fn array(a: __m256) -> [f32; 8] {
            let mut out = [0.0; 8];
            // SAFETY: see `zero`; the array has room for eight lanes.
            unsafe { _mm256_storeu_ps(out.as_mut_ptr(), a) };
            out
        }
    }

    /// Sixteen lanes.
    pub struct Avx512;

    impl Lanes for Avx512 {
        const COUNT: usize = 16;
        const WORTHWHILE: u32 = 3;
        type Int = __m512i;
        type Float = __m512;
        type Array = [f32; 16];

        #[inline(always)]
        unsafe fn zero() -> __m512i {
            // SAFETY: the caller has AVX-512F; here and below.
            unsafe { _mm512_setzero_si512() }
        }
        #[inline(always)]
        unsafe fn read(from: *const u32) -> __m512i {
            // SAFETY: readable, as the caller promises; alignment is not needed.
            unsafe { _mm512_loadu_si512(from.cast()) }
        }
        #[inline(always)]
        unsafe fn add_product(sum: __m512i, value: __m512i, factor: i32) -> __m512i {
            // SAFETY: see `zero`.
            unsafe { _mm512_add_epi32(sum, _mm512_mullo_epi32(value, _mm512_set1_epi32(factor))) }
        }
        #[inline(always)]
        unsafe fn float(value: __m512i) -> __m512 {
            // SAFETY: see `zero`.
            unsafe { _mm512_cvtepi32_ps(value) }
        }
        #[inline(always)]
        unsafe fn splat(value: f32) -> __m512 {
            // SAFETY: see `zero`.
            unsafe { _mm512_set1_ps(value) }
        }
        #[inline(always)]
        unsafe fn load(from: *const f32) -> __m512 {
            // SAFETY: readable, as the caller promises; alignment is not needed.
            unsafe { _mm512_loadu_ps(from) }
        }
        #[inline(always)]
        unsafe fn add(a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `zero`.
            unsafe { _mm512_add_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn mul(a: __m512, b: __m512) -> __m512 {
            // SAFETY: see `zero`.
            unsafe { _mm512_mul_ps(a, b) }
        }
        #[inline(always)]
        unsafe fn below(a: __m512, b: __m512, left: __m512, right: __m512) -> __m512 {
            // SAFETY: see `zero`.
            unsafe { _mm512_mask_blend_ps(_mm512_cmp_ps_mask::<_CMP_LT_OQ>(a, b), right, left) }
        }
        #[inline(always)]
        unsafe fn at_least(a: __m512, b: __m512) -> u32 {
            // SAFETY: see `zero`.
            unsafe { u32::from(_mm512_cmp_ps_mask::<_CMP_GE_OQ>(a, b)) }
        }
        #[inline(always)]
        unsafe fn array(a: __m512) -> [f32; 16] {
            let mut out = [0.0; 16];
            // SAFETY: see `zero`; the array has room for sixteen lanes.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), a) };
            out
        }
    }
}
