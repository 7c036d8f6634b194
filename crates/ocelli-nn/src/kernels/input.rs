//! `input_f32_row`: the canonical picture's bytes to the first layer's numbers, one row at a time.

/// `(u8 - mean) * scale` for each pixel of a row; `pixels` is `[width, 3]`, `out` is
/// `[width, pixel]` with zeros after the third channel.
///
/// # Panics
/// If the number of pixels differs.
pub(crate) fn input_f32_row(pixels: &[u8], mean: [f32; 3], scale: [f32; 3], out: &mut [f32], pixel: usize) {
    assert_eq!(pixels.len() / 3, out.len() / pixel, "as many pixels out as in");
    if pixel == 3 {
        for (source, out) in pixels.as_chunks::<3>().0.iter().zip(out.as_chunks_mut::<3>().0) {
            *out = normalize(*source, mean, scale);
        }
        return;
    }
    for (source, out) in pixels.as_chunks::<3>().0.iter().zip(out.chunks_exact_mut(pixel)) {
        out[..3].copy_from_slice(&normalize(*source, mean, scale));
        out[3..].fill(0.0);
    }
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
    fn test_input_f32_row_pads_channels() {
        let mut out = [9.0; 10];
        input_f32_row(&[1, 2, 3, 4, 5, 6], [0.0; 3], [1.0; 3], &mut out, 5);
        assert_eq!(out, [1.0, 2.0, 3.0, 0.0, 0.0, 4.0, 5.0, 6.0, 0.0, 0.0]);
    }
}
