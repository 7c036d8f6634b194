//! Numbers and children of elements, with errors that name them.

use crate::cascade::{Feature, WeightedRect};
use crate::{CascadeError, Result};
use roxmltree::Node;
use std::str::FromStr;

/// Longest text that an error repeats, in characters.
const SHOWN: usize = 40;

/// The child element `name`.
pub(super) fn child<'a, 'i>(parent: Node<'a, 'i>, name: &'static str) -> Result<Node<'a, 'i>> {
    optional(parent, name)
        .ok_or_else(|| CascadeError::Missing { element: name, parent: parent.tag_name().name().to_owned() })
}

/// The child element `name`, if there is one.
pub(super) fn optional<'a, 'i>(parent: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    parent.children().find(|c| c.is_element() && c.tag_name().name() == name)
}

/// The items of a sequence: child elements named `_`.
pub(super) fn items<'a, 'i>(parent: Node<'a, 'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(|c| c.is_element() && c.tag_name().name() == "_")
}

/// The text of an element, trimmed; empty where there is none.
pub(super) fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// One number.
pub(super) fn number<T: FromStr>(node: Node<'_, '_>, expected: &'static str) -> Result<T> {
    parse(node, text(node), expected)
}

/// One finite number.
pub(super) fn real(node: Node<'_, '_>) -> Result<f32> {
    let value: f32 = number(node, "a number")?;
    if value.is_finite() { Ok(value) } else { Err(refuse(node, text(node), "a finite number")) }
}

/// Numbers separated by white space.
pub(super) fn reals(node: Node<'_, '_>) -> Result<Vec<f32>> {
    text(node).split_ascii_whitespace().map(|word| parse(node, word, "numbers")).collect()
}

/// One word of an element as a number.
pub(super) fn parse<T: FromStr>(node: Node<'_, '_>, word: &str, expected: &'static str) -> Result<T> {
    word.parse().map_err(|_| refuse(node, word, expected))
}

/// The error for text that is not what it should be.
pub(super) fn refuse(node: Node<'_, '_>, text: &str, expected: &'static str) -> CascadeError {
    let element = node.tag_name().name().to_owned();
    CascadeError::Number { element, text: text.chars().take(SHOWN).collect(), expected }
}

/// A feature: `rects` with lines of `x y width height weight`, and `tilted`. Both formats write it alike.
pub(super) fn feature(node: Node<'_, '_>) -> Result<Feature> {
    const EXPECTED: &str = "x y width height weight";
    let tilted = optional(node, "tilted").map_or(Ok(0), |t| number::<i32>(t, "0 or 1"))? != 0;
    let mut rects = Vec::new();
    for rect in items(child(node, "rects")?).take(4) {
        let words: Vec<&str> = text(rect).split_ascii_whitespace().take(6).collect();
        let [x, y, width, height, weight] = words[..] else { return Err(refuse(rect, text(rect), EXPECTED)) };
        rects.push(WeightedRect {
            x: parse(rect, x, EXPECTED)?,
            y: parse(rect, y, EXPECTED)?,
            width: parse(rect, width, EXPECTED)?,
            height: parse(rect, height, EXPECTED)?,
            weight: parse(rect, weight, EXPECTED)?,
        });
    }
    // Old files pad to three rectangles with empty ones of weight 0.
    rects.retain(|r| r.weight != 0.0);
    Ok(Feature { rects, tilted })
}
