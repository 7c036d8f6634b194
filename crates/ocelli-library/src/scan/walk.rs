//! Finding pictures, and noticing those that are gone.

use super::Asked;
use super::progress::Meter;
use crate::entry::{Entry, Stamp};
use crate::error::{LibraryError, Result};
use crate::store::{Failed, Store, Tables, key};
use redb::Durability;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// Endings that a picture inside a folder is known by; files named as roots are always tried.
pub const PICTURE_ENDINGS: [&str; 14] =
    ["jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff", "pnm", "pbm", "pgm", "ppm", "pam"];

/// Finds handled in one transaction.
const CHUNK: usize = 1024;

/// A path that does not depend on the working folder, its links unresolved.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    let path = std::path::absolute(path).map_err(|cause| LibraryError::io(path, cause))?;
    // `photos/.` and `photos` are one folder.
    Ok(path.components().collect())
}

fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|e| PICTURE_ENDINGS.contains(&e.as_str()))
}

/// What a walk comes across.
enum Find {
    File(PathBuf, Stamp),
    /// A folder that could not be looked into, a link in a circle.
    Trouble(PathBuf, String),
}

fn finds(root: &Path) -> impl Iterator<Item = Find> + use<'_> {
    let walk = WalkDir::new(root).follow_links(true).into_iter();
    walk.filter_map(move |entry| match entry {
        Ok(entry) if entry.file_type().is_file() && (entry.depth() == 0 || is_picture(entry.path())) => {
            // A file that vanished since is found to be gone by whoever reads it.
            let stamp = entry.metadata().map(|meta| Stamp::of(&meta)).unwrap_or_default();
            Some(Find::File(entry.into_path(), stamp))
        }
        Ok(_) => None,
        Err(error) => {
            let path = error.path().unwrap_or(root).to_path_buf();
            let text = match error.loop_ancestor() {
                Some(ancestor) => format!("a link in a circle, back to {}", ancestor.display()),
                None => match error.io_error().map(std::io::Error::kind) {
                    Some(ErrorKind::PermissionDenied) => "no permission to look into it; change its permissions".into(),
                    Some(ErrorKind::NotFound) => "no such file or folder".into(),
                    _ => error.to_string(),
                },
            };
            Some(Find::Trouble(path, text))
        }
    })
}

/// Queues what is to be looked at. Queues of earlier runs, which may have asked for other things, are dropped.
pub(crate) fn fill_queue(
    store: &Store,
    roots: &[PathBuf],
    asked: &Asked,
    meter: &mut Meter<'_>,
    cancelled: &dyn Fn() -> bool,
) -> Result<()> {
    store.write(Durability::None, |tables| tables.clear_queue())?;
    forget_troubles(store, roots)?;
    let mut all = roots.iter().flat_map(|root| finds(root)).take_while(|_| !cancelled());
    loop {
        let chunk: Vec<Find> = all.by_ref().take(CHUNK).collect();
        let last = chunk.len() < CHUNK;
        // All or nothing of the walk has to last: a run that is killed here walks again.
        let durability = if last { Durability::Immediate } else { Durability::None };
        store.write(durability, |tables| chunk.iter().try_for_each(|find| note(tables, find, asked, meter)))?;
        if last {
            return Ok(());
        }
    }
}

fn note(tables: &mut Tables<'_>, find: &Find, asked: &Asked, meter: &mut Meter<'_>) -> Result<(), Failed> {
    match find {
        Find::Trouble(path, error) => {
            meter.trouble();
            let error = Some(error.clone());
            tables.put(&Entry { path: path.clone(), error, retry: true, folder: true, ..Entry::default() })
        }
        Find::File(path, stamp) => {
            let known = tables.get(path)?;
            let open = known.as_ref().is_none_or(|entry| entry.stamp != *stamp || asked.is_open(entry));
            meter.found(stamp.bytes, open);
            if open {
                return tables.enqueue(path, stamp.bytes);
            }
            match known {
                // It is back.
                Some(entry) if entry.gone => tables.put(&Entry { gone: false, ..entry }),
                _ => Ok(()),
            }
        }
    }
}

/// Entries below a root, in chunks.
fn below(store: &Store, root: &Path, mut chunk: impl FnMut(Vec<Entry>) -> Result<()>) -> Result<()> {
    // Everything below the root begins with its bytes, but so do its longer namesakes.
    let inside = |entry: &Entry| key(&entry.path).starts_with(key(root));
    if let Some(entry) = store.entry(root)? {
        chunk(vec![entry])?;
    }
    let mut entries = store.entries_after(key(root).to_vec())?;
    loop {
        let some: Vec<Entry> = entries.by_ref().take(CHUNK).collect::<Result<_>>()?;
        let (n, ours) = (some.len(), some.into_iter().take_while(inside).collect::<Vec<_>>());
        let ended = ours.len() < CHUNK || n < CHUNK;
        chunk(ours.into_iter().filter(|entry| entry.path.starts_with(root)).collect())?;
        if ended {
            return Ok(());
        }
    }
}

/// What stood in the way of an earlier walk may be mended: the next one will say.
fn forget_troubles(store: &Store, roots: &[PathBuf]) -> Result<()> {
    roots.iter().try_for_each(|root| {
        below(store, root, |entries| {
            let troubles: Vec<_> = entries.iter().filter(|entry| entry.folder).collect();
            if troubles.is_empty() {
                return Ok(());
            }
            store.write(Durability::None, |tables| troubles.iter().try_for_each(|entry| tables.remove(&entry.path)))
        })
    })
}

/// Marks the entries whose files are gone.
pub(crate) fn sweep(store: &Store, roots: &[PathBuf], meter: &mut Meter<'_>) -> Result<()> {
    let is_gone = |path: &Path| path.symlink_metadata().is_err_and(|e| e.kind() == ErrorKind::NotFound);
    for root in roots {
        below(store, root, |entries| {
            let gone: Vec<Entry> = entries.into_iter().filter(|e| !e.folder && is_gone(&e.path)).collect();
            meter.gone += gone.len() as u64;
            let fresh: Vec<_> = gone.into_iter().filter(|e| !e.gone).map(|e| Entry { gone: true, ..e }).collect();
            if fresh.is_empty() {
                return Ok(());
            }
            store.write(Durability::Immediate, |tables| fresh.iter().try_for_each(|entry| tables.put(entry)))
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_endings() {
        assert!(is_picture(Path::new("a/b.JPG")) && is_picture(Path::new("x.webp")));
        assert!(!is_picture(Path::new("notes.txt")) && !is_picture(Path::new("jpg")));
    }

    #[test]
    fn a_folder_has_one_name() {
        assert_eq!(absolute(Path::new("/photos/.")).unwrap(), Path::new("/photos"));
        assert!(absolute(Path::new("photos")).unwrap().is_absolute());
    }
}
