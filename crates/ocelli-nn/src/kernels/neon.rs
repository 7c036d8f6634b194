//! AArch64 Advanced SIMD registers, two at a time so that a block of eight channels is one value.
#![allow(unsafe_code, reason = "SIMD intrinsics")]

use std::arch::aarch64::{float32x4_t, vdupq_n_f32, vfmaq_f32, vld1q_f32, vmaxq_f32, vst1q_f32};

use super::vector::F32Lanes;

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
