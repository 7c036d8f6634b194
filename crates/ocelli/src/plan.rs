//! The plan of a batch as people and programs read it: EXPLAIN for vision requests.

use crate::graph::Graph;
use ocelli_core::{ImageInfo, ViewSpec};
use ocelli_image::IntakePlan;
use serde::Serialize;
use std::fmt;

/// What a batch will do to a picture: known from the header, before anything is decoded.
///
/// Its `Display` form is for people, its serde form for programs; both are stable for equal input.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// The picture.
    pub source: ImageInfo,
    /// What is decoded, and which views are built from what.
    pub intake: IntakePlan,
    /// The algorithm runs, producers first.
    pub runs: Vec<PlannedRun>,
    /// Requests that cannot be served on this picture, and why.
    pub refused: Vec<String>,
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
}

impl Plan {
    pub(crate) fn new(source: &ImageInfo, graph: &Graph, intake: IntakePlan) -> Self {
        let runs = graph
            .nodes
            .iter()
            .map(|node| PlannedRun {
                request: node.request.kind().to_owned(),
                algorithm: node.algorithm.name().to_owned(),
                revision: node.algorithm.revision(),
                views: node.needs.views.clone(),
                requires: node.requires.clone(),
            })
            .collect();
        let refused = graph.roots.iter().filter_map(|r| r.as_ref().err()).map(ToString::to_string).collect();
        Self { source: source.clone(), intake, runs, refused }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ImageInfo { name, size, orientation, format, .. } = &self.source;
        writeln!(f, "Source   {name}  {format} {size}, orientation {}", orientation.to_exif())?;
        write!(f, "{}", self.intake)?;
        for run in &self.runs {
            let sizes: Vec<_> = run.views.iter().map(|v| v.size(*size).to_string()).collect();
            let PlannedRun { algorithm, revision, request, .. } = run;
            writeln!(f, "Run      {algorithm} r{revision} for {request}, on {}", sizes.join(" "))?;
        }
        self.refused.iter().try_for_each(|why| writeln!(f, "Refused  {why}"))
    }
}
