//! Counts over a library.

use crate::entry::Entry;
use crate::error::Result;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// Counts of pictures, failures and observations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Stats {
    /// Entries: pictures, files that are none, folders that could not be looked into.
    pub entries: u64,
    /// Pictures that were read.
    pub pictures: u64,
    /// Entries with an error, of the file or of a request.
    pub failed: u64,
    /// Files that are gone.
    pub gone: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// By kind of request.
    pub kinds: BTreeMap<String, KindStats>,
}

/// Counts for one kind of request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KindStats {
    /// Answers, over all pictures.
    pub answers: u64,
    /// Pictures with at least one observation.
    pub pictures_with: u64,
    /// Observations.
    pub observations: u64,
}

impl Stats {
    pub(crate) fn of(entries: impl Iterator<Item = Result<Entry>>) -> Result<Self> {
        let mut stats = Self::default();
        for entry in entries {
            stats.add(&entry?);
        }
        Ok(stats)
    }

    fn add(&mut self, entry: &Entry) {
        self.entries += 1;
        self.pictures += u64::from(entry.picture.is_some());
        self.failed += u64::from(entry.first_error().is_some());
        self.gone += u64::from(entry.gone);
        self.bytes += entry.stamp.bytes;
        let mut found: BTreeMap<&str, u64> = BTreeMap::new();
        for answer in entry.answers.values().filter(|answer| answer.error.is_none()) {
            self.kinds.entry(answer.kind.clone()).or_default().answers += 1;
            *found.entry(&answer.kind).or_default() += answer.observations.len() as u64;
        }
        for (kind, observations) in found {
            let kind = self.kinds.entry(kind.to_owned()).or_default();
            kind.pictures_with += u64::from(observations > 0);
            kind.observations += observations;
        }
    }
}

impl fmt::Display for Stats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, pictures, failed, gone, bytes, kinds } = self;
        writeln!(f, "{entries} entries, {pictures} pictures, {failed} with an error, {gone} gone")?;
        writeln!(f, "{:.1} MB of files", *bytes as f64 / 1e6)?;
        for (kind, KindStats { answers, pictures_with, observations }) in kinds {
            writeln!(f, "{kind}: {observations} in {pictures_with} of {answers} answers")?;
        }
        Ok(())
    }
}
