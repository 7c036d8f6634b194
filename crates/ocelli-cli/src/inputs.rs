//! From the paths on the command line to the list of pictures.

use anyhow::{Result, bail};
use ocelli::image::{Source, picture_endings};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// A picture to read, and the folder of the command line that it was found in.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    pub path: PathBuf,
    /// Path below that folder; the file name for pictures named themselves.
    pub relative: PathBuf,
}

/// What a walk over the command line's paths came to.
#[derive(Debug, Default)]
pub struct Inputs {
    pub pictures: Vec<Found>,
    /// Paths that could not be looked into, for people.
    pub failures: Vec<String>,
}

/// All pictures: files as named (an address of the web among them is fetched, where that is built in), folders searched recursively in the order of their names.
///
/// # Errors
/// Where folders were given and none holds a picture.
pub fn collect(paths: &[PathBuf]) -> Result<Inputs> {
    let mut inputs = Inputs::default();
    for path in paths {
        if path.is_dir() {
            inputs.add_folder(path);
        } else {
            let relative = path.file_name().map(PathBuf::from).unwrap_or_else(|| path.clone());
            inputs.pictures.push(Found { path: path.clone(), relative });
        }
    }
    if inputs.pictures.is_empty() && inputs.failures.is_empty() {
        let names: Vec<_> = paths.iter().map(|p| p.display().to_string()).collect();
        bail!("{}: no pictures found; looked for files ending in {}", names.join(", "), picture_endings().join(", "));
    }
    Ok(inputs)
}

/// What a path of the command line names: a file, or where that is built in something on the web.
pub fn source(path: &Path) -> Source {
    #[cfg(feature = "http")]
    if let Some(url) = path.to_str().filter(|text| text.starts_with("http://") || text.starts_with("https://")) {
        return Source::url(url);
    }
    Source::path(path)
}

impl Inputs {
    fn add_folder(&mut self, folder: &Path) {
        for entry in WalkDir::new(folder).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() && is_picture(entry.path()) => {
                    let path = entry.into_path();
                    let relative = path.strip_prefix(folder).unwrap_or(&path).to_path_buf();
                    self.pictures.push(Found { path, relative });
                }
                Ok(_) => {}
                Err(error) => self.failures.push(error.to_string()),
            }
        }
    }
}

/// Files in folders are known by their endings; files named on the command line are always tried.
fn is_picture(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    ending.is_some_and(|e| picture_endings().contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_known_by_their_endings() {
        assert!(is_picture(Path::new("a/b.JPG")) && is_picture(Path::new("x.webp")));
        assert!(!is_picture(Path::new("notes.txt")) && !is_picture(Path::new("jpg")));
    }
}
