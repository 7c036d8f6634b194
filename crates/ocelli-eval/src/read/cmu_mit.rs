//! MIT+CMU frontal faces: JSON lines with boxes, or the list of six points a face as first distributed.

use super::jsonl::json_reason;
use super::places::Places;
use super::{CmuBox, Read, ReadOptions, file};
use crate::{Error, Picture, Points, Result, Truth};
use ocelli_core::{PixelRect, Size};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

#[derive(Deserialize)]
struct Line {
    image: String,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
    faces_tight: Vec<[f64; 4]>,
    faces_head: Vec<[f64; 4]>,
    #[serde(default)]
    landmarks6: Vec<[f64; 12]>,
}

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let places = Places::new(path, options, &["", "images", "newtest", "test", "rotated"]);
    let text = file::text(path, &options.limits)?;
    let pictures = if text.trim_start().starts_with('{') {
        json_lines(path, &text, options)?
    } else {
        points(path, &text, options)?
    };
    let located = |p: Picture| Picture { path: places.find(&p.name), ..p };
    Ok(Read { pictures: pictures.into_iter().map(located).collect(), ..Read::default() })
}

fn json_lines(path: &Path, text: &str, options: &ReadOptions) -> Result<Vec<Picture>> {
    let mut pictures = Vec::new();
    for (number, line) in file::lines(text) {
        let line: Line = serde_json::from_str(line).map_err(|e| Error::at(path, number, json_reason(&e)))?;
        let boxes = match options.cmu_box {
            CmuBox::Head => line.faces_head,
            CmuBox::Tight => line.faces_tight,
        };
        let mut truths: Vec<Truth> =
            boxes.into_iter().map(|[x, y, w, h]| Truth::new(PixelRect::new(x, y, w, h))).collect();
        if line.landmarks6.len() == truths.len() {
            for (truth, landmarks) in truths.iter_mut().zip(&line.landmarks6) {
                truth.points = Some(points_of(landmarks));
            }
        }
        let size = line.width.zip(line.height).map(|(w, h)| Size::new(w, h));
        pictures.push(Picture { truths: Some(truths), size, ..Picture::new(line.image) });
    }
    Ok(pictures)
}

/// A face a line: picture, then left eye, right eye, nose, left, middle and right of the mouth.
fn points(path: &Path, text: &str, options: &ReadOptions) -> Result<Vec<Picture>> {
    let mut pictures: Vec<Picture> = Vec::new();
    let mut index = HashMap::new();
    for (number, line) in file::lines(text) {
        let (name, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
        let values = file::numbers(path, number, rest)?;
        let Ok(values) = <[f64; 12]>::try_from(values) else {
            return Err(Error::at(path, number, "expected a picture and six points"));
        };
        let ix = *index.entry(name.to_owned()).or_insert_with(|| {
            pictures.push(Picture::new(name));
            pictures.len() - 1
        });
        let points = Some(points_of(&values));
        let truth = Truth { points, ..Truth::new(box_of_points(&values, options.cmu_box)) };
        pictures[ix].truths.get_or_insert_default().push(truth);
    }
    Ok(pictures)
}

/// What a box must hold to find a face: both eyes and the middle of the mouth. It may be 5 eye distances and 10 pixels
/// wide.
///
/// The set is annotated by points, and detectors answer with boxes of their own conventions, from brow to mouth or
/// with hair: an overlap with any one box would judge the convention. The papers on this set judged alike.
fn points_of(v: &[f64; 12]) -> Points {
    let eyes = (v[2] - v[0]).hypot(v[3] - v[1]);
    Points { inside: vec![[v[0], v[1]], [v[2], v[3]], [v[8], v[9]]], max_width: 5.0 * eyes + 10.0 }
}

/// The box of a face from its six points, in units of the larger of eye to eye and eyes to mouth.
///
/// The data set itself has points only. The proportions are the medians of boxes drawn by hand around its 511 faces:
/// the tight box from brow to lower lip, the head box with forehead, chin and ears.
fn box_of_points(v: &[f64; 12], which: CmuBox) -> PixelRect {
    let eyes = ((v[0] + v[2]) / 2.0, (v[1] + v[3]) / 2.0);
    let mouth = (v[8], v[9]);
    let reach = (mouth.0 - eyes.0).hypot(mouth.1 - eyes.1).max((v[2] - v[0]).hypot(v[3] - v[1]));
    let (wide, high, up) = match which {
        CmuBox::Tight => (1.65, 1.78, 0.0),
        CmuBox::Head => (2.89, 3.10, 0.09),
    };
    let (x, y) = ((eyes.0 + mouth.0) / 2.0, (eyes.1 + mouth.1) / 2.0 - up * reach);
    let (width, height) = (wide * reach, high * reach);
    PixelRect::new(x - width / 2.0, y - height / 2.0, width, height)
}
