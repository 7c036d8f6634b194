//! `conv_i8_row`: one output row of a dense convolution of u8 by i8 with sums in i32.
//!
//! Exact: sums are integers, and the way back to bytes is one f32 multiplication, a clamp and one
//! rounding to even, each the same in every instruction set. All kernels agree bit for bit.
#![allow(unsafe_code, reason = "SIMD kernels on raw rows")]

use super::isa::Isa;
use super::vector::I32Lanes;
use crate::model::MAX_KERNEL;

/// Bytes that one product instruction takes of each window.
pub(crate) const QUAD: usize = 4;

/// One row's work. Weights are packed `[kernel_h][quads][width][4]`, bias and scale `[width]`.
#[derive(Debug, Clone)]
pub(crate) struct ConvRow {
    /// First byte under the window of output pixel 0, for each window row.
    pub(crate) rows: [*const u8; MAX_KERNEL],
    /// Window rows in use.
    pub(crate) kernel_h: usize,
    /// Groups of four bytes of one window row; weights of bytes past the window are zero.
    pub(crate) quads: usize,
    /// Bytes between the windows of neighbouring outputs.
    pub(crate) step: usize,
    /// Packed weights of this block.
    pub(crate) weights: *const i8,
    /// What sums start from: the bias, less the input's zero point times the weights.
    pub(crate) bias: *const i32,
    /// What sums are multiplied by.
    pub(crate) scale: *const f32,
    /// Where output pixel 0 of this block goes.
    pub(crate) target: Target,
    /// Elements between output pixels.
    pub(crate) out_step: usize,
    /// Output pixels.
    pub(crate) n: usize,
}

/// What becomes of scaled sums.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// `clamp(round(sum * scale), low, high) + zero_point` as a byte.
    Bytes {
        /// Output pixel 0.
        out: *mut u8,
        /// Least and greatest value before the zero point is added.
        low: f32,
        high: f32,
        zero_point: i32,
    },
    /// `max(sum * scale, low)` as it is.
    Floats {
        /// Output pixel 0.
        out: *mut f32,
        low: f32,
    },
}

/// Computes a [`ConvRow`].
///
/// # Safety
/// The CPU must have the kernel's instruction set; `rows[..kernel_h]` must be valid for
/// `(n - 1) * step + 4 * quads` bytes, `weights` for `kernel_h * quads * width * 4`, `bias` and
/// `scale` for `width`, the target for `(n - 1) * out_step + width` elements, and the target must
/// not overlap the others.
pub(crate) type Kernel = unsafe fn(&ConvRow);

/// A block of output channels with the kernel that computes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// First output channel.
    pub(crate) first: usize,
    /// Output channels.
    pub(crate) width: usize,
    pub(crate) kernel: Kernel,
}

/// Cuts `channels` (padded) output channels into blocks that `isa` has kernels for; no input byte is above `most`.
pub(crate) fn blocks(isa: Isa, channels: usize, most: u8) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut first = 0;
    while first < channels {
        let (width, kernel) = widest(isa, channels - first, most);
        blocks.push(Block { first, width, kernel });
        first += width;
    }
    blocks
}

/// The widest kernel of `isa` for at most `left` channels.
fn widest(isa: Isa, left: usize, most: u8) -> (usize, Kernel) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::widest(left),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::widest(left, most),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => neon::widest(left),
        _ => (8, conv_i8_scalar),
    }
}

/// The scalar twin, eight channels.
///
/// # Safety
/// As [`Kernel`].
unsafe fn conv_i8_scalar(args: &ConvRow) {
    for pixel in 0..args.n {
        // SAFETY: the caller vouches for every index below, see `Kernel`.
        unsafe {
            let mut sums: [i32; 8] = *args.bias.cast();
            for (ky, row) in args.rows[..args.kernel_h].iter().enumerate() {
                for quad in 0..args.quads {
                    let x: [u8; QUAD] = *row.add(pixel * args.step + quad * QUAD).cast();
                    let weights = args.weights.add((ky * args.quads + quad) * 8 * QUAD);
                    let weights: &[[i8; QUAD]; 8] = &*weights.cast();
                    for (sum, weights) in sums.iter_mut().zip(weights) {
                        for (x, w) in x.iter().zip(weights) {
                            *sum += i32::from(*x) * i32::from(*w);
                        }
                    }
                }
            }
            let scale: [f32; 8] = *args.scale.cast();
            let scaled: [f32; 8] = std::array::from_fn(|ix| sums[ix] as f32 * scale[ix]);
            let at = pixel * args.out_step;
            match args.target {
                Target::Bytes { out, low, high, zero_point } => {
                    let byte = |x: f32| (x.max(low).min(high).round_ties_even() as i32 + zero_point) as u8;
                    *out.add(at).cast() = scaled.map(byte);
                }
                Target::Floats { out, low } => *out.add(at).cast() = scaled.map(|x| x.max(low)),
            }
        }
    }
}

/// One row in tiles of `P` pixels, smaller ones for what is left.
///
/// # Safety
/// As [`Kernel`], and inlined only into functions that enable the features of `V`.
#[inline(always)]
unsafe fn row<V: I32Lanes, const VECS: usize, const P: usize>(args: &ConvRow) {
    let mut pixel = 0;
    // SAFETY: every tile stays below `n` pixels; otherwise as the caller vouches.
    unsafe {
        while args.n - pixel >= P {
            tile::<V, VECS, P>(args, pixel);
            pixel += P;
        }
        if args.n - pixel > 4 && args.n >= P {
            // One tile that overlaps its neighbour computes the same sums again.
            tile::<V, VECS, P>(args, args.n - P);
            return;
        }
        while args.n - pixel >= 4 {
            tile::<V, VECS, 4>(args, pixel);
            pixel += 4;
        }
        if args.n - pixel > 1 && args.n >= 4 {
            tile::<V, VECS, 4>(args, args.n - 4);
            return;
        }
        while pixel < args.n {
            tile::<V, VECS, 1>(args, pixel);
            pixel += 1;
        }
    }
}

/// `P` pixels by `VECS` vectors of output channels, all sums in registers.
///
/// # Safety
/// As [`row`], with `first + P <= n`.
#[inline(always)]
unsafe fn tile<V: I32Lanes, const VECS: usize, const P: usize>(args: &ConvRow, first: usize) {
    let width = VECS * V::LANES;
    // SAFETY: indices follow the layout that the caller vouches for, see `Kernel`.
    unsafe {
        let mut sums = [[V::load(args.bias); P]; VECS];
        for (vec, sums) in sums.iter_mut().enumerate() {
            *sums = [V::load(args.bias.add(vec * V::LANES)); P];
        }
        let mut weights = args.weights;
        for row in &args.rows[..args.kernel_h] {
            let mut x = row.add(first * args.step);
            for _ in 0..args.quads {
                let mut w = [V::load(weights.cast()); VECS];
                for (vec, w) in w.iter_mut().enumerate() {
                    *w = V::load(weights.add(vec * V::LANES * QUAD).cast());
                }
                for pixel in 0..P {
                    let x = V::broadcast(x.add(pixel * args.step));
                    for (sums, w) in sums.iter_mut().zip(w) {
                        sums[pixel] = sums[pixel].dot(x, w);
                    }
                }
                weights = weights.add(width * QUAD);
                x = x.add(QUAD);
            }
        }
        for (vec, sums) in sums.iter().enumerate() {
            let scale = args.scale.add(vec * V::LANES);
            for (pixel, sum) in sums.iter().enumerate() {
                let at = (first + pixel) * args.out_step + vec * V::LANES;
                match args.target {
                    Target::Bytes { out, low, high, zero_point } => {
                        sum.store_bytes(scale, [low, high], zero_point, out.add(at));
                    }
                    Target::Floats { out, low } => sum.store_floats(scale, low, out.add(at)),
                }
            }
        }
    }
}

/// Declares a kernel of one instruction set, block width and tile.
macro_rules! kernel {
    ($name:ident, $features:literal, $vector:ty, $vecs:literal, $pixels:literal) => {
        /// # Safety
        /// As [`Kernel`](super::Kernel).
        #[target_feature(enable = $features)]
        unsafe fn $name(args: &super::ConvRow) {
            // SAFETY: the features are enabled here; otherwise as the caller vouches.
            unsafe { super::row::<$vector, $vecs, $pixels>(args) }
        }
    };
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    use crate::kernels::x86::{Dot8, Dot16};

    // 32 registers: at most 24 sums, the weights, and one input.
    kernel!(conv_i8_avx512_8, "avx512f,avx512vl,avx512bw,avx512vnni,avx2,fma", Dot8, 1, 12);
    kernel!(conv_i8_avx512_16, "avx512f,avx512vl,avx512bw,avx512vnni,avx2,fma", Dot16, 1, 16);
    kernel!(conv_i8_avx512_24, "avx512f,avx512vl,avx512bw,avx512vnni,avx2,fma", Dot8, 3, 8);
    kernel!(conv_i8_avx512_32, "avx512f,avx512vl,avx512bw,avx512vnni,avx2,fma", Dot16, 2, 12);
    kernel!(conv_i8_avx512_48, "avx512f,avx512vl,avx512bw,avx512vnni,avx2,fma", Dot16, 3, 8);

    pub(super) fn widest(left: usize) -> (usize, super::Kernel) {
        match left {
            0..16 => (8, conv_i8_avx512_8),
            16..24 => (16, conv_i8_avx512_16),
            24..32 => (24, conv_i8_avx512_24),
            48..64 => (48, conv_i8_avx512_48),
            _ => (32, conv_i8_avx512_32),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use crate::kernels::x86::Madd8;

    // 16 registers, and each weight and input is split into two.
    kernel!(conv_i8_avx2_8, "avx2,fma", Madd8<false>, 1, 8);
    kernel!(conv_i8_avx2_16, "avx2,fma", Madd8<false>, 2, 4);
    // Without splits: at most 12 sums, the weights, one input, and ones.
    kernel!(conv_i8_avx2_narrow_8, "avx2,fma", Madd8<true>, 1, 12);
    kernel!(conv_i8_avx2_narrow_16, "avx2,fma", Madd8<true>, 2, 6);

    pub(super) fn widest(left: usize, most: u8) -> (usize, super::Kernel) {
        match (left, most) {
            (0..16, 0..=127) => (8, conv_i8_avx2_narrow_8),
            (_, 0..=127) => (16, conv_i8_avx2_narrow_16),
            (0..16, _) => (8, conv_i8_avx2_8),
            _ => (16, conv_i8_avx2_16),
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use crate::kernels::neon::IntPair;

    kernel!(conv_i8_neon_8, "neon", IntPair, 1, 8);

    pub(super) fn widest(_left: usize) -> (usize, super::Kernel) {
        (8, conv_i8_neon_8)
    }
}
