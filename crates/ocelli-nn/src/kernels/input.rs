//! `input_f32_row`: the canonical picture's bytes to the first layer's numbers, one row at a time.

#![allow(unsafe_code, reason = "dispatch to wider instruction sets")]

use super::isa::{Isa, widened};

/// `(u8 - mean) * scale` for each pixel of a row; `pixels` is `[width, 3]`, `out` is
/// `[width, pixel]` with zeros after the third channel.
///
/// # Panics
/// If the number of pixels differs.
pub(crate) fn input_f32_row(isa: Isa, pixels: &[u8], normalize: Normalize, out: &mut [f32], pixel: usize) {
    assert_eq!(pixels.len() / 3, out.len() / pixel, "as many pixels out as in");
    if pixel == 3 {
        widened!(isa, packed(pixels: &[u8], normalize: Normalize, out: &mut [f32]));
        return;
    }
    for (source, out) in pixels.as_chunks::<3>().0.iter().zip(out.chunks_exact_mut(pixel)) {
        out[..3].copy_from_slice(&normalize.apply(*source));
        out[3..].fill(0.0);
    }
}

/// Mean and scale of each channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Normalize {
    pub(crate) mean: [f32; 3],
    pub(crate) scale: [f32; 3],
}

impl Normalize {
    fn apply(self, rgb: [u8; 3]) -> [f32; 3] {
        std::array::from_fn(|c| (f32::from(rgb[c]) - self.mean[c]) * self.scale[c])
    }
}

/// Eight pixels at a time: three channels do not fill vectors, 24 numbers do.
#[inline(always)]
fn packed(pixels: &[u8], normalize: Normalize, out: &mut [f32]) {
    let (means, scales): ([f32; 24], [f32; 24]) = (cycle(normalize.mean), cycle(normalize.scale));
    let (blocks, rest) = pixels.as_chunks::<24>();
    let (out_blocks, out_rest) = out.as_chunks_mut::<24>();
    for (source, out) in blocks.iter().zip(out_blocks) {
        for ix in 0..24 {
            out[ix] = (f32::from(source[ix]) - means[ix]) * scales[ix];
        }
    }
    for (ix, (source, out)) in rest.iter().zip(out_rest).enumerate() {
        *out = (f32::from(*source) - means[ix]) * scales[ix];
    }
}

fn cycle(rgb: [f32; 3]) -> [f32; 24] {
    std::array::from_fn(|ix| rgb[ix % 3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_input_f32_row_every_tail() {
        let normalize = Normalize { mean: [1.0, 2.0, 3.0], scale: [0.5, 0.25, 2.0] };
        for isa in Isa::available() {
            for width in [0, 1, 7, 8, 9, 17, 40] {
                let pixels: Vec<u8> = (0..width * 3).map(|ix| (ix * 37) as u8).collect();
                let mut out = vec![0.0; width * 3];
                input_f32_row(isa, &pixels, normalize, &mut out, 3);
                let expected: Vec<f32> =
                    pixels.as_chunks::<3>().0.iter().flat_map(|&rgb| normalize.apply(rgb)).collect();
                assert_eq!(out, expected);
            }
        }
    }

    #[test]
    fn test_input_f32_row_pads_channels() {
        let mut out = [9.0; 10];
        let normalize = Normalize { mean: [0.0; 3], scale: [1.0, 1.0, 2.0] };
        input_f32_row(Isa::Scalar, &[1, 2, 3, 4, 5, 6], normalize, &mut out, 5);
        assert_eq!(out, [1.0, 2.0, 6.0, 0.0, 0.0, 4.0, 5.0, 12.0, 0.0, 0.0]);
    }
}
