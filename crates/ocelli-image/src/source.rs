//! What a caller has in hand.

use crate::colour::canonical;
use crate::pixels::{PixelBuffer, YuvBuffer, raster_from_array};
use crate::raster::Raster;
use image::{DynamicImage, RgbImage};
use ndarray::ArrayView3;
use ocelli_core::{Orientation, Result};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A picture that is still to be opened: a path, bytes, a reader, or pixels in memory.
///
/// Owned, so it can go to another thread. Most calls that take one take `impl Into<Source>`: paths, `Vec<u8>`,
/// [`DynamicImage`], [`PixelBuffer`] and array views convert by themselves. Pixels that were never valid (too short a
/// buffer, an impossible pitch) are reported when the picture is opened.
///
/// ```
/// use ocelli_image::{PixelBuffer, PixelLayout, Source};
/// use ocelli_core::{Orientation, Size};
/// let file = Source::path("party.jpg").oriented(Orientation::Rotate90);
/// let frame = vec![0u8; 640 * 480 * 3];
/// let layout = PixelLayout::Bgr8;
/// let camera = Source::from(PixelBuffer { data: &frame, size: Size::new(640, 480), row_pitch: 1920, layout });
/// ```
pub struct Source {
    pub(crate) name: String,
    pub(crate) content: Content,
    pub(crate) orientation: Option<Orientation>,
    pub(crate) frame: u32,
}

pub(crate) enum Content {
    File(PathBuf),
    Bytes(Arc<[u8]>),
    Reader(Box<dyn Read + Send>),
    Pixels(Result<Raster>),
    #[cfg(feature = "http")]
    Url(String),
}

impl Source {
    /// A file.
    pub fn path(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        Self::new(path.display().to_string(), Content::File(path))
    }

    /// An encoded picture in memory; `name` stands for it in messages.
    pub fn bytes(name: impl Into<String>, bytes: impl Into<Arc<[u8]>>) -> Self {
        Self::new(name, Content::Bytes(bytes.into()))
    }

    /// An encoded picture from a reader, which is read to its end, or to the limit, when the picture is opened.
    pub fn reader(name: impl Into<String>, reader: impl Read + Send + 'static) -> Self {
        Self::new(name, Content::Reader(Box::new(reader)))
    }

    /// A picture on the web, by its `http` or `https` address; fetched when the picture is opened, within the limits on bytes
    /// and seconds, through at most five redirects. Nothing is sent but the request.
    #[cfg(feature = "http")]
    pub fn url(url: impl Into<String>) -> Self {
        let url = url.into();
        Self::new(url.clone(), Content::Url(url))
    }

    /// A decoded picture of the `image` crate. Integer samples count as sRGB-encoded, floats as linear.
    pub fn image(picture: impl Into<DynamicImage>) -> Self {
        Self::pixels(Ok(canonical(picture.into())))
    }

    /// Pixels that belong to somebody else; they are converted here and not kept.
    pub fn buffer(buffer: PixelBuffer<'_>) -> Self {
        Self::pixels(buffer.to_raster())
    }

    /// A video or camera frame in luma and chroma; it is converted here and not kept.
    pub fn yuv(buffer: YuvBuffer<'_>) -> Self {
        Self::pixels(buffer.to_raster())
    }

    /// An array `[h, w, c]` of sRGB-encoded bytes with any strides: 1 channel is grey, 3 RGB, 4 RGB and straight alpha.
    pub fn array(array: ArrayView3<'_, u8>) -> Self {
        Self::pixels(raster_from_array(array))
    }

    /// Sets the name that messages and results carry.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Overrides the orientation that the file declares, if it declares any.
    pub fn oriented(mut self, orientation: Orientation) -> Self {
        self.orientation = Some(orientation);
        self
    }

    /// Chooses a frame of an animation (GIF, WebP, PNG) or a page of a TIFF, from 0, the default. Files of one picture, and
    /// sources that are no files, have frame 0 alone.
    pub fn frame(mut self, frame: u32) -> Self {
        self.frame = frame;
        self
    }

    /// Path or name, as messages carry it.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn pixels(raster: Result<Raster>) -> Self {
        Self::new("pixels", Content::Pixels(raster))
    }

    fn new(name: impl Into<String>, content: Content) -> Self {
        Self { name: name.into(), content, orientation: None, frame: 0 }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.content {
            Content::File(_) => "file",
            Content::Bytes(_) => "bytes",
            Content::Reader(_) => "reader",
            Content::Pixels(_) => "pixels",
            #[cfg(feature = "http")]
            Content::Url(_) => "url",
        };
        f.debug_struct("Source").field("name", &self.name).field("kind", &kind).finish_non_exhaustive()
    }
}

macro_rules! from_path {
    ($($path:ty),+) => {$(
        impl From<$path> for Source {
            fn from(path: $path) -> Self {
                Self::path(path)
            }
        }
    )+};
}
from_path!(&Path, PathBuf, &PathBuf, &str, String, &String);

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::bytes("bytes", bytes)
    }
}

impl From<&[u8]> for Source {
    fn from(bytes: &[u8]) -> Self {
        Self::bytes("bytes", bytes)
    }
}

impl From<Arc<[u8]>> for Source {
    fn from(bytes: Arc<[u8]>) -> Self {
        Self::bytes("bytes", bytes)
    }
}

impl From<DynamicImage> for Source {
    fn from(picture: DynamicImage) -> Self {
        Self::image(picture)
    }
}

impl From<RgbImage> for Source {
    fn from(picture: RgbImage) -> Self {
        Self::image(picture)
    }
}

impl From<PixelBuffer<'_>> for Source {
    fn from(buffer: PixelBuffer<'_>) -> Self {
        Self::buffer(buffer)
    }
}

impl From<YuvBuffer<'_>> for Source {
    fn from(buffer: YuvBuffer<'_>) -> Self {
        Self::yuv(buffer)
    }
}

impl From<ArrayView3<'_, u8>> for Source {
    fn from(array: ArrayView3<'_, u8>) -> Self {
        Self::array(array)
    }
}
