//! The command as its users meet it: what it prints, what it writes, how it ends.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn portrait() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/astronaut.png").canonicalize().unwrap()
}

fn ocelli(folder: &Path, args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ocelli")).args(args).current_dir(folder).output().unwrap()
}

/// Exit status, standard output and standard error, for a snapshot.
fn told(folder: &Path, args: &[&str]) -> String {
    let output = ocelli(folder, args);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!(
        "$ ocelli {}\nstatus {}\n--- stdout\n{out}--- stderr\n{err}",
        args.join(" "),
        output.status.code().unwrap_or(-1)
    )
}

/// A folder with the portrait, a copy below, a text file with a picture's name, and notes.
fn album() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    std::fs::create_dir(at("trip")).unwrap();
    std::fs::create_dir(at("empty")).unwrap();
    std::fs::copy(portrait(), at("portrait.png")).unwrap();
    std::fs::copy(portrait(), at("trip/again.png")).unwrap();
    std::fs::write(at("trip/notes.jpg"), "not a picture").unwrap();
    std::fs::write(at("notes.txt"), "not looked at").unwrap();
    folder
}

#[test]
fn help_teaches() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("help_detect", told(folder.path(), &["detect", "--help"]));
}

#[test]
fn a_picture_prints_its_faces() {
    let album = album();
    insta::assert_snapshot!("detect_text", told(album.path(), &["detect", "portrait.png"]));
}

#[test]
fn a_folder_goes_on_after_a_bad_file_and_says_so_in_its_status() {
    let album = album();
    let output = ocelli(album.path(), &["detect", "--format", "jsonl", "."]);
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let images: Vec<_> = lines.iter().map(|line| line["image"].as_str().unwrap()).collect();
    assert_eq!(images, ["./portrait.png", "./trip/again.png"]);
    let face = &lines[0]["observations"][0];
    assert_eq!((face["kind"].as_str(), lines[0]["width"].as_u64()), (Some("face"), Some(512)));
    let (pixels, normalized) = (&face["pixels"], &face["normalized"]);
    for ix in 0..4 {
        let scaled = normalized[ix].as_f64().unwrap() * 512.0;
        assert!((scaled - pixels[ix].as_f64().unwrap()).abs() < 0.01, "{face}");
    }
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("notes.jpg") && told.contains("1 of 3 pictures failed"), "{told}");
}

#[test]
fn json_is_one_array() {
    let album = album();
    let output = ocelli(album.path(), &["detect", "--format", "json", "portrait.png", "trip/again.png"]);
    assert_eq!(output.status.code(), Some(0));
    let array: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 2);
}

#[test]
fn annotated_copies_differ_from_the_picture_only_near_boxes() {
    let album = album();
    let output = ocelli(album.path(), &["detect", "--annotate", "boxes.png", "portrait.png"]);
    assert_eq!(output.status.code(), Some(0));
    let (before, after) =
        (image::open(portrait()).unwrap().to_rgb8(), image::open(album.path().join("boxes.png")).unwrap().to_rgb8());
    let changed = before.pixels().zip(after.pixels()).filter(|(a, b)| a != b).count();
    assert!((100..20_000).contains(&changed), "{changed} pixels changed");

    let output = ocelli(album.path(), &["detect", "--annotate", "copies", "--quiet", "portrait.png", "trip"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(album.path().join("copies/portrait.png").is_file() && album.path().join("copies/again.png").is_file());
}

#[test]
fn the_original_is_never_overwritten() {
    let album = album();
    let told = told(album.path(), &["detect", "--annotate", "portrait.png", "portrait.png"]);
    assert!(told.contains("would overwrite"), "{told}");
    assert_eq!(std::fs::read(album.path().join("portrait.png")).unwrap(), std::fs::read(portrait()).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_and_the_run_goes_on() {
    let album = album();
    std::fs::create_dir(album.path().join("copies")).unwrap();
    std::os::unix::fs::symlink("/dev/full", album.path().join("copies/portrait.png")).unwrap();
    let output = ocelli(album.path(), &["detect", "--annotate", "copies", "portrait.png", "trip/again.png"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(told.contains("cannot write copies/portrait.png") && told.contains("No space left"), "{told}");
    assert!(image::open(album.path().join("copies/again.png")).is_ok(), "the other copy is whole");
    let exported = Path::new("/dev/full");
    let said = std::fs::OpenOptions::new().write(true).open(exported).unwrap();
    let status = Command::new(env!("CARGO_BIN_EXE_ocelli"))
        .args(["detect", "--format", "jsonl", "portrait.png"])
        .current_dir(album.path())
        .stdout(said)
        .output()
        .unwrap();
    assert_eq!(status.status.code(), Some(1), "results that go nowhere are a failure");
}

#[test]
fn mistakes_are_answered_with_what_to_do() {
    let album = album();
    let mistakes: [&[&str]; 9] = [
        &["detect", "missing.jpg"],
        &["detect", "empty"],
        &["detect", "trip/notes.jpg"],
        &["detect", "--min-size", "7", "portrait.png"],
        &["detect", "--min-confidence", "NaN", "portrait.png"],
        &["detect", "--request", "fases", "portrait.png"],
        &["detect", "--request", "faces:{\"max_cout\":1}", "portrait.png"],
        &["detect", "--detector", "magic", "portrait.png"],
        &["detect", "--annotate", "one.png", "portrait.png", "trip/again.png"],
    ];
    let texts: Vec<_> = mistakes.iter().map(|args| told(album.path(), args)).collect();
    insta::assert_snapshot!("mistakes", texts.join("\n"));
}

/// A plan without what runs cost: that depends on the machine.
fn without_costs(told: &str) -> String {
    let cut = |line: &str| match line.split_once(" million") {
        Some((views, _)) if line.starts_with("Run") => {
            views.rsplit_once(", ").map_or(views, |(views, _)| views).to_owned()
        }
        _ => line.to_owned(),
    };
    told.lines().filter(|line| !line.starts_with("Memory")).map(|line| cut(line) + "\n").collect()
}

#[test]
fn explain_decodes_nothing() {
    let album = album();
    insta::assert_snapshot!("explain_text", without_costs(&told(album.path(), &["explain", "portrait.png"])));
}

#[test]
fn the_memory_plan_is_told_in_figures_and_drawn() {
    let album = album();
    let output = ocelli(album.path(), &["explain", "--arena", "--format", "json", "--svg", "plan.svg", "portrait.png"]);
    let figures: Value = serde_json::from_slice(&output.stdout).unwrap();
    let bytes = |key: &str| figures[key].as_u64().unwrap();
    assert!(bytes("bound_bytes") <= bytes("arena_bytes") && bytes("arena_bytes") < bytes("naive_bytes"));
    assert!(figures["ratio"].as_f64().unwrap() >= 1.0);
    assert!(std::fs::read_to_string(album.path().join("plan.svg")).unwrap().starts_with("<svg"));
}

#[test]
fn a_miss_is_explained_for_people() {
    let album = album();
    let told = told(album.path(), &["explain-miss", "--at", "400,60,60,70", "portrait.png"]);
    assert!(told.contains("verdict") && told.contains("covered by"), "{told}");
    let wrong = ocelli(album.path(), &["explain-miss", "--at", "1,2,3", "portrait.png"]);
    assert_eq!(wrong.status.code(), Some(2));
}

#[test]
fn a_comparison_prints_a_table_and_writes_the_same_results_twice() {
    let album = album();
    let truth = r#"{"image": "portrait.png", "width": 512, "height": 512, "faces": [[176, 64, 92, 116]], "ignore": [], "complete": true}"#;
    std::fs::write(album.path().join("truth.jsonl"), truth).unwrap();
    let foreign = ocelli(album.path(), &["detect", "--format", "jsonl", "portrait.png"]);
    std::fs::write(album.path().join("theirs.jsonl"), foreign.stdout).unwrap();
    let compare = |out: &str| {
        let args =
            ["compare", "--data", "truth.jsonl", "--detector", "deep", "--detections", "theirs.jsonl", "--out", out];
        let output = ocelli(album.path(), &args);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        (String::from_utf8(output.stdout).unwrap(), std::fs::read(album.path().join(out).join("results.json")).unwrap())
    };
    let (table, first) = compare("one");
    let (_, second) = compare("two");
    assert!(table.contains("deep") && table.contains("theirs"), "{table}");
    assert_eq!(first, second);
    assert!(album.path().join("one/report.html").is_file());
}

#[test]
#[cfg(all(target_os = "linux", feature = "gpu"))]
fn without_a_driver_gpu_is_a_clear_error_and_auto_works() {
    let album = album();
    let detect = |device: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ocelli"));
        command.args(["detect", "--device", device, "--max-faces", "1", "portrait.png"]).current_dir(album.path());
        // Where Vulkan's loader looks for drivers, and where the choice of device is kept.
        command.env("VK_DRIVER_FILES", "/none.json").env("VK_ICD_FILENAMES", "/none.json");
        command.env("XDG_CACHE_HOME", album.path()).output().unwrap()
    };
    let output = detect("gpu");
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), error.lines().count()), (Some(1), 1), "{error}");
    assert!(error.contains("use the device cpu"), "{error}");
    let [auto, cpu] = ["auto", "cpu"].map(detect);
    assert_eq!((auto.status.code(), auto.stdout), (Some(0), cpu.stdout));
}

#[test]
#[cfg(target_os = "linux")]
fn a_panorama_of_64_megapixels_keeps_the_process_within_its_budget() {
    let folder = tempfile::tempdir().unwrap();
    let picture = image::GrayImage::from_fn(16_000, 4_000, |x, y| image::Luma([((x * x / 977) ^ (y * 3)) as u8]));
    picture.save(folder.path().join("wide.jpg")).unwrap();
    picture.save(folder.path().join("wide.png")).unwrap();
    drop(picture);
    // By the transform's own scale; and in bands of rows, since the level for small faces does not fit.
    for (file, budget, smallest) in [("wide.jpg", "24MiB", "0.03125"), ("wide.png", "40MiB", "0.01")] {
        let flags = ["--analyze", "--format", "json", "--memory", budget, "--min-size", smallest];
        let output = ocelli(folder.path(), &[&["explain", file], &flags[..]].concat());
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let peak = told["peak_resident_bytes"].as_u64().expect("Linux tells the peak");
        let promised: u64 = budget.trim_end_matches("MiB").parse::<u64>().unwrap() << 20;
        assert!(peak <= promised, "{file}: {peak} bytes for a budget of {budget}");
    }
}
