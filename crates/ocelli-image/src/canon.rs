//! Pixels of any type to canonical colour: sRGB-encoded RGB, 8 bits, without alpha.

use crate::raster::Raster;
use image::DynamicImage;
use ocelli_core::Size;
use palette::encoding::{FromLinear, Srgb};

/// What lies behind transparent pixels: white, as on paper and on most web pages.
pub(crate) const BACKGROUND: u8 = 255;

/// Brings a decoded picture to canonical colour; its values are taken for sRGB-encoded ones, floats for linear ones.
pub(crate) fn canonical(picture: DynamicImage) -> Raster {
    let size = Size::new(picture.width(), picture.height());
    let rgb = match picture {
        DynamicImage::ImageRgb8(p) => p.into_raw(),
        DynamicImage::ImageLuma8(p) => p.into_raw().into_iter().flat_map(|v| [v; 3]).collect(),
        DynamicImage::ImageLumaA8(p) => over_background::<2>(&p, |[v, a]| ([v; 3], a)),
        DynamicImage::ImageRgba8(p) => over_background::<4>(&p, |[r, g, b, a]| ([r, g, b], a)),
        DynamicImage::ImageLuma16(p) => p.iter().flat_map(|&v| [eight_bits(v); 3]).collect(),
        DynamicImage::ImageRgb16(p) => p.iter().copied().map(eight_bits).collect(),
        DynamicImage::ImageLumaA16(p) => {
            let bytes: Vec<u8> = p.iter().copied().map(eight_bits).collect();
            over_background::<2>(&bytes, |[v, a]| ([v; 3], a))
        }
        DynamicImage::ImageRgba16(p) => {
            let bytes: Vec<u8> = p.iter().copied().map(eight_bits).collect();
            over_background::<4>(&bytes, |[r, g, b, a]| ([r, g, b], a))
        }
        DynamicImage::ImageRgb32F(p) => p.iter().copied().map(srgb_from_linear).collect(),
        DynamicImage::ImageRgba32F(p) => {
            let (pixels, _) = p.as_chunks::<4>();
            let bytes: Vec<u8> = pixels
                .iter()
                .flat_map(|&[r, g, b, a]| {
                    [srgb_from_linear(r), srgb_from_linear(g), srgb_from_linear(b), (unit(a) * 255.0).round() as u8]
                })
                .collect();
            over_background::<4>(&bytes, |[r, g, b, a]| ([r, g, b], a))
        }
        other => other.to_rgb8().into_raw(),
    };
    Raster::new(size, rgb)
}

/// Composites straight-alpha pixels of `N` bytes over the background, on encoded values.
fn over_background<const N: usize>(data: &[u8], split: impl Fn([u8; N]) -> ([u8; 3], u8)) -> Vec<u8> {
    data.as_chunks::<N>().0.iter().flat_map(|&p| over(split(p))).collect()
}

/// One straight-alpha pixel over the background.
pub(crate) fn over((colour, alpha): ([u8; 3], u8)) -> [u8; 3] {
    let alpha = u32::from(alpha);
    colour.map(|v| ((u32::from(v) * alpha + u32::from(BACKGROUND) * (255 - alpha) + 127) / 255) as u8)
}

/// The nearest 8-bit value of a 16-bit one.
pub(crate) fn eight_bits(value: u16) -> u8 {
    ((u32::from(value) * 255 + 32_767) / 65_535) as u8
}

/// The 8-bit sRGB-encoded value of a linear one; NaN counts as 0.
fn srgb_from_linear(value: f32) -> u8 {
    <Srgb as FromLinear<f32, u8>>::from_linear(unit(value))
}

fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::{ImageBuffer, Luma, LumaA, Rgb, Rgba};

    fn only_pixel(picture: impl Into<DynamicImage>) -> Vec<u8> {
        canonical(picture.into()).rgb
    }

    #[test]
    fn every_pixel_type_arrives_at_the_same_colour() {
        fn one<P: image::Pixel>(pixel: P) -> ImageBuffer<P, Vec<P::Subpixel>> {
            ImageBuffer::from_pixel(1, 1, pixel)
        }
        assert_eq!(only_pixel(one(Luma([77u8]))), [77; 3]);
        assert_eq!(only_pixel(one(Luma([77u16 * 257]))), [77; 3]);
        assert_eq!(only_pixel(one(LumaA([77u8, 255]))), [77; 3]);
        assert_eq!(only_pixel(one(LumaA([77u16 * 257, 65_535]))), [77; 3]);
        assert_eq!(only_pixel(one(Rgb([1u8, 2, 3]))), [1, 2, 3]);
        assert_eq!(only_pixel(one(Rgb([257u16, 514, 771]))), [1, 2, 3]);
        assert_eq!(only_pixel(one(Rgba([257u16, 514, 771, 65_535]))), [1, 2, 3]);
        assert_eq!(only_pixel(one(Rgb([0.0f32, 0.215_861, 1.0]))), [0, 128, 255]);
        assert_eq!(only_pixel(one(Rgba([f32::NAN, -1.0, 9.0, 1.0]))), [0, 0, 255]);
    }

    #[test]
    fn transparency_shows_white() {
        assert_eq!(over(([10, 20, 30], 0)), [255; 3]);
        assert_eq!(over(([10, 20, 30], 255)), [10, 20, 30]);
        assert_eq!(over(([0, 0, 0], 128)), [127; 3]);
    }
}
