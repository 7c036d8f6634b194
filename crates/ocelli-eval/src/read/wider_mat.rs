//! WIDER FACE's MATLAB files: `wider_face_*.mat`, and the lists of easy, medium and hard faces.

use super::{Read, ReadOptions, mat};
use crate::{Error, Levels, Picture, Result, Truth};
use matrw::{MatFile, MatVariable};
use ocelli_core::PixelRect;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// Folders of the lists, seen from the folder of annotations.
const NEAR: [&str; 4] = ["", "ground_truth", "../ground_truth", "../eval_tools/ground_truth"];

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let file = mat::load(path, &options.limits)?;
    let mut read = Read::default();
    for (event, name, boxes) in per_picture(path, &file, "face_bbx_list")? {
        let values = mat::numbers(boxes);
        if !values.len().is_multiple_of(4) {
            return Err(Error::malformed(path, format!("face_bbx_list of {name}: {} numbers", values.len())));
        }
        let n = values.len() / 4;
        let value = |face: usize, column: usize| values[column * n + face];
        let rect = |f: usize| PixelRect::new(value(f, 0), value(f, 1), value(f, 2), value(f, 3));
        let truths = (0..n).map(|f| Truth::new(rect(f))).collect();
        read.pictures.push(Picture { truths: Some(truths), group: Some(event), ..Picture::new(name) });
    }
    Ok(read)
}

/// Marks the easy, medium and hard faces, where the three lists are found near `path`.
pub(super) fn mark_levels(path: &Path, options: &ReadOptions, pictures: &mut [Picture]) -> Result<()> {
    let lists = ["easy", "medium", "hard"].map(|level| find_list(path, level));
    let [Some(easy), Some(medium), Some(hard)] = lists else { return Ok(()) };
    for truth in pictures.iter_mut().filter_map(|p| p.truths.as_mut()).flatten() {
        truth.levels = Some(Levels::default());
    }
    let index: HashMap<String, usize> = pictures.iter().enumerate().map(|(ix, p)| (p.name.clone(), ix)).collect();
    mark(&easy, options, &index, pictures, |l| l.easy = true)?;
    mark(&medium, options, &index, pictures, |l| l.medium = true)?;
    mark(&hard, options, &index, pictures, |l| l.hard = true)
}

fn mark(
    list: &Path,
    options: &ReadOptions,
    index: &HashMap<String, usize>,
    pictures: &mut [Picture],
    set: impl Fn(&mut Levels),
) -> Result<()> {
    let file = mat::load(list, &options.limits)?;
    for (_, name, faces) in per_picture(list, &file, "gt_list")? {
        let Some(truths) = index.get(&name).and_then(|&ix| pictures[ix].truths.as_mut()) else { continue };
        for number in mat::numbers(faces) {
            // Faces are counted from 1.
            let truth = truths.get_mut((number as usize).wrapping_sub(1));
            let missing = || Error::malformed(list, format!("gt_list of {name}: there is no face {number}"));
            set(truth.ok_or_else(missing)?.levels.get_or_insert_default());
        }
    }
    Ok(())
}

fn find_list(path: &Path, level: &str) -> Option<PathBuf> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let part = ["train", "test", "val"].into_iter().find(|part| name.contains(part)).unwrap_or("val");
    let folder = path.parent()?;
    let list = format!("wider_{level}_{part}.mat");
    NEAR.iter().map(|near| folder.join(near).join(&list)).find(|p| p.is_file())
}

/// Event, picture and value of `variable` for every picture of a file.
fn per_picture<'a>(path: &Path, file: &'a MatFile, variable: &str) -> Result<Vec<(String, String, &'a MatVariable)>> {
    let get = |name: &str| {
        let missing = || Error::malformed(path, format!("no cell array called {name}"));
        file.contains(name).then(|| mat::cells(&file[name])).ok_or_else(missing)
    };
    let (events, files, values) = (get("event_list")?, get("file_list")?, get(variable)?);
    if events.len() != files.len() || events.len() != values.len() {
        return Err(Error::malformed(path, format!("event_list, file_list and {variable} differ in length")));
    }
    let mut found = Vec::new();
    for ((event, files), values) in events.iter().zip(files).zip(values) {
        let no_text = || Error::malformed(path, "a name is not text");
        let event = mat::text(event).ok_or_else(no_text)?;
        let (files, values) = (mat::cells(files), mat::cells(values));
        if files.len() != values.len() {
            return Err(Error::malformed(path, format!("{event}: file_list and {variable} differ in length")));
        }
        for (file, value) in files.iter().zip(values) {
            let name = format!("{event}/{}.jpg", mat::text(file).ok_or_else(no_text)?);
            found.push((event.clone(), name, value));
        }
    }
    Ok(found)
}
