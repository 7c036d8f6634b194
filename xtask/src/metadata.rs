//! The workspace as cargo sees it.

use anyhow::{Context, Result};
use serde::Deserialize;
use std::path::PathBuf;
use std::process::Command;

/// A package of the workspace.
#[derive(Debug, Deserialize)]
pub struct Package {
    pub name: String,
    pub manifest_path: PathBuf,
    pub dependencies: Vec<Dependency>,
}

/// A dependency as the manifest declares it.
#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` for normal dependencies, else "dev" or "build".
    pub kind: Option<String>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_root: PathBuf,
}

/// All packages of the workspace, and its root folder.
///
/// # Errors
/// Where cargo cannot read the workspace.
pub fn read() -> Result<(Vec<Package>, PathBuf)> {
    let output = Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version=1"]).output()?;
    anyhow::ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: Metadata = serde_json::from_slice(&output.stdout).context("cargo metadata")?;
    Ok((metadata.packages, metadata.workspace_root))
}
