//! `ocelli library` as its users meet it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn portrait() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/astronaut.png").canonicalize().unwrap()
}

/// A folder with the portrait, a picture without a face, and a text file with a picture's name.
fn album() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    std::fs::create_dir(&photos).unwrap();
    std::fs::copy(portrait(), photos.join("portrait.png")).unwrap();
    image::RgbImage::from_pixel(60, 40, image::Rgb([90, 120, 200])).save(photos.join("sky.png")).unwrap();
    std::fs::write(photos.join("notes.jpg"), "not a picture").unwrap();
    folder
}

fn library(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ocelli"));
    command.arg("library").args(args).current_dir(folder);
    if args[0] == "scan" {
        // Background threads would wait for everybody else's tests.
        command.args(["--priority", "default"]);
    }
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Standard output of a command that has to succeed.
fn said(folder: &Path, args: &[&str]) -> String {
    let output = library(folder, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn a_scan_is_kept_counted_asked_and_exported() {
    let album = album();
    let at = album.path();
    let scan = library(at, &["scan", "photos", "--request", "faces", "--store", "store"]);
    assert_eq!(scan.status.code(), Some(1), "one file is no picture");
    let told = text(&scan.stderr);
    assert!(told.contains("3 pictures found") && told.contains("1 failed"), "{told}");
    let again = library(at, &["scan", "photos", "--store", "store"]);
    assert_eq!(again.status.code(), Some(0), "a file that did not change is not tried again");
    assert!(text(&again.stderr).contains("3 known and unchanged, 0 looked at"), "{}", text(&again.stderr));

    let stats: Value = serde_json::from_str(&said(at, &["stats", "--json", "--store", "store"])).unwrap();
    assert_eq!((stats["entries"].as_u64(), stats["failed"].as_u64()), (Some(3), Some(1)));
    assert_eq!(stats["kinds"]["faces"]["observations"].as_u64(), Some(1));
    assert!(said(at, &["stats", "--store", "store"]).contains("faces: 1 in 1 of 2 answers"));

    let found = said(at, &["query", "faces >= 1 and width = 512", "--store", "store"]);
    assert!(found.lines().count() == 1 && found.trim_end().ends_with("photos/portrait.png"), "{found}");
    let failed = said(at, &["query", "error", "--store", "store"]);
    assert!(failed.contains("notes.jpg") && failed.contains("content is text"), "{failed}");

    let lines = said(at, &["export", "--store", "store"]);
    let lines: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    let portrait = lines.iter().find(|line| line["image"].as_str().unwrap().ends_with("portrait.png")).unwrap();
    assert_eq!((portrait["width"].as_u64(), portrait["observations"][0]["kind"].as_str()), (Some(512), Some("face")));

    let csv = said(at, &["export", "--format", "csv", "--store", "store"]);
    assert!(csv.starts_with("image,width,height,bytes,hash,kind,confidence,x,y,box_width,box_height,error,gone\n"));
    assert_eq!(csv.lines().count(), 4, "{csv}");

    let coco: Value = serde_json::from_str(&said(at, &["export", "--format", "coco", "--store", "store"])).unwrap();
    assert_eq!((coco["images"].as_array().unwrap().len(), coco["annotations"].as_array().unwrap().len()), (2, 1));
    assert_eq!(coco["annotations"][0]["bbox"], portrait["observations"][0]["pixels"]);
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    let album = album();
    let at = album.path();
    said(at, &["scan", "photos/sky.png", "--store", "store", "--quiet"]);
    let cases: [(&[&str], i32, &str); 6] = [
        (&["stats", "--store", "nowhere"], 1, "ocelli library scan"),
        (&["query", "faces >=", "--store", "store"], 2, "expected a value"),
        (&["query", "fases", "--store", "store"], 2, "unknown field"),
        (&["scan", "photos", "--request", "fases", "--store", "store"], 2, "fases"),
        (&["scan", "missing", "--store", "store"], 1, "1 failed"),
        (&["export", "--out", "no/such/folder.jsonl", "--store", "store"], 1, "cannot write"),
    ];
    for (args, status, word) in cases {
        let output = library(at, args);
        let told = text(&output.stderr);
        assert!(output.status.code() == Some(status) && told.contains(word), "{args:?}: {told}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_export_to_a_full_disk_is_told() {
    let album = album();
    said(album.path(), &["scan", "photos/sky.png", "--store", "store", "--quiet"]);
    let output = library(album.path(), &["export", "--out", "/dev/full", "--store", "store"]);
    let told = text(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains("No space left"), "{told}");
}
