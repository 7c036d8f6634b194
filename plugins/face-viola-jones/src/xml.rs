//! OpenCV's cascade files: the format of `opencv_traincascade` and the older one of `opencv_haartraining`.

mod fields;
mod haartraining;
mod traincascade;

use crate::{Cascade, CascadeError, Result};
use roxmltree::{Document, Node, ParsingOptions};

/// Most XML nodes that are read; the largest cascade of OpenCV has some 200,000.
const MAX_NODES: u32 = 4_000_000;
/// Deepest nesting; cascades need ten levels.
const MAX_DEPTH: usize = 64;
/// What OpenCV takes off every stage threshold, so that rounding in the file rejects nothing.
const THRESHOLD_EPS: f32 = 1e-5;

/// Reads either format.
pub(crate) fn parse(text: &str) -> Result<Cascade> {
    let limit = crate::cascade::MAX_FILE_BYTES;
    if text.len() as u64 > limit {
        return Err(CascadeError::Limit { what: "bytes of the file", value: text.len() as u64, limit });
    }
    check_depth(text)?;
    // Without document type declarations there are no entities that could grow.
    let options = ParsingOptions { allow_dtd: false, nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    let document =
        Document::parse_with_options(text, options).map_err(|e| CascadeError::Syntax { reason: e.to_string() })?;
    let root = document.root_element();
    if root.tag_name().name() != "opencv_storage" {
        let reason = format!("the root element is {:?}, expected opencv_storage", root.tag_name().name());
        return Err(CascadeError::Syntax { reason });
    }
    let cascade = root
        .children()
        .find(Node::is_element)
        .ok_or(CascadeError::Missing { element: "cascade", parent: "opencv_storage".into() })?;
    match cascade.attribute("type_id") {
        Some("opencv-haar-classifier") => haartraining::read(cascade),
        Some("opencv-cascade-classifier") | None => traincascade::read(cascade),
        Some(other) => Err(CascadeError::Unsupported {
            what: format!("a file of type {other:?}"),
            hint: "give a cascade of type opencv-cascade-classifier or opencv-haar-classifier",
        }),
    }
}

/// Refuses deep nesting before anything follows it; whatever else is wrong is the parser's to report.
fn check_depth(text: &str) -> Result<()> {
    let mut depth = 0_usize;
    let mut rest = text;
    while let Some(start) = rest.find('<') {
        rest = &rest[start..];
        let end_mark = if rest.starts_with("<!--") { "-->" } else { ">" };
        let Some(end) = rest.find(end_mark) else { return Ok(()) };
        let tag = &rest[..end];
        if tag.starts_with("</") {
            depth = depth.saturating_sub(1);
        } else if !tag.starts_with("<!") && !tag.starts_with("<?") && !tag.ends_with('/') {
            depth += 1;
        }
        if depth > MAX_DEPTH {
            let (value, limit) = (depth as u64, MAX_DEPTH as u64);
            return Err(CascadeError::Limit { what: "depth of nested elements", value, limit });
        }
        rest = &rest[end + end_mark.len()..];
    }
    Ok(())
}

#[cfg(test)]
mod tests;
