//! One call for views: who builds what, and from what.

use super::{Picture, Pixels};
use crate::build::{integral, integral_squares, luma_from_rgb, sampled};
use crate::cache::{Claim, Slot, Store, wait};
use crate::decode::{Encoded, Method};
use crate::lineage::{self, Origin, Subject, origin, root};
use crate::raster::crop;
use crate::sink::{Target, part_of};
use ocelli_core::{
    Control, Error, PixelRegion, Result, Size, Step, StepKind, View, ViewData, ViewKind, ViewScale, ViewSpec,
};
use ocelli_resize::{CropBox, resize_rgb};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Instant;
use tracing::field::Empty;

/// One call of [`Picture::views`].
pub(super) struct Job<'a> {
    picture: &'a Picture,
    subject: Subject,
    store: &'a Arc<Store>,
    union: &'a [ViewSpec],
    control: &'a Control,
    /// Views of this call, and their parents: alive whatever leaves the cache.
    held: BTreeMap<ViewSpec, Arc<View>>,
}

impl<'a> Job<'a> {
    pub(super) fn new(
        picture: &'a Picture,
        store: &'a Arc<Store>,
        union: &'a [ViewSpec],
        control: &'a Control,
    ) -> Self {
        Self { picture, subject: picture.subject(), store, union, control, held: BTreeMap::new() }
    }

    /// The view, from this call, the cache, another thread, or built now.
    pub(super) fn view(&mut self, spec: ViewSpec) -> Result<Arc<View>> {
        if let Some(view) = self.held.get(&spec) {
            return Ok(view.clone());
        }
        let view = match (&self.picture.0.pixels, origin(spec, self.subject)) {
            (Pixels::Here(view), Origin::Decode) => view.clone(),
            (Pixels::Encoded(encoded), Origin::Decode) => self.find_root(spec, encoded)?,
            _ => self.find(spec)?,
        };
        self.held.insert(spec, view.clone());
        Ok(view)
    }

    /// A view that is made from another one.
    fn find(&mut self, spec: ViewSpec) -> Result<Arc<View>> {
        loop {
            let found = match self.store.claim(self.picture.0.id, spec) {
                Claim::Build(slot) => return self.fill(slot),
                Claim::Ready(view) => Some(view),
                Claim::Wait(flight) => wait(&flight, self.control)?,
            };
            if let Some(view) = found {
                return Ok(self.hit(view));
            }
        }
    }

    /// A view that comes straight from the file: one thread reads it at a time, for everybody who is known to wait.
    fn find_root(&mut self, spec: ViewSpec, encoded: &Encoded) -> Result<Arc<View>> {
        let id = self.picture.0.id;
        loop {
            if let Some(view) = self.store.peek(id, &spec) {
                return Ok(self.hit(view));
            }
            if let Some(flight) = self.store.builder(id, &spec) {
                match wait(&flight, self.control)? {
                    Some(view) => return Ok(self.hit(view)),
                    None => continue,
                }
            }
            let waiting = self.control.waiting();
            let gate = self.picture.0.gate.lock().unwrap_or_else(PoisonError::into_inner);
            drop(waiting);
            let claim = self.store.claim(id, spec);
            if let Claim::Build(slot) = claim {
                let decoded = self.decode(slot, encoded);
                drop(gate);
                return decoded;
            }
            drop(gate);
            if let Claim::Ready(view) = claim {
                return Ok(self.hit(view));
            }
        }
    }

    fn hit(&self, view: Arc<View>) -> Arc<View> {
        self.store.counters.hit(view.spec().kind);
        tracing::trace!(kind = view.spec().kind.name(), bytes = view.bytes(), "hit");
        self.control.record(Step::since(Instant::now(), StepKind::Hit(*view.spec()), view.bytes()));
        view
    }

    /// Reads the file once for the view of `slot` and for every other root of the union that the same pass can make.
    fn decode(&mut self, slot: Slot, encoded: &Encoded) -> Result<Arc<View>> {
        let (wanted, image, limits) = (slot.spec(), self.subject.size, &self.picture.0.limits);
        let method = encoded.method(target(wanted, image));
        let mut slots = vec![slot];
        for spec in self.companions(wanted, method, encoded) {
            if let Claim::Build(slot) = self.store.claim(self.picture.0.id, spec) {
                slots.push(slot);
            }
        }
        let targets: Vec<Target> = slots.iter().map(|s| target(s.spec(), image)).collect();
        if encoded.check_budget(method, &targets, limits).is_err() {
            // Together they would not fit, so each has a pass of its own.
            slots.truncate(1);
        }
        let span =
            tracing::debug_span!("decode", picture = %self.picture.0.info.name, views = slots.len(), bytes = Empty);
        let (_entered, began) = (span.enter(), Instant::now());
        let decoded = self.control.checkpoint().and_then(|()| {
            self.store.counters.decoded();
            encoded.collect(method, &targets[..slots.len()], limits, self.control)
        });
        match decoded {
            Ok(frames) => {
                let bytes = frames.iter().map(|frame| frame.len() as u64).sum();
                span.record("bytes", bytes);
                let specs = slots.iter().map(Slot::spec).collect();
                self.control.record(Step::since(began, StepKind::Decode(specs), bytes));
                for (slot, frame) in slots.into_iter().zip(frames) {
                    let view = Arc::new(View::new(slot.spec(), image, ViewData::U8(frame)));
                    self.held.insert(slot.spec(), view.clone());
                    slot.finish(&view);
                }
                Ok(self.held[&wanted].clone())
            }
            Err(error) => {
                slots.into_iter().for_each(|slot| slot.fail(&error));
                Err(error)
            }
        }
    }

    /// The other roots of the union that the same method serves.
    fn companions(&self, wanted: ViewSpec, method: Method, encoded: &Encoded) -> BTreeSet<ViewSpec> {
        let (image, limits) = (self.subject.size, &self.picture.0.limits);
        let sound = self.union.iter().filter(|spec| lineage::check(spec, image, limits).is_ok());
        let roots = sound.map(|spec| root(*spec, self.subject));
        roots.filter(|spec| *spec != wanted && encoded.method(target(*spec, image)) == method).collect()
    }

    /// Builds the view of a slot. Parents are found while it is held; no circle of waiting threads can arise, since
    /// a view is never an ancestor of its own parents.
    fn fill(&mut self, slot: Slot) -> Result<Arc<View>> {
        match self.control.checkpoint().and_then(|()| self.build(slot.spec())) {
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
        let image = self.subject.size;
        match origin(spec, self.subject) {
            Origin::Decode => unreachable!("roots are found by another way"),
            Origin::Same(other) => Ok(self.view(other)?.renamed(spec)),
            Origin::Made(parent) => {
                let parent = self.view(parent)?;
                let (kind, size, bytes) = (spec.kind.name(), spec.size(image), spec.bytes(image));
                let _span = tracing::debug_span!("view", kind, %size, bytes).entered();
                let began = Instant::now();
                let view = made(spec, &parent, image)?;
                self.control.record(Step::since(began, StepKind::View(spec), view.bytes()));
                Ok(view)
            }
        }
    }
}

/// What a pass has to deliver for a view.
pub(crate) fn target(spec: ViewSpec, image: Size) -> Target {
    let size = spec.whole_size(image);
    Target { region: spec.region_of(image), size, part: spec.scale.part().unwrap_or(PixelRegion::whole(size)) }
}

/// Computes a view from its parent.
pub(super) fn made(spec: ViewSpec, parent: &View, image: Size) -> Result<View> {
    let (from, to) = (parent.size(), spec.size(image));
    let pixels = parent.as_u8();
    let data = match (spec.kind, spec.scale) {
        (ViewKind::Integral, _) => ViewData::U32(integral(pixels, from)),
        (ViewKind::IntegralSquares, _) => ViewData::U64(integral_squares(pixels, from)),
        (kind, ViewScale::Sampled(_)) => ViewData::U8(sampled(pixels, from, kind.channels(), to)),
        (ViewKind::Luma8, _) => ViewData::U8(luma_from_rgb(pixels)),
        (kind, ViewScale::Native) => ViewData::U8(crop(pixels, from, spec.region_of(image), kind.channels())),
        (kind, ViewScale::Part { part, .. }) if from == spec.whole_size(image) => {
            ViewData::U8(crop(pixels, from, part, kind.channels()))
        }
        (_, ViewScale::LongerSide(_) | ViewScale::Part { .. }) => {
            let box_of_it = part_of(CropBox::whole([from.width, from.height]), target(spec, image));
            let resized = resize_rgb(pixels, [from.width, from.height], box_of_it, [to.width, to.height]);
            ViewData::U8(resized.map_err(|e| Error::algorithm("intake", e))?)
        }
    };
    Ok(View::new(spec, image, data))
}
