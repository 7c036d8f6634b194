//! One open picture, and the way of a batch of requests through it.

use crate::graph::{Graph, Node};
use crate::{Plan, Requests, Vision, device};
use ocelli_core::{
    AnyObservations, AnyRequest, Control, Error, ImageInfo, Input, MemoryPlan, MissReport, NormalizedRect, PixelRect,
    Provenance, Request, Result, Views,
};
use ocelli_image::{Picture, RgbImage};
use rayon::prelude::*;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

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
        let intake = self.picture.plan(&graph.union)?;
        Ok(Plan::new(self.info(), &graph, intake))
    }

    /// The whole picture, upright, in canonical colour at its own size: to draw on, or to show.
    ///
    /// # Errors
    /// Those of decoding.
    pub fn to_rgb(&self) -> Result<RgbImage> {
        self.picture.to_rgb()
    }

    /// Why nothing was observed at `place` (pixels of the upright picture): which step of the algorithm removed it.
    ///
    /// `None` where the algorithm cannot say.
    ///
    /// ```no_run
    /// # use ocelli::prelude::*;
    /// # let vision = Vision::new()?;
    /// let picture = vision.open("party.jpg")?;
    /// if let Some(report) = picture.explain_miss(DetectFaces::new(), PixelRect::new(120.0, 40.0, 30.0, 36.0))? {
    ///     println!("{report}");
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    /// The request's own.
    pub fn explain_miss<R: Request>(&self, request: R, place: PixelRect) -> Result<Option<MissReport>> {
        self.explain_miss_any(&AnyRequest::new(request), place)
    }

    /// [`explain_miss`](Self::explain_miss) for a request made by name.
    ///
    /// # Errors
    /// The request's own.
    pub fn explain_miss_any(&self, request: &AnyRequest, place: PixelRect) -> Result<Option<MissReport>> {
        let place = NormalizedRect::from_pixels(place, self.info().size);
        let mut graph = Graph::new(self.vision.registry(), std::slice::from_ref(request), self.info());
        let root = graph.roots.remove(0)?;
        self.vision.pool().install(|| {
            let answers = self.run(&graph);
            let node = &graph.nodes[root];
            let explain = |input: &Input<'_>| node.algorithm.explain_miss(&node.request, input, place);
            self.with_input(&graph, node, &control(request), &answers, None, explain)
        })
    }

    /// The working memory that a request's algorithm will take on this picture, planned without running it.
    ///
    /// `None` where the algorithm does not plan.
    ///
    /// # Errors
    /// The request's own.
    pub fn explain_memory_any(&self, request: &AnyRequest) -> Result<Option<MemoryPlan>> {
        request.validate()?;
        let algorithm = self.vision.registry().select(request)?;
        self.vision.pool().install(|| algorithm.memory(request, self.info()))
    }

    /// Runs every node, wave after wave; nodes of one wave are independent of each other.
    fn run(&self, graph: &Graph) -> Vec<Result<AnyObservations>> {
        let mut answers = vec![Err(Error::Cancelled); graph.nodes.len()];
        let controls: Vec<_> = graph.nodes.iter().map(|node| control(&node.request)).collect();
        for wave in 0..graph.waves() {
            let ready: Vec<usize> = (0..graph.nodes.len()).filter(|&ix| graph.nodes[ix].wave == wave).collect();
            let run = |&ix: &usize| (ix, self.run_node(graph, &graph.nodes[ix], &controls[ix], &answers));
            let done: Vec<_> = ready.par_iter().map(run).collect();
            done.into_iter().for_each(|(ix, answer)| answers[ix] = answer);
        }
        answers
    }

    fn run_node(
        &self,
        graph: &Graph,
        node: &Node,
        control: &Control,
        answers: &[Result<AnyObservations>],
    ) -> Result<AnyObservations> {
        let run = |input: &Input<'_>| node.algorithm.run(&node.request, input);
        let answer = self.with_input(graph, node, control, answers, None, run);
        let answer = answer.or_else(|error| self.run_on_processor(graph, node, control, answers, error));
        control.progress(1.0);
        answer
    }

    /// Runs a node whose device failed on the processor, where its caller leaves the choice of device open.
    fn run_on_processor(
        &self,
        graph: &Graph,
        node: &Node,
        control: &Control,
        answers: &[Result<AnyObservations>],
        error: Error,
    ) -> Result<AnyObservations> {
        let again = device::on_processor(self.vision.registry(), &node.request, &error);
        let (request, warning) = again.ok_or(error)?;
        let needs = node.algorithm.needs(&request, self.info())?;
        let again = Node { request, needs, ..node.clone() };
        let run = |input: &Input<'_>| again.algorithm.run(&again.request, input);
        self.with_input(graph, &again, control, answers, Some(warning), run)
    }

    /// Builds what a node reads and hands it over; a panic on the other side is an error of this node.
    fn with_input<T>(
        &self,
        graph: &Graph,
        node: &Node,
        control: &Control,
        answers: &[Result<AnyObservations>],
        warning: Option<String>,
        read: impl FnOnce(&Input<'_>) -> Result<T>,
    ) -> Result<T> {
        control.checkpoint()?;
        let name = node.algorithm.name();
        let _span = tracing::info_span!("algorithm", name, request = node.request.kind()).entered();
        let required = node.requires.iter().map(|&ix| answers[ix].clone()).collect::<Result<Vec<_>>>()?;
        let views: Views = self.picture.views(&node.needs.views, &graph.union, self.vision.cache(), control)?;
        let mut provenance = Provenance::new(name, node.algorithm.revision());
        provenance.warnings = self.picture.warnings().iter().cloned().chain(warning).collect();
        let provenance = Arc::new(provenance);
        let input = Input { image: self.info(), views: &views, control, provenance: &provenance, required: &required };
        let answer = catch_unwind(AssertUnwindSafe(|| read(&input)));
        answer.unwrap_or_else(|panic| Err(panicked(name, &*panic))).map_err(|error| error.in_algorithm(name))
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
