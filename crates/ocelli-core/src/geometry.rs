//! Sizes, points and rectangles, each with its coordinate system in its type.
//!
//! Results are normalized to `0..=1` of the **upright original picture**, origin top-left, x to the right,
//! y down. They carry that picture's size (the frame), so one call without arguments gives pixels. The other
//! conventions a caller may need are other types, reached by one call each and left the same way:
//!
//! | type | origin | picture |
//! | --- | --- | --- |
//! | [`NormalizedRect`], [`NormalizedPoint`] | top-left | upright |
//! | [`LowerLeftRect`], [`LowerLeftPoint`] | lower-left | upright |
//! | [`StoredRect`], [`StoredPoint`] | top-left | as stored in the file, before its EXIF orientation is applied |
//!
//! ```
//! use ocelli_core::{NormalizedRect, Orientation, PixelRect, Size};
//! let frame = Size::new(400, 300);
//! let face = NormalizedRect::from_pixels(PixelRect::new(40.0, 30.0, 100.0, 60.0), frame);
//! assert_eq!(face.to_pixels(), PixelRect::new(40.0, 30.0, 100.0, 60.0));
//! assert_eq!(face.to_lower_left().to_pixels().y, 210.0);
//! let stored = face.to_stored(Orientation::Rotate90); // the file holds the picture lying on its side
//! assert_eq!(stored.frame(), Size::new(300, 400));
//! assert!(stored.to_upright().iou(face) > 0.999_999);
//! ```

mod point;
mod rect;

pub use point::{LowerLeftPoint, NormalizedPoint, PixelPoint, StoredPoint};
pub use rect::{LowerLeftRect, NormalizedRect, PixelRect, StoredRect};

use crate::{Error, Result};
use serde::{Deserialize, Serialize};

/// Width and height in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Size {
    /// Pixels from left to right.
    pub width: u32,
    /// Pixels from top to bottom.
    pub height: u32,
}

impl Size {
    /// Makes a size from width and height in pixels.
    pub const fn new(width: u32, height: u32) -> Self {
        Self { width, height }
    }

    /// Number of pixels.
    pub const fn pixels(self) -> u64 {
        self.width as u64 * self.height as u64
    }

    /// The longer of the two sides.
    pub fn longer_side(self) -> u32 {
        self.width.max(self.height)
    }

    /// The shorter of the two sides.
    pub fn shorter_side(self) -> u32 {
        self.width.min(self.height)
    }

    /// Width and height exchanged.
    pub const fn transposed(self) -> Self {
        Self::new(self.height, self.width)
    }

    /// This shape scaled so that its longer side has `longer` pixels: both sides rounded, at least 1.
    ///
    /// A pure function of its arguments, so every part of the framework names the same level by the same size.
    pub fn scaled_to_longer_side(self, longer: u32) -> Self {
        let side = |length: u32| {
            let scaled = f64::from(length) * f64::from(longer) / f64::from(self.longer_side().max(1));
            (scaled.round() as u32).max(1)
        };
        Self::new(side(self.width), side(self.height))
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}×{}", self.width, self.height)
    }
}

/// A part of a picture that a caller wants searched, as fractions of the upright picture, origin top-left.
///
/// Unlike [`NormalizedRect`] it belongs to no particular picture: the same region can be asked of many.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 4]", into = "[f64; 4]")]
pub struct Region {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Region {
    /// Makes a region from its left and top edge, width and height, all fractions of the picture.
    ///
    /// # Errors
    /// [`Error::Parameter`] where a value is not finite, the region is empty or leaves `0..=1`.
    pub fn new(x: f64, y: f64, width: f64, height: f64) -> Result<Self> {
        // Rounding in the caller's own arithmetic must not refuse a region that touches the border.
        const SLACK: f64 = 1e-9;
        let finite = [x, y, width, height].iter().all(|v| v.is_finite());
        let inside = x >= -SLACK && y >= -SLACK && x + width <= 1.0 + SLACK && y + height <= 1.0 + SLACK;
        if !(finite && inside && width > 0.0 && height > 0.0) {
            return Err(Error::parameter(
                "region",
                format!("[{x}, {y}, {width}, {height}]"),
                "x, y, width, height as fractions of the picture, not empty, inside 0..=1",
            ));
        }
        Ok(Self { x, y, width, height })
    }

    /// The region in whole pixels of a picture of `size`: edges rounded outwards, at least one pixel.
    pub fn to_pixels(self, size: Size) -> PixelRegion {
        let span = |start: f64, length: f64, side: u32| {
            // The slack keeps 0.1 + 0.2 from claiming one more pixel.
            const SLACK: f64 = 1e-6;
            let full = f64::from(side);
            let from = ((start * full + SLACK).floor().max(0.0) as u32).min(side.saturating_sub(1));
            let to = (((start + length) * full - SLACK).ceil() as u32).clamp(from + 1, side.max(from + 1));
            (from, to - from)
        };
        let (x, width) = span(self.x, self.width, size.width);
        let (y, height) = span(self.y, self.height, size.height);
        PixelRegion { x, y, width, height }
    }
}

impl TryFrom<[f64; 4]> for Region {
    type Error = Error;
    fn try_from([x, y, width, height]: [f64; 4]) -> Result<Self> {
        Self::new(x, y, width, height)
    }
}

impl From<Region> for [f64; 4] {
    fn from(r: Region) -> Self {
        [r.x, r.y, r.width, r.height]
    }
}

/// A rectangle of whole pixels in the upright picture, origin top-left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PixelRegion {
    /// Left edge.
    pub x: u32,
    /// Top edge.
    pub y: u32,
    /// Pixels from left to right, at least 1.
    pub width: u32,
    /// Pixels from top to bottom, at least 1.
    pub height: u32,
}

impl PixelRegion {
    /// The whole of a picture of `size`.
    pub const fn whole(size: Size) -> Self {
        Self { x: 0, y: 0, width: size.width, height: size.height }
    }

    /// Width and height.
    pub const fn size(self) -> Size {
        Size::new(self.width, self.height)
    }
}

#[cfg(test)]
mod tests;
