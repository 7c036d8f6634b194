//! Rectangles: normalized, lower-left, stored, and in pixels.

use super::{NormalizedPoint, Size};
use crate::Orientation;
use serde::{Deserialize, Serialize};

/// A rectangle in pixels: corner nearest the origin, then extent. Pixel edges lie at whole numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PixelRect {
    /// Distance of the left edge from the left border.
    pub x: f64,
    /// Distance of the top edge from the top border ([`LowerLeftRect::to_pixels`]: bottom from bottom).
    pub y: f64,
    /// Extent to the right.
    pub width: f64,
    /// Extent downwards ([`LowerLeftRect::to_pixels`]: upwards).
    pub height: f64,
}

impl PixelRect {
    /// Makes a rectangle from its corner and extent in pixels.
    pub const fn new(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x, y, width, height }
    }

    /// Extent times extent, in square pixels.
    pub fn area(self) -> f64 {
        self.width.max(0.0) * self.height.max(0.0)
    }

    /// Area shared with `other`, in square pixels.
    pub fn intersection_area(self, other: Self) -> f64 {
        let width = (self.x + self.width).min(other.x + other.width) - self.x.max(other.x);
        let height = (self.y + self.height).min(other.y + other.height) - self.y.max(other.y);
        width.max(0.0) * height.max(0.0)
    }

    /// Intersection over union with `other`, in `0..=1`; 0 where both are empty.
    pub fn iou(self, other: Self) -> f64 {
        let shared = self.intersection_area(other);
        let union = self.area() + other.area() - shared;
        if union > 0.0 { shared / union } else { 0.0 }
    }
}

macro_rules! accessors {
    () => {
        /// Nearest edge to the origin, as fraction of the width.
        pub const fn x(self) -> f64 {
            self.x
        }

        /// Nearest edge to the origin, as fraction of the height.
        pub const fn y(self) -> f64 {
            self.y
        }

        /// Extent as fraction of the picture's width.
        pub const fn width(self) -> f64 {
            self.width
        }

        /// Extent as fraction of the picture's height.
        pub const fn height(self) -> f64 {
            self.height
        }

        /// Size of the picture that the fractions refer to.
        pub const fn frame(self) -> Size {
            self.frame
        }

        /// The rectangle in pixels of [`frame`](Self::frame), in this type's own origin.
        pub fn to_pixels(self) -> PixelRect {
            let (w, h) = (f64::from(self.frame.width), f64::from(self.frame.height));
            PixelRect::new(self.x * w, self.y * h, self.width * w, self.height * h)
        }
    };
}

/// A rectangle as fractions of the upright picture, origin top-left.
///
/// It may leave `0..=1` where an algorithm sees an object cut off by the border; [`clipped`](Self::clipped) cuts it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct NormalizedRect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    frame: Size,
}

impl NormalizedRect {
    accessors!();

    /// Makes a rectangle from fractions of a picture of size `frame`.
    pub const fn new(x: f64, y: f64, width: f64, height: f64, frame: Size) -> Self {
        Self { x, y, width, height, frame }
    }

    /// Makes a rectangle from pixels of the upright picture of size `frame`.
    pub fn from_pixels(rect: PixelRect, frame: Size) -> Self {
        let (w, h) = (f64::from(frame.width.max(1)), f64::from(frame.height.max(1)));
        Self::new(rect.x / w, rect.y / h, rect.width / w, rect.height / h, frame)
    }

    /// The middle of the rectangle.
    pub fn center(self) -> NormalizedPoint {
        NormalizedPoint::new(self.x + self.width / 2.0, self.y + self.height / 2.0, self.frame)
    }

    /// Intersection over union in pixels, in `0..=1`.
    pub fn iou(self, other: Self) -> f64 {
        self.to_pixels().iou(other.to_pixels())
    }

    /// The part inside the picture; extent 0 where none is.
    pub fn clipped(self) -> Self {
        let (left, top) = (self.x.clamp(0.0, 1.0), self.y.clamp(0.0, 1.0));
        let (right, bottom) = ((self.x + self.width).clamp(left, 1.0), (self.y + self.height).clamp(top, 1.0));
        Self::new(left, top, right - left, bottom - top, self.frame)
    }

    /// The same rectangle with the origin in the lower left corner.
    pub fn to_lower_left(self) -> LowerLeftRect {
        let y = 1.0 - self.y - self.height;
        LowerLeftRect { x: self.x, y, width: self.width, height: self.height, frame: self.frame }
    }

    /// The same rectangle in the picture as a file with that EXIF orientation stores it.
    pub fn to_stored(self, orientation: Orientation) -> StoredRect {
        let map = |x, y| orientation.stored_from_upright(x, y);
        let [x, y, width, height] = self.mapped(map);
        StoredRect { x, y, width, height, frame: orientation.stored_size(self.frame), orientation }
    }

    fn mapped(self, map: impl Fn(f64, f64) -> (f64, f64)) -> [f64; 4] {
        span(map(self.x, self.y), map(self.x + self.width, self.y + self.height))
    }
}

/// The rectangle between two opposite corners.
fn span(a: (f64, f64), b: (f64, f64)) -> [f64; 4] {
    [a.0.min(b.0), a.1.min(b.1), (a.0 - b.0).abs(), (a.1 - b.1).abs()]
}

/// A rectangle as fractions of the upright picture, origin in the lower left corner, y up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct LowerLeftRect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    frame: Size,
}

impl LowerLeftRect {
    accessors!();

    /// The same rectangle with the origin in the top left corner.
    pub fn to_top_left(self) -> NormalizedRect {
        NormalizedRect::new(self.x, 1.0 - self.y - self.height, self.width, self.height, self.frame)
    }
}

/// A rectangle as fractions of the picture as stored, before its orientation is applied; origin top-left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredRect {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    frame: Size,
    orientation: Orientation,
}

impl StoredRect {
    accessors!();

    /// The orientation that makes this picture upright.
    pub const fn orientation(self) -> Orientation {
        self.orientation
    }

    /// The same rectangle in the upright picture.
    pub fn to_upright(self) -> NormalizedRect {
        let map = |x, y| self.orientation.upright_from_stored(x, y);
        let [x, y, width, height] = span(map(self.x, self.y), map(self.x + self.width, self.y + self.height));
        NormalizedRect::new(x, y, width, height, self.orientation.upright_size(self.frame))
    }
}
