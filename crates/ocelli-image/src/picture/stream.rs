//! Views that pass by: parts of huge views, each handed over as soon as its rows are there, none kept.

use super::job::{Job, made, target};
use super::{Picture, Pixels};
use crate::ViewCache;
use crate::decode::{Encoded, Method};
use crate::lineage::{self, Origin, origin};
use crate::plan::PlannedDecode;
use crate::sink::Target;
use ocelli_core::{Control, Orientation, Result, Step, StepKind, View, ViewData, ViewSpec};
use std::collections::BTreeMap;
use std::time::Instant;

/// A file, how it is read, and the views that are read so.
type Pass<'a> = (&'a Encoded, Method, Vec<ViewSpec>);

impl Picture {
    /// Builds views one after the other and hands each to `take`; what `take` does not keep is gone.
    ///
    /// One pass over the file serves all views that are read from it in the same way, and no more of them exist at a
    /// time than those whose rows overlap. They come in the order of their rows in the file, which for a picture that is
    /// stored turned is not that of the list. `cache` is asked for views that others are made from.
    ///
    /// # Errors
    /// Those of [`views`](Self::views), and those of `take`.
    pub fn stream(
        &self,
        specs: &[ViewSpec],
        cache: &ViewCache,
        control: &Control,
        take: &mut dyn FnMut(View) -> Result<()>,
    ) -> Result<()> {
        let (image, limits) = (self.size(), &self.0.limits);
        specs.iter().try_for_each(|spec| lineage::check(spec, image, limits))?;
        self.remember(cache);
        let (from_file, others) = self.split(specs);
        for (encoded, method, specs) in from_file {
            let targets: Vec<Target> = specs.iter().map(|spec| target(*spec, image)).collect();
            let _span = tracing::debug_span!("stream", picture = %self.0.info.name, views = specs.len()).entered();
            cache.0.counters.decoded();
            let mut since = Instant::now();
            let mut done = |ix: usize, rgb: Vec<u8>| {
                control.record(Step::since(since, StepKind::Decode(vec![specs[ix]]), rgb.len() as u64));
                let taken = take(View::new(specs[ix], image, ViewData::U8(rgb)));
                since = Instant::now();
                taken
            };
            encoded.stream(method, &targets, limits, control, &mut done)?;
        }
        for spec in others {
            let mut job = Job::new(self, &cache.0, &[], control);
            let view = match origin(spec, self.subject()) {
                Origin::Made(parent) => {
                    let parent = job.view(parent)?;
                    let start = Instant::now();
                    let view = made(spec, &parent, image)?;
                    control.record(Step::since(start, StepKind::View(spec), view.bytes()));
                    view
                }
                Origin::Same(parent) => job.view(parent)?.renamed(spec),
                Origin::Decode => job.view(spec)?.renamed(spec),
            };
            take(view)?;
        }
        Ok(())
    }

    /// The passes that [`stream`](Self::stream) would take; views that are made from others take none.
    pub fn plan_stream(&self, specs: &[ViewSpec]) -> Vec<PlannedDecode> {
        let planned = |(encoded, method, views): Pass<'_>| {
            let targets: Vec<Target> = views.iter().map(|spec| target(*spec, self.size())).collect();
            let peak_bytes = encoded.stream_bytes(method, &targets);
            PlannedDecode { method: encoded.method_name(method), size: encoded.decoded_size(method), peak_bytes, views }
        };
        self.split(specs).0.into_iter().map(planned).collect()
    }

    /// The views of a list that streamed views are made from, and that have to exist beside them.
    pub fn stream_parents(&self, specs: &[ViewSpec]) -> Vec<ViewSpec> {
        let parent = |spec: ViewSpec| match origin(spec, self.subject()) {
            Origin::Made(parent) | Origin::Same(parent) => Some(parent),
            Origin::Decode => None,
        };
        let mut parents: Vec<ViewSpec> = specs.iter().filter_map(|spec| parent(*spec)).collect();
        parents.sort();
        parents.dedup();
        parents
    }

    /// Whether rows of the file are columns of the upright picture: tiles are cut along the rows of the file.
    pub fn is_stored_turned(&self) -> bool {
        matches!(&self.0.pixels, Pixels::Encoded(_)) && Orientation::swaps_sides(self.0.info.orientation)
    }

    /// Bytes that the picture itself holds: pixels that were given, or what a reader delivered.
    pub fn held_bytes(&self) -> u64 {
        match &self.0.pixels {
            Pixels::Here(view) => view.bytes(),
            Pixels::Encoded(encoded) => encoded.held_bytes(),
        }
    }

    /// Views that come straight from the file, by pass, and the others.
    fn split(&self, specs: &[ViewSpec]) -> (Vec<Pass<'_>>, Vec<ViewSpec>) {
        let Some(encoded) = self.encoded() else { return (Vec::new(), specs.to_vec()) };
        let is_root = |spec: &&ViewSpec| origin(**spec, self.subject()) == Origin::Decode;
        let (roots, others): (Vec<&ViewSpec>, Vec<&ViewSpec>) = specs.iter().partition(is_root);
        let mut passes: BTreeMap<Method, Vec<ViewSpec>> = BTreeMap::new();
        for spec in roots {
            passes.entry(encoded.method(target(*spec, self.size()))).or_default().push(*spec);
        }
        let passes = passes.into_iter().map(|(method, specs)| (encoded, method, specs)).collect();
        (passes, others.into_iter().copied().collect())
    }
}
