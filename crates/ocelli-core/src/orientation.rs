//! The eight EXIF orientations.

use crate::Size;
use serde::{Deserialize, Serialize};

/// What must be done to a stored picture to make it upright: the eight states of the EXIF tag 0x0112.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum Orientation {
    /// 1: stored upright.
    #[default]
    Upright,
    /// 2: mirrored left to right.
    FlipHorizontal,
    /// 3: turn by 180°.
    Rotate180,
    /// 4: mirrored top to bottom.
    FlipVertical,
    /// 5: mirrored along the main diagonal.
    Transpose,
    /// 6: turn clockwise by 90°.
    Rotate90,
    /// 7: mirrored along the other diagonal.
    Transverse,
    /// 8: turn clockwise by 270°.
    Rotate270,
}

impl Orientation {
    /// All eight, in the order of their EXIF values.
    pub const ALL: [Self; 8] = [
        Self::Upright,
        Self::FlipHorizontal,
        Self::Rotate180,
        Self::FlipVertical,
        Self::Transpose,
        Self::Rotate90,
        Self::Transverse,
        Self::Rotate270,
    ];

    /// The orientation of an EXIF value 1 to 8; `None` for others.
    pub fn from_exif(value: u8) -> Option<Self> {
        Self::ALL.get(usize::from(value).checked_sub(1)?).copied()
    }

    /// The EXIF value, 1 to 8.
    pub fn to_exif(self) -> u8 {
        self as u8 + 1
    }

    /// Whether width and height change places.
    pub fn swaps_sides(self) -> bool {
        self as u8 >= Self::Transpose as u8
    }

    /// The size of the upright picture, from the stored one's.
    pub fn upright_size(self, stored: Size) -> Size {
        if self.swaps_sides() { stored.transposed() } else { stored }
    }

    /// The size of the stored picture, from the upright one's.
    pub fn stored_size(self, upright: Size) -> Size {
        self.upright_size(upright)
    }

    /// Maps a place in the stored picture (fractions, origin top-left) to the upright one.
    pub fn upright_from_stored(self, x: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Upright => (x, y),
            Self::FlipHorizontal => (1.0 - x, y),
            Self::Rotate180 => (1.0 - x, 1.0 - y),
            Self::FlipVertical => (x, 1.0 - y),
            Self::Transpose => (y, x),
            Self::Rotate90 => (1.0 - y, x),
            Self::Transverse => (1.0 - y, 1.0 - x),
            Self::Rotate270 => (y, 1.0 - x),
        }
    }

    /// Maps a place in the upright picture (fractions, origin top-left) to the stored one.
    pub fn stored_from_upright(self, x: f64, y: f64) -> (f64, f64) {
        self.inverse().upright_from_stored(x, y)
    }

    /// The orientation that undoes this one.
    pub fn inverse(self) -> Self {
        match self {
            Self::Rotate90 => Self::Rotate270,
            Self::Rotate270 => Self::Rotate90,
            other => other,
        }
    }
}

impl TryFrom<u8> for Orientation {
    type Error = String;
    fn try_from(value: u8) -> Result<Self, String> {
        Self::from_exif(value).ok_or_else(|| format!("orientation {value} is not one of 1 to 8"))
    }
}

impl From<Orientation> for u8 {
    fn from(orientation: Orientation) -> u8 {
        orientation.to_exif()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inverse_undoes_every_state() {
        for o in Orientation::ALL {
            let (x, y) = o.upright_from_stored(0.2, 0.7);
            let (x, y) = o.stored_from_upright(x, y);
            assert!((x - 0.2).abs() < 1e-12 && (y - 0.7).abs() < 1e-12, "{o:?}");
            assert_eq!(Orientation::from_exif(o.to_exif()), Some(o));
        }
    }

    #[test]
    fn rotate90_brings_the_stored_top_left_to_the_top_right() {
        assert_eq!(Orientation::from_exif(6), Some(Orientation::Rotate90));
        assert_eq!(Orientation::Rotate90.upright_from_stored(0.0, 0.0), (1.0, 0.0));
        assert_eq!(Orientation::from_exif(0), None);
        assert_eq!(Orientation::from_exif(9), None);
    }
}
