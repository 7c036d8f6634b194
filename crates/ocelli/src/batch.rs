//! The same requests over many pictures: streamed, in order, never more pictures in memory than workers need.

use crate::{Handler, Requests, Vision};
use ocelli_core::{AnyObservations, AnyRequest, Error, Result};
use ocelli_image::Source;
use std::collections::VecDeque;
use std::marker::PhantomData;
use std::sync::mpsc::{Receiver, sync_channel};

/// Many pictures, ready for [`perform`](Self::perform).
#[derive(Debug)]
pub struct Batch<I> {
    vision: Vision,
    sources: I,
}

/// A picture of a batch that could not be opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchFailure {
    /// Path or name of the source.
    pub name: String,
    /// Why.
    pub error: Error,
}

impl std::fmt::Display for BatchFailure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl std::error::Error for BatchFailure {}

/// What a worker sends back for one picture.
type Answered = Result<(Handler, Vec<Result<AnyObservations>>), BatchFailure>;

impl<S: Into<Source>, I: Iterator<Item = S>> Batch<I> {
    pub(crate) fn new(vision: Vision, sources: I) -> Self {
        Self { vision, sources }
    }

    /// Performs the requests on every picture, in the order of the sources; a bad picture fails alone.
    ///
    /// ```no_run
    /// # use ocelli::prelude::*;
    /// # let vision = Vision::new()?;
    /// for outcome in vision.batch(["a.jpg", "b.jpg"]).perform((DetectFaces::new(),)) {
    ///     match outcome {
    ///         Ok((handler, (faces,))) => println!("{}: {} faces", handler.info().name, faces?.len()),
    ///         Err(failure) => eprintln!("{failure}"),
    ///     }
    /// }
    /// # Ok::<(), Error>(())
    /// ```
    pub fn perform<R: Requests>(
        self,
        requests: R,
    ) -> impl Iterator<Item = Result<(Handler, R::Outcomes), BatchFailure>> {
        let typed = |answered: Answered| answered.map(|(handler, answers)| (handler, R::outcomes(answers)));
        self.perform_any(requests.into_any()).map(typed)
    }

    /// [`perform`](Self::perform) for requests made by name.
    pub fn perform_any(self, requests: Vec<AnyRequest>) -> impl Iterator<Item = Answered> {
        // One picture a worker under way and one waiting to be collected keeps all workers busy.
        let room = 2 * self.vision.pool().current_num_threads();
        Stream { batch: self, requests, under_way: VecDeque::with_capacity(room), room, sources: PhantomData::<S> }
    }
}

struct Stream<S, I> {
    batch: Batch<I>,
    requests: Vec<AnyRequest>,
    under_way: VecDeque<Receiver<Answered>>,
    room: usize,
    sources: PhantomData<S>,
}

impl<S: Into<Source>, I: Iterator<Item = S>> Stream<S, I> {
    fn start(&mut self, source: Source) {
        let (sender, receiver) = sync_channel(1);
        let (vision, requests) = (self.batch.vision.clone(), self.requests.clone());
        self.batch.vision.pool().spawn(move || {
            let name = source.name().to_owned();
            let answered = vision
                .open(source)
                .map(|handler| {
                    let answers = handler.perform_any(&requests);
                    (handler, answers)
                })
                .map_err(|error| BatchFailure { name, error });
            // A receiver that is gone means that the caller stopped listening.
            let _ = sender.send(answered);
        });
        self.under_way.push_back(receiver);
    }
}

impl<S: Into<Source>, I: Iterator<Item = S>> Iterator for Stream<S, I> {
    type Item = Answered;

    fn next(&mut self) -> Option<Answered> {
        while self.under_way.len() < self.room {
            let Some(source) = self.batch.sources.next() else { break };
            self.start(source.into());
        }
        let stopped = |_| BatchFailure { name: "worker".into(), error: Error::Cancelled };
        self.under_way.pop_front().map(|first| first.recv().map_err(stopped).and_then(|answered| answered))
    }
}
