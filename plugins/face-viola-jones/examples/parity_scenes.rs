//! Writes the pictures of the parity test, for `benches/peers/viola_jones.py record`: a folder of PGM files, and
//! `scenes.json` with a name, a group and a hash for each.
//!
//! `cargo run -p ocelli-face-viola-jones --example parity_scenes -- FOLDER`

#[path = "../tests/parity/scenes.rs"]
mod scenes;

use std::path::{Path, PathBuf};

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("the folder to write"));
    std::fs::create_dir_all(&folder).expect("a folder that can be made");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut all = vec![("portraits", scenes::portraits(&root))];
    match ocelli_testkit::data::faces() {
        Some(faces) => all.push(("photographs", scenes::photographs(&faces.join("caltech_web36/mosaic.png")))),
        None => eprintln!("no folder of photographs (OCELLI_DATA): portraits only"),
    }
    let mut list = Vec::new();
    for (group, scenes) in all {
        for (name, gray) in scenes {
            let file = format!("{:04}.pgm", list.len());
            let mut bytes = format!("P5\n{} {}\n255\n", gray.size.width, gray.size.height).into_bytes();
            bytes.extend(&gray.pixels);
            std::fs::write(folder.join(&file), bytes).expect("a file that can be written");
            let pixels = scenes::hash(&gray.pixels);
            list.push(serde_json::json!({ "name": name, "group": group, "file": file, "pixels": pixels }));
        }
    }
    let text = serde_json::to_string(&list).expect("names and hashes");
    std::fs::write(folder.join("scenes.json"), text).expect("a file that can be written");
}
