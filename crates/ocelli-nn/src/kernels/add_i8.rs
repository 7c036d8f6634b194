//! `add_i8_row`: the sum of two rows of bytes, requantized.
#![allow(unsafe_code, reason = "rows that may be the same memory")]

use super::elementwise::byte;
#[cfg(target_arch = "x86_64")]
use super::isa::Isa;
use crate::network::AddI8;

/// Computes `n` bytes of `out` from as many of `a` and `b`; bit for bit the same on every CPU.
///
/// # Safety
/// All three must be valid for `n` bytes; `out` may be `a` or `b`, but not overlap them otherwise.
pub(crate) unsafe fn add_i8_row(add: &AddI8, a: *const u8, b: *const u8, out: *mut u8, n: usize) {
    // SAFETY: as the caller vouches; the instruction set was chosen for this CPU.
    unsafe {
        #[cfg(target_arch = "x86_64")]
        if matches!(add.isa, Isa::Avx2 | Isa::Avx512) {
            return add_i8_avx2(add, a, b, out, n);
        }
        body(add, a, b, out, n);
    }
}

/// # Safety
/// As [`add_i8_row`], on a CPU with AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn add_i8_avx2(add: &AddI8, a: *const u8, b: *const u8, out: *mut u8, n: usize) {
    // SAFETY: as the caller vouches.
    unsafe { body(add, a, b, out, n) }
}

/// Bytes taken at a time: read before any is written, so that `out` may be an input.
const BLOCK: usize = 32;

/// # Safety
/// As [`add_i8_row`].
#[inline(always)]
unsafe fn body(add: &AddI8, a: *const u8, b: *const u8, out: *mut u8, n: usize) {
    let [scale_a, scale_b] = add.scales;
    let sum = |a: u8, b: u8| byte(f32::from(a) * scale_a + f32::from(b) * scale_b + add.shift, add.requantize);
    let mut at = 0;
    // SAFETY: every block and element lies below `n`.
    unsafe {
        while n - at >= BLOCK {
            let (a, b): ([u8; BLOCK], [u8; BLOCK]) = (*a.add(at).cast(), *b.add(at).cast());
            let mut sums = [0; BLOCK];
            for ix in 0..BLOCK {
                sums[ix] = sum(a[ix], b[ix]);
            }
            *out.add(at).cast() = sums;
            at += BLOCK;
        }
        while at < n {
            *out.add(at) = sum(*a.add(at), *b.add(at));
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;
    use crate::network::Requantize;
    use crate::testing::Random;

    #[test]
    fn test_every_isa_tail_and_aliasing() {
        let mut random = Random(1);
        let requantize = Requantize { low: -20.0, high: 235.0, zero_point: 20 };
        for n in [0, 1, 31, 32, 33, 95] {
            let (a, b) = (random.bytes(n), random.bytes(n));
            let run = |isa: Isa, alias: bool| {
                let add = AddI8 { scales: [0.7, 0.31], shift: -40.5, requantize, isa };
                let mut out = if alias { a.clone() } else { vec![0; n] };
                let first = if alias { out.as_ptr() } else { a.as_ptr() };
                // SAFETY: all three hold `n` bytes.
                unsafe { add_i8_row(&add, first, b.as_ptr(), out.as_mut_ptr(), n) };
                out
            };
            let expected = run(Isa::Scalar, false);
            for isa in Isa::available() {
                assert_eq!(run(isa, false), expected, "{isa} {n}");
                assert_eq!(run(isa, true), expected, "{isa} {n} in place");
            }
        }
    }
}
