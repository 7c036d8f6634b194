//! Points: normalized, lower-left, stored, and in pixels.

use super::Size;
use crate::Orientation;
use serde::{Deserialize, Serialize};

/// A point in pixels, origin top-left, pixel edges at whole numbers (centres at +0.5).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PixelPoint {
    /// Distance from the left edge.
    pub x: f64,
    /// Distance from the top edge ([`LowerLeftPoint::to_pixels`]: from the bottom edge).
    pub y: f64,
}

impl PixelPoint {
    /// Makes a point from x and y in pixels.
    pub const fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }
}

macro_rules! accessors {
    () => {
        /// Fraction of the width.
        pub const fn x(self) -> f64 {
            self.x
        }

        /// Fraction of the height.
        pub const fn y(self) -> f64 {
            self.y
        }

        /// Size of the picture that the fractions refer to.
        pub const fn frame(self) -> Size {
            self.frame
        }

        /// The point in pixels of [`frame`](Self::frame), in this type's own origin.
        pub fn to_pixels(self) -> PixelPoint {
            PixelPoint::new(self.x * f64::from(self.frame.width), self.y * f64::from(self.frame.height))
        }
    };
}

/// A point as fractions of the upright picture, origin top-left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormalizedPoint {
    x: f64,
    y: f64,
    frame: Size,
}

impl NormalizedPoint {
    accessors!();

    /// Makes a point from fractions of a picture of size `frame`.
    pub const fn new(x: f64, y: f64, frame: Size) -> Self {
        Self { x, y, frame }
    }

    /// Makes a point from pixels of the upright picture of size `frame`.
    pub fn from_pixels(point: PixelPoint, frame: Size) -> Self {
        Self::new(point.x / f64::from(frame.width.max(1)), point.y / f64::from(frame.height.max(1)), frame)
    }

    /// The same place with the origin in the lower left corner.
    pub fn to_lower_left(self) -> LowerLeftPoint {
        LowerLeftPoint { x: self.x, y: 1.0 - self.y, frame: self.frame }
    }

    /// The same place in the picture as a file with that EXIF orientation stores it.
    pub fn to_stored(self, orientation: Orientation) -> StoredPoint {
        let (x, y) = orientation.stored_from_upright(self.x, self.y);
        StoredPoint { x, y, frame: orientation.stored_size(self.frame), orientation }
    }
}

/// A point as fractions of the upright picture, origin in the lower left corner, y up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LowerLeftPoint {
    x: f64,
    y: f64,
    frame: Size,
}

impl LowerLeftPoint {
    accessors!();

    /// The same place with the origin in the top left corner.
    pub fn to_top_left(self) -> NormalizedPoint {
        NormalizedPoint::new(self.x, 1.0 - self.y, self.frame)
    }
}

/// A point as fractions of the picture as stored, before its orientation is applied; origin top-left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredPoint {
    x: f64,
    y: f64,
    frame: Size,
    orientation: Orientation,
}

impl StoredPoint {
    accessors!();

    /// The orientation that makes this picture upright.
    pub const fn orientation(self) -> Orientation {
        self.orientation
    }

    /// The same place in the upright picture.
    pub fn to_upright(self) -> NormalizedPoint {
        let (x, y) = self.orientation.upright_from_stored(self.x, self.y);
        NormalizedPoint::new(x, y, self.orientation.upright_size(self.frame))
    }
}
