//! The async door: futures that any executor can poll.

use futures_channel::oneshot::{self, Receiver};
use ocelli_core::{Cancel, Error, Result};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};

/// Work under way on the framework's own threads: a future for any executor, or something to [`wait`](Self::wait) for.
///
/// The work starts at once, polled or not. Dropping it cancels the work.
#[derive(Debug)]
#[must_use = "dropping it cancels the work"]
pub struct Pending<T> {
    receiver: Receiver<Result<T>>,
    cancel: Cancel,
}

impl<T: Send + 'static> Pending<T> {
    /// Has `start` begin the work: it is given the switch that dropping throws, and what to call with the outcome.
    pub(crate) fn new(start: impl FnOnce(Cancel, Box<dyn FnOnce(Result<T>) + Send>)) -> Self {
        let (sender, receiver) = oneshot::channel();
        let cancel = Cancel::new();
        // A receiver that is gone means that nobody wants to know any more.
        start(cancel.clone(), Box::new(move |outcome| drop(sender.send(outcome))));
        Self { receiver, cancel }
    }
}

impl<T> Pending<T> {
    /// Blocks this thread until the work is done.
    ///
    /// # Errors
    /// The work's own.
    pub fn wait(self) -> Result<T> {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut this = pin!(self);
        loop {
            match this.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(outcome) => return outcome,
                Poll::Pending => thread::park(),
            }
        }
    }
}

impl<T> Future for Pending<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // The other side goes without a word only where it was torn down.
        Pin::new(&mut self.receiver).poll(context).map(|outcome| outcome.unwrap_or(Err(Error::Cancelled)))
    }
}

impl<T> Drop for Pending<T> {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}
