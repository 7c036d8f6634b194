//! AArch64 Advanced SIMD registers, two at a time so that a block of eight channels is one value.
#![allow(unsafe_code, reason = "SIMD intrinsics")]

use std::arch::aarch64::{
    float32x4_t, int32x4_t, vaddq_s32, vcombine_s16, vcvtnq_s32_f32, vcvtq_f32_s32, vdupq_n_f32, vdupq_n_s32,
    vfmaq_f32, vget_high_s8, vget_high_s16, vget_high_u8, vget_low_s8, vget_low_s16, vget_low_u8, vld1q_f32, vld1q_s32,
    vmaxq_f32, vminq_f32, vmovl_s8, vmovl_u8, vmovn_s16, vmovn_s32, vmull_s16, vmulq_f32, vpaddq_s32,
    vreinterpret_u8_s8, vreinterpretq_s8_s32, vreinterpretq_s16_u16, vreinterpretq_u8_s32, vst1_u8, vst1q_f32,
};

use super::vector::{F32Lanes, I32Lanes};

/// Eight lanes in two registers.
#[derive(Clone, Copy)]
pub(crate) struct Pair(float32x4_t, float32x4_t);

impl F32Lanes for Pair {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(source: *const f32) -> Self {
        // SAFETY: the caller vouches for eight elements; Advanced SIMD is part of AArch64.
        unsafe { Self(vld1q_f32(source), vld1q_f32(source.add(4))) }
    }

    #[inline(always)]
    unsafe fn broadcast(source: *const f32) -> Self {
        // SAFETY: the caller vouches for one element.
        let lanes = unsafe { vdupq_n_f32(*source) };
        Self(lanes, lanes)
    }

    #[inline(always)]
    unsafe fn mul_add(self, a: Self, b: Self) -> Self {
        // SAFETY: Advanced SIMD is part of AArch64.
        unsafe { Self(vfmaq_f32(self.0, a.0, b.0), vfmaq_f32(self.1, a.1, b.1)) }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: Advanced SIMD is part of AArch64.
        unsafe { Self(vmaxq_f32(self.0, other.0), vmaxq_f32(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn store(self, target: *mut f32) {
        // SAFETY: the caller vouches for eight elements.
        unsafe {
            vst1q_f32(target, self.0);
            vst1q_f32(target.add(4), self.1);
        }
    }
}

/// Eight sums in two registers.
#[derive(Clone, Copy)]
pub(crate) struct IntPair(int32x4_t, int32x4_t);

impl I32Lanes for IntPair {
    const LANES: usize = 8;

    #[inline(always)]
    unsafe fn load(source: *const i32) -> Self {
        // SAFETY: the caller vouches for eight elements.
        unsafe { Self(vld1q_s32(source), vld1q_s32(source.add(4))) }
    }

    #[inline(always)]
    unsafe fn broadcast(source: *const u8) -> Self {
        // SAFETY: the caller vouches for four bytes.
        let lanes = unsafe { vdupq_n_s32(source.cast::<i32>().read_unaligned()) };
        Self(lanes, lanes)
    }

    #[inline(always)]
    unsafe fn dot(self, x: Self, w: Self) -> Self {
        // SAFETY: Advanced SIMD is part of AArch64.
        unsafe { Self(vaddq_s32(self.0, dot4(x.0, w.0)), vaddq_s32(self.1, dot4(x.1, w.1))) }
    }

    #[inline(always)]
    unsafe fn store_bytes(self, scale: *const f32, range: [f32; 2], zero_point: i32, target: *mut u8) {
        // SAFETY: the caller vouches for eight scales and bytes.
        unsafe {
            let clamp = |x: float32x4_t| vminq_f32(vmaxq_f32(x, vdupq_n_f32(range[0])), vdupq_n_f32(range[1]));
            let round = |sums: int32x4_t, scale: *const f32| {
                let scaled = vmulq_f32(vcvtq_f32_s32(sums), vld1q_f32(scale));
                vaddq_s32(vcvtnq_s32_f32(clamp(scaled)), vdupq_n_s32(zero_point))
            };
            let words = vcombine_s16(vmovn_s32(round(self.0, scale)), vmovn_s32(round(self.1, scale.add(4))));
            vst1_u8(target, vreinterpret_u8_s8(vmovn_s16(words)));
        }
    }

    #[inline(always)]
    unsafe fn store_floats(self, scale: *const f32, low: f32, target: *mut f32) {
        // SAFETY: the caller vouches for eight scales and floats.
        unsafe {
            for (half, sums) in [self.0, self.1].into_iter().enumerate() {
                let scaled = vmulq_f32(vcvtq_f32_s32(sums), vld1q_f32(scale.add(half * 4)));
                vst1q_f32(target.add(half * 4), vmaxq_f32(scaled, vdupq_n_f32(low)));
            }
        }
    }
}

/// `Σ x[i] * w[i]` over the four bytes of each lane, through 16-bit products.
///
/// # Safety
/// None beyond Advanced SIMD, which is part of AArch64.
#[inline(always)]
unsafe fn dot4(x: int32x4_t, w: int32x4_t) -> int32x4_t {
    // SAFETY: Advanced SIMD is part of AArch64.
    unsafe {
        let (x, w) = (vreinterpretq_u8_s32(x), vreinterpretq_s8_s32(w));
        let (x_low, x_high) = (vmovl_u8(vget_low_u8(x)), vmovl_u8(vget_high_u8(x)));
        let (x_low, x_high) = (vreinterpretq_s16_u16(x_low), vreinterpretq_s16_u16(x_high));
        let (w_low, w_high) = (vmovl_s8(vget_low_s8(w)), vmovl_s8(vget_high_s8(w)));
        let low = vpaddq_s32(
            vmull_s16(vget_low_s16(x_low), vget_low_s16(w_low)),
            vmull_s16(vget_high_s16(x_low), vget_high_s16(w_low)),
        );
        let high = vpaddq_s32(
            vmull_s16(vget_low_s16(x_high), vget_low_s16(w_high)),
            vmull_s16(vget_high_s16(x_high), vget_high_s16(w_high)),
        );
        vpaddq_s32(low, high)
    }
}
