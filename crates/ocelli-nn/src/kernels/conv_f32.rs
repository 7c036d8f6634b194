//! `conv_f32_row`: one output row of a dense convolution, some output channels at a time.
#![allow(unsafe_code, reason = "SIMD kernels on raw rows")]

use super::isa::Isa;
use super::vector::F32Lanes;
use crate::model::MAX_KERNEL;

/// One row's work. Weights are packed `[kernel_h][run][width]`, bias `[width]`, where `width` is the
/// block's number of output channels.
#[derive(Debug, Clone)]
pub(crate) struct ConvRow {
    /// First element under the window of output pixel 0, for each window row.
    pub(crate) rows: [*const f32; MAX_KERNEL],
    /// Window rows in use.
    pub(crate) kernel_h: usize,
    /// Contiguous elements of one window row: `kernel_w * pixel`.
    pub(crate) run: usize,
    /// Elements between the windows of neighbouring outputs: `stride * pixel`.
    pub(crate) step: usize,
    /// Packed weights of this block.
    pub(crate) weights: *const f32,
    /// Bias of this block.
    pub(crate) bias: *const f32,
    /// Where output pixel 0 of this block goes.
    pub(crate) out: *mut f32,
    /// Elements between output pixels.
    pub(crate) out_step: usize,
    /// Output pixels.
    pub(crate) n: usize,
    /// Sums below this are raised to it: 0 for relu, -infinity for none.
    pub(crate) floor: f32,
}

/// Computes a [`ConvRow`].
///
/// # Safety
/// The CPU must have the kernel's instruction set; `rows[..kernel_h]` must be valid for
/// `(n - 1) * step + run` elements, `weights` for `kernel_h * run * width`, `bias` for `width`,
/// `out` for `(n - 1) * out_step + width`, and `out` must not overlap the others.
pub(crate) type Kernel = unsafe fn(&ConvRow);

/// A block of output channels with the kernel that computes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block {
    /// First output channel.
    pub(crate) first: usize,
    /// Output channels, a multiple of [`CHANNEL_BLOCK`](super::CHANNEL_BLOCK).
    pub(crate) width: usize,
    pub(crate) kernel: Kernel,
}

/// Cuts `channels` (padded) output channels into blocks that `isa` has kernels for.
pub(crate) fn blocks(isa: Isa, channels: usize) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut first = 0;
    while first < channels {
        let (width, kernel) = widest(isa, channels - first);
        blocks.push(Block { first, width, kernel });
        first += width;
    }
    blocks
}

/// The widest kernel of `isa` for at most `left` channels.
fn widest(isa: Isa, left: usize) -> (usize, Kernel) {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 => avx512::widest(left),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 => avx2::widest(left),
        #[cfg(target_arch = "aarch64")]
        Isa::Neon => neon::widest(left),
        _ => (8, conv_f32_scalar),
    }
}

/// The scalar twin: eight channels, plain multiply and add.
///
/// # Safety
/// As [`Kernel`].
unsafe fn conv_f32_scalar(args: &ConvRow) {
    for pixel in 0..args.n {
        // SAFETY: the caller vouches for every index below, see `Kernel`.
        unsafe {
            let mut sums: [f32; 8] = *args.bias.cast();
            for (ky, row) in args.rows[..args.kernel_h].iter().enumerate() {
                for j in 0..args.run {
                    let x = *row.add(pixel * args.step + j);
                    let weights: &[f32; 8] = &*args.weights.add((ky * args.run + j) * 8).cast();
                    for (sum, weight) in sums.iter_mut().zip(weights) {
                        *sum += x * weight;
                    }
                }
            }
            let sums = sums.map(|sum| sum.max(args.floor));
            *args.out.add(pixel * args.out_step).cast() = sums;
        }
    }
}

/// One row in tiles of `P` pixels, smaller ones for what is left.
///
/// # Safety
/// As [`Kernel`], and inlined only into functions that enable the features of `V`.
#[inline(always)]
unsafe fn row<V: F32Lanes, const VECS: usize, const P: usize>(args: &ConvRow) {
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
unsafe fn tile<V: F32Lanes, const VECS: usize, const P: usize>(args: &ConvRow, first: usize) {
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
            for _ in 0..args.run {
                let mut w = [V::load(weights); VECS];
                for (vec, w) in w.iter_mut().enumerate() {
                    *w = V::load(weights.add(vec * V::LANES));
                }
                for pixel in 0..P {
                    let x = V::broadcast(x.add(pixel * args.step));
                    for (sums, w) in sums.iter_mut().zip(w) {
                        sums[pixel] = sums[pixel].mul_add(x, w);
                    }
                }
                weights = weights.add(width);
                x = x.add(1);
            }
        }
        let floor = V::broadcast(&args.floor);
        for pixel in 0..P {
            let out = args.out.add((first + pixel) * args.out_step);
            for (vec, sums) in sums.iter().enumerate() {
                sums[pixel].max(floor).store(out.add(vec * V::LANES));
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
    use std::arch::x86_64::{__m256, __m512};

    // 32 registers: at most 24 sums, the weights, and one input.
    kernel!(conv_f32_avx512_8, "avx512f,avx512vl,avx2,fma", __m256, 1, 12);
    kernel!(conv_f32_avx512_16, "avx512f,avx512vl,avx2,fma", __m512, 1, 16);
    kernel!(conv_f32_avx512_24, "avx512f,avx512vl,avx2,fma", __m256, 3, 8);
    kernel!(conv_f32_avx512_32, "avx512f,avx512vl,avx2,fma", __m512, 2, 12);
    kernel!(conv_f32_avx512_48, "avx512f,avx512vl,avx2,fma", __m512, 3, 8);

    pub(super) fn widest(left: usize) -> (usize, super::Kernel) {
        match left {
            0..16 => (8, conv_f32_avx512_8),
            16..24 => (16, conv_f32_avx512_16),
            24..32 => (24, conv_f32_avx512_24),
            48..64 => (48, conv_f32_avx512_48),
            _ => (32, conv_f32_avx512_32),
        }
    }
}

#[cfg(target_arch = "x86_64")]
mod avx2 {
    use std::arch::x86_64::__m256;

    // 16 registers: at most 12 sums, the weights, and one input.
    kernel!(conv_f32_avx2_8, "avx2,fma", __m256, 1, 12);
    kernel!(conv_f32_avx2_16, "avx2,fma", __m256, 2, 6);
    kernel!(conv_f32_avx2_24, "avx2,fma", __m256, 3, 4);

    pub(super) fn widest(left: usize) -> (usize, super::Kernel) {
        match left {
            0..16 => (8, conv_f32_avx2_8),
            24 | 48 => (24, conv_f32_avx2_24),
            _ => (16, conv_f32_avx2_16),
        }
    }
}

#[cfg(target_arch = "aarch64")]
mod neon {
    use crate::kernels::neon::Pair;

    // 32 registers of four lanes: 8 channels by 8 pixels are 16 sums.
    kernel!(conv_f32_neon_8, "neon", Pair, 1, 8);
    kernel!(conv_f32_neon_16, "neon", Pair, 2, 6);

    pub(super) fn widest(left: usize) -> (usize, super::Kernel) {
        match left {
            0..16 => (8, conv_f32_neon_8),
            _ => (16, conv_f32_neon_16),
        }
    }
}
