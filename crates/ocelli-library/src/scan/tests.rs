use super::*;
use crate::{Library, LibraryError, Stamp};
use ocelli::core::{
    Algorithm, DetectFaces, FaceObservation, ImageInfo, Input, Needs, NormalizedRect, ViewKind, ViewSpec,
};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Sees a face in every picture, and counts them; throws a switch at one of them.
#[derive(Default)]
struct Everywhere {
    runs: Arc<AtomicUsize>,
    cancel_at: Option<(usize, Cancel)>,
}

impl Algorithm for Everywhere {
    type Request = DetectFaces;
    fn name(&self) -> &str {
        "everywhere"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, _: &DetectFaces, _: &ImageInfo) -> Result<Needs, Error> {
        Ok(Needs::new().view(ViewSpec::scaled(ViewKind::Luma8, 8)))
    }
    fn run(&self, _: &DetectFaces, input: &Input<'_>) -> Result<Vec<FaceObservation>, Error> {
        let run = self.runs.fetch_add(1, Ordering::SeqCst) + 1;
        if let Some((at, cancel)) = &self.cancel_at
            && run == *at
        {
            cancel.cancel();
        }
        let rect = NormalizedRect::new(0.25, 0.25, 0.5, 0.5, input.image.size);
        Ok(vec![FaceObservation::new(rect, 0.5, input.provenance.clone())])
    }
}

struct Album {
    folder: tempfile::TempDir,
    runs: Arc<AtomicUsize>,
    vision: Vision,
}

impl Album {
    fn new() -> Self {
        Self::with(Everywhere::default())
    }

    fn with(algorithm: Everywhere) -> Self {
        let runs = algorithm.runs.clone();
        let vision = Vision::builder().without_builtin().register(algorithm).threads(1).build().unwrap();
        Self { folder: tempfile::tempdir().unwrap(), runs, vision }
    }

    fn photos(&self) -> PathBuf {
        self.folder.path().join("photos")
    }

    fn add(&self, name: &str, shade: u8) -> PathBuf {
        let path = self.photos().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let size = 16 + u32::from(shade);
        image::RgbImage::from_pixel(size, 12, image::Rgb([shade; 3])).save(&path).unwrap();
        path
    }

    fn library(&self) -> Library {
        Library::create(self.folder.path().join("store")).unwrap()
    }

    fn scan(&self, library: &Library, options: &ScanOptions) -> ScanReport {
        let requests = [AnyRequest::new(DetectFaces::new())];
        // Background threads would wait for everybody else's tests.
        let options = ScanOptions { priority: Priority::Default, ..options.clone() };
        library.scan(&self.vision, &[self.photos()], &requests, &options, &mut |_| {}).unwrap()
    }

    fn runs(&self) -> usize {
        self.runs.swap(0, Ordering::SeqCst)
    }
}

fn lines(library: &Library) -> Vec<String> {
    library.entries().unwrap().map(|entry| entry.unwrap().to_json().to_string()).collect()
}

#[test]
fn what_is_known_is_not_looked_at_again() {
    let album = Album::new();
    (0..5).for_each(|shade| drop(album.add(&format!("{shade}.png"), shade)));
    album.add("notes.txt.png", 9);
    fs::write(album.photos().join("notes.txt"), "no picture").unwrap();
    let library = album.library();
    let first = album.scan(&library, &ScanOptions::default());
    assert_eq!((first.found, first.known, first.done, first.failed, album.runs()), (6, 0, 6, 0, 6));
    let before = lines(&library);
    assert!(before[0].contains("\"observations\":[{") && before[0].contains("0.png"), "{}", before[0]);
    let second = album.scan(&library, &ScanOptions::default());
    assert_eq!((second.found, second.known, second.done, album.runs()), (6, 6, 0, 0));
    assert_eq!(lines(&library), before);
}

#[test]
fn changes_are_seen_by_size_and_time_and_settled_by_content() {
    let album = Album::new();
    let (touched, changed) = (album.add("touched.png", 1), album.add("changed.png", 2));
    let library = album.library();
    album.scan(&library, &ScanOptions::default());
    let hash = |path: &Path| library.entry(path).unwrap().unwrap().hash;
    let (hash_touched, hash_changed) = (hash(&touched), hash(&changed));
    album.runs();
    let later = std::time::SystemTime::now() + Duration::from_secs(100);
    fs::File::options().write(true).open(&touched).unwrap().set_modified(later).unwrap();
    album.add("changed.png", 3);
    let report = album.scan(&library, &ScanOptions::default());
    assert_eq!((report.done, album.runs()), (2, 1), "the touched file keeps its answers");
    assert_eq!(hash(&touched), hash_touched);
    assert_ne!(hash(&changed), hash_changed);
    assert_eq!(album.scan(&library, &ScanOptions::default()).done, 0);
}

#[test]
fn another_request_is_asked_alone() {
    let album = Album::new();
    album.add("a.png", 1);
    let library = album.library();
    album.scan(&library, &ScanOptions::default());
    let requests = [DetectFaces::new(), DetectFaces::new().min_size(0.5)].map(AnyRequest::new);
    let more = library.scan(&album.vision, &[album.photos()], &requests, &ScanOptions::default(), &mut |_| {}).unwrap();
    assert_eq!((more.done, album.runs()), (1, 2), "one run then, one now");
    let entry = library.entries().unwrap().next().unwrap().unwrap();
    assert_eq!((entry.answers.len(), entry.observations().count()), (2, 2));
}

#[test]
fn bad_files_are_entries() {
    let album = Album::new();
    album.add("good.png", 1);
    fs::write(album.photos().join("text.jpg"), "dear diary").unwrap();
    fs::write(album.photos().join("empty.jpg"), "").unwrap();
    let cut = fs::read(album.add("cut.png", 200)).unwrap();
    fs::write(album.photos().join("cut.png"), &cut[..60]).unwrap();
    let library = album.library();
    let report = album.scan(&library, &ScanOptions::default());
    assert_eq!((report.found, report.done, report.failed), (4, 4, 3));
    let errors: Vec<_> = library.entries().unwrap().filter_map(|e| e.unwrap().error).collect();
    assert!(errors.len() == 3 && errors.iter().any(|e| e.contains("content is text")), "{errors:?}");
    assert_eq!(album.scan(&library, &ScanOptions::default()).done, 0, "they did not change");
    let again = ScanOptions { retry_failed: true, ..ScanOptions::default() };
    assert_eq!(album.scan(&library, &again).done, 3);
}

#[cfg(unix)]
#[test]
fn links_in_a_circle_end() {
    let album = Album::new();
    album.add("deep/a.png", 1);
    std::os::unix::fs::symlink(album.photos(), album.photos().join("deep/back")).unwrap();
    let library = album.library();
    let report = album.scan(&library, &ScanOptions::default());
    assert_eq!((report.found, report.failed), (1, 1));
    let circle = library.entry(album.photos().join("deep/back")).unwrap().unwrap();
    assert!(circle.error.unwrap().contains("a link in a circle"));
    fs::remove_file(album.photos().join("deep/back")).unwrap();
    album.scan(&library, &ScanOptions::default());
    assert!(library.entry(album.photos().join("deep/back")).unwrap().is_none(), "mended troubles are forgotten");
}

#[test]
fn a_file_that_vanishes_during_the_run_is_an_entry_and_one_that_is_gone_keeps_its_answers() {
    let album = Album::new();
    let (stays, goes) = (album.add("stays.png", 1), album.add("goes.png", 2));
    let library = album.library();
    let asked = Asked { requests: Vec::new(), retry_failed: false };
    let mut silent = |_: &ScanProgress| {};
    let mut meter = Meter::new(&mut silent);
    walk::fill_queue(&library.store, &[album.photos()], &asked, &mut meter, &|| false).unwrap();
    fs::remove_file(&goes).unwrap();
    look_at_all(&library.store, &album.vision, &asked, &ScanOptions::default(), &mut meter).unwrap();
    assert!(library.entry(&goes).unwrap().unwrap().error.unwrap().contains("No such file"));
    let album_scan = album.scan(&library, &ScanOptions::default());
    assert_eq!(album_scan.gone, 1);
    fs::remove_file(&stays).unwrap();
    assert_eq!(album.scan(&library, &ScanOptions::default()).gone, 2);
    let gone = library.entry(&stays).unwrap().unwrap();
    assert!(gone.gone && gone.observations().count() == 1);
    album.add("stays.png", 1);
    album.scan(&library, &ScanOptions::default());
    assert!(!library.entry(&stays).unwrap().unwrap().gone);
}

#[test]
fn a_file_that_grows_meanwhile_is_tried_again() {
    let failure = Error::decoding("a.jpg", "it ends too early");
    let entry = Entry { stamp: Stamp { bytes: 10, modified: 1 }, ..Entry::default() };
    let steady = look::unreadable(entry.clone(), &failure, Some(entry.stamp));
    assert!(!steady.retry && steady.error.unwrap().contains("too early"));
    let grown = look::unreadable(entry, &failure, Some(Stamp { bytes: 12, modified: 2 }));
    assert!(grown.retry && grown.error.unwrap().contains("changed while it was read"));
}

#[test]
fn a_stopped_run_goes_on_and_ends_as_an_undisturbed_one() {
    let cancel = Cancel::new();
    let stopping = Everywhere { cancel_at: Some((7, cancel.clone())), ..Everywhere::default() };
    let (calm, hasty) = (Album::new(), Album::with(stopping));
    for album in [&calm, &hasty] {
        (0..40).for_each(|shade| drop(album.add(&format!("{}/{shade}.png", shade % 3), shade)));
    }
    let library = hasty.library();
    let options = ScanOptions { cancel: Some(cancel), ..ScanOptions::default() };
    let stopped = hasty.scan(&library, &options);
    assert!(stopped.stopped && stopped.done < 40, "{stopped:?}");
    let rest = hasty.scan(&library, &ScanOptions::default());
    assert_eq!(stopped.done + rest.done, 40, "nothing twice, nothing lost");
    let undisturbed = calm.library();
    calm.scan(&undisturbed, &ScanOptions::default());
    let local = |album: &Album, library: &Library| -> Vec<(PathBuf, Entry)> {
        let entries = library.entries().unwrap().map(Result::unwrap);
        entries
            .map(|e| (e.path.strip_prefix(album.photos()).unwrap().into(), Entry { path: PathBuf::new(), ..e }))
            .map(|(path, e)| (path, Entry { stamp: Stamp { modified: 0, ..e.stamp }, ..e }))
            .collect()
    };
    assert_eq!(local(&hasty, &library), local(&calm, &undisturbed));
}

#[test]
fn the_dearest_are_looked_at_first() {
    let album = Album::new();
    [1, 200, 60].into_iter().for_each(|shade| drop(album.add(&format!("{shade}.png"), shade)));
    let library = album.library();
    let asked = Asked { requests: Vec::new(), retry_failed: false };
    let mut silent = |_: &ScanProgress| {};
    walk::fill_queue(&library.store, &[album.photos()], &asked, &mut Meter::new(&mut silent), &|| false).unwrap();
    let first = library.store.queued(None, 2).unwrap();
    let rest = library.store.queued(first.last(), 2).unwrap();
    let sizes: Vec<u64> = first.iter().chain(&rest).map(|(cost, _)| u64::MAX - cost).collect();
    assert!(sizes.len() == 3 && sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
}

#[test]
fn unknown_algorithms_are_the_callers_mistake() {
    let album = Album::new();
    album.add("a.png", 1);
    let mut request = DetectFaces::new();
    request.options.algorithm = Some("magic".into());
    let requests = [AnyRequest::new(request)];
    let scanned =
        album.library().scan(&album.vision, &[album.photos()], &requests, &ScanOptions::default(), &mut |_| {});
    assert!(matches!(scanned, Err(LibraryError::Vision(Error::Parameter { .. }))));
}
