//! The canonical picture as a run takes it: borrowed sRGB bytes.

use std::borrow::Cow;

use crate::{Error, ImageShape};

/// A borrowed canonical picture: sRGB-encoded RGB, eight bits each, `[height, width, 3]`.
#[derive(Debug, Clone, Copy)]
pub struct RgbImage<'a> {
    data: &'a [u8],
    shape: ImageShape,
    row_pitch: usize,
}

impl<'a> RgbImage<'a> {
    /// A picture whose rows start `row_pitch` bytes apart.
    ///
    /// # Errors
    /// [`Error::Shape`] if a row does not fit its pitch or the data is too short.
    pub fn new(data: &'a [u8], shape: ImageShape, row_pitch: usize) -> Result<Self, Error> {
        let ImageShape { height, width } = shape;
        let refuse = |reason: &str| Error::Shape { height, width, reason: reason.to_owned() };
        let row = width.checked_mul(3).ok_or_else(|| refuse("width overflows"))?;
        if row > row_pitch {
            return Err(refuse("row pitch is less than three bytes a pixel"));
        }
        let before_last = height.saturating_sub(1).checked_mul(row_pitch);
        let needed = before_last.and_then(|n| n.checked_add(row));
        if height == 0 || needed.is_none_or(|needed| needed > data.len()) {
            return Err(refuse("data is shorter than its rows"));
        }
        Ok(Self { data, shape, row_pitch })
    }

    /// A picture whose rows follow each other without gaps.
    ///
    /// # Errors
    /// As [`RgbImage::new`].
    pub fn packed(data: &'a [u8], shape: ImageShape) -> Result<Self, Error> {
        Self::new(data, shape, shape.width.saturating_mul(3))
    }

    /// Height and width in pixels.
    #[must_use]
    pub fn shape(&self) -> ImageShape {
        self.shape
    }

    /// All rows without gaps, `[height, width, 3]`; copied only where there are gaps.
    #[must_use]
    pub fn to_packed(&self) -> Cow<'a, [u8]> {
        let ImageShape { height, width } = self.shape;
        if self.row_pitch == width * 3 {
            return Cow::Borrowed(&self.data[..height * width * 3]);
        }
        Cow::Owned((0..height).flat_map(|y| self.row(y)).copied().collect())
    }

    /// The bytes of row `y`, three a pixel.
    pub(crate) fn row(&self, y: usize) -> &'a [u8] {
        let start = y * self.row_pitch;
        &self.data[start..start + self.shape.width * 3]
    }
}
