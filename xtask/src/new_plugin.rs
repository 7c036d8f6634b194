//! `cargo xtask new-plugin NAME`: a copy of `plugins/template` under another name, registered.
//!
//! The copy compiles, is documented, tested by the conformance suite and pinned from the start; what is left is the
//! algorithm itself. `docs/writing-plugins.md` goes on from there.

use anyhow::{Context, Result, bail, ensure};
use std::fs;
use std::path::Path;

/// A line to add to a file of the house: after `marker` and the lines that follow it and start with `beside`.
struct Entry {
    file: &'static str,
    marker: &'static str,
    beside: &'static str,
    line: String,
}

/// Begins no line.
const NOTHING: &str = "\n";

/// Makes the plugin `name` (kebab-case) in the workspace at `root` and tells what to do next.
///
/// # Errors
/// Where the name cannot be a crate's or is taken, or a file of the house is not as expected.
pub fn run(name: &str, root: &Path) -> Result<()> {
    check_name(name)?;
    let target = root.join("plugins").join(name);
    ensure!(!target.exists(), "plugins/{name} exists already; choose another name or remove it");
    // Read and change everything first, so that a surprise leaves nothing half done.
    let edited: Vec<_> = entries(name).iter().map(|entry| edit(root, entry)).collect::<Result<_>>()?;
    copy(&root.join("plugins/template"), &target, name)?;
    for (path, text) in merged(edited) {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    eprintln!(
        "plugins/{name} is made, and registered behind the feature {name} of `ocelli`.\n\
         next: cargo test -p ocelli-{name}, then write the algorithm (docs/writing-plugins.md)"
    );
    Ok(())
}

fn check_name(name: &str) -> Result<()> {
    let letters = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    let shaped = name.starts_with(|c: char| c.is_ascii_lowercase()) && !name.ends_with('-') && !name.contains("--");
    ensure!(
        letters && shaped,
        "{name:?} is no name for a plugin: use small letters, digits and dashes, as in blur-meter"
    );
    let taken =
        ["core", "image", "nn", "gpu", "resize", "eval", "testkit", "cli", "tests", "examples", "benches", "template"];
    ensure!(!taken.contains(&name), "a crate ocelli-{name} exists already; choose another name");
    Ok(())
}

fn snake(name: &str) -> String {
    name.replace('-', "_")
}

fn camel(name: &str) -> String {
    name.split('-').map(|word| word[..1].to_ascii_uppercase() + &word[1..]).collect()
}

/// The template's names become the plugin's: crate and type names, then the word by itself.
fn renamed(text: &str, name: &str) -> String {
    text.replace("ocelli_template", &format!("ocelli_{}", snake(name)))
        .replace("Template", &camel(name))
        .replace("template", name)
        .replace("The plugin to copy: finds", "Finds")
        .replace(": the plugin to copy, and small enough to read at one glance", "")
}

fn copy(from: &Path, to: &Path, name: &str) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("cannot make {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let path = entry?.path();
        let own = path.file_name().and_then(|n| n.to_str()).context("a name in plugins/template")?;
        let target = to.join(own.replace("template", name));
        if path.is_dir() {
            copy(&path, &target, name)?;
        } else {
            let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            // The template alone is kept out of the registry of crates.
            fs::write(&target, renamed(&text, name).replace("publish = false\n", ""))?;
        }
    }
    Ok(())
}

/// The lines that register a plugin.
fn entries(name: &str) -> Vec<Entry> {
    let (module, algorithm) = (snake(name), camel(name));
    let entry = |file, marker, beside, line: String| Entry { file, marker, beside, line };
    let (lib, manifest) = ("crates/ocelli/src/lib.rs", "crates/ocelli/Cargo.toml");
    vec![
        entry(
            "Cargo.toml",
            "[workspace.dependencies]",
            "ocelli",
            format!("ocelli-{name} = {{ path = \"plugins/{name}\", version = \"0.1.0\" }}"),
        ),
        entry(manifest, "[features]", "default", format!("## The plugin {name}.\n{name} = [\"dep:ocelli-{name}\"]")),
        entry(manifest, "[dependencies]", "ocelli", format!("ocelli-{name} = {{ workspace = true, optional = true }}")),
        entry(
            "crates/ocelli/src/builtin.rs",
            "ocelli_face_landmarks::QualityMeasure",
            NOTHING,
            format!("    #[cfg(feature = \"{name}\")]\n    registry.register(ocelli_{module}::{algorithm})?;"),
        ),
        entry(
            lib,
            "pub use ocelli_core as core",
            "pub use ocelli_core",
            format!("#[cfg(feature = \"{name}\")]\npub use ocelli_{module} as {module};"),
        ),
        entry(
            "ARCHITECTURE.md",
            "| `ocelli-resize`",
            "| `ocelli-",
            format!("| `ocelli-{name}` | `plugins/{name}`: finds the brightest spot of a picture | core |"),
        ),
    ]
}

/// The path of an entry's file, and the entry.
fn edit(root: &Path, entry: &Entry) -> Result<(std::path::PathBuf, String, usize)> {
    let path = root.join(entry.file);
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let place = place(&text, entry).with_context(|| format!("{} has no place after {:?}", entry.file, entry.marker))?;
    Ok((path, entry.line.clone(), place))
}

/// The number of the line before which the entry belongs.
fn place(text: &str, entry: &Entry) -> Option<usize> {
    let marker = text.lines().position(|line| line.contains(entry.marker))?;
    let last = text.lines().enumerate().skip(marker + 1).take_while(|(_, line)| line.starts_with(entry.beside)).last();
    Some(last.map_or(marker + 1, |(ix, _)| ix + 1))
}

/// Each file once, with all its entries.
fn merged(edits: Vec<(std::path::PathBuf, String, usize)>) -> Vec<(std::path::PathBuf, String)> {
    let mut files: Vec<(std::path::PathBuf, Vec<(usize, String)>)> = Vec::new();
    for (path, line, place) in edits {
        match files.iter_mut().find(|(known, _)| *known == path) {
            Some((_, lines)) => lines.push((place, line)),
            None => files.push((path, vec![(place, line)])),
        }
    }
    let write = |(path, mut lines): (std::path::PathBuf, Vec<(usize, String)>)| {
        lines.sort_by_key(|(place, _)| std::cmp::Reverse(*place));
        let text = fs::read_to_string(&path).unwrap_or_default();
        let mut all: Vec<String> = text.lines().map(Into::into).collect();
        lines.into_iter().for_each(|(place, line)| all.insert(place, line));
        (path, all.join("\n") + "\n")
    };
    files.into_iter().map(write).collect()
}

/// The workspace's root folder, from the folder of this crate.
///
/// # Errors
/// Where there is none.
pub fn root() -> Result<std::path::PathBuf> {
    match Path::new(env!("CARGO_MANIFEST_DIR")).parent() {
        Some(root) if root.join("plugins/template").is_dir() => Ok(root.to_owned()),
        _ => bail!("plugins/template is not beside xtask; run this inside the repository"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The files that `run` reads, copied into an empty folder.
    fn house(test: &str) -> std::path::PathBuf {
        let to = std::env::temp_dir().join(format!("ocelli-new-plugin-{test}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&to);
        let from = root().unwrap();
        for entry in entries("x") {
            let target = to.join(entry.file);
            fs::create_dir_all(target.parent().unwrap()).unwrap();
            fs::copy(from.join(entry.file), target).unwrap();
        }
        copy(&from.join("plugins/template"), &to.join("plugins/template"), "template").unwrap();
        to
    }

    fn all_text(folder: &Path, text: &mut String) {
        for path in fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()) {
            text.push_str(&format!("{}\n", path.display()));
            if path.is_dir() { all_text(&path, text) } else { text.push_str(&fs::read_to_string(&path).unwrap()) }
        }
    }

    #[test]
    fn a_new_plugin_carries_its_own_name_and_is_registered_once() {
        let house = house("made");
        run("blur-meter", &house).unwrap();
        let mut text = String::new();
        all_text(&house.join("plugins/blur-meter"), &mut text);
        assert!(!text.to_lowercase().contains("template"), "{text}");
        for part in [
            "name = \"ocelli-blur-meter\"",
            "struct DetectBlurMeter",
            "use ocelli_blur_meter::",
            "blur-meter_portrait.snap",
        ] {
            assert!(text.contains(part), "{part} is missing in\n{text}");
        }
        for entry in entries("blur-meter") {
            let file = fs::read_to_string(house.join(entry.file)).unwrap();
            assert_eq!(file.matches(&entry.line).count(), 1, "{} {}", entry.file, entry.line);
        }
        let builtin = fs::read_to_string(house.join("crates/ocelli/src/builtin.rs")).unwrap();
        let ours = builtin.find("BlurMeter").unwrap();
        assert!(builtin.find("let mut registry").unwrap() < ours && ours < builtin.find("Ok(registry)").unwrap());
        let lines: Vec<&str> = builtin.lines().collect();
        let features = lines.windows(2).filter(|pair| pair[0].trim().starts_with("#[cfg("));
        for pair in features {
            assert!(pair[1].trim().starts_with("registry.register("), "a feature of nothing: {}", pair[0]);
        }
        assert!(run("blur-meter", &house).unwrap_err().to_string().contains("exists already"));
        fs::remove_dir_all(&house).unwrap();
    }

    #[test]
    fn a_house_that_is_not_as_expected_is_left_alone() {
        let house = house("odd");
        fs::write(house.join("crates/ocelli/src/builtin.rs"), "fn nothing() {}\n").unwrap();
        let refused = run("blur-meter", &house).unwrap_err().to_string();
        assert!(refused.contains("builtin.rs"), "{refused}");
        assert!(!house.join("plugins/blur-meter").exists());
        fs::remove_dir_all(&house).unwrap();
    }

    /// The guide's crate lies in `examples/out-of-tree/spot`, where CI builds and tests it.
    #[test]
    fn the_guide_says_what_is_built() {
        let root = root().unwrap();
        let text = |path: &str| fs::read_to_string(root.join(path)).unwrap();
        let guide = text("docs/writing-plugins.md");
        let built = text("examples/out-of-tree/spot/src/lib.rs") + &text("examples/out-of-tree/spot/tests/plugin.rs");
        let blocks: Vec<&str> = guide.split("```rust\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert_eq!(blocks.len(), 4, "request, answers, algorithm, tests");
        for block in blocks {
            assert!(built.contains(block.trim()), "the guide's code is not what is built:\n{block}");
        }
    }

    #[test]
    fn names_that_are_none_are_refused() {
        for name in ["", "Blur", "blur_meter", "9lives", "blur-", "a--b", "core", "template", "../x"] {
            assert!(check_name(name).is_err(), "{name}");
        }
        assert!(check_name("blur-meter2").is_ok());
        assert_eq!((snake("blur-meter"), camel("blur-meter")), ("blur_meter".into(), "BlurMeter".into()));
    }
}
