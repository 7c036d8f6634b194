//! Library runs where the system refuses: skipped by name where it refuses nothing.

#[cfg(unix)]
use ocelli::prelude::*;
#[cfg(unix)]
use ocelli_library::{Library, ScanOptions};
use ocelli_testkit::harness::{Case, run};
#[cfg(unix)]
use std::os::unix::fs::PermissionsExt;
#[cfg(unix)]
use std::path::Path;

/// Whether this user is refused what permissions forbid: the administrator is not.
#[cfg(unix)]
fn is_bound_by_permissions() -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    forbid(folder.path(), true);
    let refused = std::fs::read_dir(folder.path()).is_err();
    forbid(folder.path(), false);
    refused
}

#[cfg(not(unix))]
fn is_bound_by_permissions() -> bool {
    false
}

#[cfg(unix)]
fn forbid(path: &Path, everything: bool) {
    let mode = if everything { 0o000 } else { 0o755 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("its owner may");
}

#[cfg(unix)]
fn unreadable_folders_and_files_are_entries_until_they_are_mended() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    std::fs::create_dir_all(photos.join("locked")).unwrap();
    let picture = |name: &str| image::RgbImage::new(20, 20).save(photos.join(name)).unwrap();
    ["open.png", "secret.png", "locked/inside.png"].into_iter().for_each(picture);
    let vision = Vision::new().unwrap();
    let requests = [vision.request("faces", &serde_json::json!({})).unwrap()];
    let library = Library::create(folder.path().join("store")).unwrap();
    let scan = || library.scan(&vision, &[&photos], &requests, &ScanOptions::default(), &mut |_| {}).unwrap();
    forbid(&photos.join("locked"), true);
    std::fs::set_permissions(photos.join("secret.png"), std::fs::Permissions::from_mode(0o000)).unwrap();
    let refused = scan();
    let error = |name: &str| library.entry(photos.join(name)).unwrap().and_then(|entry| entry.error);
    let (locked, secret) = (error("locked").unwrap(), error("secret.png").unwrap());
    forbid(&photos.join("locked"), false);
    forbid(&photos.join("secret.png"), false);
    assert_eq!((refused.found, refused.failed), (2, 2));
    assert!(
        locked.contains("no permission") && secret.to_lowercase().contains("permission denied"),
        "{locked} {secret}"
    );
    let mended = scan();
    assert_eq!((mended.found, mended.known, mended.done, mended.failed), (3, 1, 2, 0), "the folder and the file again");
    assert_eq!((error("locked"), error("secret.png"), error("locked/inside.png")), (None, None, None));
}

#[cfg(unix)]
fn a_store_that_may_not_be_written_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    forbid(folder.path(), true);
    let refused = Library::create(folder.path().join("store"));
    forbid(folder.path(), false);
    let told = refused.unwrap_err().to_string();
    assert!(told.contains("store") && told.to_lowercase().contains("permission"), "{told}");
}

#[cfg(not(unix))]
fn unreadable_folders_and_files_are_entries_until_they_are_mended() {}
#[cfg(not(unix))]
fn a_store_that_may_not_be_written_is_an_error() {}

fn main() {
    let bound = is_bound_by_permissions();
    let needs = "a user bound by permissions";
    run([
        Case::new(
            "unreadable_folders_and_files_are_entries_until_they_are_mended",
            needs,
            bound,
            unreadable_folders_and_files_are_entries_until_they_are_mended,
        ),
        Case::new(
            "a_store_that_may_not_be_written_is_an_error",
            needs,
            bound,
            a_store_that_may_not_be_written_is_an_error,
        ),
    ]);
}
