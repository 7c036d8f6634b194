//! What the checks share: the framework around the algorithm, and a run without it.

use super::Conformance;
use image::RgbImage;
use ocelli::core::{
    Algorithm, AnyRequest, Control, Error, ImageInfo, Input, Needs, Provenance, Request, Result, ViewSpec,
};
use ocelli::image::{Picture, Source, ViewCache};
use ocelli::{Handler, Vision};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// The suite with a running framework.
pub(super) struct Stage<'a, A: Algorithm> {
    pub suite: &'a Conformance<A>,
    pub vision: Vision,
    pub algorithm: A,
    /// The suite's request, naming the algorithm.
    pub request: A::Request,
}

pub(super) type Answers<A> = Vec<<<A as Algorithm>::Request as Request>::Out>;

impl<'a, A: Algorithm> Stage<'a, A> {
    pub fn new(suite: &'a Conformance<A>) -> Self {
        let algorithm = (suite.make)();
        let mut request = suite.request.clone();
        request.options_mut().algorithm = Some(algorithm.name().to_owned());
        request.options_mut().revision = Some(algorithm.revision());
        Self { vision: framework(suite, 2), algorithm, request, suite }
    }

    /// A framework of so many threads that keeps no views.
    pub fn with_threads(&self, threads: usize) -> Vision {
        framework(self.suite, threads)
    }

    /// The picture that most checks look at.
    pub fn picture(&self) -> &RgbImage {
        &self.suite.pictures[0]
    }

    /// The answers to the suite's request.
    pub fn answers(&self, source: impl Into<Source>) -> Result<Answers<A>> {
        self.answers_to(self.request.clone(), source)
    }

    pub fn answers_to(&self, request: A::Request, source: impl Into<Source>) -> Result<Answers<A>> {
        self.vision.open(source)?.perform_one(request)
    }

    /// Runs the algorithm by itself on the views that it declared, under a control of the caller's.
    ///
    /// `around` is called with the run alone, after everything that it reads is there.
    pub fn alone<T>(
        &self,
        picture: &RgbImage,
        control: &Control,
        around: impl FnOnce(&Input<'_>, &dyn Fn() -> Result<Answers<A>>) -> T,
    ) -> Result<T> {
        let handler = self.vision.open(picture.clone())?;
        let required = self.algorithm.requires(&self.request);
        let answers = handler.perform_any(&required).into_iter().collect::<Result<Vec<_>>>()?;
        let info = handler.info();
        let needs = self.algorithm.needs(&self.request, info)?.settled(self.views_of(&required, &handler)?);
        let opened = Picture::open(picture.clone(), self.vision.limits())?;
        let views = opened.views(&needs.views, &needs.views, &ViewCache::new(0), &Control::default())?;
        let provenance = Arc::new(Provenance::new(self.algorithm.name(), self.algorithm.revision()));
        let input = Input { image: info, views: &views, control, provenance: &provenance, required: &answers };
        let run = || {
            let outcome = catch_unwind(AssertUnwindSafe(|| self.algorithm.run(&self.request, &input)));
            outcome.unwrap_or_else(|_| Err(fault(&self.algorithm, "panicked")))
        };
        Ok(around(&input, &run))
    }

    /// The views that requests read, and those that they require in turn.
    fn views_of(&self, requests: &[AnyRequest], handler: &Handler) -> Result<Vec<ViewSpec>> {
        let mut views = Vec::new();
        for request in requests {
            let algorithm = self.vision.registry().select(request)?;
            let theirs = self.views_of(&algorithm.requires(request), handler)?;
            views.extend(algorithm.needs(request, handler.info())?.settled(theirs).views);
        }
        Ok(views)
    }

    /// The algorithm's needs on a picture, not settled.
    pub fn needs(&self, info: &ImageInfo) -> Result<Needs> {
        self.algorithm.needs(&self.request, info)
    }
}

fn fault<A: Algorithm>(algorithm: &A, reason: &str) -> Error {
    Error::Contract { algorithm: algorithm.name().to_owned(), reason: reason.to_owned() }
}

fn framework<A: Algorithm>(suite: &Conformance<A>, threads: usize) -> Vision {
    let builder = (suite.setup)(Vision::builder()).threads(threads).cache_bytes(0).replace((suite.make)());
    builder.build().expect("a framework for the suite")
}
