//! Looking at one picture.

use super::{Asked, ScanOptions};
use crate::entry::{Answer, Entry, PictureInfo, Stamp};
use crate::store::Store;
use ocelli::core::{AnyObservations, AnyRequest, Cancel, Error, ErrorClass};
use ocelli::image::Source;
use ocelli::{Handler, Vision};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// Files up to this size are read once, for the hash and for the picture; larger ones twice, to save memory.
const READ_ONCE_BYTES: u64 = 64 << 20;

pub(super) struct Looker<'a> {
    pub(super) store: &'a Store,
    pub(super) vision: &'a Vision,
    pub(super) asked: &'a Asked,
    pub(super) options: &'a ScanOptions,
    pub(super) halt: &'a Cancel,
}

impl Looker<'_> {
    pub(super) fn is_stopped(&self) -> bool {
        self.halt.is_cancelled() || self.options.cancel.as_ref().is_some_and(Cancel::is_cancelled)
    }

    /// The entry of a file as it is now; `None` where somebody stopped the run meanwhile.
    pub(super) fn look(&self, path: &Path) -> Option<Entry> {
        let known = self.store.entry(path).ok().flatten();
        let entry = self.entry(path, known.unwrap_or_default());
        (!self.is_stopped()).then_some(entry)
    }

    fn entry(&self, path: &Path, known: Entry) -> Entry {
        let fresh = Entry { path: path.to_path_buf(), ..Entry::default() };
        let (stamp, hash, source) = match read(path) {
            Ok(read) => read,
            Err(cause) => {
                let error = Error::io(path.display().to_string(), cause);
                return Entry { stamp: stamp_of(path).unwrap_or_default(), ..failed(fresh, &error) };
            }
        };
        // The same content keeps its answers, whatever its time says.
        let known = if known.hash == hash && known.error.is_none() { known } else { Entry::default() };
        let entry = Entry { stamp, hash, answers: known.answers.clone(), ..fresh };
        match self.vision.open(source) {
            Ok(handler) => self.answered(entry, &handler),
            Err(error) => unreadable(entry, &error, stamp_of(path)),
        }
    }

    /// Asks for what the entry lacks.
    fn answered(&self, mut entry: Entry, handler: &Handler) -> Entry {
        let info = handler.info();
        entry.picture =
            Some(PictureInfo { width: info.size.width, height: info.size.height, format: info.format.to_string() });
        let lacking: Vec<_> = self.asked.lacking(&entry).cloned().collect();
        let requests: Vec<AnyRequest> = lacking.iter().map(|(_, request)| request.clone()).collect();
        let mut steered = handler.clone().priority(self.options.priority).cancel(self.halt);
        if let Some(cancel) = &self.options.cancel {
            steered = steered.cancel(cancel);
        }
        let answers = steered.perform_any(&requests);
        // Files that cannot be decoded fail in every request; then it is the file's error.
        if let Some(error) = shared_error(&answers).filter(|_| entry.answers.is_empty()) {
            let now = stamp_of(&entry.path);
            return unreadable(entry, error, now);
        }
        for ((id, request), answer) in lacking.into_iter().zip(answers) {
            entry.answers.insert(id, kept(request.kind(), answer));
        }
        entry
    }
}

fn stamp_of(path: &Path) -> Option<Stamp> {
    std::fs::metadata(path).ok().map(|meta| Stamp::of(&meta))
}

/// The file's stamp, hash and content.
fn read(path: &Path) -> std::io::Result<(Stamp, String, Source)> {
    let mut file = File::open(path)?;
    let stamp = Stamp::of(&file.metadata()?);
    let mut hasher = blake3::Hasher::new();
    if stamp.bytes > READ_ONCE_BYTES {
        hasher.update_reader(&mut file)?;
        return Ok((stamp, hasher.finalize().to_hex().to_string(), Source::path(path)));
    }
    let mut bytes = Vec::new();
    // A file that grows meanwhile is read as it was when it was opened.
    file.take(stamp.bytes).read_to_end(&mut bytes)?;
    hasher.update(&bytes);
    let source = Source::bytes(path.display().to_string(), bytes);
    Ok((stamp, hasher.finalize().to_hex().to_string(), source))
}

fn failed(entry: Entry, error: &Error) -> Entry {
    let retry = error.class() == ErrorClass::Environment;
    Entry { error: Some(error.to_string()), retry, ..entry }
}

/// The entry of a file that is no picture, or is just being written: its stamp is then `now` another one.
pub(super) fn unreadable(entry: Entry, error: &Error, now: Option<Stamp>) -> Entry {
    let entry = failed(entry, error);
    if now == Some(entry.stamp) {
        return entry;
    }
    let text = entry.error.as_deref().unwrap_or_default();
    let error = Some(format!("changed while it was read ({text}); the next scan reads it again"));
    Entry { error, retry: true, ..entry }
}

/// What is kept of an answer.
fn kept(kind: &str, answer: Result<AnyObservations, Error>) -> Answer {
    let kind = kind.to_owned();
    match answer {
        Ok(found) => Answer { kind, observations: found.records(), incomplete: found.is_incomplete(), error: None },
        Err(error) => Answer { kind, observations: Vec::new(), incomplete: false, error: Some(error.to_string()) },
    }
}

/// The error that all answers are.
fn shared_error(answers: &[Result<AnyObservations, Error>]) -> Option<&Error> {
    let of_file = |error: &&Error| matches!(error.class(), ErrorClass::Input | ErrorClass::Environment);
    let first = answers.first()?.as_ref().err().filter(of_file)?;
    let text = first.to_string();
    answers.iter().all(|answer| answer.as_ref().is_err_and(|e| e.to_string() == text)).then_some(first)
}
