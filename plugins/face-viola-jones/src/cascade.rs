//! The model: an attentional cascade of boosted trees over sums of rectangles.

use crate::{CascadeError, Result};
use ocelli_core::Size;
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Largest window side, in pixels: sums over a window of this size stay exact in `f32`.
const MAX_WINDOW: u32 = 128;
/// Most features, stages, and nodes of all trees that a cascade may have.
const MAX_FEATURES: usize = 100_000;
const MAX_STAGES: usize = 1_000;
const MAX_NODES: usize = 100_000;
/// Longest file that is read, in bytes.
pub(crate) const MAX_FILE_BYTES: u64 = 64 << 20;

/// A rectangle of a feature: its pixels' sum counts `weight` times.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u32, u32, u32, u32, f32)", into = "(u32, u32, u32, u32, f32)")]
pub struct WeightedRect {
    /// Left edge in the window, in pixels (upright features).
    pub x: u32,
    /// Top edge in the window, in pixels.
    pub y: u32,
    /// Extent to the right; for tilted features, down and to the right.
    pub width: u32,
    /// Extent downwards; for tilted features, down and to the left.
    pub height: u32,
    /// How often the sum counts; negative for dark parts.
    pub weight: f32,
}

impl From<(u32, u32, u32, u32, f32)> for WeightedRect {
    fn from((x, y, width, height, weight): (u32, u32, u32, u32, f32)) -> Self {
        Self { x, y, width, height, weight }
    }
}

impl From<WeightedRect> for (u32, u32, u32, u32, f32) {
    fn from(r: WeightedRect) -> Self {
        (r.x, r.y, r.width, r.height, r.weight)
    }
}

/// A contrast of two or three rectangles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Feature {
    /// One to three rectangles.
    pub rects: Vec<WeightedRect>,
    /// Whether the rectangles stand on their corners (turned by 45°).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub tilted: bool,
}

/// A decision in a tree: the normalized feature value below the threshold goes left.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "(u32, f32, i32, i32)", into = "(u32, f32, i32, i32)")]
pub struct Node {
    /// Index of the feature.
    pub feature: u32,
    /// Threshold of the feature divided by area and standard deviation of the window.
    pub threshold: f32,
    /// Next node where positive, else minus the index of a leaf.
    pub left: i32,
    /// Next node where positive, else minus the index of a leaf.
    pub right: i32,
}

impl From<(u32, f32, i32, i32)> for Node {
    fn from((feature, threshold, left, right): (u32, f32, i32, i32)) -> Self {
        Self { feature, threshold, left, right }
    }
}

impl From<Node> for (u32, f32, i32, i32) {
    fn from(n: Node) -> Self {
        (n.feature, n.threshold, n.left, n.right)
    }
}

/// A weak classifier; one with a single node is a stump.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tree {
    /// Decisions, the root first; links lead to later nodes only.
    pub nodes: Vec<Node>,
    /// Votes.
    pub leaves: Vec<f32>,
}

impl Tree {
    /// A stump: `left` where the value lies below `threshold`, else `right`.
    pub fn stump(feature: u32, threshold: f32, left: f32, right: f32) -> Self {
        Self { nodes: vec![Node { feature, threshold, left: 0, right: -1 }], leaves: vec![left, right] }
    }
}

/// A boosted sum of trees that lets a window pass or rejects it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// Least sum of votes that passes.
    pub threshold: f32,
    /// Whether the votes of all earlier stages count too: the stage then asks what they add, not everything anew.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cumulative: bool,
    /// The voters.
    pub trees: Vec<Tree>,
}

/// How a cascade scans and what its answers mean: properties of the model, not of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CascadeInfo {
    /// One line on origin.
    pub description: String,
    /// The part of a window that is the object's box: x, y, width, height as fractions. Default: all of it.
    pub object: [f32; 4],
    /// Group score at which confidence is one half, and the score's distance for one unit of the logit.
    pub confidence: Option<[f32; 2]>,
}

impl Default for CascadeInfo {
    fn default() -> Self {
        Self { description: String::new(), object: [0.0, 0.0, 1.0, 1.0], confidence: None }
    }
}

/// An attentional cascade: stages in order, each a boosted sum over features of a window.
///
/// Built by [`Cascade::new`], so that every value of this type can be evaluated without further checks:
/// features lie in the window, links lead forward, numbers are finite.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "CascadeParts", into = "CascadeParts")]
pub struct Cascade(CascadeParts);

/// What a [`Cascade`] is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CascadeParts {
    /// Size of the window at scale 1.
    pub window: Size,
    /// Provenance and calibration.
    #[serde(default)]
    pub info: CascadeInfo,
    /// Contrasts that the trees ask for.
    pub features: Vec<Feature>,
    /// Tests in order.
    pub stages: Vec<Stage>,
}

impl Cascade {
    /// Checks the parts.
    ///
    /// # Errors
    /// [`CascadeError::Limit`], [`CascadeError::Feature`], [`CascadeError::Tree`] or [`CascadeError::Number`] for
    /// parts that cannot be evaluated.
    pub fn new(parts: CascadeParts) -> Result<Self> {
        check_limits(&parts)?;
        for (ix, feature) in parts.features.iter().enumerate() {
            check_feature(feature, parts.window).map_err(|reason| CascadeError::Feature { feature: ix, reason })?;
        }
        for (stage_ix, stage) in parts.stages.iter().enumerate() {
            finite(&format!("threshold of stage {stage_ix}"), stage.threshold)?;
            if stage.cumulative && stage_ix == 0 {
                return Err(CascadeError::Stage { stage: 0, reason: "is cumulative, and has no earlier stage".into() });
            }
            for (tree_ix, tree) in stage.trees.iter().enumerate() {
                check_tree(tree, parts.features.len()).map_err(|reason| CascadeError::Tree {
                    stage: stage_ix,
                    tree: tree_ix,
                    reason,
                })?;
            }
        }
        Ok(Self(parts))
    }

    /// Reads a file: OpenCV's XML or this crate's JSON, told apart by its first character.
    ///
    /// # Errors
    /// [`CascadeError::Io`], or whatever is wrong with the contents.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = std::fs::metadata(path).map_err(|e| CascadeError::io(path, e))?.len();
        if bytes > MAX_FILE_BYTES {
            return Err(CascadeError::Limit { what: "bytes of the file", value: bytes, limit: MAX_FILE_BYTES });
        }
        let text = std::fs::read_to_string(path).map_err(|e| CascadeError::io(path, e))?;
        Self::parse(&text)
    }

    /// Reads OpenCV's XML or this crate's JSON, told apart by the first character.
    ///
    /// # Errors
    /// Whatever is wrong with the contents.
    pub fn parse(text: &str) -> Result<Self> {
        if text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).starts_with('{') {
            return serde_json::from_str(text).map_err(|e| CascadeError::Syntax { reason: e.to_string() });
        }
        crate::xml::parse(text)
    }

    /// The cascade as one line of JSON, which [`parse`](Self::parse) reads back unchanged.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_else(|_| unreachable!("checked numbers are finite"))
    }

    /// Size of the window at scale 1.
    pub fn window(&self) -> Size {
        self.0.window
    }

    /// Provenance and calibration.
    pub fn info(&self) -> &CascadeInfo {
        &self.0.info
    }

    /// Contrasts that the trees ask for.
    pub fn features(&self) -> &[Feature] {
        &self.0.features
    }

    /// Tests in order.
    pub fn stages(&self) -> &[Stage] {
        &self.0.stages
    }

    /// Takes the cascade apart.
    pub fn into_parts(self) -> CascadeParts {
        self.0
    }
}

impl TryFrom<CascadeParts> for Cascade {
    type Error = CascadeError;
    fn try_from(parts: CascadeParts) -> Result<Self> {
        Self::new(parts)
    }
}

impl From<Cascade> for CascadeParts {
    fn from(cascade: Cascade) -> Self {
        cascade.0
    }
}

fn limit(what: &'static str, value: usize, limit: usize) -> Result<()> {
    if value > limit {
        return Err(CascadeError::Limit { what, value: value as u64, limit: limit as u64 });
    }
    Ok(())
}

fn finite(element: &str, value: f32) -> Result<()> {
    if value.is_finite() {
        return Ok(());
    }
    let (element, text) = (element.to_owned(), value.to_string());
    Err(CascadeError::Number { element, text, expected: "a finite number" })
}

fn check_limits(parts: &CascadeParts) -> Result<()> {
    // The normalization leaves out one pixel on each side, so a smaller window has nothing to measure.
    if parts.window.shorter_side() < 3 {
        let (element, text) = ("window".to_owned(), parts.window.to_string());
        return Err(CascadeError::Number { element, text, expected: "sides of at least 3 pixels" });
    }
    limit("longer side of the window", parts.window.longer_side() as usize, MAX_WINDOW as usize)?;
    limit("number of features", parts.features.len(), MAX_FEATURES)?;
    limit("number of stages", parts.stages.len(), MAX_STAGES)?;
    limit("number of nodes", parts.stages.iter().flat_map(|s| &s.trees).map(|t| t.nodes.len()).sum(), MAX_NODES)?;
    if parts.stages.is_empty() {
        return Err(CascadeError::Missing { element: "stage", parent: "cascade".into() });
    }
    let info = &parts.info;
    for value in info.object.into_iter().chain(info.confidence.into_iter().flatten()) {
        finite("info", value)?;
    }
    Ok(())
}

fn check_feature(feature: &Feature, window: Size) -> Result<(), String> {
    if feature.rects.is_empty() || feature.rects.len() > 3 {
        return Err(format!("has {} rectangles, expected 1 to 3", feature.rects.len()));
    }
    for r in &feature.rects {
        if !r.weight.is_finite() || r.weight.abs() > 1e6 {
            return Err(format!("weight {} is out of range", r.weight));
        }
        let small = [r.x, r.y, r.width, r.height].iter().all(|v| *v <= MAX_WINDOW);
        let inside = small
            && if feature.tilted {
                r.x >= r.height && r.x + r.width <= window.width && r.y + r.width + r.height <= window.height
            } else {
                r.x + r.width <= window.width && r.y + r.height <= window.height
            };
        if !inside || r.width == 0 || r.height == 0 {
            return Err(format!(
                "rectangle {} {} {} {} is empty or leaves the {window} window",
                r.x, r.y, r.width, r.height
            ));
        }
    }
    Ok(())
}

fn check_tree(tree: &Tree, features: usize) -> Result<(), String> {
    if tree.nodes.is_empty() {
        return Err("has no node".into());
    }
    if !tree.leaves.iter().all(|v| v.is_finite()) {
        return Err("a leaf is not finite".into());
    }
    for (ix, node) in tree.nodes.iter().enumerate() {
        if node.feature as usize >= features {
            return Err(format!("node {ix} asks for feature {} of {features}", node.feature));
        }
        if !node.threshold.is_finite() {
            return Err(format!("threshold of node {ix} is not finite"));
        }
        for link in [node.left, node.right] {
            if link > 0 {
                // Forward links only: whatever else they do, walks end.
                if link as usize <= ix || link as usize >= tree.nodes.len() {
                    return Err(format!("node {ix} leads to node {link}, expected a later node of the tree"));
                }
            } else if link.unsigned_abs() as usize >= tree.leaves.len() {
                return Err(format!("node {ix} leads to leaf {} of {}", link.unsigned_abs(), tree.leaves.len()));
            }
        }
    }
    Ok(())
}
