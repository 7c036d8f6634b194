//! The same requests over many pictures: streamed, in order, never more pictures in memory than workers need.

use crate::call::{Call, Steering};
use crate::{Handler, Requests, Vision};
use ocelli_core::{AnyObservations, AnyRequest, Cancel, Error, Priority, Result};
use ocelli_image::Source;
use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Duration;

/// Many pictures, ready for [`perform`](Self::perform).
pub struct Batch<I> {
    vision: Vision,
    sources: I,
    steering: Steering,
    time: Option<Duration>,
    progress: Option<Box<dyn FnMut(BatchProgress) + Send>>,
}

/// How far a batch has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BatchProgress {
    /// Pictures answered, failed ones among them.
    pub done: usize,
    /// Pictures that could not be opened.
    pub failed: usize,
    /// Pictures in all, where the sources know.
    pub total: Option<usize>,
}

/// A picture of a batch that could not be opened, or the end of a batch that was stopped.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct BatchFailure {
    /// Path or name of the source; `batch` where the whole batch was stopped.
    pub name: String,
    /// Why.
    pub error: Error,
}

impl fmt::Display for BatchFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl std::error::Error for BatchFailure {}

impl<I: fmt::Debug> fmt::Debug for Batch<I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Batch")
            .field("sources", &self.sources)
            .field("steering", &self.steering)
            .finish_non_exhaustive()
    }
}

/// What a worker sends back for one picture.
type Answered = Result<(Handler, Vec<Result<AnyObservations>>), BatchFailure>;

impl<S: Into<Source>, I: Iterator<Item = S>> Batch<I> {
    pub(crate) fn new(vision: Vision, sources: I) -> Self {
        Self { vision, sources, steering: Steering::default(), time: None, progress: None }
    }

    /// Says how urgent the whole batch is, whatever its requests say.
    pub fn priority(mut self, priority: Priority) -> Self {
        self.steering.priority = Some(priority);
        self
    }

    /// Lets this switch stop the batch: what is finished is returned, then [`Error::Cancelled`], and that is the end.
    pub fn cancel(mut self, cancel: &Cancel) -> Self {
        self.steering.cancels.push(cancel.clone());
        self
    }

    /// Stops the batch after this time, counted from [`perform`](Self::perform): what is finished is returned, answers cut
    /// short are marked, then comes [`Error::DeadlineExceeded`], and that is the end.
    pub fn deadline(mut self, time: Duration) -> Self {
        self.time = Some(time);
        self
    }

    /// Hears how far the batch has come: after every picture, on the thread that takes the answers.
    pub fn on_progress(mut self, callback: impl FnMut(BatchProgress) + Send + 'static) -> Self {
        self.progress = Some(Box::new(callback));
        self
    }

    /// Performs the requests on every picture, in the order of the sources; a bad picture fails alone.
    ///
    /// ```no_run
    /// # use ocelli::prelude::*;
    /// # let vision = Vision::new()?;
    /// for outcome in vision.batch(["a.jpg", "b.jpg"]).priority(Priority::Background).perform((DetectFaces::new(),)) {
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
    pub fn perform_any(mut self, requests: Vec<AnyRequest>) -> impl Iterator<Item = Answered> {
        self.steering.deadline = self.time.and_then(|time| self.vision.now().checked_add(time));
        let priority = self.steering.priority_of(&requests);
        // One picture a worker under way and one waiting to be collected keeps all workers busy.
        let room = 2 * self.vision.lanes().pool(priority).current_num_threads();
        let total = match self.sources.size_hint() {
            (least, Some(most)) if least == most => Some(most),
            _ => None,
        };
        let so_far = BatchProgress { done: 0, failed: 0, total };
        let under_way = VecDeque::with_capacity(room);
        let sources = PhantomData::<S>;
        Stream { batch: self, requests, priority, under_way, room, so_far, ended: false, sources }
    }
}

struct Stream<S, I> {
    batch: Batch<I>,
    requests: Vec<AnyRequest>,
    priority: Priority,
    under_way: VecDeque<Receiver<Answered>>,
    room: usize,
    so_far: BatchProgress,
    ended: bool,
    sources: PhantomData<S>,
}

impl<S: Into<Source>, I: Iterator<Item = S>> Stream<S, I> {
    fn start(&mut self, source: Source) {
        let (sender, receiver) = sync_channel(1);
        let (vision, requests) = (self.batch.vision.clone(), self.requests.clone());
        let steering = self.batch.steering.clone();
        self.under_way.push_back(receiver);
        if vision.memory_budget().is_some() {
            return self.start_in_budget(source, sender);
        }
        self.batch.vision.lanes().pool(self.priority).spawn_fifo(move || {
            let name = source.name().to_owned();
            let answered = vision
                .open(source)
                .map(|handler| {
                    let answers = handler.answer(&Call::new(&vision, steering), &requests);
                    (handler, answers)
                })
                .map_err(|error| BatchFailure { name, error });
            // A receiver that is gone means that the caller stopped listening.
            let _ = sender.send(answered);
        });
    }

    /// Waits for the memory of the picture here, on the caller's thread, since workers never do.
    fn start_in_budget(&mut self, source: Source, sender: SyncSender<Answered>) {
        let (vision, requests) = (self.batch.vision.clone(), self.requests.clone());
        let name = source.name().to_owned();
        let handler = match vision.open(source) {
            Ok(handler) => handler,
            Err(error) => return drop(sender.send(Err(BatchFailure { name, error }))),
        };
        let call = Call::new(&vision, self.batch.steering.clone());
        match handler.prepared(&call, &requests) {
            Ok(prepared) => vision.lanes().pool(self.priority).spawn_fifo(move || {
                let answers = handler.finish(&call, prepared, &requests);
                let _ = sender.send(Ok((handler, answers)));
            }),
            // Refused, or one request after the other.
            Err(_) => {
                let answers = handler.answer(&call, &requests);
                let _ = sender.send(Ok((handler, answers)));
            }
        }
    }

    /// Why no further picture is begun, if the batch was stopped.
    fn stopped(&self) -> Option<Error> {
        let steering = &self.batch.steering;
        if steering.cancels.iter().any(Cancel::is_cancelled) {
            return Some(Error::Cancelled);
        }
        steering.deadline.is_some_and(|d| self.batch.vision.now() >= d).then_some(Error::DeadlineExceeded)
    }

    /// The end: silent, or with a word where pictures are left.
    fn end(&mut self) -> Option<Answered> {
        let stopped = self.stopped().filter(|_| !self.ended && self.batch.sources.next().is_some());
        self.ended = true;
        stopped.map(|error| Err(BatchFailure { name: "batch".into(), error }))
    }
}

impl<S: Into<Source>, I: Iterator<Item = S>> Iterator for Stream<S, I> {
    type Item = Answered;

    fn next(&mut self) -> Option<Answered> {
        while !self.ended && self.under_way.len() < self.room && self.stopped().is_none() {
            let Some(source) = self.batch.sources.next() else { break };
            self.start(source.into());
        }
        let Some(first) = self.under_way.pop_front() else { return self.end() };
        let torn = |_| BatchFailure { name: "worker".into(), error: Error::Cancelled };
        let answered = first.recv().map_err(torn).and_then(|answered| answered);
        self.so_far.done += 1;
        self.so_far.failed += usize::from(answered.is_err());
        if let Some(progress) = &mut self.batch.progress {
            progress(self.so_far);
        }
        Some(answered)
    }
}
