//! The graph of one batch: every request once, producers before those that read their answers.

use crate::run::panicked;
use crate::tiles::Cut;
use ocelli_core::{AnyAlgorithm, AnyRequest, Error, ImageInfo, Needs, Registry, Result, ViewSpec};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Deepest chain of requests that require others; a longer one is a circle.
const MAX_DEPTH: usize = 16;

/// One algorithm run of a batch.
#[derive(Clone)]
pub(crate) struct Node {
    pub request: AnyRequest,
    pub algorithm: Arc<dyn AnyAlgorithm>,
    pub needs: Needs,
    /// How its views are scanned in bands, where they are too large to exist whole.
    pub cut: Option<Cut>,
    /// Indices of the nodes whose answers it reads; all smaller than its own.
    pub requires: Vec<usize>,
}

impl Node {
    /// The views that exist whole while it runs.
    pub fn whole_views(&self) -> Vec<ViewSpec> {
        self.cut.as_ref().map_or_else(|| self.needs.views.clone(), Cut::whole_views)
    }
}

/// The nodes of a batch and, for each request of the caller, its node or why it has none.
#[derive(Default)]
pub(crate) struct Graph {
    pub nodes: Vec<Node>,
    pub roots: Vec<Result<usize>>,
    /// Every view that some node needs, once, sorted.
    pub union: Vec<ViewSpec>,
}

impl Graph {
    /// Plans `requests` for one picture. Equal requests share a node; a request that cannot be planned fails alone.
    pub fn new(registry: &Registry, requests: &[AnyRequest], image: &ImageInfo) -> Self {
        let mut graph = Self::default();
        for request in requests {
            let root = graph.add(registry, request, image, 0);
            graph.roots.push(root);
        }
        graph.unite();
        graph
    }

    /// Takes up how the nodes' views are cut, by node.
    pub fn cut(&mut self, cuts: Vec<Option<Cut>>) {
        self.nodes.iter_mut().zip(cuts).for_each(|(node, cut)| node.cut = cut);
        self.unite();
    }

    fn unite(&mut self) {
        self.union = self.nodes.iter().flat_map(Node::whole_views).collect();
        self.union.sort();
        self.union.dedup();
    }

    fn add(&mut self, registry: &Registry, request: &AnyRequest, image: &ImageInfo, depth: usize) -> Result<usize> {
        request.validate()?;
        let algorithm = registry.select(request)?;
        if depth >= MAX_DEPTH {
            let reason = "requires requests in a circle".to_owned();
            return Err(Error::Contract { algorithm: algorithm.name().into(), reason });
        }
        if let Some(same) = self.nodes.iter().position(|node| is_same(&node.request, request)) {
            return Ok(same);
        }
        // A plugin's panic fails its request alone, here as when it runs.
        let asked = catch_unwind(AssertUnwindSafe(|| (algorithm.needs(request, image), algorithm.requires(request))));
        let (needs, requires) = asked.map_err(|panic| panicked(algorithm.name(), &*panic))?;
        let needs = needs?;
        let requires: Vec<usize> =
            requires.iter().map(|r| self.add(registry, r, image, depth + 1)).collect::<Result<_>>()?;
        let needs = needs.settled(requires.iter().flat_map(|&r| self.nodes[r].needs.views.iter().copied()));
        self.nodes.push(Node { request: request.clone(), algorithm, needs, cut: None, requires });
        Ok(self.nodes.len() - 1)
    }
}

/// Whether two requests ask the same: then one run serves both, and stops when neither wants it any more.
fn is_same(a: &AnyRequest, b: &AnyRequest) -> bool {
    a.kind() == b.kind() && a.to_json() == b.to_json()
}
