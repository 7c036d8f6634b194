//! The store: what is known of every picture, and which are still to be looked at.
//!
//! Tables: `entries` (path → [`Entry`] as JSON), `queue` (dearest first → nothing), `meta` (the schema's number). Every
//! write is a transaction; a process that is killed loses at most the group that it was about to commit, whose pictures
//! are still queued.

use crate::entry::Entry;
use crate::error::{LibraryError, Result};
use redb::{Builder, Database, Durability, ReadTransaction, ReadableDatabase, ReadableTable, TableDefinition};
use std::collections::VecDeque;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// Number of the layout of the tables: a program reads stores of its own number.
pub const SCHEMA: u64 = 1;

/// Name of the store's file in its folder.
const FILE: &str = "library.redb";
/// Its name while it is made.
const FRESH_FILE: &str = "library.redb.new";
/// The database's own cache; its default would be a gigabyte.
const CACHE_BYTES: usize = 16 << 20;

const META: TableDefinition<'_, &str, u64> = TableDefinition::new("meta");
const ENTRIES: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("entries");
const QUEUE: TableDefinition<'_, (u64, &[u8]), ()> = TableDefinition::new("queue");

/// A place in the queue: what is left of the largest number after the cost, then the path's bytes.
pub(crate) type Place = (u64, Vec<u8>);

#[derive(Debug)]
pub(crate) struct Store {
    path: PathBuf,
    database: Database,
}

/// The bytes of a path, as keys.
pub(crate) fn key(path: &Path) -> &[u8] {
    path.as_os_str().as_encoded_bytes()
}

/// The path of a key.
fn path_of(key: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(std::ffi::OsStr::from_bytes(key))
    }
    #[cfg(not(unix))]
    PathBuf::from(String::from_utf8_lossy(key).into_owned())
}

impl Store {
    pub(crate) fn create(folder: &Path) -> Result<Self> {
        fs::create_dir_all(folder).map_err(|cause| LibraryError::io(folder, cause))?;
        if !folder.join(FILE).exists() {
            Self::begin(folder)?;
        }
        Self::open(folder)
    }

    /// Makes an empty store under another name first: one that is killed while it is made never has the right one.
    fn begin(folder: &Path) -> Result<()> {
        let (fresh, path) = (folder.join(FRESH_FILE), folder.join(FILE));
        let make = || guarded(&fresh, || builder().create(&fresh).map_err(|e| LibraryError::store(&fresh, e)));
        let database = make().or_else(|error| match error {
            // What a killed process left; one that lives holds a lock, which is another error.
            LibraryError::Damaged { .. } => {
                fs::remove_file(&fresh).map_err(|cause| LibraryError::io(&fresh, cause))?;
                make()
            }
            other => Err(other),
        })?;
        drop(Self::checked(fresh.clone(), database)?);
        fs::rename(&fresh, &path).map_err(|cause| LibraryError::io(&path, cause))
    }

    pub(crate) fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        if !path.is_file() {
            return Err(LibraryError::Missing(folder.into()));
        }
        let database = guarded(&path, || builder().open(&path).map_err(|e| LibraryError::store(&path, e)))?;
        Self::checked(path, database)
    }

    /// A store in something else than a file, to test what happens there.
    #[cfg(test)]
    pub(crate) fn in_backend(backend: impl redb::StorageBackend) -> Result<Self> {
        let path = PathBuf::from("backend");
        let database = Builder::new().create_with_backend(backend).map_err(|e| LibraryError::store(&path, e))?;
        Self::checked(path, database)
    }

    /// Reads the schema's number, or writes it into a new store.
    fn checked(path: PathBuf, database: Database) -> Result<Self> {
        let store = Self { path, database };
        store.write(Durability::Immediate, |tables| {
            let found = tables.meta.get("schema").map_err(Into::<redb::Error>::into)?.map(|found| found.value());
            match found {
                Some(SCHEMA) => Ok(()),
                Some(found) if found > SCHEMA => {
                    Err(Failed::Ours(LibraryError::Newer { path: store.path.clone(), found, known: SCHEMA }))
                }
                Some(_) => Err(Failed::Ours(LibraryError::Older(store.path.clone()))),
                None => {
                    tables.meta.insert("schema", SCHEMA)?;
                    Ok(())
                }
            }
        })?;
        Ok(store)
    }

    /// One transaction: all of it or nothing.
    pub(crate) fn write<T>(
        &self,
        durability: Durability,
        work: impl FnOnce(&mut Tables<'_>) -> Result<T, Failed>,
    ) -> Result<T> {
        let attempt = || -> Result<T, Failed> {
            let mut transaction = self.database.begin_write()?;
            transaction.set_durability(durability)?;
            let value = {
                let mut tables = Tables {
                    meta: transaction.open_table(META)?,
                    entries: transaction.open_table(ENTRIES)?,
                    queue: transaction.open_table(QUEUE)?,
                };
                work(&mut tables)?
            };
            transaction.commit()?;
            Ok(value)
        };
        guarded(&self.path, || attempt().map_err(|failed| failed.at(&self.path)))
    }

    pub(crate) fn entry(&self, path: &Path) -> Result<Option<Entry>> {
        let read = || -> Result<Option<Entry>, Failed> {
            let table = self.database.begin_read()?.open_table(ENTRIES)?;
            let found = table.get(key(path))?;
            found.map(|value| decoded(path.to_path_buf(), value.value())).transpose()
        };
        guarded(&self.path, || read().map_err(|failed| failed.at(&self.path)))
    }

    pub(crate) fn entries(&self) -> Result<Entries> {
        self.entries_after(Vec::new())
    }

    /// The entries whose keys come after this one.
    pub(crate) fn entries_after(&self, key: Vec<u8>) -> Result<Entries> {
        let transaction = self.database.begin_read().map_err(|e| LibraryError::store(&self.path, e))?;
        Ok(Entries { store: self.path.clone(), transaction, last: key, page: VecDeque::new(), ended: false })
    }

    /// The next places of the queue after `last`, at most `most`.
    pub(crate) fn queued(&self, last: Option<&Place>, most: usize) -> Result<Vec<Place>> {
        let read = || -> Result<Vec<Place>, Failed> {
            let table = self.database.begin_read()?.open_table(QUEUE)?;
            let from = last.map(|(cost, path)| (*cost, path.as_slice()));
            let mut places = Vec::new();
            let range = table.range(from.unwrap_or_default()..)?;
            for item in range.take(most + 1) {
                let (place, _) = item?;
                let (cost, path) = place.value();
                if from != Some((cost, path)) {
                    places.push((cost, path.to_vec()));
                }
            }
            places.truncate(most);
            Ok(places)
        };
        guarded(&self.path, || read().map_err(|failed| failed.at(&self.path)))
    }
}

fn builder() -> Builder {
    let mut builder = Database::builder();
    // A file that somebody changed is refused, not believed.
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true);
    builder
}

/// The tables of a transaction under way.
pub(crate) struct Tables<'t> {
    meta: redb::Table<'t, &'static str, u64>,
    entries: redb::Table<'t, &'static [u8], &'static [u8]>,
    queue: redb::Table<'t, (u64, &'static [u8]), ()>,
}

impl Tables<'_> {
    pub(crate) fn get(&self, path: &Path) -> Result<Option<Entry>, Failed> {
        let found = self.entries.get(key(path))?;
        found.map(|value| decoded(path.to_path_buf(), value.value())).transpose()
    }

    pub(crate) fn put(&mut self, entry: &Entry) -> Result<(), Failed> {
        let json = serde_json::to_vec(entry).map_err(|e| Failed::Json(e.to_string()))?;
        self.entries.insert(key(&entry.path), json.as_slice())?;
        Ok(())
    }

    pub(crate) fn remove(&mut self, path: &Path) -> Result<(), Failed> {
        self.entries.remove(key(path))?;
        Ok(())
    }

    /// Queues a file by its cost.
    pub(crate) fn enqueue(&mut self, path: &Path, cost: u64) -> Result<(), Failed> {
        self.queue.insert((u64::MAX - cost, key(path)), ())?;
        Ok(())
    }

    pub(crate) fn dequeue(&mut self, (cost, path): &Place) -> Result<(), Failed> {
        self.queue.remove((*cost, path.as_slice()))?;
        Ok(())
    }

    pub(crate) fn clear_queue(&mut self) -> Result<(), Failed> {
        self.queue.retain(|_, ()| false)?;
        Ok(())
    }
}

/// The path of a place in the queue.
pub(crate) fn queued_path((_, path): &Place) -> PathBuf {
    path_of(path)
}

/// What a transaction can fail with.
pub(crate) enum Failed {
    Database(redb::Error),
    Json(String),
    Ours(LibraryError),
}

impl<E: Into<redb::Error>> From<E> for Failed {
    fn from(error: E) -> Self {
        Self::Database(error.into())
    }
}

impl Failed {
    fn at(self, path: &Path) -> LibraryError {
        match self {
            Self::Database(error) => LibraryError::store(path, error),
            Self::Json(reason) => LibraryError::damaged(path, reason),
            Self::Ours(error) => error,
        }
    }
}

/// The database panics on some files that somebody else changed; here that is an error like others.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let damaged = |_| Err(LibraryError::damaged(path, "its pages contradict each other"));
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(damaged)
}

fn decoded(path: PathBuf, json: &[u8]) -> Result<Entry, Failed> {
    let entry: Entry = serde_json::from_slice(json).map_err(|e| Failed::Json(format!("{}: {e}", path.display())))?;
    Ok(Entry { path, ..entry })
}

/// Entries in the order of paths, as they were when this was made.
#[derive(Debug)]
pub struct Entries {
    store: PathBuf,
    transaction: ReadTransaction,
    last: Vec<u8>,
    page: VecDeque<Entry>,
    ended: bool,
}

impl Entries {
    /// Reads some more entries.
    fn turn(&mut self) -> Result<(), Failed> {
        let table = self.transaction.open_table(ENTRIES)?;
        for item in table.range(self.last.as_slice()..)?.take(257) {
            let (path, json) = item?;
            // Paths are never empty, so the first page skips nothing.
            if path.value() != self.last.as_slice() {
                self.page.push_back(decoded(path_of(path.value()), json.value())?);
            }
        }
        match self.page.back() {
            Some(entry) => self.last = key(&entry.path).to_vec(),
            None => self.ended = true,
        }
        Ok(())
    }
}

impl Iterator for Entries {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.page.is_empty() && !self.ended {
            let store = self.store.clone();
            if let Err(error) = guarded(&store, || self.turn().map_err(|failed| failed.at(&store))) {
                self.ended = true;
                return Some(Err(error));
            }
        }
        self.page.pop_front().map(Ok)
    }
}

#[cfg(test)]
mod tests;
