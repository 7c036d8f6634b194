//! The plan of a batch as people and programs read it: EXPLAIN for vision requests.

use crate::fit::Fit;
use crate::graph::Graph;
use ocelli_core::{Cost, Device, ImageInfo, Size, ViewSpec};
use ocelli_image::{Bytes, IntakePlan, PlannedDecode};
use serde::Serialize;
use std::fmt;

/// What a batch will do to a picture: known from the header, before anything is decoded.
///
/// Its `Display` form is for people, its serde form for programs; both are stable for equal input, but for the bytes of
/// algorithms, which depend on the number of threads and the processor.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The picture.
    pub source: ImageInfo,
    /// What is decoded whole, and which views are built from what.
    pub intake: IntakePlan,
    /// Views that are too large to exist whole, and are scanned in bands.
    pub tiles: Vec<PlannedTiles>,
    /// The algorithm runs, producers first.
    pub runs: Vec<PlannedRun>,
    /// Requests that cannot be served on this picture, and why.
    pub refused: Vec<String>,
    /// The most bytes that everything holds at a time: an upper bound.
    pub peak_bytes: u64,
    /// The memory budget, where there is one.
    pub budget: Option<u64>,
}

/// One algorithm run of a [`Plan`].
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct PlannedRun {
    /// Kind of the request.
    pub request: String,
    /// Name of the algorithm that answers it.
    pub algorithm: String,
    /// Its revision.
    pub revision: u32,
    /// The views that it reads.
    pub views: Vec<ViewSpec>,
    /// Indices of the runs whose answers it reads.
    pub requires: Vec<usize>,
    /// What it takes beside the views, where the algorithm can say.
    pub cost: Cost,
}

/// A view that is scanned in bands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlannedTiles {
    /// Index of the run that scans it.
    pub run: usize,
    /// The whole view, which never exists.
    pub view: ViewSpec,
    /// Its size.
    pub size: Size,
    /// Number of bands.
    pub bands: usize,
    /// Size of the largest band, its overlap with its neighbours included.
    pub band: Size,
    /// The pass over the file that delivers the bands; `None` where they are made from another view.
    pub decode: Option<PlannedDecode>,
}

impl Plan {
    pub(crate) fn new(source: &ImageInfo, graph: &Graph, fit: Fit, budget: Option<u64>) -> Self {
        let refused = graph.roots.iter().filter_map(|r| r.as_ref().err()).map(ToString::to_string).collect();
        let tiles = (0..graph.nodes.len()).flat_map(|ix| tiles(graph, &fit, ix, source.size)).collect();
        let runs = graph.nodes.iter().zip(&fit.costs).map(|(node, &cost)| PlannedRun {
            request: node.request.kind().to_owned(),
            algorithm: node.algorithm.name().to_owned(),
            revision: node.algorithm.revision(),
            views: node.needs.views.clone(),
            requires: node.requires.clone(),
            cost,
        });
        let runs = runs.collect();
        Self { source: source.clone(), intake: fit.intake, tiles, runs, refused, peak_bytes: fit.bytes, budget }
    }
}

/// The views of one node that are cut.
fn tiles(graph: &Graph, fit: &Fit, run: usize, image: Size) -> Vec<PlannedTiles> {
    let Some(cut) = &fit.cuts[run] else { return Vec::new() };
    let bands = cut.bands.chunk_by(|a, b| a.need == b.need);
    bands
        .map(|bands| {
            let view = graph.nodes[run].needs.views[bands[0].need];
            let sizes = || bands.iter().map(|tile| tile.view.size(image));
            let reads = |pass: &&PlannedDecode| pass.views.contains(&bands[0].view);
            PlannedTiles {
                run,
                view,
                size: view.size(image),
                bands: bands.len(),
                band: sizes().max_by_key(|size| size.pixels()).unwrap_or(view.size(image)),
                decode: fit.passes[run].iter().find(reads).cloned(),
            }
        })
        .collect()
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageInfo { name, size, orientation, format, .. } = &self.source;
        writeln!(f, "Source   {name}  {format} {size}, orientation {}", orientation.to_exif())?;
        write!(f, "{}", self.intake)?;
        self.tiles.iter().try_for_each(|tiles| write!(f, "{tiles}"))?;
        for run in &self.runs {
            let sizes: Vec<_> = run.views.iter().map(|v| v.size(*size).to_string()).collect();
            let PlannedRun { algorithm, revision, request, .. } = run;
            write!(f, "Run      {algorithm} r{revision} for {request}{}, on {}", On(run.cost.device), sizes.join(" "))?;
            writeln!(f, "{}", Takes(run.cost))?;
        }
        self.refused.iter().try_for_each(|why| writeln!(f, "Refused  {why}"))?;
        write!(f, "Memory   at most {}", Bytes(self.peak_bytes))?;
        match self.budget {
            Some(budget) => writeln!(f, " of a budget of {}", Bytes(budget)),
            None => writeln!(f),
        }
    }
}

impl fmt::Display for PlannedTiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { view, size, bands, band, decode, .. } = self;
        let plural = if *bands == 1 { "" } else { "s" };
        write!(f, "Tiles    {view} ({size}) in {bands} band{plural} of at most {band}")?;
        match decode {
            Some(pass) => writeln!(f, ", {} at {}, at most {}", pass.method, pass.size, Bytes(pass.peak_bytes)),
            None => writeln!(f, ", one after the other"),
        }
    }
}

/// Where a run would be; nothing where the algorithm does not say.
struct On(Device);

impl fmt::Display for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Device::Cpu => f.write_str(" on cpu"),
            Device::Gpu => f.write_str(" on gpu"),
            _ => Ok(()),
        }
    }
}

/// What a run takes; nothing where the algorithm does not say.
struct Takes(Cost);

impl fmt::Display for Takes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.operations > 0 {
            write!(f, ", {:.1} million multiplications", self.0.operations as f64 / 1e6)?;
        }
        if self.0.bytes > 0 {
            write!(f, ", {} of its own", Bytes(self.0.bytes))?;
        }
        Ok(())
    }
}
