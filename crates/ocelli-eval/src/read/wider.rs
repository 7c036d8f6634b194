//! WIDER FACE as text: name, number of faces, one face a line; the lists of subsets from MATLAB files beside it.

use super::places::Places;
use super::{Read, ReadOptions, file, wider_mat};
use crate::{Error, Picture, Result, Truth};
use ocelli_core::PixelRect;
use std::path::Path;

/// Numbers of a face: x, y, w, h, blur, expression, illumination, invalid, occlusion, pose.
const N_NUMBERS: usize = 10;
/// Which of them says that the face is not to be judged.
const INVALID: usize = 7;

/// Folders of pictures as the archives unpack, seen from the folder of annotations.
pub(super) const NEAR: [&str; 8] = [
    "",
    "images",
    "../images",
    "../WIDER_val/images",
    "../WIDER_train/images",
    "WIDER_val/images",
    "../../WIDER_val/images",
    "../../images",
];

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let places = Places::new(path, options, &NEAR);
    let mut read = if file::head(path, 10)? == b"MATLAB 5.0" {
        wider_mat::read(path, options)?
    } else {
        Read { pictures: parse(path, &file::text(path, &options.limits)?)?, ..Read::default() }
    };
    for picture in &mut read.pictures {
        picture.path = places.find(&picture.name);
    }
    wider_mat::mark_levels(path, options, &mut read.pictures)?;
    Ok(read)
}

fn parse(path: &Path, text: &str) -> Result<Vec<Picture>> {
    let mut lines = file::lines(text).peekable();
    let mut pictures = Vec::new();
    while let Some((number, name)) = lines.next() {
        if name.split_whitespace().count() > 4 && name.split_whitespace().all(|w| w.parse::<f64>().is_ok()) {
            return Err(Error::at(path, number, "a box where the name of a picture was expected"));
        }
        let (count_line, count) = lines.next().ok_or_else(|| Error::at(path, number, "no number of faces follows"))?;
        let count: usize =
            count.parse().map_err(|_| Error::at(path, count_line, format!("{count:?} is not a number of faces")))?;
        let mut truths = Vec::new();
        for _ in 0..count {
            let (line, text) =
                lines.next().ok_or_else(|| Error::at(path, count_line, "the file ends before the last face"))?;
            truths.push(face(path, line, text)?);
        }
        // Pictures without faces carry one line of zeros.
        if count == 0 {
            lines.next_if(|(_, line)| line.split_whitespace().all(|w| w == "0"));
        }
        let group = name.split_once('/').map(|(event, _)| event.to_owned());
        pictures.push(Picture { truths: Some(truths), group, ..Picture::new(name) });
    }
    Ok(pictures)
}

fn face(path: &Path, line: usize, text: &str) -> Result<Truth> {
    let values = file::numbers(path, line, text)?;
    if values.len() < 4 || (values.len() != 4 && values.len() < N_NUMBERS) {
        return Err(Error::at(path, line, format!("{} numbers, expected {N_NUMBERS} (or 4)", values.len())));
    }
    let ignored = values.get(INVALID).is_some_and(|&v| v != 0.0);
    Ok(Truth { ignored, ..Truth::new(PixelRect::new(values[0], values[1], values[2], values[3])) })
}
