//! What can go wrong with a library as a whole; bad pictures are entries, not errors.

use std::io;
use std::path::{Path, PathBuf};

/// Shorthand for results with a [`LibraryError`].
pub type Result<T, E = LibraryError> = std::result::Result<T, E>;

/// What went wrong, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// Another process has the store open.
    #[error("{}: another run is using this store; wait for it to end, or name another store", .0.display())]
    InUse(PathBuf),
    /// There is no store.
    #[error("{}: no library here; make one with `ocelli library scan`", .0.display())]
    Missing(PathBuf),
    /// The store was written by a later version of this program.
    #[error("{}: the store has schema {found}, this program knows up to {known}; use a newer version of it", path.display())]
    Newer {
        /// The store.
        path: PathBuf,
        /// Schema of the store.
        found: u64,
        /// Newest schema known here.
        known: u64,
    },
    /// The store was written by a version that this one cannot read.
    #[error("{}: the store was written by an older version and cannot be read; scan into a new store", .0.display())]
    Older(PathBuf),
    /// The file is no store, or was changed by somebody else.
    #[error("{}: the store is damaged ({reason}); restore it from a copy, or scan into a new store", path.display())]
    Damaged {
        /// The store.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// No space is left for the store.
    #[error("{}: no space left for the store; free some and scan again: what was stored is kept", .0.display())]
    Full(PathBuf),
    /// The system refused.
    #[error("{}: {cause}", path.display())]
    Io {
        /// What could not be read or written.
        path: PathBuf,
        /// What the system said.
        #[source]
        cause: io::Error,
    },
    /// An export could not be written.
    #[error("cannot write the export: {0}")]
    Write(#[source] io::Error),
    /// An expression that cannot be understood.
    #[error("query {text:?}: {problem}")]
    Query {
        /// The expression.
        text: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// The requests themselves cannot be served.
    #[error(transparent)]
    Vision(#[from] ocelli::core::Error),
}

impl LibraryError {
    pub(crate) fn io(path: &Path, cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::StorageFull {
            return Self::Full(path.into());
        }
        Self::Io { path: path.into(), cause }
    }

    pub(crate) fn damaged(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Damaged { path: path.into(), reason: reason.to_string() }
    }

    /// An error of the database under the store at `path`.
    pub(crate) fn store(path: &Path, error: impl Into<redb::Error>) -> Self {
        match error.into() {
            redb::Error::DatabaseAlreadyOpen | redb::Error::LockProtocolMismatch => Self::InUse(path.into()),
            redb::Error::UpgradeRequired(_) => Self::Older(path.into()),
            redb::Error::Io(cause) if cause.kind() == io::ErrorKind::InvalidData => Self::damaged(path, cause),
            redb::Error::Io(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => Self::damaged(path, cause),
            redb::Error::Io(cause) => Self::io(path, cause),
            // After a failed write the database refuses everything; the first error said why.
            redb::Error::PreviousIo => Self::io(path, io::Error::other("an earlier write failed")),
            other => Self::damaged(path, other),
        }
    }
}
