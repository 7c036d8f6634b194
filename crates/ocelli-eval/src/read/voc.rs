//! Pascal VOC XML: a file a picture.

use super::places::{self, Places};
use super::{Read, ReadOptions, file};
use crate::{Error, Oddity, Picture, Result, Truth};
use ocelli_core::{PixelRect, Size};
use roxmltree::{Document, Node, ParsingOptions};
use std::collections::HashSet;
use std::path::Path;

/// Elements of one file that are read: bounds a hostile file.
const MAX_NODES: u32 = 1_000_000;

pub(super) fn read(path: &Path, options: &ReadOptions) -> Result<Read> {
    let places = Places::new(path, options, &["JPEGImages", "../JPEGImages", "images", "../images", ""]);
    let mut read = Read::default();
    let files = if path.is_dir() { places::files(path, &["xml"], &options.limits)? } else { vec![path.to_owned()] };
    for file in &files {
        read_file(file, &places, options, &mut read)?;
    }
    if path.is_dir() {
        let known: HashSet<_> = read.pictures.iter().filter_map(|p| p.path.clone()).collect();
        for picture in places.pictures(&options.limits)?.into_iter().filter(|p| !known.contains(p)) {
            let name = picture.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
            read.pictures.push(Picture { truths: None, path: Some(picture), ..Picture::new(name) });
        }
    }
    Ok(read)
}

fn read_file(path: &Path, places: &Places, options: &ReadOptions, read: &mut Read) -> Result<()> {
    let text = file::text(path, &options.limits)?;
    // Entities are not expanded: `allow_dtd` stays off.
    let parsing = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(&text, parsing)
        .map_err(|e| Error::at(path, e.pos().row as usize, e.to_string()))?;
    let reader = Reader { path, document: &document };
    let root = document.root_element();
    if !root.has_tag_name("annotation") {
        return Err(reader.error(root, format!("<{}> where <annotation> was expected", root.tag_name().name())));
    }
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let name = reader.optional(root, "filename").map_or(stem.clone(), |(_, text)| text.to_owned());
    let mut truths = Vec::new();
    for object in root.children().filter(|n| n.has_tag_name("object")) {
        let class = reader.optional(object, "name").map_or("", |(_, text)| text);
        if options.wants_class(class) {
            truths.push(reader.truth(object)?);
        } else {
            read.warnings.add(Oddity::OtherClass, &name);
        }
    }
    let size = match root.children().find(|n| n.has_tag_name("size")) {
        Some(size) => Some(Size::new(reader.number(size, "width")? as u32, reader.number(size, "height")? as u32)),
        None => None,
    };
    let on_disk = places.find(&name).or_else(|| places.find_stem(&stem));
    read.pictures.push(Picture {
        truths: Some(truths),
        path: on_disk,
        size: size.filter(|s| s.pixels() > 0),
        ..Picture::new(name)
    });
    Ok(())
}

struct Reader<'a> {
    path: &'a Path,
    document: &'a Document<'a>,
}

impl<'a> Reader<'a> {
    fn error(&self, node: Node<'_, '_>, reason: String) -> Error {
        Error::at(self.path, self.document.text_pos_at(node.range().start).row as usize, reason)
    }

    fn optional(&self, parent: Node<'a, 'a>, tag: &str) -> Option<(Node<'a, 'a>, &'a str)> {
        let node = parent.children().find(|n| n.has_tag_name(tag))?;
        Some((node, node.text()?.trim()))
    }

    fn number(&self, parent: Node<'a, 'a>, tag: &str) -> Result<f64> {
        let missing = || self.error(parent, format!("<{}> has no <{tag}>", parent.tag_name().name()));
        let (node, text) = self.optional(parent, tag).ok_or_else(missing)?;
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(value),
            _ => Err(self.error(node, format!("{text:?} is not a finite number"))),
        }
    }

    fn truth(&self, object: Node<'a, 'a>) -> Result<Truth> {
        let missing = || self.error(object, "<object> has no <bndbox>".into());
        let bounds = object.children().find(|n| n.has_tag_name("bndbox")).ok_or_else(missing)?;
        let value = |tag| self.number(bounds, tag);
        let (left, top, right, bottom) = (value("xmin")?, value("ymin")?, value("xmax")?, value("ymax")?);
        // Pixels count from 1 and the last one belongs to the box.
        let rect = PixelRect::new(left - 1.0, top - 1.0, right - left + 1.0, bottom - top + 1.0);
        let ignored = self.optional(object, "difficult").is_some_and(|(_, text)| text == "1");
        Ok(Truth { ignored, ..Truth::new(rect) })
    }
}
