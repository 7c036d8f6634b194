//! The older format of `opencv_haartraining`: each node holds its own feature.

use super::THRESHOLD_EPS;
use super::fields::{child, feature, items, number, optional, real, reals, refuse, text};
use crate::cascade::{CascadeInfo, CascadeParts, Feature, Node, Stage, Tree};
use crate::{Cascade, CascadeError, Result};
use ocelli_core::Size;

pub(super) fn read(cascade: roxmltree::Node<'_, '_>) -> Result<Cascade> {
    let size = child(cascade, "size")?;
    let [width, height] = reals(size)?[..] else { return Err(refuse(size, text(size), "width and height")) };
    if !(width >= 0.0 && height >= 0.0 && width.fract() == 0.0 && height.fract() == 0.0) {
        return Err(refuse(size, text(size), "width and height in whole pixels"));
    }
    let mut features = Vec::new();
    let mut stages = Vec::new();
    for (ix, node) in items(child(cascade, "stages")?).enumerate() {
        check_chain(node, ix)?;
        let threshold = real(child(node, "stage_threshold")?)? - THRESHOLD_EPS;
        let trees = items(child(node, "trees")?).map(|t| tree(t, &mut features)).collect::<Result<_>>()?;
        stages.push(Stage { threshold, cumulative: false, trees });
    }
    let info = CascadeInfo { description: "read from an OpenCV file".into(), ..CascadeInfo::default() };
    Cascade::new(CascadeParts { window: Size::new(width as u32, height as u32), info, features, stages })
}

/// Stages in a plain chain: each is the child of the one before. Trees of stages are refused.
fn check_chain(stage: roxmltree::Node<'_, '_>, ix: usize) -> Result<()> {
    let link = |name| optional(stage, name).map(|n| number::<i64>(n, "an index of a stage")).transpose();
    let parent = link("parent")?.unwrap_or(ix as i64 - 1);
    let next = link("next")?.unwrap_or(-1);
    if parent != ix as i64 - 1 || next != -1 {
        return Err(CascadeError::Unsupported {
            what: format!("a tree of stages (stage {ix} has parent {parent} and next {next})"),
            hint: "give a cascade whose stages follow one another",
        });
    }
    Ok(())
}

fn tree(node: roxmltree::Node<'_, '_>, features: &mut Vec<Feature>) -> Result<Tree> {
    let mut tree = Tree::default();
    for item in items(node) {
        let left = branch(item, "left_node", "left_val", &mut tree.leaves)?;
        let right = branch(item, "right_node", "right_val", &mut tree.leaves)?;
        let threshold = real(child(item, "threshold")?)?;
        tree.nodes.push(Node { feature: features.len() as u32, threshold, left, right });
        features.push(feature(child(item, "feature")?)?);
    }
    Ok(tree)
}

/// A link: the index of a node, or minus the index of the leaf that is added.
fn branch(
    item: roxmltree::Node<'_, '_>,
    node_name: &'static str,
    value_name: &'static str,
    leaves: &mut Vec<f32>,
) -> Result<i32> {
    const EXPECTED: &str = "the index of a later node";
    if let Some(node) = optional(item, node_name) {
        // 0 would read as a leaf, and no link may lead back to the root.
        return match number::<i32>(node, EXPECTED)? {
            link if link > 0 => Ok(link),
            _ => Err(refuse(node, text(node), EXPECTED)),
        };
    }
    leaves.push(real(child(item, value_name)?)?);
    Ok(1 - leaves.len() as i32)
}
