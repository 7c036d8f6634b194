//! Runs of requests over whole libraries of pictures: stopped at any instant they go on where they were.
//!
//! A [`Library`] is a folder with a transactional store (redb: pure Rust, one file, checksums). [`Library::scan`] walks
//! folders, looks at pictures that are new, changed or not yet asked for everything, and stores an [`Entry`] a picture;
//! [`export`](Library::export), [`stats`](Library::stats) and [`query`](Library::query) read it. A bad file is an entry
//! with its error. Nothing leaves the machine.
//!
//! ```no_run
//! use ocelli::prelude::*;
//! use ocelli_library::{Library, Query, ScanOptions};
//!
//! let vision = Vision::new()?;
//! let library = Library::create("faces.library")?;
//! let requests = [vision.request("faces", &serde_json::json!({}))?];
//! let report = library.scan(&vision, &["photos"], &requests, &ScanOptions::default(), &mut |_| {})?;
//! println!("{} looked at, {} failed", report.done, report.failed);
//! for entry in library.query(&Query::parse("faces >= 2")?)? {
//!     println!("{}", entry?.path.display());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Reading order: [`Entry`] (what is kept of a picture), `store` (the tables), `scan` (the run), [`Query`].

mod entry;
mod error;
mod export;
mod query;
mod scan;
mod stats;
mod store;

pub use entry::{Answer, Entry, PictureInfo, Stamp};
pub use error::{LibraryError, Result};
pub use export::Format;
pub use query::Query;
pub use scan::{PICTURE_ENDINGS, ScanOptions, ScanProgress, ScanReport};
pub use stats::{KindStats, Stats};
pub use store::{Entries, SCHEMA};

use ocelli::Vision;
use ocelli::core::AnyRequest;
use std::io::Write;
use std::path::Path;
use store::Store;

/// A library of pictures: what was found in them, and how far the search has come.
///
/// One process at a time may hold it open.
#[derive(Debug)]
pub struct Library {
    store: Store,
}

impl Library {
    /// Opens the library in a folder, or begins one there.
    ///
    /// # Errors
    /// [`LibraryError::InUse`] where another process has it open, [`LibraryError::Damaged`], [`LibraryError::Older`] or
    /// [`LibraryError::Newer`] where it cannot be read as it is, [`LibraryError::Io`] or [`LibraryError::Full`].
    pub fn create(folder: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { store: Store::create(folder.as_ref())? })
    }

    /// Opens the library in a folder.
    ///
    /// # Errors
    /// As [`create`](Self::create); [`LibraryError::Missing`] where there is none.
    pub fn open(folder: impl AsRef<Path>) -> Result<Self> {
        Ok(Self { store: Store::open(folder.as_ref())? })
    }

    /// Looks at every picture below `roots` that is new, changed, or not yet asked for all of `requests`.
    ///
    /// May be killed at any instant: the next scan goes on. `progress` is called on this thread, several times a second.
    ///
    /// # Errors
    /// [`LibraryError::Vision`] for requests that nobody answers; those of the store, whose finished groups of entries
    /// stay. Pictures that cannot be read are no error of the scan.
    pub fn scan(
        &self,
        vision: &Vision,
        roots: &[impl AsRef<Path>],
        requests: &[AnyRequest],
        options: &ScanOptions,
        progress: &mut dyn FnMut(&ScanProgress),
    ) -> Result<ScanReport> {
        let roots: Vec<_> = roots.iter().map(|root| root.as_ref().to_path_buf()).collect();
        scan::run(&self.store, vision, &roots, requests, options, progress)
    }

    /// Every entry, in the order of paths.
    ///
    /// # Errors
    /// Those of the store, here or at a later entry.
    pub fn entries(&self) -> Result<Entries> {
        self.store.entries()
    }

    /// The entry of a picture; relative paths count from the working folder.
    ///
    /// # Errors
    /// Those of the store.
    pub fn entry(&self, path: impl AsRef<Path>) -> Result<Option<Entry>> {
        self.store.entry(&scan::absolute(path.as_ref())?)
    }

    /// The entries of pictures for which an expression holds, in the order of paths.
    ///
    /// # Errors
    /// [`LibraryError::Query`] for a kind of observation that the library knows nothing of; those of the store.
    pub fn query<'a>(&self, query: &'a Query) -> Result<impl Iterator<Item = Result<Entry>> + use<'a>> {
        query.check(&self.stats()?)?;
        let holds = |entry: &Result<Entry>| entry.as_ref().map_or(true, |entry| query.holds(entry));
        Ok(self.entries()?.filter(holds))
    }

    /// Counts of pictures, failures and observations.
    ///
    /// # Errors
    /// Those of the store.
    pub fn stats(&self) -> Result<Stats> {
        Stats::of(self.entries()?)
    }

    /// Writes every entry in one of the formats; answers how many.
    ///
    /// # Errors
    /// [`LibraryError::Write`] where `out` does not take it; those of the store.
    pub fn export(&self, format: Format, out: impl Write + Send) -> Result<u64> {
        export::write(format, &self.store, out)
    }
}
