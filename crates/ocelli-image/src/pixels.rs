//! Borrowed pixel buffers: what cameras, decoders and other libraries hand over.

mod yuv;

pub use yuv::{YuvBuffer, YuvLayout, YuvMatrix, YuvPlane, YuvRange};

use crate::colour::{Channels, Depth, PixelType, Samples, ToCanon, over, over_premultiplied};
use crate::raster::Raster;
use ndarray::ArrayView3;
use ocelli_core::{Error, Result, Size};

/// How the bytes of a [`PixelBuffer`] make pixels. Integers are sRGB-encoded, floats linear light; alpha is straight where
/// the name does not say otherwise. Samples of more than a byte lie in the byte order of the machine, aligned or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PixelLayout {
    /// One byte of grey.
    Gray8,
    /// Red, green, blue.
    Rgb8,
    /// Blue, green, red: the order of OpenCV.
    Bgr8,
    /// Red, green, blue, alpha.
    Rgba8,
    /// Blue, green, red, alpha.
    Bgra8,
    /// Red, green and blue multiplied by alpha, alpha.
    Rgba8Premultiplied,
    /// Blue, green and red multiplied by alpha, alpha: what compositors and many toolkits hand over.
    Bgra8Premultiplied,
    /// Two bytes of grey.
    Gray16,
    /// Red, green, blue, two bytes each.
    Rgb16,
    /// Red, green, blue, alpha, two bytes each.
    Rgba16,
    /// Red, green, blue as 32-bit floats; 1 is white, more is clipped.
    Rgb32F,
    /// Red, green, blue, alpha as 32-bit floats.
    Rgba32F,
}

impl PixelLayout {
    /// Bytes a pixel.
    pub const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Gray8 => 1,
            Self::Rgb8 | Self::Bgr8 => 3,
            Self::Rgba8 | Self::Bgra8 | Self::Rgba8Premultiplied | Self::Bgra8Premultiplied => 4,
            Self::Gray16 => 2,
            Self::Rgb16 => 6,
            Self::Rgba16 => 8,
            Self::Rgb32F => 12,
            Self::Rgba32F => 16,
        }
    }

    /// The way to the canon for layouts of more than a byte a sample.
    const fn wide(self) -> Option<PixelType> {
        match self {
            Self::Gray16 => Some(PixelType::new(Channels::Gray, Depth::Sixteen)),
            Self::Rgb16 => Some(PixelType::new(Channels::Rgb, Depth::Sixteen)),
            Self::Rgba16 => Some(PixelType::new(Channels::Rgba, Depth::Sixteen)),
            Self::Rgb32F => Some(PixelType::new(Channels::Rgb, Depth::Float)),
            Self::Rgba32F => Some(PixelType::new(Channels::Rgba, Depth::Float)),
            _ => None,
        }
    }
}

/// Pixels in memory that belong to somebody else: rows from the top, `row_pitch` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct PixelBuffer<'a> {
    /// The bytes; the last row may lack its padding.
    pub data: &'a [u8],
    /// Width and height in pixels.
    pub size: Size,
    /// Bytes from the start of a row to the start of the next.
    pub row_pitch: usize,
    /// What the bytes mean.
    pub layout: PixelLayout,
}

impl PixelBuffer<'_> {
    /// Converts to canonical colour.
    ///
    /// # Errors
    /// [`Error::Parameter`] where the size is empty, the pitch shorter than a row or the data too short.
    pub(crate) fn to_raster(self) -> Result<Raster> {
        let row_bytes = checked_row_bytes(self.size, self.layout.bytes_per_pixel())?;
        if self.row_pitch < row_bytes {
            return Err(Error::parameter("row_pitch", self.row_pitch, format!("at least {row_bytes} bytes")));
        }
        let needed = (self.size.height as u64 - 1) * self.row_pitch as u64 + row_bytes as u64;
        if (self.data.len() as u64) < needed {
            return Err(Error::parameter("data length", self.data.len(), format!("at least {needed} bytes")));
        }
        let mut rgb = Vec::with_capacity(self.size.pixels() as usize * 3);
        for row in self.data.chunks(self.row_pitch).take(self.size.height as usize) {
            append_row(&row[..row_bytes], self.layout, &mut rgb);
        }
        Ok(Raster::new(self.size, rgb))
    }
}

/// Bytes of a row, for a size that is not empty.
fn checked_row_bytes(size: Size, bytes_per_pixel: usize) -> Result<usize> {
    let row = (size.width as usize).checked_mul(bytes_per_pixel).filter(|_| size.pixels() > 0);
    row.ok_or_else(|| Error::parameter("size", size, "at least one pixel"))
}

fn append_row(row: &[u8], layout: PixelLayout, rgb: &mut Vec<u8>) {
    match layout {
        PixelLayout::Rgb8 => rgb.extend_from_slice(row),
        PixelLayout::Gray8 => rgb.extend(row.iter().flat_map(|&v| [v; 3])),
        PixelLayout::Bgr8 => rgb.extend(row.as_chunks::<3>().0.iter().flat_map(|&[b, g, r]| [r, g, b])),
        PixelLayout::Rgba8 => rgb.extend(row.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, a]| over(([r, g, b], a)))),
        PixelLayout::Bgra8 => rgb.extend(row.as_chunks::<4>().0.iter().flat_map(|&[b, g, r, a]| over(([r, g, b], a)))),
        PixelLayout::Rgba8Premultiplied => {
            rgb.extend(row.as_chunks::<4>().0.iter().flat_map(|&[r, g, b, a]| over_premultiplied([r, g, b], a)));
        }
        PixelLayout::Bgra8Premultiplied => {
            rgb.extend(row.as_chunks::<4>().0.iter().flat_map(|&[b, g, r, a]| over_premultiplied([r, g, b], a)));
        }
        wide => append_wide(row, wide, rgb),
    }
}

fn append_wide(row: &[u8], layout: PixelLayout, rgb: &mut Vec<u8>) {
    let Some(pixel) = layout.wide() else { return };
    let canon = ToCanon::srgb(pixel);
    if pixel.depth == Depth::Float {
        let samples: Vec<f32> = row.as_chunks::<4>().0.iter().map(|b| f32::from_ne_bytes(*b)).collect();
        canon.append(Samples::F32(&samples), rgb);
    } else {
        let samples: Vec<u16> = row.as_chunks::<2>().0.iter().map(|b| u16::from_ne_bytes(*b)).collect();
        canon.append(Samples::U16(&samples), rgb);
    }
}

/// Converts an array `[h, w, c]` with any strides; 1 channel is grey, 3 are RGB, 4 are RGB with straight alpha.
///
/// # Errors
/// [`Error::Parameter`] for another number of channels, or no pixels.
pub(crate) fn raster_from_array(array: ArrayView3<'_, u8>) -> Result<Raster> {
    let (height, width, channels) = array.dim();
    let side = |n: usize| u32::try_from(n).map_err(|_| Error::parameter("array side", n, "at most 4,294,967,295"));
    let size = Size::new(side(width)?, side(height)?);
    let layout = match channels {
        1 => PixelLayout::Gray8,
        3 => PixelLayout::Rgb8,
        4 => PixelLayout::Rgba8,
        _ => return Err(Error::parameter("channels of the array", channels, "1, 3 or 4")),
    };
    checked_row_bytes(size, channels)?;
    // Iteration is in logical order whatever the strides are.
    let packed: Vec<u8> = array.iter().copied().collect();
    PixelBuffer { data: &packed, size, row_pitch: width * channels, layout }.to_raster()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;

    #[test]
    fn layouts_and_padding_give_the_same_picture() {
        let size = Size::new(2, 2);
        let rgb = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
        let bgr = [3, 2, 1, 6, 5, 4, 99, 9, 8, 7, 12, 11, 10];
        let plain = PixelBuffer { data: &rgb, size, row_pitch: 6, layout: PixelLayout::Rgb8 }.to_raster().unwrap();
        let padded = PixelBuffer { data: &bgr, size, row_pitch: 7, layout: PixelLayout::Bgr8 }.to_raster().unwrap();
        assert_eq!(plain, padded);
        let array = Array3::from_shape_vec((2, 2, 3), rgb.to_vec()).unwrap();
        assert_eq!(raster_from_array(array.view()).unwrap(), plain);
        let columns_first = array.permuted_axes([1, 0, 2]);
        assert_eq!(raster_from_array(columns_first.view()).unwrap().rgb[3..6], [7, 8, 9]);
    }

    #[test]
    fn deeper_samples_and_multiplied_alpha_give_the_same_picture() {
        let size = Size::new(2, 1);
        let of = |data: &[u8], layout: PixelLayout| {
            let row_pitch = 2 * layout.bytes_per_pixel();
            PixelBuffer { data, size, row_pitch, layout }.to_raster().unwrap().rgb
        };
        // Half-transparent (128 of 255) red over white, and opaque grey.
        let expected = of(&[255, 0, 0, 128, 90, 90, 90, 255], PixelLayout::Rgba8);
        assert_eq!(expected, [255, 127, 127, 90, 90, 90]);
        assert_eq!(of(&[128, 0, 0, 128, 90, 90, 90, 255], PixelLayout::Rgba8Premultiplied), expected);
        assert_eq!(of(&[0, 0, 128, 128, 90, 90, 90, 255], PixelLayout::Bgra8Premultiplied), expected);
        let wide = |v: [u16; 8]| v.map(|v| (v * 257).to_ne_bytes()).concat();
        assert_eq!(of(&wide([255, 0, 0, 128, 90, 90, 90, 255]), PixelLayout::Rgba16), expected);
        let grey = [90u16 * 257, 0].map(u16::to_ne_bytes).concat();
        assert_eq!(of(&grey, PixelLayout::Gray16), [90, 90, 90, 0, 0, 0]);
        // Linear 0.2140 is encoded as one half; more than white is white.
        let float = [0.2140f32, 0.2140, 0.2140, 3.0, 0.0, -1.0].map(f32::to_ne_bytes).concat();
        assert_eq!(of(&float, PixelLayout::Rgb32F), [127, 127, 127, 255, 0, 0]);
    }

    #[test]
    fn impossible_buffers_are_refused() {
        let buffer = |len: usize, size, row_pitch| {
            PixelBuffer { data: &vec![0; len], size, row_pitch, layout: PixelLayout::Rgba8 }.to_raster().is_err()
        };
        assert!(buffer(16, Size::new(0, 2), 8));
        assert!(buffer(16, Size::new(2, 2), 7));
        assert!(buffer(15, Size::new(2, 2), 8));
        assert!(buffer(16, Size::new(u32::MAX, u32::MAX), 8));
        assert!(!buffer(16, Size::new(2, 2), 8));
        assert!(raster_from_array(Array3::zeros((2, 2, 2)).view()).is_err());
        assert!(raster_from_array(Array3::zeros((0, 2, 3)).view()).is_err());
    }
}
