//! An open picture, and how its views come about.

use crate::build::{CropBox, integral, integral_squares, luma_from_rgb, resize_rgb, sampled};
use crate::cache::{Claim, Slot, Store, wait};
use crate::decode::{Encoded, check_size};
use crate::lineage::{self, Origin, origin};
use crate::plan::IntakePlan;
use crate::raster::{Raster, crop};
use crate::source::Content;
use crate::{Source, ViewCache};
use image::RgbImage;
use ocelli_core::{
    Control, Error, ImageInfo, Limits, Orientation, Result, Size, View, ViewData, ViewKind, ViewScale, ViewSpec, Views,
};
use std::collections::BTreeMap;
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
    /// Caches that may hold views of this picture.
    caches: Mutex<Vec<Weak<Store>>>,
}

enum Pixels {
    Encoded(Encoded),
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
        let Source { name, content, orientation } = source.into();
        let (info, pixels) = match content {
            Content::Pixels(raster) => here(name, raster?, orientation.unwrap_or_default(), limits)?,
            content => {
                let (encoded, info) = Encoded::probe(name, content, orientation, limits)?;
                (info, Pixels::Encoded(encoded))
            }
        };
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let id = NEXT.fetch_add(1, Ordering::Relaxed);
        let (limits, caches) = (limits.clone(), Mutex::default());
        Ok(Self(Arc::new(Inner { id, info, limits, warnings: Vec::new(), pixels, caches })))
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
    /// [`Error::Parameter`] or [`Error::Limits`] for views that this picture cannot have.
    pub fn plan(&self, views: &[ViewSpec]) -> Result<IntakePlan> {
        views.iter().try_for_each(|spec| lineage::check(spec, self.size(), &self.0.limits))?;
        Ok(IntakePlan::new(&self.0.info, matches!(self.0.pixels, Pixels::Encoded(_)), views))
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
        let mut job = Job { picture: self, store: &cache.0, union, control, held: BTreeMap::new() };
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
            Pixels::Encoded(_) => self.decode()?.rgb,
        };
        let Size { width, height } = self.size();
        Ok(RgbImage::from_raw(width, height, rgb).expect("a raster has as many bytes as its size"))
    }

    fn size(&self) -> Size {
        self.0.info.size
    }

    /// The decoded picture, upright.
    fn decode(&self) -> Result<Raster> {
        match &self.0.pixels {
            Pixels::Encoded(encoded) => Ok(encoded.decode(&self.0.limits)?.upright(self.0.info.orientation)),
            Pixels::Here(view) => Ok(Raster::new(self.size(), view.as_u8().to_vec())),
        }
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
fn here(name: String, raster: Raster, orientation: Orientation, limits: &Limits) -> Result<(ImageInfo, Pixels)> {
    check_size(&name, raster.size, limits)?;
    let raster = raster.upright(orientation);
    let info = ImageInfo::new(name, raster.size, orientation, "pixels");
    let view = View::new(ViewSpec::native(ViewKind::Rgb8), raster.size, ViewData::U8(raster.rgb));
    Ok((info, Pixels::Here(Arc::new(view))))
}

/// One call of [`Picture::views`].
struct Job<'a> {
    picture: &'a Picture,
    store: &'a Arc<Store>,
    #[expect(dead_code, reason = "one decode for several views follows")]
    union: &'a [ViewSpec],
    control: &'a Control,
    /// Views of this call, and their parents: alive whatever leaves the cache.
    held: BTreeMap<ViewSpec, Arc<View>>,
}

impl Job<'_> {
    /// The view, from this call, the cache, another thread, or built now.
    fn view(&mut self, spec: ViewSpec) -> Result<Arc<View>> {
        if let Some(view) = self.held.get(&spec) {
            return Ok(view.clone());
        }
        let view = self.find(spec)?;
        self.held.insert(spec, view.clone());
        Ok(view)
    }

    fn find(&mut self, spec: ViewSpec) -> Result<Arc<View>> {
        if let (Pixels::Here(view), Origin::Decode) = (&self.picture.0.pixels, origin(spec, self.picture.size())) {
            return Ok(view.clone());
        }
        loop {
            let found = match self.store.claim(self.picture.0.id, spec) {
                Claim::Build(slot) => return self.fill(slot),
                Claim::Ready(view) => Some(view),
                Claim::Wait(flight) => wait(&flight, self.control)?,
            };
            if let Some(view) = found {
                self.store.counters.hit(spec.kind);
                return Ok(view);
            }
        }
    }

    /// Builds the view of a slot. Parents are found while it is held; no circle of waiting threads can arise, since
    /// a view is never an ancestor of its own parents.
    fn fill(&mut self, slot: Slot) -> Result<Arc<View>> {
        let built = self.control.checkpoint().and_then(|()| self.build(slot.spec()));
        match built {
            Ok(view) => {
                let view = Arc::new(view);
                slot.finish(&view);
                Ok(view)
            }
            Err(error) => {
                slot.fail(&error);
                Err(error)
            }
        }
    }

    fn build(&mut self, spec: ViewSpec) -> Result<View> {
        let image = self.picture.size();
        let _span = tracing::debug_span!("view", kind = spec.kind.name(), size = %spec.size(image)).entered();
        match origin(spec, image) {
            Origin::Decode => {
                self.store.counters.decoded();
                Ok(View::new(spec, image, ViewData::U8(self.picture.decode()?.rgb)))
            }
            Origin::Same(other) => Ok(self.view(other)?.renamed(spec)),
            Origin::Made(parent) => {
                let parent = self.view(parent)?;
                made(spec, &parent, image)
            }
        }
    }
}

/// Computes a view from its parent.
fn made(spec: ViewSpec, parent: &View, image: Size) -> Result<View> {
    let (from, to) = (parent.size(), spec.size(image));
    let pixels = parent.as_u8();
    let data = match (spec.kind, spec.scale) {
        (ViewKind::Integral, _) => ViewData::U32(integral(pixels, from)),
        (ViewKind::IntegralSquares, _) => ViewData::U64(integral_squares(pixels, from)),
        (kind, ViewScale::Sampled(_)) => ViewData::U8(sampled(pixels, from, kind.channels(), to)),
        (ViewKind::Luma8, _) => ViewData::U8(luma_from_rgb(pixels)),
        (kind, ViewScale::Native) => ViewData::U8(crop(pixels, from, spec.region_of(image), kind.channels())),
        (_, ViewScale::LongerSide(_)) => {
            let resized = resize_rgb(pixels, from, CropBox::whole(from), to);
            ViewData::U8(resized.map_err(|e| Error::algorithm("intake", e))?)
        }
    };
    Ok(View::new(spec, image, data))
}

#[cfg(test)]
mod tests;
