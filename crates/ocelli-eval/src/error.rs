//! Errors: which file, which line, and what is wrong with it.

use std::path::{Path, PathBuf};

/// Shorthand for results with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong while reading a data set or writing a report.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file does not hold what its format asks for.
    #[error("{}{}: {reason}", path.display(), line.map(|n| format!(":{n}")).unwrap_or_default())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1; `None` in binary files.
        line: Option<usize>,
        /// What was found and what was expected.
        reason: String,
    },
    /// A file is larger than the limits allow.
    #[error("{}: {what} is {value}, the limit is {limit}", path.display())]
    Limits {
        /// The file.
        path: PathBuf,
        /// What was measured, with its unit.
        what: &'static str,
        /// The value found or declared.
        value: u64,
        /// The limit in force.
        limit: u64,
    },
    /// Nothing in the path or the content says which format it is.
    #[error("{}: format not recognised: {hint}", path.display())]
    UnknownFormat {
        /// The file or folder.
        path: PathBuf,
        /// What to do.
        hint: String,
    },
    /// A value given by the caller is out of its range.
    #[error("{name} is {value}, expected {expected}")]
    Parameter {
        /// The parameter.
        name: String,
        /// The value given.
        value: String,
        /// What would be accepted.
        expected: String,
    },
    /// A file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// An [`Error::Malformed`] at a line counted from 1.
    pub fn at(path: &Path, line: usize, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), line: Some(line), reason: reason.to_string() }
    }

    /// An [`Error::Malformed`] of a file as a whole.
    pub fn malformed(path: &Path, reason: impl std::fmt::Display) -> Self {
        Self::Malformed { path: path.to_owned(), line: None, reason: reason.to_string() }
    }

    /// An [`Error::Io`].
    pub fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_owned(), source }
    }

    /// An [`Error::Parameter`].
    pub fn parameter(name: impl Into<String>, value: impl std::fmt::Display, expected: impl Into<String>) -> Self {
        Self::Parameter { name: name.into(), value: value.to_string(), expected: expected.into() }
    }
}
