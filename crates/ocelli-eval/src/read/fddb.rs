//! FDDB folds: name, number of faces, one ellipse a line.

use super::places::{self, Places};
use super::{Read, ReadOptions, file};
use crate::metrics::Ellipse;
use crate::{Error, Picture, Result, Truth};
use std::path::{Path, PathBuf};

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let near = ["", "originalPics", "../originalPics", "images", "../images", ".."];
    let places = Places::new(path, options, &near);
    let mut read = Read::default();
    for fold in folds(path, options)? {
        let text = file::text(&fold, &options.limits)?;
        read.pictures.extend(parse(&fold, &text, &places)?);
    }
    Ok(read)
}

fn folds(path: &Path, options: &ReadOptions) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut folds = places::files(path, &["txt"], &options.limits)?;
    folds.retain(|p| p.to_string_lossy().to_lowercase().ends_with("ellipselist.txt"));
    if folds.is_empty() {
        return Err(Error::malformed(path, "no file called …ellipseList.txt in it"));
    }
    Ok(folds)
}

fn parse(path: &Path, text: &str, places: &Places) -> Result<Vec<Picture>> {
    let mut lines = file::lines(text);
    let mut pictures = Vec::new();
    while let Some((number, name)) = lines.next() {
        let (count_line, count) = lines.next().ok_or_else(|| Error::at(path, number, "no number of faces follows"))?;
        let count: usize =
            count.parse().map_err(|_| Error::at(path, count_line, format!("{count:?} is not a number of faces")))?;
        let mut truths = Vec::new();
        for _ in 0..count {
            let (line, text) =
                lines.next().ok_or_else(|| Error::at(path, count_line, "the file ends before the last face"))?;
            truths.push(face(path, line, text)?);
        }
        let on_disk = places.find(name).or_else(|| places.find_stem(name));
        pictures.push(Picture { truths: Some(truths), path: on_disk, ..Picture::new(name) });
    }
    Ok(pictures)
}

fn face(path: &Path, line: usize, text: &str) -> Result<Truth> {
    let values = file::numbers(path, line, text)?;
    let [major_radius, minor_radius, angle, center_x, center_y, ..] = values[..] else {
        let reason = format!("{} numbers, expected major radius, minor radius, angle, x, y, 1", values.len());
        return Err(Error::at(path, line, reason));
    };
    if major_radius <= 0.0 || minor_radius <= 0.0 {
        return Err(Error::at(path, line, "a radius is not above 0"));
    }
    let ellipse = Ellipse { major_radius, minor_radius, angle, center_x, center_y };
    Ok(Truth { ellipse: Some(ellipse), ..Truth::new(ellipse.bounds()) })
}
