//! How one view is made from another: pure functions over pixels.

mod integral;
mod sampled;

pub(crate) use integral::{integral, integral_squares};
pub(crate) use sampled::sampled;

/// Luma of RGB8 pixels: BT.601 weights on encoded values in 15-bit fixed point, rounded. Equal channels keep their value.
pub(crate) fn luma_from_rgb(rgb: &[u8]) -> Vec<u8> {
    // 0.299, 0.587 and 0.114 times 2¹⁵; they add up to 2¹⁵ exactly.
    const RED: u32 = 9_798;
    const GREEN: u32 = 19_235;
    const BLUE: u32 = 3_735;
    let luma = |&[r, g, b]: &[u8; 3]| {
        ((u32::from(r) * RED + u32::from(g) * GREEN + u32::from(b) * BLUE + (1 << 14)) >> 15) as u8
    };
    rgb.as_chunks::<3>().0.iter().map(luma).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn luma_keeps_grey_and_weighs_colours() {
        for v in 0..=255u8 {
            assert_eq!(luma_from_rgb(&[v; 3]), [v]);
        }
        assert_eq!(luma_from_rgb(&[255, 0, 0, 0, 255, 0, 0, 0, 255]), [76, 150, 29]);
    }
}
