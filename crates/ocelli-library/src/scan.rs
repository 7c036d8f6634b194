//! The run over a library: walk, look, sweep.
//!
//! 1. *Walk*: every picture file below the roots whose entry is missing, out of date or short of an answer is queued in
//!    the store, dearest first, so that the end of the run is not one worker with a giant.
//! 2. *Look*: a few workers take from the queue; this thread writes their entries in groups, each group and its leaving
//!    the queue in one transaction.
//! 3. *Sweep*: entries below the roots whose files are gone are marked.

mod look;
mod progress;
mod walk;

pub use progress::{ScanProgress, ScanReport};
pub use walk::PICTURE_ENDINGS;
pub(crate) use walk::absolute;

use crate::entry::{Entry, request_id};
use crate::error::Result;
use crate::store::{Place, Store, queued_path};
use look::Looker;
use ocelli::Vision;
use ocelli::core::{AnyRequest, Cancel, Error, Priority};
use progress::Meter;
use redb::Durability;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Entries are committed in groups of this many …
const GROUP: usize = 64;
/// … or after this time: what a killed run has to do again.
const GROUP_TIME: Duration = Duration::from_millis(300);
/// Places of the queue that are in memory at a time.
const PAGE: usize = 256;

/// How to scan.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ScanOptions {
    /// How urgent the run is. Default [`Priority::Background`]: it gives way to everything else.
    pub priority: Priority,
    /// Pictures under way at once; 0, the default, is one more than the machine has cores.
    pub workers: usize,
    /// Look again at pictures that failed, though they did not change.
    pub retry_failed: bool,
    /// Stops the run; what is finished stays.
    pub cancel: Option<Cancel>,
}

impl Default for ScanOptions {
    fn default() -> Self {
        Self { priority: Priority::Background, workers: 0, retry_failed: false, cancel: None }
    }
}

/// What a run asks of every picture.
pub(crate) struct Asked {
    pub(crate) requests: Vec<(String, AnyRequest)>,
    pub(crate) retry_failed: bool,
}

impl Asked {
    /// The requests that an entry of an unchanged file lacks.
    pub(crate) fn lacking<'a>(&'a self, entry: &'a Entry) -> impl Iterator<Item = &'a (String, AnyRequest)> {
        self.requests.iter().filter(|(id, _)| {
            entry.answers.get(id).is_none_or(|a| a.incomplete || (self.retry_failed && a.error.is_some()))
        })
    }

    /// Whether there is something to do for a file that did not change.
    pub(crate) fn is_open(&self, entry: &Entry) -> bool {
        match &entry.error {
            Some(_) => entry.retry || self.retry_failed,
            None => self.lacking(entry).next().is_some(),
        }
    }
}

/// Runs all three phases.
pub(crate) fn run(
    store: &Store,
    vision: &Vision,
    roots: &[PathBuf],
    requests: &[AnyRequest],
    options: &ScanOptions,
    progress: &mut dyn FnMut(&ScanProgress),
) -> Result<ScanReport> {
    let identified = |request: &AnyRequest| Ok((request_id(vision.registry(), request)?, request.clone()));
    let requests = requests.iter().map(identified).collect::<Result<Vec<_>, Error>>()?;
    let asked = Asked { requests, retry_failed: options.retry_failed };
    let roots = roots.iter().map(|root| absolute(root)).collect::<Result<Vec<_>>>()?;
    let cancelled = || options.cancel.as_ref().is_some_and(Cancel::is_cancelled);
    let mut meter = Meter::new(progress);
    walk::fill_queue(store, &roots, &asked, &mut meter, &cancelled)?;
    meter.begin_looking();
    look_at_all(store, vision, &asked, options, &mut meter)?;
    if !cancelled() {
        walk::sweep(store, &roots, &mut meter)?;
    }
    Ok(meter.report(cancelled()))
}

/// What a worker sends: where it was queued, and the entry; `None` where it was stopped.
type Looked = (Place, Option<Entry>);

fn look_at_all(
    store: &Store,
    vision: &Vision,
    asked: &Asked,
    options: &ScanOptions,
    meter: &mut Meter<'_>,
) -> Result<()> {
    let workers = match options.workers {
        0 => thread::available_parallelism().map_or(1, usize::from) + 1,
        n => n,
    };
    let feed = Feed { store, state: Mutex::default() };
    // The writer's own switch: a store that takes nothing ends the run.
    let halt = Cancel::new();
    let looker = Looker { store, vision, asked, options, halt: &halt };
    let (sender, receiver) = sync_channel(2 * workers);
    thread::scope(|scope| {
        for ix in 0..workers {
            let (sender, feed, looker) = (sender.clone(), &feed, &looker);
            let work = move || work(feed, looker, &sender);
            let started = thread::Builder::new().name(format!("ocelli-library-{ix}")).spawn_scoped(scope, work);
            // One worker does, too; none at all is an error like others.
            if let (Err(cause), 0) = (started, ix) {
                return Err(crate::LibraryError::io("worker threads".as_ref(), cause));
            }
        }
        drop(sender);
        let written = write_groups(store, &receiver, meter);
        if written.is_err() {
            halt.cancel();
        }
        // Workers that are about to send must find somebody to take it, or nobody.
        drop(receiver);
        written
    })?;
    feed.failure()
}

/// A worker: takes from the queue until it is empty or somebody stopped the run.
fn work(feed: &Feed<'_>, looker: &Looker<'_>, sender: &SyncSender<Looked>) {
    if looker.options.priority == Priority::Background {
        ocelli::lower_thread_priority();
    }
    while let Some(place) = feed.next(looker) {
        let entry = looker.look(&queued_path(&place));
        if sender.send((place, entry)).is_err() {
            return;
        }
    }
}

/// Hands out the queue, page by page.
struct Feed<'a> {
    store: &'a Store,
    state: Mutex<FeedState>,
}

#[derive(Default)]
struct FeedState {
    page: VecDeque<Place>,
    last: Option<Place>,
    ended: bool,
    failure: Option<crate::LibraryError>,
}

impl Feed<'_> {
    fn next(&self, looker: &Looker<'_>) -> Option<Place> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if looker.is_stopped() {
            return None;
        }
        if state.page.is_empty() && !state.ended {
            match self.store.queued(state.last.as_ref(), PAGE) {
                Ok(page) => {
                    state.ended = page.is_empty();
                    state.last = page.last().cloned().or(state.last.take());
                    state.page = page.into();
                }
                Err(error) => {
                    state.ended = true;
                    state.failure = Some(error);
                }
            }
        }
        state.page.pop_front()
    }

    fn failure(self) -> Result<()> {
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).failure.map_or(Ok(()), Err)
    }
}

/// Writes entries as they come, in groups, until all workers are gone.
fn write_groups(store: &Store, receiver: &Receiver<Looked>, meter: &mut Meter<'_>) -> Result<()> {
    let mut group: Vec<(Place, Entry)> = Vec::with_capacity(GROUP);
    let mut due = Instant::now() + GROUP_TIME;
    loop {
        let looked = receiver.recv_timeout(due.saturating_duration_since(Instant::now()));
        let ended = matches!(looked, Err(RecvTimeoutError::Disconnected));
        if let Ok((place, Some(entry))) = looked {
            meter.looked(&entry);
            group.push((place, entry));
        }
        if group.len() >= GROUP || ended || Instant::now() >= due {
            commit(store, &group)?;
            group.clear();
            due = Instant::now() + GROUP_TIME;
        }
        meter.tell();
        if ended {
            return Ok(());
        }
    }
}

/// A group becomes entries and leaves the queue, or neither.
fn commit(store: &Store, group: &[(Place, Entry)]) -> Result<()> {
    if group.is_empty() {
        return Ok(());
    }
    let _span = tracing::debug_span!("commit", entries = group.len()).entered();
    store.write(Durability::Immediate, |tables| {
        for (place, entry) in group {
            tables.put(entry)?;
            tables.dequeue(place)?;
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests;
