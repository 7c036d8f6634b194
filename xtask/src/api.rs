//! The public surface of the crates that others build on, as text in `docs/api/`: what may only grow between breaking
//! versions.
//!
//! The text is the source without documentation, bodies and private parts, of every item that can be reached from
//! outside, sorted. `cargo xtask api` compares, `cargo xtask api --accept` writes; `docs/api/README.md` says which
//! changes ask for which version.

mod surface;

use crate::metadata::read;
use anyhow::{Context, Result, bail};
use std::fmt::Write;
use std::path::Path;

/// The crates whose surface is promised: contracts, engine, picture types, front door, test kit.
const PROMISED: [&str; 5] = ["ocelli-core", "ocelli-nn", "ocelli-image", "ocelli", "ocelli-testkit"];

/// Compares the surface of every promised crate with what was accepted, or accepts it.
///
/// # Errors
/// Where a surface differs, a crate cannot be read, or a file cannot be written.
pub fn run(accept: bool) -> Result<()> {
    let (packages, root) = read()?;
    let mut changed = Vec::new();
    for name in PROMISED {
        let package = packages.iter().find(|p| p.name == name).with_context(|| format!("no crate {name}"))?;
        let source = package.manifest_path.with_file_name("src").join("lib.rs");
        let text = surface::of(&source).with_context(|| format!("surface of {name}"))?;
        let accepted = root.join("docs/api").join(format!("{name}.txt"));
        if accept {
            std::fs::create_dir_all(root.join("docs/api"))?;
            std::fs::write(&accepted, text).with_context(|| format!("cannot write {}", accepted.display()))?;
        } else if let Some(difference) = compare(&accepted, &text) {
            changed.push(format!("{name}:\n{difference}"));
        }
    }
    if changed.is_empty() {
        eprintln!("xtask: the public surface of {} crates is as accepted", PROMISED.len());
        return Ok(());
    }
    bail!(
        "the public surface changed:\n{}\nread docs/api/README.md, then accept with `cargo xtask api --accept` and \
         tell it in CHANGELOG.md",
        changed.join("\n")
    )
}

/// Lines that are gone (`-`) and new (`+`); `None` where nothing changed.
fn compare(accepted: &Path, text: &str) -> Option<String> {
    let old = std::fs::read_to_string(accepted).unwrap_or_default();
    (old != text).then(|| difference(&old, text))
}

fn difference(old: &str, new: &str) -> String {
    let mut told = String::new();
    let count = |text: &str, line: &str| text.lines().filter(|other| *other == line).count();
    for (sign, text, other) in [('-', old, new), ('+', new, old)] {
        let mut seen: Vec<&str> = Vec::new();
        for line in text.lines() {
            seen.push(line);
            if seen.iter().filter(|l| **l == line).count() > count(other, line) {
                let _ = writeln!(told, "  {sign} {line}");
            }
        }
    }
    if told.is_empty() {
        told.push_str("  the order of items\n");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_told_by_line() {
        let old = "pub struct A {\n    pub x: u32,\n}\n";
        let new = "pub struct A {\n    pub x: u64,\n}\n";
        assert_eq!(difference(old, new), "  -     pub x: u32,\n  +     pub x: u64,\n");
        assert!(difference("a\nb\n", "b\na\n").contains("order"));
    }

    #[test]
    fn a_missing_file_is_a_difference() {
        assert!(compare(Path::new("/nowhere/at/all.txt"), "pub fn a() {}\n").is_some());
    }
}
