//! Any picture source to the canonical picture and its shared views.
//!
//! A [`Source`] is what a caller has: a path, bytes, a reader, a picture in memory. [`Picture::open`] reads its header
//! and checks it against the limits; [`Picture::plan`] says what a set of views would cost; [`Picture::views`] builds
//! them, each exactly once, through a [`ViewCache`] that pictures share.
//!
//! The canon is upright, sRGB-encoded, 8 bits a channel, without alpha: transparent pixels lie on white, composited on
//! encoded values as browsers do it. This crate holds no algorithm and schedules nothing.
//!
//! ```
//! use ocelli_core::{Control, Limits, ViewKind, ViewSpec};
//! use ocelli_image::{Picture, Source, ViewCache};
//!
//! let source = Source::from(image::DynamicImage::new_rgb8(1200, 800));
//! let picture = Picture::open(source, &Limits::default())?;
//! let level = ViewSpec::scaled(ViewKind::Rgb8, 320);
//! let cache = ViewCache::new(64 << 20);
//! let views = picture.views(&[level], &[level], &cache, &Control::default())?;
//! assert_eq!(views.get(&level)?.array().unwrap().dim(), (213, 320, 3));
//! # Ok::<(), ocelli_core::Error>(())
//! ```

mod build;
mod cache;
mod colour;
mod decode;
mod format;
#[cfg(feature = "http")]
mod http;
mod input;
mod lineage;
mod picture;
mod pixels;
mod plan;
mod raster;
mod sink;
mod source;

pub use cache::{CacheCounters, KindCounters, ViewCache};
pub use format::picture_endings;
/// The type of [`Picture::to_rgb`]: rows from the top, RGB, 8 bits.
pub use image::RgbImage;
pub use picture::Picture;
pub use pixels::{PixelBuffer, PixelLayout, YuvBuffer, YuvLayout, YuvMatrix, YuvPlane, YuvRange};
pub use plan::{Bytes, IntakePlan, PlannedDecode, PlannedView};
pub use source::Source;
