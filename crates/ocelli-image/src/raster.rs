//! A picture in canonical colour, and the moves that change no pixel: turning and cropping.

use ocelli_core::{Orientation, PixelRegion, Size};

/// Canonical RGB8: rows from the top, no gaps, `size.pixels() * 3` bytes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Raster {
    pub(crate) size: Size,
    pub(crate) rgb: Vec<u8>,
}

impl Raster {
    /// # Panics
    /// Where the number of bytes does not fit the size: a bug of the builder.
    pub(crate) fn new(size: Size, rgb: Vec<u8>) -> Self {
        assert_eq!(rgb.len() as u64, size.pixels() * 3, "bytes of a raster of {size}");
        Self { size, rgb }
    }

    /// The upright picture, from the stored one.
    pub(crate) fn upright(self, orientation: Orientation) -> Self {
        let size = orientation.upright_size(self.size);
        match orientation {
            Orientation::Upright => self,
            Orientation::Rotate180 => {
                let mut rgb = self.rgb;
                let (pixels, _) = rgb.as_chunks_mut::<3>();
                pixels.reverse();
                Self { size, rgb }
            }
            Orientation::FlipHorizontal => {
                let mut rgb = self.rgb;
                for row in rgb.chunks_exact_mut(size.width as usize * 3) {
                    row.as_chunks_mut::<3>().0.reverse();
                }
                Self { size, rgb }
            }
            _ => Self { size, rgb: gathered(&self, orientation) },
        }
    }
}

/// The pixels of `region` of a picture with `channels` bytes a pixel.
pub(crate) fn crop(data: &[u8], size: Size, region: PixelRegion, channels: usize) -> Vec<u8> {
    let pitch = size.width as usize * channels;
    let (left, width) = (region.x as usize * channels, region.width as usize * channels);
    let rows = data.chunks_exact(pitch).skip(region.y as usize).take(region.height as usize);
    rows.flat_map(|row| &row[left..left + width]).copied().collect()
}

/// Reads the stored picture in the order of the upright one, by the map of [`Orientation::stored_from_upright`] in
/// whole pixels: a start and two steps.
fn gathered(stored: &Raster, orientation: Orientation) -> Vec<u8> {
    let upright = orientation.upright_size(stored.size);
    let (w, h) = (stored.size.width as isize, stored.size.height as isize);
    let (start, right, down) = match orientation {
        Orientation::Upright => (0, 1, w),
        Orientation::FlipHorizontal => (w - 1, -1, w),
        Orientation::Rotate180 => (w * h - 1, -1, -w),
        Orientation::FlipVertical => (w * (h - 1), 1, -w),
        Orientation::Transpose => (0, w, 1),
        Orientation::Rotate90 => (w * (h - 1), -w, 1),
        Orientation::Transverse => (w * h - 1, -w, -1),
        Orientation::Rotate270 => (w - 1, w, -1),
    };
    let (pixels, _) = stored.rgb.as_chunks::<3>();
    let mut out = vec![[0u8; 3]; pixels.len()];
    // Blocks keep both the reads and the writes of a turned picture within the cache.
    const BLOCK: usize = 32;
    let (width, height) = (upright.width as usize, upright.height as usize);
    for top in (0..height).step_by(BLOCK) {
        for left in (0..width).step_by(BLOCK) {
            for y in top..(top + BLOCK).min(height) {
                for x in left..(left + BLOCK).min(width) {
                    out[y * width + x] = pixels[(start + x as isize * right + y as isize * down) as usize];
                }
            }
        }
    }
    out.into_flattened()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upright_agrees_with_the_map_of_orientation() {
        let stored_size = Size::new(37, 70);
        let rgb: Vec<u8> = (0..stored_size.pixels() as usize * 3).map(|i| (i * 31 % 251) as u8).collect();
        let stored = Raster::new(stored_size, rgb);
        for orientation in Orientation::ALL {
            let upright = stored.clone().upright(orientation);
            assert_eq!(upright.size, orientation.upright_size(stored_size));
            for (x, y) in [(0, 0), (5, 9), (36, 12), (3, 36)] {
                let fraction = |v: u32, n: u32| (f64::from(v) + 0.5) / f64::from(n);
                let (sx, sy) =
                    orientation.stored_from_upright(fraction(x, upright.size.width), fraction(y, upright.size.height));
                let at = |r: &Raster, x: u32, y: u32| {
                    let start = (y as usize * r.size.width as usize + x as usize) * 3;
                    r.rgb[start..start + 3].to_vec()
                };
                let sx = (sx * f64::from(stored_size.width)) as u32;
                let sy = (sy * f64::from(stored_size.height)) as u32;
                assert_eq!(at(&upright, x, y), at(&stored, sx, sy), "{orientation:?} {x} {y}");
            }
            assert_eq!(upright.upright(orientation.inverse()), stored, "{orientation:?}");
        }
    }

    #[test]
    fn cropping_takes_the_named_pixels() {
        let raster = Raster::new(Size::new(4, 3), (0..36).collect());
        let part = crop(&raster.rgb, raster.size, PixelRegion { x: 1, y: 1, width: 2, height: 2 }, 3);
        assert_eq!(part, [15, 16, 17, 18, 19, 20, 27, 28, 29, 30, 31, 32]);
    }
}
