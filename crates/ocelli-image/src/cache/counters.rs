//! How often work was done, and how often it was spared.

use ocelli_core::ViewKind;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

const KINDS: [ViewKind; 4] = [ViewKind::Rgb8, ViewKind::Luma8, ViewKind::Integral, ViewKind::IntegralSquares];

/// A reading of a [`ViewCache`](crate::ViewCache)'s counters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct CacheCounters {
    /// Views built.
    pub builds: u64,
    /// Views found finished, or taken from a thread that was building them.
    pub hits: u64,
    /// Times a file was decoded, wholly or in part.
    pub decodes: u64,
    /// Views that left to make room.
    pub evictions: u64,
    /// Bytes held now.
    pub bytes: u64,
    /// Views held now.
    pub entries: u64,
    /// Builds and hits by [`ViewKind::name`]; kinds that were never asked for are left out.
    pub kinds: BTreeMap<&'static str, KindCounters>,
}

/// Builds and hits of one kind of view.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KindCounters {
    /// Views built.
    pub builds: u64,
    /// Views found finished, or taken from a thread that was building them.
    pub hits: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    builds: [AtomicU64; KINDS.len()],
    hits: [AtomicU64; KINDS.len()],
    decodes: AtomicU64,
    evictions: AtomicU64,
}

impl Counters {
    pub(crate) fn built(&self, kind: ViewKind) {
        add(self.builds.get(place(kind)));
    }

    pub(crate) fn hit(&self, kind: ViewKind) {
        add(self.hits.get(place(kind)));
    }

    pub(crate) fn decoded(&self) {
        add(Some(&self.decodes));
    }

    pub(crate) fn evicted(&self) {
        add(Some(&self.evictions));
    }

    pub(crate) fn read(&self, bytes: u64, entries: u64) -> CacheCounters {
        let load = |v: &AtomicU64| v.load(Ordering::Relaxed);
        let mut kinds = BTreeMap::new();
        for (ix, kind) in KINDS.iter().enumerate() {
            let one = KindCounters { builds: load(&self.builds[ix]), hits: load(&self.hits[ix]) };
            if one != KindCounters::default() {
                kinds.insert(kind.name(), one);
            }
        }
        CacheCounters {
            builds: kinds.values().map(|k| k.builds).sum(),
            hits: kinds.values().map(|k| k.hits).sum(),
            decodes: load(&self.decodes),
            evictions: load(&self.evictions),
            bytes,
            entries,
            kinds,
        }
    }
}

fn place(kind: ViewKind) -> usize {
    KINDS.iter().position(|k| *k == kind).unwrap_or(usize::MAX)
}

fn add(counter: Option<&AtomicU64>) {
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}
