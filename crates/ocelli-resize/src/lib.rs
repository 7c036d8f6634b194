//! Antialiased resizing of RGB8 pixels, by fast_image_resize.
//!
//! A crate of its own because that library is compiled anew into whoever calls it, at about 45 s of optimisation: a
//! leaf that rarely changes pays once. Sizes are `[width, height]` in pixels; pixels are rows from the top without gaps.

pub use fast_image_resize::ResizeError;
use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeOptions, Resizer};

/// A rectangle in the pixels of a picture; its edges may lie between pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CropBox {
    /// Left edge.
    pub left: f64,
    /// Top edge.
    pub top: f64,
    /// Extent to the right.
    pub width: f64,
    /// Extent downwards.
    pub height: f64,
}

impl CropBox {
    /// All of a picture of `size`.
    pub fn whole(size: [u32; 2]) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(size[0]), height: f64::from(size[1]) }
    }
}

/// Resizes the part `crop` of RGB8 pixels to `to` by a bilinear (triangle) filter as wide as the step between output
/// pixels, so that nothing aliases. Pixels beside the part, where there are any, take part at its edges.
///
/// # Errors
/// A crop box that leaves the picture.
///
/// # Panics
/// Where `rgb` has fewer bytes than `from` needs.
pub fn resize_rgb(rgb: &[u8], from: [u32; 2], crop: CropBox, to: [u32; 2]) -> Result<Vec<u8>, ResizeError> {
    let mut out = vec![0; to[0] as usize * to[1] as usize * 3];
    let source = TypedImageRef::<U8x3>::from_buffer(from[0], from[1], rgb).expect("as many bytes as the size needs");
    let mut target = TypedImage::<U8x3>::from_buffer(to[0], to[1], &mut out).expect("allocated with this size");
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear)).use_alpha(false).crop(
        crop.left,
        crop.top,
        crop.width,
        crop.height,
    );
    Resizer::new().resize_typed(&source, &mut target, &options)?;
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flat_colour_stays_and_mean_is_kept() {
        let from = [301, 200];
        let flat: Vec<u8> = [9, 120, 250].repeat(301 * 200);
        let small = resize_rgb(&flat, from, CropBox::whole(from), [50, 33]).unwrap();
        assert_eq!(small, [9, 120, 250].repeat(50 * 33));
        let ramp: Vec<u8> = (0..301 * 200).flat_map(|i| [(i % 301 * 255 / 300) as u8; 3]).collect();
        let small = resize_rgb(&ramp, from, CropBox::whole(from), [43, 20]).unwrap();
        let mean = |v: &[u8]| v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64;
        assert!((mean(&small) - mean(&ramp)).abs() < 0.5);
    }

    #[test]
    fn one_pixel_grows_and_shrinks() {
        let one = [1, 1];
        assert_eq!(resize_rgb(&[1, 2, 3], one, CropBox::whole(one), [3, 2]).unwrap(), [1, 2, 3].repeat(6));
        let wide = [5000, 1];
        assert_eq!(resize_rgb(&[7u8; 15_000], wide, CropBox::whole(wide), one).unwrap(), [7; 3]);
        assert!(resize_rgb(&[1, 2, 3], one, CropBox { left: 0.5, top: 0.0, width: 1.0, height: 1.0 }, one).is_err());
    }

    #[test]
    fn a_band_with_margin_gives_the_same_rows_as_the_whole() {
        let (from, to) = ([90, 640], [25, 178]);
        let rgb: Vec<u8> = (0..90 * 640 * 3u64).map(|i| (i * i % 253) as u8).collect();
        let whole = resize_rgb(&rgb, from, CropBox::whole(from), to).unwrap();
        let step = 640.0 / 178.0;
        let (first, last) = (60usize, 100usize);
        let top = (first as f64 * step - step * 2.0).floor();
        let bottom = (last as f64 * step + step * 2.0).ceil();
        let band = &rgb[top as usize * 270..bottom as usize * 270];
        let crop = CropBox { left: 0.0, top: first as f64 * step - top, width: 90.0, height: 40.0 * step };
        let rows = resize_rgb(band, [90, (bottom - top) as u32], crop, [25, 40]).unwrap();
        let worst = rows.iter().zip(&whole[first * 75..last * 75]).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{worst:?}");
    }
}
