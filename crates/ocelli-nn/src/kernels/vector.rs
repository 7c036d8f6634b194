//! The vector operations kernels are written in, once for all instruction sets.
#![allow(unsafe_code, reason = "SIMD contracts")]

/// A register of f32 lanes.
///
/// # Safety
/// Every method may use instructions of its set: call only inside a function that enables the set's
/// target features, on a CPU that has them. Pointers must be valid for `LANES` elements
/// (`broadcast`: one element); no alignment is asked for.
pub(crate) trait F32Lanes: Copy {
    /// Elements in a register.
    const LANES: usize;
    /// `LANES` elements from `source`.
    unsafe fn load(source: *const f32) -> Self;
    /// One element into all lanes.
    unsafe fn broadcast(source: *const f32) -> Self;
    /// `self + a * b`, rounded once.
    unsafe fn mul_add(self, a: Self, b: Self) -> Self;
    /// Lane by lane maximum.
    unsafe fn max(self, other: Self) -> Self;
    /// Writes all lanes to `target`.
    unsafe fn store(self, target: *mut f32);
}
