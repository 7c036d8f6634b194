//! The command as its users meet it.

use serde_json::Value;
use std::process::{Command, Output};

fn my_vision(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_my-vision")).args(arguments).output().unwrap()
}

const PORTRAIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../astronaut.png");

#[test]
fn a_plugin_from_outside_answers_by_name_beside_the_built_in_ones() {
    let output = my_vision(&[PORTRAIT, "dominant-colours:{\"colours\":3}", "faces"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line: Value = serde_json::from_slice(&output.stdout).unwrap();
    let kinds: Vec<_> = line["observations"].as_array().unwrap().iter().map(|o| o["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "face").count(), 1);
    assert!((1..=3).contains(&kinds.iter().filter(|kind| **kind == "dominant_colour").count()));
}

#[test]
fn mistakes_are_told() {
    let told = |arguments: &[&str]| String::from_utf8(my_vision(arguments).stderr).unwrap();
    assert!(told(&[PORTRAIT, "dominant-colours:{\"colours\":99}"]).contains("colours is 99"));
    assert!(told(&[PORTRAIT, "colors"]).contains("dominant-colours"));
    assert_eq!(my_vision(&[]).status.code(), Some(2));
}
