//! `input_f32_row`: the canonical picture's bytes to the first layer's numbers, one row at a time.

/// `(u8 - mean) * scale` for each pixel of a row; `pixels` is `[width, 3]`, `out` is
/// `[width, pixel]` with zeros after the third channel.
///
/// # Panics
/// If the number of pixels differs.
pub(crate) fn input_f32_row(pixels: &[u8], mean: [f32; 3], scale: [f32; 3], out: &mut [f32], pixel: usize) {
    assert_eq!(pixels.len() / 3, out.len() / pixel, "as many pixels out as in");
    if pixel == 3 {
        // Eight pixels at a time: three channels do not fill vectors, 24 numbers do.
        let (means, scales): ([f32; 24], [f32; 24]) = (cycle(mean), cycle(scale));
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
        return;
    }
    for (source, out) in pixels.as_chunks::<3>().0.iter().zip(out.chunks_exact_mut(pixel)) {
        out[..3].copy_from_slice(&normalize(*source, mean, scale));
        out[3..].fill(0.0);
    }
}

fn cycle(rgb: [f32; 3]) -> [f32; 24] {
    std::array::from_fn(|ix| rgb[ix % 3])
}

fn normalize(rgb: [u8; 3], mean: [f32; 3], scale: [f32; 3]) -> [f32; 3] {
    std::array::from_fn(|c| (f32::from(rgb[c]) - mean[c]) * scale[c])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_input_f32_row() {
        let mut out = [0.0; 6];
        input_f32_row(&[0, 128, 255, 1, 2, 3], [128.0, 0.0, 1.0], [0.5, 1.0, 2.0], &mut out, 3);
        assert_eq!(out, [-64.0, 128.0, 508.0, -63.5, 2.0, 4.0]);
    }

    #[test]
    fn test_input_f32_row_every_tail() {
        let (mean, scale) = ([1.0, 2.0, 3.0], [0.5, 0.25, 2.0]);
        for width in [0, 1, 7, 8, 9, 17] {
            let pixels: Vec<u8> = (0..width * 3).map(|ix| (ix * 37) as u8).collect();
            let mut out = vec![0.0; width * 3];
            input_f32_row(&pixels, mean, scale, &mut out, 3);
            let expected: Vec<f32> =
                pixels.as_chunks::<3>().0.iter().flat_map(|&rgb| normalize(rgb, mean, scale)).collect();
            assert_eq!(out, expected);
        }
    }

    #[test]
    fn test_input_f32_row_pads_channels() {
        let mut out = [9.0; 10];
        input_f32_row(&[1, 2, 3, 4, 5, 6], [0.0; 3], [1.0; 3], &mut out, 5);
        assert_eq!(out, [1.0, 2.0, 3.0, 0.0, 0.0, 4.0, 5.0, 6.0, 0.0, 0.0]);
    }
}
