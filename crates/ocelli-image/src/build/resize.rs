//! Antialiased resizing, by fast_image_resize.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::U8x3;
use fast_image_resize::{FilterType, ResizeAlg, ResizeError, ResizeOptions, Resizer};
use ocelli_core::Size;

/// A rectangle in the pixels of a picture; its edges may lie between pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct CropBox {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl CropBox {
    pub(crate) fn whole(size: Size) -> Self {
        Self { left: 0.0, top: 0.0, width: f64::from(size.width), height: f64::from(size.height) }
    }
}

/// Resizes the part `crop` of RGB8 pixels to `to` by a bilinear (triangle) filter as wide as the step between output
/// pixels, so that nothing aliases.
///
/// # Errors
/// A crop box that leaves the picture.
pub(crate) fn resize_rgb(rgb: &[u8], from: Size, crop: CropBox, to: Size) -> Result<Vec<u8>, ResizeError> {
    let mut out = vec![0; to.pixels() as usize * 3];
    let source = TypedImageRef::<U8x3>::from_buffer(from.width, from.height, rgb)
        .expect("a raster has as many bytes as its size");
    let mut target = TypedImage::<U8x3>::from_buffer(to.width, to.height, &mut out).expect("allocated with this size");
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
        let from = Size::new(301, 200);
        let flat: Vec<u8> = [9, 120, 250].repeat(from.pixels() as usize);
        let small = resize_rgb(&flat, from, CropBox::whole(from), Size::new(50, 33)).unwrap();
        assert_eq!(small, [9, 120, 250].repeat(50 * 33));
        let ramp: Vec<u8> = (0..from.pixels()).flat_map(|i| [(i % 301 * 255 / 300) as u8; 3]).collect();
        let small = resize_rgb(&ramp, from, CropBox::whole(from), Size::new(43, 20)).unwrap();
        let mean = |v: &[u8]| v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64;
        assert!((mean(&small) - mean(&ramp)).abs() < 0.5);
    }

    #[test]
    fn one_pixel_grows_and_shrinks() {
        let one = Size::new(1, 1);
        assert_eq!(resize_rgb(&[1, 2, 3], one, CropBox::whole(one), Size::new(3, 2)).unwrap(), [1, 2, 3].repeat(6));
        let wide = Size::new(5000, 1);
        let row = [7u8; 15_000];
        assert_eq!(resize_rgb(&row, wide, CropBox::whole(wide), one).unwrap(), [7; 3]);
    }

    #[test]
    fn a_band_with_margin_gives_the_same_rows_as_the_whole() {
        let (from, to) = (Size::new(90, 640), Size::new(25, 178));
        let rgb: Vec<u8> = (0..from.pixels() * 3).map(|i| (i * i % 253) as u8).collect();
        let whole = resize_rgb(&rgb, from, CropBox::whole(from), to).unwrap();
        let step = 640.0 / 178.0;
        let (first, last) = (60usize, 100usize);
        let top = (first as f64 * step - step * 2.0).floor();
        let bottom = (last as f64 * step + step * 2.0).ceil();
        let band = &rgb[top as usize * 270..bottom as usize * 270];
        let crop = CropBox { left: 0.0, top: first as f64 * step - top, width: 90.0, height: 40.0 * step };
        let rows = resize_rgb(band, Size::new(90, (bottom - top) as u32), crop, Size::new(25, 40)).unwrap();
        let worst = rows.iter().zip(&whole[first * 75..last * 75]).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{worst:?}");
    }
}
