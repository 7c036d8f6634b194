//! An open picture, and how its views come about.

mod job;
mod stream;

use crate::cache::Store;
use crate::decode::{Encoded, check_size};
use crate::lineage::{self, Subject};
use crate::plan::IntakePlan;
use crate::raster::Raster;
use crate::sink::Target;
use crate::source::Content;
use crate::{Source, ViewCache};
use image::RgbImage;
use job::Job;
pub(crate) use job::target;
use ocelli_core::{
    Control, Error, ImageInfo, Limits, Orientation, Result, Size, View, ViewData, ViewKind, ViewSpec, Views,
};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// An open picture: its header is read and within the limits, its pixels are decoded when views are asked for.
///
/// Cheap to clone; clones are the same picture and share its views. When the last one is dropped, its views leave
/// every cache that held them.
#[derive(Clone)]
pub struct Picture(Arc<Inner>);

struct Inner {
    id: u64,
    info: ImageInfo,
    limits: Limits,
    warnings: Vec<String>,
    pixels: Pixels,
    /// Held during a pass over the file, so that a pass can serve everybody who waits for one.
    gate: Mutex<()>,
    /// Caches that may hold views of this picture.
    caches: Mutex<Vec<Weak<Store>>>,
}

enum Pixels {
    Encoded(Box<Encoded>),
    /// The native RGB view of a picture that came as pixels.
    Here(Arc<View>),
}

impl Picture {
    /// Reads the header and checks it; nothing is decoded.
    ///
    /// # Errors
    /// [`Error::Io`] where the source cannot be read, [`Error::Decoding`] or [`Error::Unsupported`] where it is no
    /// picture that this build reads, [`Error::Limits`] where it is too large, [`Error::Parameter`] for impossible pixel
    /// buffers.
    pub fn open(source: impl Into<Source>, limits: &Limits) -> Result<Self> {
        let Source { name, content, orientation, frame } = source.into();
        let (info, pixels, warnings) = match content {
            Content::Pixels(_) if frame > 0 => return Err(Error::parameter("frame", frame, "0 for pixels in memory")),
            Content::Pixels(raster) => here(name, raster?, orientation.unwrap_or_default(), limits)?,
            content => {
                let (encoded, info, warnings) = Encoded::probe(name, content, orientation, frame, limits)?;
                (info, Pixels::Encoded(Box::new(encoded)), warnings)
            }
        };
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (limits, gate, caches) = (limits.clone(), Mutex::default(), Mutex::default());
        Ok(Self(Arc::new(Inner { id, info, limits, warnings, pixels, gate, caches })))
    }

    /// What the header says.
    pub fn info(&self) -> &ImageInfo {
        &self.0.info
    }

    /// What a reader of results should know: oddities of the file that did not stop it from being read.
    pub fn warnings(&self) -> &[String] {
        &self.0.warnings
    }

    /// What building `views` would take: decoding, intermediates, bytes. Nothing is decoded.
    ///
    /// # Errors
    /// [`Error::Parameter`] or [`Error::Limits`] for views that this picture cannot have, the latter also where decoding
    /// would take more than [`Limits::max_decode_bytes`].
    pub fn plan(&self, views: &[ViewSpec]) -> Result<IntakePlan> {
        self.plan_within(views, self.0.limits.max_decode_bytes)
    }

    /// [`plan`](Self::plan) as if decoding might take `max_decode_bytes`: what it would take, to tell what would fit.
    ///
    /// # Errors
    /// As [`plan`](Self::plan).
    pub fn plan_within(&self, views: &[ViewSpec], max_decode_bytes: u64) -> Result<IntakePlan> {
        let mut limits = self.0.limits.clone();
        limits.max_decode_bytes = max_decode_bytes;
        views.iter().try_for_each(|spec| lineage::check(spec, self.size(), &limits))?;
        // Views may share a pass only where they will when they are built.
        IntakePlan::new(self.subject(), self.encoded(), &limits, self.0.limits.max_decode_bytes, views)
    }

    /// Builds the views in `specs` that are not in `cache`, each once even when several threads ask.
    ///
    /// `union` names the views that other users of this picture will ask for soon, so that one pass over the file can
    /// serve them all; it does not change what the views hold. It may be the same as `specs`.
    ///
    /// # Errors
    /// Those of decoding; [`Error::Parameter`] or [`Error::Limits`] for views that this picture cannot have;
    /// [`Error::Cancelled`] or [`Error::DeadlineExceeded`].
    pub fn views(&self, specs: &[ViewSpec], union: &[ViewSpec], cache: &ViewCache, control: &Control) -> Result<Views> {
        specs.iter().try_for_each(|spec| lineage::check(spec, self.size(), &self.0.limits))?;
        self.remember(cache);
        let mut job = Job::new(self, &cache.0, union, control);
        specs.iter().map(|&spec| job.view(spec)).collect()
    }

    /// The whole picture, upright, at its own size, in canonical colour: to draw on, or to show.
    ///
    /// # Errors
    /// Those of decoding.
    pub fn to_rgb(&self) -> Result<RgbImage> {
        let native = ViewSpec::native(ViewKind::Rgb8);
        lineage::check(&native, self.size(), &self.0.limits)?;
        let rgb = match &self.0.pixels {
            Pixels::Here(view) => view.as_u8().to_vec(),
            Pixels::Encoded(encoded) => {
                let target = Target::whole(native.region_of(self.size()), self.size());
                let method = encoded.method(target);
                let mut frames = encoded.collect(method, &[target], &self.0.limits, &Control::default())?;
                frames.pop().expect("one target gives one frame")
            }
        };
        let Size { width, height } = self.size();
        Ok(RgbImage::from_raw(width, height, rgb).expect("a raster has as many bytes as its size"))
    }

    fn size(&self) -> Size {
        self.0.info.size
    }

    fn encoded(&self) -> Option<&Encoded> {
        match &self.0.pixels {
            Pixels::Encoded(encoded) => Some(encoded),
            Pixels::Here(_) => None,
        }
    }

    fn subject(&self) -> Subject {
        Subject::new(self.size(), self.encoded().is_some())
    }

    /// Notes that `cache` may hold views of this picture.
    fn remember(&self, cache: &ViewCache) {
        let mut caches = self.0.caches.lock().unwrap_or_else(PoisonError::into_inner);
        if !caches.iter().any(|known| std::ptr::eq(known.as_ptr(), Arc::as_ptr(&cache.0))) {
            caches.push(Arc::downgrade(&cache.0));
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let caches = self.caches.get_mut().unwrap_or_else(PoisonError::into_inner);
        caches.iter().filter_map(Weak::upgrade).for_each(|store| store.forget(self.id));
    }
}

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Picture").field("id", &self.0.id).field("info", &self.0.info).finish_non_exhaustive()
    }
}

/// A picture that came as pixels.
fn here(name: String, raster: Raster, orientation: Orientation, limits: &Limits) -> Result<Opened> {
    check_size(&name, raster.size, limits)?;
    let raster = raster.upright(orientation);
    let info = ImageInfo::new(name, raster.size, orientation, "pixels");
    let view = View::new(ViewSpec::native(ViewKind::Rgb8), raster.size, ViewData::U8(raster.rgb));
    Ok((info, Pixels::Here(Arc::new(view)), Vec::new()))
}

type Opened = (ImageInfo, Pixels, Vec<String>);

#[cfg(test)]
mod tests;
