//! What intake will do, before it does it.

use crate::decode::{Encoded, Method};
use crate::lineage::{Origin, Subject, origin};
use crate::picture::target;
use crate::sink::Target;
use ocelli_core::{Limits, Result, Size, ViewSpec};
use serde::Serialize;
use std::cmp::Reverse;
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
    /// What brings the file's colours to the canon: `"ICC profile to sRGB"`; `None` where they are there already.
    pub colour: Option<String>,
    /// Every view, parents before what is made from them.
    pub views: Vec<PlannedView>,
    /// Bytes of all views together.
    pub view_bytes: u64,
    /// The most bytes that intake holds at a time: all views and the largest pass. An upper bound.
    pub peak_bytes: u64,
}

/// One pass over the file.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedDecode {
    /// How: `"whole"`, `"1/4 by DCT"`, `"by rows"`, `"by strips or tiles"`.
    pub method: String,
    /// Size that comes out of the decoder, as stored.
    pub size: Size,
    /// The most bytes that the pass holds at a time, the views it makes included. An upper bound.
    pub peak_bytes: u64,
    /// The views that it makes.
    pub views: Vec<ViewSpec>,
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
    /// # Errors
    /// [`ocelli_core::Error::Limits`] where a pass would take more than it may.
    pub(crate) fn new(
        subject: Subject,
        encoded: Option<&Encoded>,
        limits: &Limits,
        shared_bytes: u64,
        views: &[ViewSpec],
    ) -> Result<Self> {
        let requested: BTreeSet<ViewSpec> = views.iter().copied().collect();
        let mut planned = BTreeMap::new();
        for &spec in &requested {
            add(spec, subject, &requested, &mut planned);
        }
        let mut views: Vec<PlannedView> = planned.into_values().collect();
        views.sort_by_key(|v| (depth(v.spec, subject), Reverse(v.size.pixels()), v.spec));
        let view_bytes: u64 = views.iter().map(|v| v.bytes).sum();
        let decodes = match encoded {
            Some(encoded) => passes(&views, subject, encoded, limits, shared_bytes)?,
            None => Vec::new(),
        };
        let peak_bytes = view_bytes + decodes.iter().map(|d| d.peak_bytes).max().unwrap_or(0);
        let colour = encoded.and_then(Encoded::colour_step).map(str::to_owned);
        Ok(Self { decodes, colour, views, view_bytes, peak_bytes })
    }
}

/// The passes that make the roots among `views`, by method.
///
/// Views share a pass that takes no more than `shared_bytes`.
fn passes(
    views: &[PlannedView],
    subject: Subject,
    encoded: &Encoded,
    limits: &Limits,
    shared_bytes: u64,
) -> Result<Vec<PlannedDecode>> {
    let mut by_method: BTreeMap<Method, Vec<ViewSpec>> = BTreeMap::new();
    for view in views.iter().filter(|v| v.parent.is_none()) {
        by_method.entry(encoded.method(target(view.spec, subject.size))).or_default().push(view.spec);
    }
    let pass = |method, views: Vec<ViewSpec>| {
        let targets: Vec<Target> = views.iter().map(|v| target(*v, subject.size)).collect();
        PlannedDecode {
            method: encoded.method_name(method),
            size: encoded.decoded_size(method),
            peak_bytes: encoded.peak_bytes(method, &targets),
            views,
        }
    };
    let mut passes = Vec::new();
    for (method, views) in by_method {
        let together = pass(method, views);
        if together.peak_bytes <= shared_bytes {
            passes.push(together);
            continue;
        }
        for view in together.views {
            encoded.check_budget(method, &[target(view, subject.size)], limits)?;
            passes.push(pass(method, vec![view]));
        }
    }
    Ok(passes)
}

fn add(
    spec: ViewSpec,
    subject: Subject,
    requested: &BTreeSet<ViewSpec>,
    planned: &mut BTreeMap<ViewSpec, PlannedView>,
) {
    if planned.contains_key(&spec) {
        return;
    }
    let (parent, bytes) = match origin(spec, subject) {
        Origin::Decode => (None, spec.bytes(subject.size)),
        Origin::Same(other) => (Some(other), 0),
        Origin::Made(parent) => (Some(parent), spec.bytes(subject.size)),
    };
    let requested_too = requested.contains(&spec);
    planned.insert(spec, PlannedView { spec, size: spec.size(subject.size), bytes, parent, requested: requested_too });
    if let Some(parent) = parent {
        add(parent, subject, requested, planned);
    }
}

/// Steps from the file to the view.
fn depth(spec: ViewSpec, subject: Subject) -> u32 {
    match origin(spec, subject) {
        Origin::Decode => 0,
        Origin::Same(parent) | Origin::Made(parent) => 1 + depth(parent, subject),
    }
}

impl fmt::Display for IntakePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for decode in &self.decodes {
            let views = decode.views.len();
            let plural = if views == 1 { "" } else { "s" };
            let PlannedDecode { method, size, peak_bytes, .. } = decode;
            writeln!(f, "Decode   {method} at {size} for {views} view{plural}, at most {}", Bytes(*peak_bytes))?;
        }
        if let Some(colour) = &self.colour {
            writeln!(f, "Colour   {colour}")?;
        }
        for view in &self.views {
            write!(f, "View     {}", Name(&view.spec, view.size))?;
            match &view.parent {
                Some(parent) if view.bytes == 0 => write!(f, " is {}", parent)?,
                Some(parent) => write!(f, " from {}", parent)?,
                None => {}
            }
            let note = if view.requested { "" } else { ", for others" };
            writeln!(f, ", {}{note}", Bytes(view.bytes))?;
        }
        write!(f, "Bytes    {} in views", Bytes(self.view_bytes))?;
        if !self.decodes.is_empty() {
            write!(f, ", at most {} at a time", Bytes(self.peak_bytes))?;
        }
        writeln!(f)
    }
}

struct Name<'a>(&'a ViewSpec, Size);

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.1)
    }
}

/// A number of bytes, shown in the unit that suits it: `1.5 MiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

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
