//! What a batch of requests takes on one picture, and how it is made to fit.
//!
//! A batch that fits is run as it is. One that does not has its largest views scanned in bands, as few views and as large
//! bands as it takes; where even that does not help, it is refused before anything is decoded, with what would fit.

use crate::graph::{Graph, Node};
use crate::tiles::{Cut, cuttable};
use ocelli_core::{Cost, Error, Result, Size, ViewSpec};
use ocelli_image::{IntakePlan, Picture, PlannedDecode};
use std::cmp::Reverse;

/// Heights of bands, in pixels of the view that is cut, the cheapest first: each band pays for its halo.
const BAND_ROWS: [u32; 7] = [2048, 1024, 512, 256, 128, 64, 16];
/// Bands lower than this are mostly halo: rather more views are cut.
const LOW_BAND: u32 = 128;

/// How a batch will be run, and what it takes.
#[derive(Clone, Debug)]
pub(crate) struct Fit {
    /// The views that exist whole.
    pub(crate) intake: IntakePlan,
    /// By node.
    pub(crate) cuts: Vec<Option<Cut>>,
    /// By node: the passes of its bands.
    pub(crate) passes: Vec<Vec<PlannedDecode>>,
    /// By node: the largest of its scans.
    pub(crate) costs: Vec<Cost>,
    /// Everything together, at its peak: an upper bound.
    pub(crate) bytes: u64,
}

impl Fit {
    /// The cheapest way within `room`; `None` where there is none, with the least that would do.
    pub(crate) fn within(graph: &Graph, picture: &Picture, room: u64) -> Result<Result<Self, u64>> {
        let whole = Self::whole(graph, picture)?;
        if whole.bytes <= room {
            return Ok(Ok(whole));
        }
        let mut least = whole.bytes;
        let most_views = graph.nodes.iter().map(|node| candidates(node, picture.info().size).len()).max().unwrap_or(0);
        for low in [false, true] {
            for n_views in 1..=most_views {
                for rows in BAND_ROWS.into_iter().filter(|rows| (*rows < LOW_BAND) == low) {
                    let fit = Self::new(graph, picture, &mut |node| cut(node, picture, n_views, rows))?;
                    if fit.bytes <= room {
                        return Ok(Ok(fit));
                    }
                    least = least.min(fit.bytes);
                }
            }
        }
        Ok(Err(least))
    }

    /// The graph as it is, whatever it takes.
    pub(crate) fn whole(graph: &Graph, picture: &Picture) -> Result<Self> {
        Self::new(graph, picture, &mut |_| None)
    }

    fn new(graph: &Graph, picture: &Picture, cut: &mut dyn FnMut(&Node) -> Option<Cut>) -> Result<Self> {
        let image = picture.info().size;
        let cuts: Vec<Option<Cut>> = graph.nodes.iter().map(cut).collect();
        let mut whole: Vec<ViewSpec> = Vec::new();
        for (node, cut) in graph.nodes.iter().zip(&cuts) {
            match cut {
                Some(cut) => {
                    whole.extend(cut.whole_views());
                    whole.extend(picture.stream_parents(&cut.band_views()));
                }
                None => whole.extend(&node.needs.views),
            }
        }
        let intake = picture.plan_within(&whole, u64::MAX)?;
        let mut bytes = picture.held_bytes() + intake.peak_bytes;
        let (mut passes, mut costs) = (Vec::new(), Vec::new());
        for (node, cut) in graph.nodes.iter().zip(&cuts) {
            let (node_passes, cost) = match cut {
                Some(cut) => (picture.plan_stream(&cut.band_views()), cut_cost(node, cut, image)?),
                None => (Vec::new(), node.algorithm.cost(&node.request, &sizes(&node.needs.views, image))?),
            };
            let band_bytes =
                cut.iter().flat_map(|cut| &cut.bands).map(|tile| tile.view.bytes(image)).max().unwrap_or(0);
            let pass_bytes = node_passes.iter().map(|pass| pass.peak_bytes).max().unwrap_or(0);
            bytes += pass_bytes.max(band_bytes) + cost.bytes;
            passes.push(node_passes);
            costs.push(cost);
        }
        Ok(Self { intake, cuts, passes, costs, bytes })
    }
}

impl Fit {
    /// The views that exist whole.
    pub(crate) fn whole_views(&self) -> Vec<ViewSpec> {
        self.intake.views.iter().map(|view| view.spec).collect()
    }
}

/// The largest scan of a cut node; bands of one view are of a few sizes only.
fn cut_cost(node: &Node, cut: &Cut, image: Size) -> Result<Cost> {
    let mut largest = if cut.whole.is_empty() {
        Cost::default()
    } else {
        node.algorithm.scan_cost(&node.request, &sizes(&cut.whole_views(), image))?
    };
    let mut bands: Vec<Size> = cut.bands.iter().map(|tile| tile.view.size(image)).collect();
    let mut operations = largest.operations;
    bands.sort_by_key(|size| (size.width, size.height));
    for same in bands.chunk_by(|a, b| a == b) {
        let cost = node.algorithm.scan_cost(&node.request, &same[..1])?;
        operations += cost.operations * same.len() as u64;
        if cost.bytes >= largest.bytes {
            largest = cost;
        }
    }
    largest.operations = operations;
    Ok(largest)
}

/// A node's largest views in bands; `None` where its algorithm does not scan so.
fn cut(node: &Node, picture: &Picture, n_views: usize, rows: u32) -> Option<Cut> {
    let tiling = node.algorithm.tiling(&node.request)?;
    let views = candidates(node, picture.info().size);
    let largest: Vec<usize> = views.into_iter().take(n_views).collect();
    Cut::new(&node.needs.views, &largest, picture, tiling, rows)
}

/// Indices of the views that can be cut, the largest first.
fn candidates(node: &Node, image: Size) -> Vec<usize> {
    let mut views: Vec<(u64, usize)> = (node.needs.views.iter().enumerate())
        .filter_map(|(ix, view)| cuttable(view, image).map(|bytes| (bytes, ix)))
        .collect();
    views.sort_by_key(|&(bytes, ix)| (Reverse(bytes), ix));
    views.into_iter().map(|(_, ix)| ix).collect()
}

fn sizes(views: &[ViewSpec], image: Size) -> Vec<Size> {
    views.iter().map(|view| view.size(image)).collect()
}

/// The refusal of a batch that no cutting makes fit.
pub(crate) fn refused(picture: &Picture, needed: u64, budget: u64) -> Error {
    Error::Limits {
        input: picture.info().name.clone(),
        what: "memory that these requests need in bytes",
        value: needed,
        limit: budget,
        hint: "that much as the memory budget would do; so would a larger min_size, a region, or a file that is read by \
               rows (PNG, TIFF, baseline JPEG)",
    }
}
