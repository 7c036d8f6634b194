//! COCO JSON.

use super::places::Places;
use super::{Read, ReadOptions, file};
use crate::{Error, Oddity, Picture, Result, Truth};
use ocelli_core::{PixelRect, Size};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;

#[derive(Deserialize)]
struct File {
    images: Vec<Image>,
    #[serde(default)]
    annotations: Vec<Annotation>,
    #[serde(default)]
    categories: Vec<Category>,
}

#[derive(Deserialize)]
struct Image {
    id: u64,
    file_name: String,
    #[serde(default)]
    width: Option<u32>,
    #[serde(default)]
    height: Option<u32>,
}

#[derive(Deserialize)]
struct Annotation {
    image_id: u64,
    bbox: [f64; 4],
    #[serde(default)]
    category_id: Option<u64>,
    #[serde(default)]
    area: Option<f64>,
    #[serde(default)]
    iscrowd: u8,
}

#[derive(Deserialize)]
struct Category {
    id: u64,
    name: String,
}

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let near = ["", "images", "../images", "../train2017", "../val2017", "val2017"];
    let places = Places::new(path, options, &near);
    let bytes = file::bytes(path, &options.limits)?;
    let coco: File =
        serde_json::from_slice(&bytes).map_err(|e| Error::at(path, e.line().max(1), super::jsonl::json_reason(&e)))?;
    let mut read = Read::default();
    let mut index = HashMap::new();
    for image in coco.images {
        index.insert(image.id, read.pictures.len());
        read.pictures.push(Picture {
            path: places.find(&image.file_name),
            size: image.width.zip(image.height).map(|(w, h)| Size::new(w, h)),
            id: Some(image.id),
            ..Picture::new(image.file_name)
        });
    }
    let names: HashMap<u64, &str> = coco.categories.iter().map(|c| (c.id, c.name.as_str())).collect();
    for annotation in coco.annotations {
        let class = annotation.category_id.and_then(|id| names.get(&id).copied()).unwrap_or_default();
        let Some(&ix) = index.get(&annotation.image_id) else {
            let place = format!("image_id {}", annotation.image_id);
            read.warnings.add(Oddity::AnnotationWithoutPicture, place);
            continue;
        };
        let picture = &mut read.pictures[ix];
        if !options.wants_class(class) {
            read.warnings.add(Oddity::OtherClass, &picture.name);
            continue;
        }
        let [x, y, w, h] = annotation.bbox;
        let rect = PixelRect::new(x, y, w, h);
        if annotation.iscrowd != 0 {
            picture.ignore.push(rect);
        } else {
            let truth = Truth { stated_area: annotation.area, ..Truth::new(rect) };
            picture.truths.get_or_insert_default().push(truth);
        }
    }
    Ok(read)
}
