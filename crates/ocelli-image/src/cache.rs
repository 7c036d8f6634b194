//! The store of finished views that pictures share, bounded by weight.

mod counters;
mod flight;

pub use counters::{CacheCounters, KindCounters};
pub(crate) use flight::Slot;

use counters::Counters;
use dashmap::DashMap;
use flight::Flight;
use ocelli_core::{Control, Result, View, ViewSpec};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};

/// Finished views of many pictures, at most a given number of bytes of them.
///
/// Concurrent: several threads may ask for the same view, and one of them builds it while the others wait. When the
/// bound is passed the least recently used views leave; views that somebody still holds live on with their holder.
/// The views of a picture leave when its last handle is dropped. Clones share the store.
#[derive(Clone, Debug)]
pub struct ViewCache(pub(crate) Arc<Store>);

#[derive(Debug)]
pub(crate) struct Store {
    capacity: u64,
    shelves: DashMap<u64, BTreeMap<ViewSpec, Entry>>,
    bytes: AtomicU64,
    /// Ticks at every use: the order of use.
    clock: AtomicU64,
    pub(crate) counters: Counters,
}

#[derive(Debug)]
enum Entry {
    Ready { view: Arc<View>, used: AtomicU64 },
    Building(Weak<Flight>),
}

/// What a thread that wants a view has to do.
pub(crate) enum Claim {
    /// Take it.
    Ready(Arc<View>),
    /// Wait for the thread that builds it.
    Wait(Arc<Flight>),
    /// Build it.
    Build(Slot),
}

impl ViewCache {
    /// A store of at most `capacity` bytes; 0 keeps nothing, and threads still share what is being built.
    pub fn new(capacity: u64) -> Self {
        Self(Arc::new(Store {
            capacity,
            shelves: DashMap::new(),
            bytes: AtomicU64::new(0),
            clock: AtomicU64::new(0),
            counters: Counters::default(),
        }))
    }

    /// What happened so far, and what is held now.
    pub fn counters(&self) -> CacheCounters {
        let entries = self.0.shelves.iter().map(|s| s.values().filter(|e| matches!(e, Entry::Ready { .. })).count());
        self.0.counters.read(self.0.bytes.load(Ordering::Relaxed), entries.sum::<usize>() as u64)
    }

    /// The most bytes that are kept.
    pub fn capacity(&self) -> u64 {
        self.0.capacity
    }

    /// Lets go of every finished view.
    pub fn clear(&self) {
        self.0.shelves.iter_mut().for_each(|mut shelf| {
            shelf.retain(|_, entry| match entry {
                Entry::Ready { view, .. } => {
                    self.0.bytes.fetch_sub(view.bytes(), Ordering::Relaxed);
                    false
                }
                Entry::Building(_) => true,
            });
        });
    }
}

impl Store {
    /// The view where it is finished, without waiting.
    pub(crate) fn peek(&self, picture: u64, spec: &ViewSpec) -> Option<Arc<View>> {
        match self.shelves.get(&picture)?.get(spec)? {
            Entry::Ready { view, used } => {
                used.store(self.tick(), Ordering::Relaxed);
                Some(view.clone())
            }
            Entry::Building(_) => None,
        }
    }

    /// Finds the view, or who builds it, or makes the caller its builder.
    pub(crate) fn claim(self: &Arc<Self>, picture: u64, spec: ViewSpec) -> Claim {
        let mut shelf = self.shelves.entry(picture).or_default();
        match shelf.get(&spec) {
            Some(Entry::Ready { view, used }) => {
                used.store(self.tick(), Ordering::Relaxed);
                return Claim::Ready(view.clone());
            }
            Some(Entry::Building(flight)) => {
                if let Some(flight) = flight.upgrade() {
                    return Claim::Wait(flight);
                }
            }
            None => {}
        }
        let slot = Slot::new(self.clone(), picture, spec);
        shelf.insert(spec, Entry::Building(slot.flight()));
        Claim::Build(slot)
    }

    /// Who builds the view at the moment, if anybody.
    pub(crate) fn builder(&self, picture: u64, spec: &ViewSpec) -> Option<Arc<Flight>> {
        match self.shelves.get(&picture)?.get(spec)? {
            Entry::Building(flight) => flight.upgrade(),
            Entry::Ready { .. } => None,
        }
    }

    /// Ends a build: keeps the view where it fits.
    fn settle(&self, picture: u64, spec: ViewSpec, view: Option<&Arc<View>>) {
        let kept = view.filter(|v| v.bytes() <= self.capacity);
        {
            let mut shelf = self.shelves.entry(picture).or_default();
            match kept {
                Some(view) => {
                    self.bytes.fetch_add(view.bytes(), Ordering::Relaxed);
                    shelf.insert(spec, Entry::Ready { view: view.clone(), used: AtomicU64::new(self.tick()) });
                }
                None => drop(shelf.remove(&spec)),
            }
        }
        if kept.is_none() {
            self.shelves.remove_if(&picture, |_, shelf| shelf.is_empty());
        }
        if self.bytes.load(Ordering::Relaxed) > self.capacity {
            self.evict();
        }
    }

    /// Least recently used views leave until the rest fits.
    fn evict(&self) {
        let mut oldest: Vec<(u64, u64, ViewSpec)> = Vec::new();
        for shelf in &self.shelves {
            for (spec, entry) in shelf.value() {
                if let Entry::Ready { used, .. } = entry {
                    oldest.push((used.load(Ordering::Relaxed), *shelf.key(), *spec));
                }
            }
        }
        oldest.sort_unstable();
        for (used_then, picture, spec) in oldest {
            if self.bytes.load(Ordering::Relaxed) <= self.capacity {
                break;
            }
            let unused =
                |e: &Entry| matches!(e, Entry::Ready { used, .. } if used.load(Ordering::Relaxed) == used_then);
            let removed = self
                .shelves
                .get_mut(&picture)
                .and_then(|mut shelf| if shelf.get(&spec).is_some_and(unused) { shelf.remove(&spec) } else { None });
            if let Some(Entry::Ready { view, .. }) = removed {
                self.bytes.fetch_sub(view.bytes(), Ordering::Relaxed);
                self.counters.evicted();
            }
            self.shelves.remove_if(&picture, |_, shelf| shelf.is_empty());
        }
    }

    /// Lets go of all views of a picture that nobody can ask for any more.
    pub(crate) fn forget(&self, picture: u64) {
        let Some((_, shelf)) = self.shelves.remove(&picture) else { return };
        for entry in shelf.into_values() {
            if let Entry::Ready { view, .. } = entry {
                self.bytes.fetch_sub(view.bytes(), Ordering::Relaxed);
            }
        }
    }

    fn tick(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::Relaxed)
    }
}

/// Waits for a view that another thread builds; `None` where that thread gave up and the caller should try again.
pub(crate) fn wait(flight: &Flight, control: &Control) -> Result<Option<Arc<View>>> {
    flight.wait(control)
}

#[cfg(test)]
mod tests;
