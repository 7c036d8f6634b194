//! Row kernels: each computes one row of one operator's output.
//!
//! Layout: a tensor row is `width` pixels of `pixel` elements (channels padded to a multiple of
//! eight; NHWC), with zero pixels before and after it where a reader's window wants them. A window
//! of `kernel_w` pixels is then one contiguous run of `kernel_w * pixel` elements, so convolution is
//! a dot product of `kernel_h` contiguous runs and knows nothing of padding.

pub(crate) mod add_i8;
pub(crate) mod conv_f32;
pub(crate) mod conv_i8;
pub(crate) mod depthwise;
pub(crate) mod elementwise;
pub(crate) mod input;
pub(crate) mod isa;
pub(crate) mod pool;
#[cfg(test)]
mod suite;
mod vector;
pub(crate) mod winograd;

#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod x86;

/// Channels are padded to a multiple of this many in every layout.
pub(crate) const CHANNEL_BLOCK: usize = 8;
