//! Borrowed pixel buffers: what cameras, decoders and other libraries hand over.

mod yuv;

pub use yuv::{YuvBuffer, YuvLayout, YuvMatrix, YuvPlane, YuvRange};

use crate::colour::over;
use crate::raster::Raster;
use ndarray::ArrayView3;
use ocelli_core::{Error, Result, Size};

/// How the bytes of a [`PixelBuffer`] make pixels. Values are sRGB-encoded; alpha is straight.
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
}

impl PixelLayout {
    /// Bytes a pixel.
    pub const fn bytes_per_pixel(self) -> usize {
        match self {
            Self::Gray8 => 1,
            Self::Rgb8 | Self::Bgr8 => 3,
            Self::Rgba8 | Self::Bgra8 => 4,
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
