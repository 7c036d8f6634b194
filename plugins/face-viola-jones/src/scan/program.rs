//! A cascade compiled for the memory layout of one level.

use super::LevelSums;
use crate::Cascade;
use crate::cascade::Feature;

/// Trees with more nodes than this are walked window by window.
pub(super) const MAX_LANE_NODES: usize = 8;

/// Sums below this are exact in `f32`, in any order.
const EXACT: f64 = 16_777_216.0;

/// One corner of a feature: its place relative to the window, and how often it counts.
#[derive(Clone, Copy)]
pub(super) struct Term {
    pub offset: u32,
    pub factor: i32,
}

/// A rectangle of a feature with a weight that is no small integer.
#[derive(Clone, Copy)]
pub(super) struct Quad {
    pub corners: [u32; 4],
    pub weight: f32,
}

/// How a node gets its feature value.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// Whole-numbered weights: corners shared by rectangles are read once.
    Terms { first: u32, count: u32 },
    /// Weights of any kind.
    Quads { first: u32, count: u32 },
}

#[derive(Clone, Copy)]
pub(super) struct NodeCode {
    pub value: Value,
    pub threshold: f32,
    /// Next node of the tree where positive, else minus a leaf.
    pub left: i32,
    pub right: i32,
}

#[derive(Clone, Copy)]
pub(super) struct TreeCode {
    pub first_node: u32,
    pub nodes: u32,
    pub first_leaf: u32,
}

#[derive(Clone, Copy)]
pub(super) struct StageCode {
    pub first_tree: u32,
    pub trees: u32,
    pub threshold: f32,
    /// Whether votes are added to those of the stage before.
    pub cumulative: bool,
}

/// Stages, trees, nodes and corners in flat arrays; offsets hold for one level's layout.
pub(crate) struct Program {
    pub(super) stages: Vec<StageCode>,
    pub(super) trees: Vec<TreeCode>,
    pub(super) nodes: Vec<NodeCode>,
    pub(super) leaves: Vec<f32>,
    pub(super) terms: Vec<Term>,
    pub(super) quads: Vec<Quad>,
    /// Corners of the rectangle that normalization measures, and its area.
    pub(super) norm: [u32; 4],
    pub(super) norm_area: f64,
    /// Whether every tree is small enough to be resolved in vector lanes.
    pub(super) lanes: bool,
    /// Largest offset of all, for the bounds check.
    pub(super) reach: u32,
}

impl Program {
    /// Compiles an upright cascade.
    ///
    /// # Panics
    /// Where a feature is tilted: the detector refuses such cascades when it is made.
    pub fn new(cascade: &Cascade, level: &LevelSums) -> Self {
        let window = cascade.window();
        let corners = |x, y, width, height| {
            [
                level.offset(x, y),
                level.offset(x + width, y),
                level.offset(x, y + height),
                level.offset(x + width, y + height),
            ]
        };
        let mut program = Self {
            stages: Vec::new(),
            trees: Vec::new(),
            nodes: Vec::new(),
            leaves: Vec::new(),
            terms: Vec::new(),
            quads: Vec::new(),
            norm: corners(1, 1, window.width - 2, window.height - 2),
            norm_area: f64::from(window.width - 2) * f64::from(window.height - 2),
            lanes: true,
            reach: 0,
        };
        let values: Vec<Value> = cascade.features().iter().map(|f| program.compile_feature(f, corners)).collect();
        for stage in cascade.stages() {
            let first_tree = program.trees.len() as u32;
            for tree in &stage.trees {
                program.lanes &= tree.nodes.len() <= MAX_LANE_NODES;
                program.trees.push(TreeCode {
                    first_node: program.nodes.len() as u32,
                    nodes: tree.nodes.len() as u32,
                    first_leaf: program.leaves.len() as u32,
                });
                program.leaves.extend(&tree.leaves);
                program.nodes.extend(tree.nodes.iter().map(|n| NodeCode {
                    value: values[n.feature as usize],
                    threshold: n.threshold,
                    left: n.left,
                    right: n.right,
                }));
            }
            let trees = stage.trees.len() as u32;
            let (threshold, cumulative) = (stage.threshold, stage.cumulative);
            program.stages.push(StageCode { first_tree, trees, threshold, cumulative });
        }
        let corners = program.terms.iter().map(|t| t.offset).chain(program.quads.iter().flat_map(|q| q.corners));
        program.reach = corners.chain(program.norm).max().unwrap_or(0);
        program
    }

    fn compile_feature(&mut self, feature: &Feature, corners: impl Fn(u32, u32, u32, u32) -> [u32; 4]) -> Value {
        assert!(!feature.tilted, "tilted features have no program");
        let whole = feature.rects.iter().all(|r| r.weight.fract() == 0.0);
        let magnitude: f64 = feature
            .rects
            .iter()
            .map(|r| f64::from(r.weight.abs()) * 255.0 * f64::from(r.width) * f64::from(r.height))
            .sum();
        if whole && magnitude < EXACT {
            let first = self.terms.len();
            for r in &feature.rects {
                for (offset, sign) in corners(r.x, r.y, r.width, r.height).into_iter().zip([1, -1, -1, 1]) {
                    let factor = sign * r.weight as i32;
                    match self.terms[first..].iter_mut().find(|t| t.offset == offset) {
                        Some(term) => term.factor += factor,
                        None => self.terms.push(Term { offset, factor }),
                    }
                }
            }
            let mut kept = first;
            for ix in first..self.terms.len() {
                if self.terms[ix].factor != 0 {
                    self.terms[kept] = self.terms[ix];
                    kept += 1;
                }
            }
            self.terms.truncate(kept);
            return Value::Terms { first: first as u32, count: (kept - first) as u32 };
        }
        let first = self.quads.len() as u32;
        self.quads.extend(
            feature.rects.iter().map(|r| Quad { corners: corners(r.x, r.y, r.width, r.height), weight: r.weight }),
        );
        Value::Quads { first, count: feature.rects.len() as u32 }
    }
}
