//! A library run killed again and again ends as an undisturbed one.
//!
//! `OCELLI_KILLS` sets how often (default 5, quick enough for every run of the tests); `tests/kill.sh` does it fifty times.

use serde_json::Value;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// Kills from which on the library is so large that some of them must fall between two commits.
const MANY: u32 = 20;

/// Pictures of many sizes, a few bad files among them.
fn photos(folder: &Path, n: u32) {
    let mut random = fastrand::Rng::with_seed(7);
    for ix in 0..n {
        let path = folder.join(format!("{}/{ix}.{}", ix % 5, if ix % 3 == 0 { "png" } else { "jpg" }));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        if ix % 20 == 7 {
            std::fs::write(path, "no picture").unwrap();
            continue;
        }
        let (width, height) = (random.u32(30..160), random.u32(30..120));
        let shade = |x: u32, y: u32| image::Rgb([(x * 7 + ix) as u8, (y * 5) as u8, (x * y / 9) as u8]);
        image::RgbImage::from_fn(width, height, shade).save(path).unwrap();
    }
}

fn scan(folder: &Path, store: &str) -> Child {
    Command::new(env!("CARGO_BIN_EXE_ocelli"))
        .args(["library", "scan", "photos", "--quiet", "--threads", "2", "--priority", "default", "--store", store])
        .current_dir(folder)
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Every entry as a line.
fn rows(folder: &Path, store: &str) -> Vec<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_ocelli"))
        .args(["library", "export", "--store", store])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn killed_runs_end_as_an_undisturbed_one() {
    let kills: u32 = std::env::var("OCELLI_KILLS").ok().map_or(5, |n| n.parse().expect("OCELLI_KILLS is a number"));
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    let pictures = if kills >= MANY { 3000 } else { 120 };
    photos(&at.join("photos"), pictures);
    let began = Instant::now();
    scan(at, "calm").wait().unwrap();
    let whole = began.elapsed();
    let expected = rows(at, "calm");
    assert_eq!(expected.len() as u32, pictures);

    let mut random = fastrand::Rng::new();
    let (mut killed, mut rounds, mut partial) = (0, 0, 0);
    while killed < kills {
        let store = format!("disturbed-{rounds}");
        // Kill until a run gets to its end by itself, then compare and begin anew.
        loop {
            let mut run = scan(at, &store);
            let due = Instant::now() + whole.mul_f64(random.f64() * 0.7);
            while killed < kills && Instant::now() < due && run.try_wait().unwrap().is_none() {
                thread::sleep(Duration::from_millis(1));
            }
            if killed >= kills || run.try_wait().unwrap().is_some() {
                run.wait().unwrap();
                break;
            }
            run.kill().unwrap();
            run.wait().unwrap();
            killed += 1;
            // What is there is right at every instant.
            if at.join(&store).join("library.redb").is_file() {
                let some = rows(at, &store);
                partial += u32::from(!some.is_empty() && some.len() < expected.len());
                assert!(some.iter().all(|row| expected.contains(row)), "a row that an undisturbed run does not have");
            }
        }
        assert_eq!(rows(at, &store), expected, "after {killed} kills");
        rounds += 1;
    }
    println!("{killed} kills, {rounds} rounds, {partial} of the kills left part of the rows; a run takes {whole:.1?}");
    let images = expected.iter().map(|row| serde_json::from_str::<Value>(row).unwrap()["image"].to_string());
    let images: std::collections::BTreeSet<_> = images.collect();
    assert_eq!(images.len() as u32, pictures, "no picture twice");
    assert!(kills < MANY || partial > 0, "no kill met a run half done, so nothing was shown");
}
