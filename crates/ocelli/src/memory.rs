//! The memory promise: what a call may take is known and reserved before anything is decoded.
//!
//! A budget has two parts: room for finished views that later requests may want (the cache, at most a quarter), and room
//! for calls under way. Without a budget nothing is reserved or refused; huge scans are done in bands all the same.

use crate::Handler;
use crate::budget::{Budget, Reservation};
use crate::fit::{self, Fit};
use crate::graph::Graph;
use ocelli_core::{Limits, Result};
use std::sync::Arc;

/// Without a budget, calls that would take more than this have their largest scans done in bands.
const ROOM_WITHOUT_BUDGET: u64 = 256 << 20;
/// Without a budget, calls whose views are smaller than this are not looked at any closer.
const SMALL_VIEWS: u64 = 48 << 20;

/// The budget of a [`Vision`](crate::Vision), if it has one.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    promised: Option<Promise>,
}

#[derive(Debug)]
struct Promise {
    bytes: u64,
    cache_bytes: u64,
    room: Arc<Budget>,
}

impl Memory {
    /// Divides a budget: what is left of `cache_bytes`, and calls. Decoding is limited to the budget, too.
    pub(crate) fn new(budget: Option<u64>, cache_bytes: &mut u64, limits: &mut Limits) -> Self {
        let Some(bytes) = budget else { return Self::default() };
        let wanted = *cache_bytes;
        *cache_bytes = wanted.min(bytes / 4);
        limits.max_decode_bytes = limits.max_decode_bytes.min(bytes);
        let room = Budget::new(bytes - *cache_bytes);
        Self { promised: Some(Promise { bytes, cache_bytes: wanted, room }) }
    }

    /// The whole budget.
    pub(crate) fn budget(&self) -> Option<u64> {
        self.promised.as_ref().map(|promise| promise.bytes)
    }

    fn room(&self) -> u64 {
        self.promised.as_ref().map_or(ROOM_WITHOUT_BUDGET, |promise| promise.room.room())
    }
}

impl Promise {
    /// The budget whose room for calls is `bytes`.
    fn budget_for(&self, bytes: u64) -> u64 {
        bytes + self.cache_bytes.min(bytes.div_ceil(3))
    }
}

/// A call that is planned, and has the memory that it takes.
pub(crate) struct Prepared {
    pub(crate) graph: Graph,
    pub(crate) admission: Admission,
}

/// Memory that a call has, until it ends. It ends inside the worker pool, so that a caller's thread that helps out with
/// other calls while it waits never sits on memory that those wait for.
#[derive(Debug, Default)]
#[must_use = "the memory is free again when it is dropped"]
pub(crate) struct Admission {
    held: Option<Reservation>,
}

impl Admission {
    /// Whether memory is counted: then nothing is kept for later but the cache.
    pub(crate) fn is_counted(&self) -> bool {
        self.held.is_some()
    }

    /// Gives the memory back after the runs of `graph`.
    pub(crate) fn end(self, graph: &Graph) {
        if self.is_counted() {
            graph.nodes.iter().for_each(|node| node.algorithm.release());
        }
    }
}

impl Handler {
    /// How the graph would be run on this picture, and what that takes.
    ///
    /// # Errors
    /// [`Error::Limits`](ocelli_core::Error::Limits) where it cannot be made to fit a budget.
    pub(crate) fn fit(&self, graph: &Graph) -> Result<Fit> {
        let memory = self.vision().memory();
        if self.is_small(graph) {
            return self.vision().pool().install(|| Fit::whole(graph, self.picture()));
        }
        // Plans of networks depend on the number of workers.
        let fit = self.vision().pool().install(|| Fit::within(graph, self.picture(), memory.room()))?;
        match (fit, &memory.promised) {
            (Ok(fit), _) => Ok(fit),
            (Err(least), Some(promise)) => Err(fit::refused(self.picture(), promise.budget_for(least), promise.bytes)),
            // Nothing was promised: it runs whole.
            (Err(_), None) => self.vision().pool().install(|| Fit::whole(graph, self.picture())),
        }
    }

    /// Makes the graph fit and waits for its memory; `go_on` says whether the caller still wants to wait.
    ///
    /// # Errors
    /// As [`fit`](Self::fit), and those of `go_on`.
    pub(crate) fn admit(&self, graph: &mut Graph, go_on: impl Fn() -> Result<()>) -> Result<Admission> {
        let memory = self.vision().memory();
        if self.is_small(graph) {
            return Ok(Admission::default());
        }
        let fit = self.fit(graph)?;
        let bytes = fit.bytes;
        graph.cut(fit.cuts);
        match &memory.promised {
            Some(promise) => Ok(Admission { held: Some(promise.room.reserve(bytes, go_on)?) }),
            None => Ok(Admission::default()),
        }
    }

    /// Whether nothing was promised and little is asked, so that nothing has to be worked out.
    fn is_small(&self, graph: &Graph) -> bool {
        let image = self.info().size;
        let bytes = || graph.union.iter().map(|spec| spec.bytes(image)).sum::<u64>();
        self.vision().memory_budget().is_none() && bytes() < SMALL_VIEWS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_divided_and_what_would_fit_is_told() {
        let (mut cache, mut limits) = (256 << 20, Limits::default());
        let memory = Memory::new(Some(64 << 20), &mut cache, &mut limits);
        assert_eq!((cache, memory.room(), limits.max_decode_bytes), (16 << 20, 48 << 20, 64 << 20));
        let promise = memory.promised.as_ref().unwrap();
        let needed = promise.budget_for(90 << 20);
        let (mut cache, mut limits) = (256 << 20, Limits::default());
        assert!(Memory::new(Some(needed), &mut cache, &mut limits).room() >= 90 << 20);
        let (mut cache, mut limits) = (0, Limits::default());
        assert_eq!(Memory::new(Some(1000), &mut cache, &mut limits).room(), 1000);
        assert_eq!(Memory::default().budget(), None);
    }
}
