//! One open picture, and the way of a batch of requests through it.

use crate::call::{Call, Steering};
use crate::graph::Graph;
use crate::memory::Prepared;
use crate::run::Run;
use crate::{Analysis, Pending, Plan, Requests, Vision};
use ocelli_core::{
    AnyObservations, AnyRequest, Cancel, Error, ImageInfo, Input, MemoryPlan, MissReport, NormalizedRect, PixelRect,
    Priority, Request, Result, Step,
};
use ocelli_image::{Picture, RgbImage};
use std::sync::Arc;
use std::time::Instant;

/// An open picture: answers batches of requests. Clones share the picture and its views.
#[derive(Clone, Debug)]
pub struct Handler {
    vision: Vision,
    picture: Picture,
    steering: Steering,
}

impl Handler {
    pub(crate) fn new(vision: Vision, picture: Picture) -> Self {
        Self { vision, picture, steering: Steering::default() }
    }

    /// This picture with calls that are this urgent, whatever their requests say.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.steering.priority = Some(priority);
        self
    }

    /// This picture with calls that this switch stops, beside those of their requests.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.steering.cancels.push(cancel.clone());
        self
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
    ///
    /// The call is as urgent as its most urgent request. A request whose deadline passes answers with what is found by
    /// then, [marked](AnyObservations::is_incomplete), or with [`Error::DeadlineExceeded`](ocelli_core::Error).
    pub fn perform_any(&self, requests: &[AnyRequest]) -> Vec<Result<AnyObservations>> {
        self.answer(&Call::new(&self.vision, self.steering.clone()), requests)
    }

    /// [`perform_any`](Self::perform_any) with the record of its steps, in the order in which they ended.
    pub fn perform_any_recorded(&self, requests: &[AnyRequest]) -> (Vec<Result<AnyObservations>>, Vec<Step>) {
        let call = Call::recorded(&self.vision, self.steering.clone());
        let answers = self.answer(&call, requests);
        (answers, call.steps())
    }

    /// [`perform`](Self::perform) on the framework's threads: a future for any executor.
    ///
    /// ```no_run
    /// # async fn faces(vision: ocelli::Vision) -> ocelli::core::Result<()> {
    /// # use ocelli::prelude::*;
    /// let picture = vision.open_async("party.jpg").await?;
    /// let (faces,) = picture.perform_async((DetectFaces::new(),)).await?;
    /// # Ok(()) }
    /// ```
    pub fn perform_async<R: Requests>(&self, requests: R) -> Pending<R::Outputs>
    where
        R::Outputs: Send + 'static,
    {
        self.pending(requests.into_any(), |answers| R::all(R::outcomes(answers)))
    }

    /// [`perform_each`](Self::perform_each) on the framework's threads.
    pub fn perform_each_async<R: Requests>(&self, requests: R) -> Pending<R::Outcomes>
    where
        R::Outcomes: Send + 'static,
    {
        self.pending(requests.into_any(), |answers| Ok(R::outcomes(answers)))
    }

    /// [`perform_any`](Self::perform_any) on the framework's threads.
    pub fn perform_any_async(&self, requests: Vec<AnyRequest>) -> Pending<Vec<Result<AnyObservations>>> {
        self.pending(requests, Ok)
    }

    fn pending<T: Send + 'static>(
        &self,
        requests: Vec<AnyRequest>,
        finish: impl FnOnce(Vec<Result<AnyObservations>>) -> Result<T> + Send + 'static,
    ) -> Pending<T> {
        Pending::new(|cancel, done| {
            let mut steering = self.steering.clone();
            steering.cancels.push(cancel);
            let call = Call::new(&self.vision, steering);
            let (handler, priority) = (self.clone(), call.steering.priority_of(&requests));
            let job = move || done(finish(handler.answer(&call, &requests)));
            self.vision.submit(priority, Box::new(job));
        })
    }

    /// Answers the requests of a call.
    pub(crate) fn answer(&self, call: &Arc<Call>, requests: &[AnyRequest]) -> Vec<Result<AnyObservations>> {
        let _span = tracing::info_span!("perform", picture = %self.info().name, requests = requests.len()).entered();
        match self.prepared(call, requests) {
            Ok(prepared) => self.finish(call, prepared, requests),
            // Too much together may fit one after the other.
            Err(Error::Limits { .. }) if requests.len() > 1 => {
                requests.iter().flat_map(|request| self.answer(call, std::slice::from_ref(request))).collect()
            }
            Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    /// Plans the requests of a call and waits for the memory that they take. Where there is a memory budget, never called
    /// on a worker: see [`Budget`](crate::budget).
    ///
    /// # Errors
    /// [`Error::Limits`] where they cannot be made to fit; the callers' wish to stop.
    pub(crate) fn prepared(&self, call: &Arc<Call>, requests: &[AnyRequest]) -> Result<Prepared> {
        let mut graph = Graph::new(self.vision.registry(), requests, self.info());
        let admission = self.admit(&mut graph, || call.go_on(requests))?;
        Ok(Prepared { graph, admission })
    }

    /// Answers the requests that were prepared.
    pub(crate) fn finish(
        &self,
        call: &Arc<Call>,
        prepared: Prepared,
        requests: &[AnyRequest],
    ) -> Vec<Result<AnyObservations>> {
        let Prepared { graph, admission } = prepared;
        let priority = call.steering.priority_of(requests);
        let _under_way = self.vision.traffic().call(priority);
        let counted = admission.is_counted();
        let run = || {
            let answers = Run::new(call, &self.picture, &graph, requests).all();
            // Here, on a worker, so that it happens whatever the caller's thread does while it waits.
            admission.end(&graph);
            answers
        };
        let answers = if counted { self.vision.lanes().pool(priority).install(run) } else { run() };
        graph.roots.into_iter().map(|root| answers[root?].clone()).collect()
    }

    pub(crate) fn vision(&self) -> &Vision {
        &self.vision
    }

    pub(crate) fn picture(&self) -> &Picture {
        &self.picture
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
        let fit = self.fit(&graph)?;
        // Without a budget, what is not small is refused by the limits.
        self.picture.plan(&fit.whole_views())?;
        Ok(Plan::new(self.info(), &graph, fit, self.vision.memory_budget()))
    }

    /// Runs a batch and shows its plan beside what was measured.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn explain_analyze<R: Requests>(&self, requests: R) -> Result<Analysis> {
        self.explain_analyze_any(&requests.into_any())
    }

    /// [`explain_analyze`](Self::explain_analyze) for requests made by name.
    ///
    /// # Errors
    /// As [`explain`](Self::explain).
    pub fn explain_analyze_any(&self, requests: &[AnyRequest]) -> Result<Analysis> {
        let plan = self.explain_any(requests)?;
        let began = Instant::now();
        let (answers, steps) = self.perform_any_recorded(requests);
        let total = began.elapsed();
        let told = |answer: Result<AnyObservations>| answer.map(|found| found.len()).map_err(|error| error.to_string());
        Ok(Analysis::new(plan, &steps, answers.into_iter().map(told).collect(), total))
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
        let requests = std::slice::from_ref(request);
        let graph = Graph::new(self.vision.registry(), requests, self.info());
        let root = graph.roots[0].clone()?;
        let call = Call::new(&self.vision, self.steering.clone());
        let run = Run::new(&call, &self.picture, &graph, requests);
        run.all();
        let algorithm = &graph.nodes[root].algorithm;
        let explain = |input: &Input<'_>| algorithm.explain_miss(request, input, place);
        self.vision.pool().install(|| run.with_input(root, explain))
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
}
