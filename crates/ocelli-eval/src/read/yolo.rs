//! YOLO text: a file a picture, a line an object: class, middle and extent as fractions of the picture.

use super::places::{self, Places};
use super::{Read, ReadOptions, file};
use crate::{Error, Oddity, Picture, Result, Truth};
use ocelli_core::{PixelRect, Size};
use std::collections::HashSet;
use std::path::{Path, PathBuf};

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let (labels, files) = labels(path, options)?;
    let places = Places::new(&labels, options, &["../images", "", "images", ".."]);
    let mut read = Read::default();
    for file in &files {
        let relative = file.strip_prefix(&labels).unwrap_or(file).with_extension("");
        let stem = relative.to_string_lossy().replace('\\', "/");
        // data.yaml's lists, class names and the like are no labels: they name no picture.
        let Some(on_disk) = places.find_stem(&stem) else {
            read.warnings.add(Oddity::AnnotationWithoutPicture, &stem);
            continue;
        };
        let (width, height) =
            image::image_dimensions(&on_disk).map_err(|e| Error::malformed(&on_disk, format!("no picture: {e}")))?;
        let size = Size::new(width, height);
        let truths = parse(file, size, options, &mut read)?;
        let name = named(&stem, &on_disk);
        read.pictures.push(Picture {
            truths: Some(truths),
            path: Some(on_disk),
            size: Some(size),
            ..Picture::new(name)
        });
    }
    let known: HashSet<_> = read.pictures.iter().filter_map(|p| p.path.clone()).collect();
    if path.is_dir() {
        for picture in Places::new(&labels, options, &["../images"]).pictures(&options.limits)? {
            if !known.contains(&picture) {
                let name = picture.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                read.pictures.push(Picture { truths: None, path: Some(picture), ..Picture::new(name) });
            }
        }
    }
    Ok(read)
}

/// The folder of labels and the files in it.
fn labels(path: &Path, options: &ReadOptions) -> Result<(PathBuf, Vec<PathBuf>)> {
    if path.is_file() {
        return Ok((path.parent().unwrap_or(Path::new("")).to_owned(), vec![path.to_owned()]));
    }
    let inner = path.join("labels");
    let folder = if inner.is_dir() { inner } else { path.to_owned() };
    let files = places::files(&folder, &["txt"], &options.limits)?;
    Ok((folder, files))
}

fn named(stem: &str, on_disk: &Path) -> String {
    let ending = on_disk.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
    format!("{stem}.{ending}")
}

fn parse(path: &Path, size: Size, options: &ReadOptions, read: &mut Read) -> Result<Vec<Truth>> {
    let text = file::text(path, &options.limits)?;
    let mut truths = Vec::new();
    for (line, text) in file::lines(&text) {
        let values = file::numbers(path, line, text)?;
        let [class, x, y, w, h] = values[..] else {
            return Err(Error::at(
                path,
                line,
                format!("{} numbers, expected class, x, y, width, height", values.len()),
            ));
        };
        if class < 0.0 || class.fract() != 0.0 {
            return Err(Error::at(path, line, format!("class {class} is not a whole number")));
        }
        if [x, y, w, h].iter().any(|v| !(-1.0..=2.0).contains(v)) {
            return Err(Error::at(path, line, "values are not fractions of the picture"));
        }
        if !options.wants_class(&class.to_string()) {
            read.warnings.add(Oddity::OtherClass, path.display().to_string());
            continue;
        }
        let (width, height) = (f64::from(size.width), f64::from(size.height));
        truths.push(Truth::new(PixelRect::new((x - w / 2.0) * width, (y - h / 2.0) * height, w * width, h * height)));
    }
    Ok(truths)
}
