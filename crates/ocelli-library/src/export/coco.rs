//! COCO: images, then annotations, then categories; written as they are read, so memory stays flat.

use super::row::pixels;
use crate::entry::Entry;
use crate::error::{LibraryError, Result};
use crate::store::Store;
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn write(store: &Store, out: &mut impl Write) -> Result<u64> {
    let failed = LibraryError::Write;
    // One process holds the store, so both readings see the same entries.
    let readable = || Ok::<_, LibraryError>(store.entries()?.filter(|e| e.as_ref().map_or(true, is_readable)));
    write!(out, "{{\"info\": {{\"description\": \"ocelli library\"}},\n\"images\": [").map_err(failed)?;
    let mut count = 0;
    for (entry, id) in readable()?.zip(1u64..) {
        let entry = entry?;
        let (width, height) = entry.picture.as_ref().map_or((0, 0), |p| (p.width, p.height));
        let name = entry.path.to_string_lossy();
        item(out, id == 1, &json!({"id": id, "file_name": name, "width": width, "height": height})).map_err(failed)?;
        count = id;
    }
    write!(out, "\n],\n\"annotations\": [").map_err(failed)?;
    let (mut kinds, mut id): (Vec<String>, u64) = (Vec::new(), 0);
    for (entry, image_id) in readable()?.zip(1u64..) {
        for observation in entry?.observations() {
            let Some(bbox) = pixels(observation) else { continue };
            id += 1;
            let category_id = category(&mut kinds, observation);
            let annotation = json!({
                "id": id, "image_id": image_id, "category_id": category_id, "bbox": bbox, "area": bbox[2] * bbox[3],
                "iscrowd": 0, "score": observation["confidence"],
            });
            item(out, id == 1, &annotation).map_err(failed)?;
        }
    }
    let categories: Vec<Value> = kinds.iter().zip(1..).map(|(name, id)| json!({"id": id, "name": name})).collect();
    writeln!(out, "\n],\n\"categories\": {}}}", Value::from(categories)).map_err(failed)?;
    Ok(count)
}

fn is_readable(entry: &Entry) -> bool {
    entry.picture.is_some() && entry.error.is_none() && !entry.gone
}

fn item(out: &mut impl Write, first: bool, value: &Value) -> io::Result<()> {
    write!(out, "{}\n{value}", if first { "" } else { "," })
}

/// The number of the observation's kind, from 1 in order of appearance.
fn category(kinds: &mut Vec<String>, observation: &Value) -> usize {
    let kind = observation["kind"].as_str().unwrap_or("?");
    let known = kinds.iter().position(|k| k == kind);
    known.unwrap_or_else(|| {
        kinds.push(kind.to_owned());
        kinds.len() - 1
    }) + 1
}
