//! Algorithms: the plugin contract.

use crate::{
    AnyObservations, AnyRequest, Control, Cost, ImageInfo, MemoryPlan, MissReport, Needs, NormalizedRect, Provenance,
    Request, Result, Size, TileScan, Views,
};
use std::sync::Arc;

/// One way to answer a request: the whole contract of a plugin.
///
/// The framework calls [`needs`](Self::needs) before anything is decoded, builds the views, and hands them to
/// [`run`](Self::run). An algorithm is shared between threads and keeps no state from picture to picture.
///
/// ```text
/// journey := needs requires run       once a request and picture, in this order; run is left out if views failed
/// ```
pub trait Algorithm: Send + Sync + 'static {
    /// The request that it answers.
    type Request: Request;

    /// Its name among the algorithms that answer the same request: `"deep"`.
    fn name(&self) -> &str;

    /// Frozen behaviour number: any change of results is a new revision.
    fn revision(&self) -> u32;

    /// The views that `run` will read.
    ///
    /// # Errors
    /// [`Error::Limits`](crate::Error::Limits) or [`Error::Unsupported`](crate::Error::Unsupported) for a request
    /// that this algorithm cannot serve on this picture.
    fn needs(&self, request: &Self::Request, image: &ImageInfo) -> Result<Needs>;

    /// Computes the answers, in any order: the framework applies maximum count after sorting by confidence.
    ///
    /// # Errors
    /// Whatever stopped it; siblings in the batch are not affected.
    fn run(&self, request: &Self::Request, input: &Input<'_>) -> Result<Vec<<Self::Request as Request>::Out>>;

    /// Requests whose answers `run` reads through [`Input::observations`]; the plan runs them first. Default none.
    ///
    /// To look closer at what they found without a view of your own, see [`Needs::of_required`].
    fn requires(&self, request: &Self::Request) -> Vec<AnyRequest> {
        let _ = request;
        Vec::new()
    }

    /// Why nothing was observed at `place`, from the same views that `run` reads. Default `None`: it cannot say.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    fn explain_miss(
        &self,
        request: &Self::Request,
        input: &Input<'_>,
        place: NormalizedRect,
    ) -> Result<Option<MissReport>> {
        let _ = (request, input, place);
        Ok(None)
    }

    /// The working memory that `run` will take, planned without running. Default `None`: it does not plan.
    ///
    /// # Errors
    /// As [`needs`](Self::needs).
    fn memory(&self, request: &Self::Request, image: &ImageInfo) -> Result<Option<MemoryPlan>> {
        let _ = (request, image);
        Ok(None)
    }

    /// What a run over views of these sizes (those of its needs, in their order) takes. Default: nothing that counts.
    ///
    /// # Errors
    /// Where no plan for these sizes can be made.
    fn cost(&self, request: &Self::Request, sizes: &[Size]) -> Result<Cost> {
        let _ = (request, sizes);
        Ok(Cost::default())
    }

    /// How to scan huge views tile by tile. Default `None`: every view is read whole.
    fn tiles(&self) -> Option<&dyn TileScan<Self::Request>> {
        None
    }

    /// Lets go of memory that is kept for the next run. Default nothing: it keeps none.
    fn release(&self) {}

    /// One line for plans and `--help`. Default empty.
    fn description(&self) -> &str {
        ""
    }
}

/// What a running algorithm is handed.
#[derive(Debug)]
pub struct Input<'a> {
    /// The picture, as known from its header.
    pub image: &'a ImageInfo,
    /// The views that it declared, and no others.
    pub views: &'a Views,
    /// Its checkpoints: cancel, deadline, progress.
    pub control: &'a Control,
    /// To be put into every observation it makes.
    pub provenance: &'a Arc<Provenance>,
    /// Answers to the requests that it [`requires`](Algorithm::requires), in that order.
    pub required: &'a [AnyObservations],
}

impl Input<'_> {
    /// The provenance of answers that the deadline cut short: marks them, and the whole run, as incomplete.
    ///
    /// An algorithm that did part of its work when [`Control::checkpoint`] says that the deadline passed may return what
    /// it has with this provenance, instead of the error.
    pub fn cut_short(&self) -> Arc<Provenance> {
        self.control.mark_incomplete();
        let mut provenance = Provenance::clone(self.provenance);
        provenance.incomplete = true;
        Arc::new(provenance)
    }

    /// The answers to the first required request of type `R`; `None` where none was required.
    pub fn observations<R: Request>(&self) -> Option<&[R::Out]> {
        self.required.iter().find_map(AnyObservations::downcast_ref::<R>)
    }
}
