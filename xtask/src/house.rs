//! House rules that a program can check: the direction of dependencies, the map, lints.

use crate::metadata::{Package, read};
use anyhow::{Result, bail};
use std::fs;
use std::path::Path;

/// What each library of the house may depend on, besides the crates above it in this list's own entry. The arrows
/// point one way: vocabulary, then rooms that know only the vocabulary, then plugins, then what users call.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("ocelli-core", &[]),
    ("ocelli-nn", &[]),
    ("ocelli-resize", &[]),
    ("ocelli-image", &["ocelli-core", "ocelli-resize"]),
    ("ocelli-gpu", &["ocelli-nn"]),
    ("ocelli-eval", &["ocelli-core"]),
    // And every plugin: see `layering`.
    ("ocelli", &["ocelli-core", "ocelli-image", "ocelli-nn", "ocelli-gpu"]),
    ("ocelli-library", &["ocelli"]),
    ("ocelli-testkit", &["ocelli", "ocelli-core", "ocelli-image", "ocelli-eval"]),
];

/// A plugin knows the contracts, the engine and the picture types; never the scheduler, the GPU, the CLI or another plugin.
const PLUGIN_MAY_DEPEND_ON: &[&str] = &["ocelli-core", "ocelli-image", "ocelli-nn"];

/// Heavy crates and the only packages that may bring them in.
const KEPT_IN: &[(&str, &[&str])] = &[
    ("wgpu", &["ocelli-gpu"]),
    ("clap", &["ocelli-cli", "ocelli-benches", "xtask"]),
    ("indicatif", &["ocelli-cli"]),
    ("fast_image_resize", &["ocelli-resize"]),
    ("redb", &["ocelli-library"]),
    ("parquet", &["ocelli-library"]),
    ("anyhow", &["ocelli-cli", "ocelli-benches", "xtask"]),
];

/// Lines after which a source file should have been split by meaning.
const LONGEST_FILE: usize = 700;

/// Checks every rule and lists every break.
///
/// # Errors
/// Where a rule is broken.
pub fn check() -> Result<()> {
    let (packages, root) = read()?;
    let map = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap_or_default();
    let plugins: Vec<&str> = packages.iter().filter(|p| is_plugin(p, &root)).map(|p| p.name.as_str()).collect();
    let mut broken: Vec<String> = packages.iter().flat_map(|p| layering(p, &root, &plugins)).collect();
    broken.extend(
        packages
            .iter()
            .filter(|p| !map.contains(&format!("`{}`", p.name)))
            .map(|p| format!("ARCHITECTURE.md does not list `{}`", p.name)),
    );
    broken.extend(listed_but_gone(&map, &packages));
    broken.extend(packages.iter().filter_map(without_lints));
    for package in &packages {
        long_files(package.manifest_path.parent().unwrap_or(&root), &mut broken);
    }
    if broken.is_empty() {
        eprintln!("xtask: house rules hold for {} packages", packages.len());
        return Ok(());
    }
    bail!("house rules broken:\n  {}", broken.join("\n  "))
}

/// Whether it lies in `plugins/`.
fn is_plugin(package: &Package, root: &Path) -> bool {
    package.manifest_path.strip_prefix(root).unwrap_or(&package.manifest_path).starts_with("plugins")
}

/// Dependencies of `package` that point the wrong way, or bring a heavy crate where it must not be. The front door alone
/// knows the `plugins`.
fn layering(package: &Package, root: &Path, plugins: &[&str]) -> Vec<String> {
    let allowed = MAY_DEPEND_ON.iter().find(|(name, _)| *name == package.name).map(|(_, allowed)| *allowed);
    let allowed = allowed.or(is_plugin(package, root).then_some(PLUGIN_MAY_DEPEND_ON));
    let normal = package.dependencies.iter().filter(|d| d.kind.is_none());
    normal
        .filter_map(|dependency| {
            let name = dependency.name.as_str();
            let ours = name == "ocelli" || name.starts_with("ocelli-");
            let known_plugin = package.name == "ocelli" && plugins.contains(&name);
            let wrong_way = ours && !known_plugin && allowed.is_some_and(|allowed| !allowed.contains(&name));
            let leaked = KEPT_IN.iter().any(|(heavy, homes)| *heavy == name && !homes.contains(&package.name.as_str()));
            (wrong_way || leaked).then(|| format!("{} must not depend on {name}", package.name))
        })
        .collect()
}

/// Crates in the map's table that the workspace no longer has.
fn listed_but_gone(map: &str, packages: &[Package]) -> Vec<String> {
    let rows = map.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`'));
    rows.filter(|(name, _)| !packages.iter().any(|p| p.name == *name))
        .map(|(name, _)| format!("ARCHITECTURE.md lists `{name}`, which is gone"))
        .collect()
}

/// A package that does not opt into the workspace's lints.
fn without_lints(package: &Package) -> Option<String> {
    let manifest = fs::read_to_string(&package.manifest_path).unwrap_or_default();
    let opted_in = manifest.contains("[lints]\nworkspace = true");
    (!opted_in).then(|| format!("{} does not opt into the workspace lints", package.name))
}

fn long_files(folder: &Path, broken: &mut Vec<String>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|e| e.path()) {
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            long_files(&path, broken);
        } else if name.ends_with(".rs") {
            let lines = fs::read_to_string(&path).map_or(0, |text| text.lines().count());
            if lines > LONGEST_FILE {
                broken.push(format!("{} has {lines} lines: split it by meaning", path.display()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::Dependency;

    fn package(name: &str, folder: &str, dependency: &str) -> Package {
        let dependencies = vec![Dependency { name: dependency.into(), kind: None }];
        Package { name: name.into(), manifest_path: Path::new("/root").join(folder).join("Cargo.toml"), dependencies }
    }

    #[test]
    fn arrows_point_one_way() {
        let broken = |name, folder, dependency| {
            layering(&package(name, folder, dependency), Path::new("/root"), &["ocelli-face-deep"]).len()
        };
        assert_eq!(broken("ocelli-core", "crates/ocelli-core", "ocelli-image"), 1);
        assert_eq!(broken("ocelli", "crates/ocelli", "ocelli-face-deep"), 0);
        assert_eq!(broken("ocelli", "crates/ocelli", "ocelli-eval"), 1);
        assert_eq!(broken("ocelli-face-deep", "plugins/face-deep", "ocelli"), 1);
        assert_eq!(broken("ocelli-face-deep", "plugins/face-deep", "ocelli-nn"), 0);
        assert_eq!(broken("anything", "plugins/anything", "ocelli-face-deep"), 1);
        assert_eq!(broken("ocelli-core", "crates/ocelli-core", "clap"), 1);
        assert_eq!(broken("ocelli-cli", "crates/ocelli-cli", "clap"), 0);
    }

    #[test]
    fn the_map_and_the_workspace_agree() {
        let packages = [package("ocelli-core", "crates/ocelli-core", "serde")];
        assert_eq!(listed_but_gone("| `ocelli-core` | x |\n| `ocelli-gone` | x |", &packages).len(), 1);
    }
}
