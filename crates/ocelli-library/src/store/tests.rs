use super::*;
use crate::{Library, Query};
use redb::{StorageBackend, backends::InMemoryBackend};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

fn entry(path: &str) -> Entry {
    Entry { path: path.into(), hash: "00".repeat(400), ..Entry::default() }
}

#[test]
fn two_runs_on_one_store_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let one = Library::create(folder.path()).unwrap();
    let two = Library::create(folder.path()).unwrap_err();
    assert!(matches!(two, LibraryError::InUse(_)) && two.to_string().contains("another run"), "{two}");
    drop(one);
    assert!(Library::open(folder.path()).is_ok());
}

#[test]
fn there_has_to_be_a_store() {
    let folder = tempfile::tempdir().unwrap();
    let missing = Library::open(folder.path().join("none")).unwrap_err();
    assert!(missing.to_string().contains("ocelli library scan"), "{missing}");
    assert!(!folder.path().join("none").exists());
}

#[test]
fn other_schemas_are_refused_by_name() {
    for (schema, word) in [(SCHEMA + 1, "newer version"), (0, "older version")] {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::create(folder.path()).unwrap();
        let set = |tables: &mut Tables<'_>| Ok(tables.meta.insert("schema", schema).map(drop)?);
        store.write(Durability::Immediate, set).unwrap();
        drop(store);
        let error = Library::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_store_killed_while_it_was_made_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FRESH_FILE), [0; 9000]).unwrap();
    assert!(matches!(Library::open(folder.path()), Err(LibraryError::Missing(_))));
    assert_eq!(Library::create(folder.path()).unwrap().entries().unwrap().count(), 0);
    assert!(!folder.path().join(FRESH_FILE).exists());
}

/// Every way of damage is an error, or leaves what was written last as it was.
#[test]
fn damaged_stores_are_errors_not_panics() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).unwrap();
    let fill = |tables: &mut Tables<'_>| (0..200).try_for_each(|ix| tables.put(&entry(&format!("/{ix}.jpg"))));
    store.write(Durability::Immediate, fill).unwrap();
    drop(store);
    let path = folder.path().join(FILE);
    let sound = fs::read(&path).unwrap();
    let mut refused = 0;
    let mut try_it = |bytes: &[u8], what: &str| {
        fs::write(&path, bytes).unwrap();
        let read = Library::open(folder.path()).and_then(|library| library.entries()?.collect::<Result<Vec<_>>>());
        match read {
            Ok(entries) => assert_eq!(entries.len(), 200, "{what}: believed"),
            Err(LibraryError::Damaged { .. } | LibraryError::Io { .. } | LibraryError::Older(_)) => refused += 1,
            Err(other) => panic!("{what}: {other}"),
        }
    };
    try_it(b"dear diary, this is no database at all", "text");
    try_it(&[0; 5000], "zeros");
    for part in [100, 4096, sound.len() / 2, sound.len() - 1] {
        try_it(&sound[..part], &format!("cut at {part}"));
    }
    for place in (0..sound.len()).step_by(sound.len() / 40) {
        let mut bytes = sound.clone();
        bytes[place..(place + 16).min(sound.len())].fill(0xA5);
        try_it(&bytes, &format!("overwritten at {place}"));
    }
    assert!(refused > 5, "{refused}");
    fs::write(&path, &sound).unwrap();
    assert_eq!(Library::open(folder.path()).unwrap().entries().unwrap().count(), 200);
}

/// A disk with room for so many bytes.
#[derive(Debug)]
struct SmallDisk {
    inner: InMemoryBackend,
    room: Arc<AtomicU64>,
}

impl SmallDisk {
    fn check(&self, end: u64) -> io::Result<()> {
        if end > self.room.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

impl StorageBackend for SmallDisk {
    fn len(&self) -> io::Result<u64> {
        self.inner.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.inner.read(offset, out)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.check(len)?;
        self.inner.set_len(len)
    }
    fn sync_data(&self) -> io::Result<()> {
        self.inner.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.inner.write(offset, data)
    }
}

#[test]
fn a_full_disk_is_told_and_nothing_stored_is_lost() {
    let room = Arc::new(AtomicU64::new(u64::MAX));
    let store = Store::in_backend(SmallDisk { inner: InMemoryBackend::new(), room: room.clone() }).unwrap();
    let put = |from: u32| {
        store.write(Durability::Immediate, |t| (from..from + 50).try_for_each(|ix| t.put(&entry(&format!("/{ix:05}")))))
    };
    put(0).unwrap();
    room.store(4 << 20, Ordering::Relaxed);
    let (stored, error) = (1..).find_map(|n| put(n * 50).err().map(|error| (n * 50, error))).unwrap();
    assert!(matches!(error, LibraryError::Full(_)) && error.to_string().contains("no space left"), "{error}");
    let entries: Vec<_> = store.entries().unwrap().map(|e| e.unwrap().path).collect();
    assert_eq!(entries.len(), stored as usize, "every group that was committed, and no part of another");
}

#[test]
fn entries_come_page_by_page_in_the_order_of_paths() {
    let folder = tempfile::tempdir().unwrap();
    let library = Library::create(folder.path()).unwrap();
    let fill = |tables: &mut Tables<'_>| (0..1000).rev().try_for_each(|ix| tables.put(&entry(&format!("/{ix:04}"))));
    library.store.write(Durability::Immediate, fill).unwrap();
    let paths: Vec<_> = library.entries().unwrap().map(|entry| entry.unwrap().path).collect();
    assert!(paths.len() == 1000 && paths.is_sorted());
    let query = Query::parse("path ~ /099").unwrap();
    assert_eq!(library.query(&query).unwrap().count(), 10, "/0990 to /0999");
}
