//! What intake will do, before it does it.

use crate::lineage::{Origin, origin};
use ocelli_core::{ImageInfo, Size, ViewKind, ViewScale, ViewSpec};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// What a set of views takes: what is decoded, and which view is made from which.
///
/// Equal input gives an equal plan, in a stable order; its `Display` form is for people, its serde form for programs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct IntakePlan {
    /// Passes over the file.
    pub decodes: Vec<PlannedDecode>,
    /// Every view, parents before what is made from them.
    pub views: Vec<PlannedView>,
    /// Bytes of all views together.
    pub view_bytes: u64,
}

/// One pass over the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedDecode {
    /// How: `"whole"`.
    pub method: String,
    /// Size that comes out of the decoder, as stored.
    pub size: Size,
    /// Bytes of pixels that the pass holds.
    pub bytes: u64,
}

/// One view of an [`IntakePlan`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedView {
    /// What it is.
    pub spec: ViewSpec,
    /// Width and height in pixels.
    pub size: Size,
    /// Bytes it holds; 0 where it shares another view's.
    pub bytes: u64,
    /// The view that it is made from; `None` where it comes from the decoder or the caller's pixels.
    pub parent: Option<ViewSpec>,
    /// Whether it was asked for, or is only there for others.
    pub requested: bool,
}

impl IntakePlan {
    pub(crate) fn new(info: &ImageInfo, encoded: bool, views: &[ViewSpec]) -> Self {
        let requested: BTreeSet<ViewSpec> = views.iter().copied().collect();
        let mut planned = BTreeMap::new();
        for &spec in &requested {
            add(spec, info.size, &requested, &mut planned);
        }
        let mut views: Vec<PlannedView> = planned.into_values().collect();
        views.sort_by_key(|v| (depth(v.spec, info.size), std::cmp::Reverse(v.size.pixels()), v.spec));
        let native = |v: &&PlannedView| v.parent.is_none() && encoded;
        let decodes = views.iter().filter(native).map(|v| PlannedDecode {
            method: "whole".into(),
            size: info.orientation.stored_size(v.size),
            bytes: v.bytes,
        });
        let decodes = decodes.collect();
        let view_bytes = views.iter().map(|v| v.bytes).sum();
        Self { decodes, views, view_bytes }
    }
}

fn add(spec: ViewSpec, image: Size, requested: &BTreeSet<ViewSpec>, planned: &mut BTreeMap<ViewSpec, PlannedView>) {
    if planned.contains_key(&spec) {
        return;
    }
    let (parent, bytes) = match origin(spec, image) {
        Origin::Decode => (None, spec.bytes(image)),
        Origin::Same(other) => (Some(other), 0),
        Origin::Made(parent) => (Some(parent), spec.bytes(image)),
    };
    let requested_too = requested.contains(&spec);
    planned.insert(spec, PlannedView { spec, size: spec.size(image), bytes, parent, requested: requested_too });
    if let Some(parent) = parent {
        add(parent, image, requested, planned);
    }
}

/// Steps from the file to the view.
fn depth(spec: ViewSpec, image: Size) -> u32 {
    match origin(spec, image) {
        Origin::Decode => 0,
        Origin::Same(parent) | Origin::Made(parent) => 1 + depth(parent, image),
    }
}

impl fmt::Display for IntakePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for decode in &self.decodes {
            writeln!(f, "Decode   {} at {}, {}", decode.method, decode.size, Bytes(decode.bytes))?;
        }
        for view in &self.views {
            write!(f, "View     {}", Name(&view.spec, view.size))?;
            match &view.parent {
                Some(parent) if view.bytes == 0 => write!(f, " is {}", Label(parent))?,
                Some(parent) => write!(f, " from {}", Label(parent))?,
                None => {}
            }
            let note = if view.requested { "" } else { ", for others" };
            writeln!(f, ", {}{note}", Bytes(view.bytes))?;
        }
        writeln!(f, "Bytes    {} in views", Bytes(self.view_bytes))
    }
}

/// A view as a person names it: kind, scale, region.
struct Label<'a>(&'a ViewSpec);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind: ViewKind = self.0.kind;
        match self.0.scale {
            ViewScale::Native => write!(f, "{} native", kind.name())?,
            ViewScale::LongerSide(longer) => write!(f, "{} {longer}", kind.name())?,
            ViewScale::Sampled(size) => write!(f, "{} sampled {size}", kind.name())?,
        }
        match self.0.region {
            Some(r) => write!(f, " of {}+{}+{}", r.size(), r.x, r.y),
            None => Ok(()),
        }
    }
}

struct Name<'a>(&'a ViewSpec, Size);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", Label(self.0), self.1)
    }
}

/// A number of bytes in the unit that suits it.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 4] = ["B", "KiB", "MiB", "GiB"];
        let mut value = self.0 as f64;
        let mut unit = 0;
        while value >= 1024.0 && unit + 1 < UNITS.len() {
            value /= 1024.0;
            unit += 1;
        }
        if unit == 0 { write!(f, "{} B", self.0) } else { write!(f, "{value:.1} {}", UNITS[unit]) }
    }
}
