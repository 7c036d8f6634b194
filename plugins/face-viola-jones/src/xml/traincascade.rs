//! The format of `opencv_traincascade`: features in one list, trees as lists of numbers.

use super::THRESHOLD_EPS;
use super::fields::{child, feature, items, number, optional, parse, real, reals, refuse, text};
use crate::cascade::{CascadeInfo, CascadeParts, Node, Stage, Tree};
use crate::{Cascade, CascadeError, Result};
use ocelli_core::Size;

pub(super) fn read(cascade: roxmltree::Node<'_, '_>) -> Result<Cascade> {
    let kind = text(child(cascade, "featureType")?);
    if kind != "HAAR" {
        return Err(CascadeError::Unsupported {
            what: format!("feature type {:?}", kind.chars().take(20).collect::<String>()),
            hint: "give a cascade of HAAR features",
        });
    }
    if let Some(stage_type) = optional(cascade, "stageType").map(text).filter(|t| *t != "BOOST") {
        return Err(CascadeError::Unsupported {
            what: format!("stage type {:?}", stage_type.chars().take(20).collect::<String>()),
            hint: "give a cascade of boosted stages",
        });
    }
    let side = |name| number(child(cascade, name)?, "a size in pixels");
    let window = Size::new(side("width")?, side("height")?);
    let features = items(child(cascade, "features")?).map(feature).collect::<Result<_>>()?;
    let stages = items(child(cascade, "stages")?).map(stage).collect::<Result<_>>()?;
    let info = CascadeInfo { description: "read from an OpenCV file".into(), ..CascadeInfo::default() };
    Cascade::new(CascadeParts { window, info, features, stages })
}

fn stage(node: roxmltree::Node<'_, '_>) -> Result<Stage> {
    let threshold = real(child(node, "stageThreshold")?)? - THRESHOLD_EPS;
    let trees = items(child(node, "weakClassifiers")?).map(tree).collect::<Result<_>>()?;
    Ok(Stage { threshold, cumulative: false, trees })
}

/// Nodes are `left right feature threshold`; links above 0 are nodes, others minus a leaf.
fn tree(node: roxmltree::Node<'_, '_>) -> Result<Tree> {
    const EXPECTED: &str = "left right feature threshold";
    let list = child(node, "internalNodes")?;
    let words: Vec<&str> = text(list).split_ascii_whitespace().collect();
    if !words.len().is_multiple_of(4) {
        return Err(refuse(list, text(list), EXPECTED));
    }
    let nodes = words
        .chunks_exact(4)
        .map(|w| {
            Ok(Node {
                left: parse(list, w[0], EXPECTED)?,
                right: parse(list, w[1], EXPECTED)?,
                feature: parse(list, w[2], EXPECTED)?,
                threshold: parse(list, w[3], EXPECTED)?,
            })
        })
        .collect::<Result<_>>()?;
    Ok(Tree { nodes, leaves: reals(child(node, "leafValues")?)? })
}
