//! Where photographs for measuring lie: their licences keep them out of the repository.

use std::path::{Path, PathBuf};

/// Root of the workspace.
pub fn workspace_root() -> &'static Path {
    // crates/ocelli-testkit lies two folders below it.
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("."))
}

/// The folder of photographs: `OCELLI_DATA`, else `../shared/faces` beside the workspace; `None` where there is none.
pub fn faces() -> Option<PathBuf> {
    let folder =
        std::env::var_os("OCELLI_DATA").map_or_else(|| workspace_root().join("../shared/faces"), PathBuf::from);
    folder.join("dev.jsonl").is_file().then_some(folder)
}

/// The folder of pictures for the intake (orientations, profiles), beside the photographs; `None` where there is none.
pub fn pictures() -> Option<PathBuf> {
    let folder = faces()?.join("../pictures");
    folder.is_dir().then_some(folder)
}
