//! One open picture, and the way of a batch of requests through it.

use crate::graph::{Graph, Node};
use crate::{Plan, Requests, Vision};
use ocelli_core::{
    AnyObservations, AnyRequest, Control, Error, ImageInfo, Input, Provenance, Request, Result, ViewSpec, Views,
};
use ocelli_image::{Picture, RgbImage};
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// An open picture: answers batches of requests. Clones share the picture and its views.
#[derive(Clone, Debug)]
pub struct Handler {
    vision: Vision,
    picture: Picture,
}

impl Handler {
    pub(crate) fn new(vision: Vision, picture: Picture) -> Self {
        Self { vision, picture }
    }

    /// What is known of the picture from its header.
    pub fn info(&self) -> &ImageInfo {
        self.picture.info()
    }

    /// Answers a tuple of requests; each one's answers come most confident first.
    ///
    /// All requests run; where some failed, the first error is returned. [`perform_each`](Self::perform_each)
    /// keeps the answers of the others.
    ///
    /// ```no_run
    /// # use ocelli::prelude::*;
    /// # let vision = Vision::new()?;
    /// let (faces,) = vision.open("party.jpg")?.perform((DetectFaces::new().min_size(0.05),))?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The first failed request's.
    pub fn perform<R: Requests>(&self, requests: R) -> Result<R::Outputs> {
        R::all(self.perform_each(requests))
    }

    /// Answers a tuple of requests, each with its own success or failure.
    pub fn perform_each<R: Requests>(&self, requests: R) -> R::Outcomes {
        R::outcomes(self.perform_any(&requests.into_any()))
    }

    /// Answers a single request.
    ///
    /// # Errors
    /// The request's own.
    pub fn perform_one<R: Request>(&self, request: R) -> Result<Vec<R::Out>> {
        self.perform((request,)).map(|(answers,)| answers)
    }

    /// Answers requests of any kinds, made by name with [`Vision::request`] or from typed ones.
    pub fn perform_any(&self, requests: &[AnyRequest]) -> Vec<Result<AnyObservations>> {
        let _span = tracing::info_span!("perform", picture = %self.info().name, requests = requests.len()).entered();
        let graph = Graph::new(self.vision.registry(), requests, self.info());
        let answers = self.vision.pool().install(|| self.run(&graph));
        graph.roots.into_iter().map(|root| answers[root?].clone()).collect()
    }

    /// What a batch would do, before anything is decoded.
    ///
    /// # Errors
    /// [`Error::Limits`] where the picture cannot be brought in within the limits.
    pub fn explain<R: Requests>(&self, requests: R) -> Result<Plan> {
        self.explain_any(&requests.into_any())
    }

    /// [`explain`](Self::explain) for requests made by name.
    ///
    /// # Errors
    /// [`Error::Limits`] where the picture cannot be brought in within the limits.
    pub fn explain_any(&self, requests: &[AnyRequest]) -> Result<Plan> {
        let graph = Graph::new(self.vision.registry(), requests, self.info());
        let intake = self.picture.plan(&graph.views())?;
        Ok(Plan::new(self.info(), &graph, intake))
    }

    /// The whole picture, upright, in canonical colour at its own size: to draw on, or to show.
    ///
    /// # Errors
    /// Those of decoding.
    pub fn to_rgb(&self) -> Result<RgbImage> {
        self.picture.to_rgb()
    }

    /// Runs every node: views first, then the waves of the graph.
    fn run(&self, graph: &Graph) -> Vec<Result<AnyObservations>> {
        let controls: Vec<_> = graph.nodes.iter().map(|n| control(&n.request)).collect();
        let union = graph.views();
        let answers: Vec<OnceLock<Result<AnyObservations>>> = graph.nodes.iter().map(|_| OnceLock::new()).collect();
        for wave in 0..graph.waves() {
            graph.nodes.par_iter().enumerate().filter(|(_, node)| node.wave == wave).for_each(|(ix, node)| {
                let answer = self.run_node(node, &union, &controls[ix], &answers);
                // A node belongs to one wave, so its cell is empty; a full one would only keep the first answer.
                let _ = answers[ix].set(answer);
            });
        }
        answers.into_iter().map(|cell| cell.into_inner().unwrap_or(Err(Error::Cancelled))).collect()
    }

    fn run_node(
        &self,
        node: &Node,
        union: &[ViewSpec],
        control: &Control,
        answers: &[OnceLock<Result<AnyObservations>>],
    ) -> Result<AnyObservations> {
        control.checkpoint()?;
        let name = node.algorithm.name();
        let _span = tracing::info_span!("algorithm", name, request = node.request.kind()).entered();
        let required = node
            .requires
            .iter()
            .map(|&ix| answers[ix].get().cloned().unwrap_or(Err(Error::Cancelled)))
            .collect::<Result<Vec<_>>>()?;
        let views: Views = self.picture.views(&node.needs.views, union, self.vision.cache(), control)?;
        let mut provenance = Provenance::new(name, node.algorithm.revision());
        provenance.warnings = self.picture.warnings().to_vec();
        let provenance = Arc::new(provenance);
        let input = Input { image: self.info(), views: &views, control, provenance: &provenance, required: &required };
        let answer = catch_unwind(AssertUnwindSafe(|| node.algorithm.run(&node.request, &input)));
        let answer = answer.unwrap_or_else(|panic| Err(panicked(name, &*panic)));
        control.progress(1.0);
        answer
    }
}

/// The running side of a request's cancel, deadline and progress; the deadline counts from here.
fn control(request: &AnyRequest) -> Control {
    let options = request.options();
    Control::start(options.cancel.clone(), options.deadline, options.progress.clone())
}

/// A plugin's panic fails its request alone.
fn panicked(algorithm: &str, panic: &(dyn std::any::Any + Send)) -> Error {
    let text =
        panic.downcast_ref::<&str>().map(ToString::to_string).or_else(|| panic.downcast_ref::<String>().cloned());
    let reason = format!("panicked: {}", text.as_deref().unwrap_or("without a message"));
    Error::Contract { algorithm: algorithm.to_owned(), reason }
}
