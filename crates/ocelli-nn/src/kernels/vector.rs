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

/// A register of i32 sums, of u8 inputs or of i8 weights in groups of four.
///
/// # Safety
/// As [`F32Lanes`]; `load` reads `LANES` i32 (or four bytes for each lane), `broadcast` four bytes,
/// the scales hold `LANES` f32 and the targets `LANES` elements.
pub(crate) trait I32Lanes: Copy {
    /// Sums in a register.
    const LANES: usize;
    /// `LANES` sums, or the weights of `LANES` sums.
    unsafe fn load(source: *const i32) -> Self;
    /// The same four bytes for every lane.
    unsafe fn broadcast(source: *const u8) -> Self;
    /// `self[l] + Σ x[l][i] * w[l][i]` over the four bytes of each lane, exactly.
    unsafe fn dot(self, x: Self, w: Self) -> Self;
    /// `clamp(round_to_even(self * scale), range) + zero_point` as bytes.
    unsafe fn store_bytes(self, scale: *const f32, range: [f32; 2], zero_point: i32, target: *mut u8);
    /// `max(self * scale, low)`.
    unsafe fn store_floats(self, scale: *const f32, low: f32, target: *mut f32);
}
