//! Scheduling, seen from outside: toys that meet, wait, fail and stop at known places. No test looks at a real clock.

use crate::{BatchProgress, Vision};
use ocelli_core::{
    Algorithm, AnyObservations, AnyRequest, Cancel, DetectFaces, Error, FaceObservation, ImageInfo, Input, Needs,
    NormalizedRect, Priority, RequestExt, Result, ViewKind, ViewSpec,
};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Long enough for a machine under any load; only a broken scheduler gets there.
const PATIENCE: Duration = Duration::from_secs(60);

type Body = Box<dyn Fn(&Input<'_>) -> Result<bool> + Send + Sync>;

/// Runs a closure, and sees a face; one that answers `false` was cut short.
struct Toy {
    name: &'static str,
    requires: Vec<&'static str>,
    body: Body,
}

fn toy(name: &'static str, body: impl Fn(&Input<'_>) -> Result<bool> + Send + Sync + 'static) -> Toy {
    Toy { name, requires: Vec::new(), body: Box::new(body) }
}

impl Algorithm for Toy {
    type Request = DetectFaces;
    fn name(&self) -> &str {
        self.name
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, request: &DetectFaces, _: &ImageInfo) -> Result<Needs> {
        assert!(request.min_size < 0.9, "a panic while planning");
        Ok(Needs::new().view(ViewSpec::scaled(ViewKind::Luma8, 8)))
    }
    fn requires(&self, _: &DetectFaces) -> Vec<AnyRequest> {
        self.requires.iter().map(|name| AnyRequest::new(ask(name))).collect()
    }
    fn run(&self, _: &DetectFaces, input: &Input<'_>) -> Result<Vec<FaceObservation>> {
        let provenance = if (self.body)(input)? { input.provenance.clone() } else { input.cut_short() };
        let rect = NormalizedRect::new(0.0, 0.0, 0.5, 0.5, input.image.size);
        Ok(vec![FaceObservation::new(rect, 0.5, provenance)])
    }
}

fn ask(name: &str) -> DetectFaces {
    DetectFaces::new().algorithm(name)
}

fn vision(toys: impl IntoIterator<Item = Toy>) -> Vision {
    toys.into_iter().fold(Vision::builder().without_builtin().threads(2), |b, toy| b.register(toy)).build().unwrap()
}

fn perform(vision: &Vision, requests: impl IntoIterator<Item = DetectFaces>) -> Vec<Result<AnyObservations>> {
    let requests: Vec<_> = requests.into_iter().map(AnyRequest::new).collect();
    vision.open(picture()).unwrap().perform_any(&requests)
}

fn picture() -> image::DynamicImage {
    image::DynamicImage::new_rgb8(32, 24)
}

/// The two ends of a line between toys.
fn line() -> (impl Fn() + Send + Sync + 'static, impl Fn() + Send + Sync + 'static) {
    let (sender, receiver): (Sender<()>, Receiver<()>) = channel();
    let (sender, receiver) = (Mutex::new(sender), Mutex::new(receiver));
    let call = move || {
        // Who stopped listening does not want to know.
        let _ = sender.lock().unwrap().send(());
    };
    let listen = move || receiver.lock().unwrap().recv_timeout(PATIENCE).expect("the other toy runs, too");
    (call, listen)
}

#[test]
fn independent_runs_are_parallel() {
    let ((call_a, hear_a), (call_b, hear_b)) = (line(), line());
    let a = toy("a", move |_| {
        call_a();
        hear_b();
        Ok(true)
    });
    let b = toy("b", move |_| {
        call_b();
        hear_a();
        Ok(true)
    });
    assert!(perform(&vision([a, b]), [ask("a"), ask("b")]).iter().all(Result::is_ok));
}

#[test]
fn a_run_starts_when_its_own_producers_are_done() {
    let (call, hear) = line();
    let slow = toy("slow", move |_| {
        hear();
        Ok(true)
    });
    let producer = toy("producer", |_| Ok(true));
    let reader = toy("reader", move |input| {
        assert_eq!(input.observations::<DetectFaces>().unwrap().len(), 1);
        call();
        Ok(true)
    });
    let reader = Toy { requires: vec!["producer"], ..reader };
    // The reader has to run while the first request does; its producer is added by the plan.
    let vision = vision([slow, producer, reader]);
    assert!(perform(&vision, [ask("slow"), ask("reader")]).iter().all(Result::is_ok));
    assert_eq!(vision.metrics().requests, 3);
}

#[test]
fn failures_and_panics_fail_alone() {
    let fails = toy("fails", |_| Err(Error::algorithm("fails", "no")));
    let panics = toy("panics", |_| panic!("on purpose"));
    let reads = Toy { requires: vec!["panics"], ..toy("reads", |_| Ok(true)) };
    let vision = vision([toy("good", |_| Ok(true)), fails, panics, reads]);
    let deaf = ask("good").max_count(1).on_progress(|_| panic!("a callback"));
    let planless = ask("good").min_size(0.95);
    let answers =
        perform(&vision, [ask("good"), ask("fails"), ask("panics"), ask("reads"), deaf, planless, ask("magic")]);
    assert!(answers[0].is_ok());
    let text = |ix: usize| answers[ix].as_ref().unwrap_err().to_string();
    assert!(text(1).contains("no") && text(2).contains("on purpose") && text(3).contains("on purpose"));
    assert!(text(4).contains("a callback") && text(5).contains("while planning") && text(6).contains("magic"));
    assert_eq!((vision.metrics().requests, vision.metrics().failed), (5, 4));
}

#[test]
fn equal_requests_share_a_run_that_ends_with_the_last_of_them() {
    let (one, two) = (Cancel::new(), Cancel::new());
    let (switches, runs) = ([one.clone(), two.clone()], Arc::new(AtomicUsize::new(0)));
    let counted = runs.clone();
    let shared = toy("shared", move |input| {
        counted.fetch_add(1, Ordering::SeqCst);
        switches[0].cancel();
        input.control.checkpoint()?;
        switches[1].cancel();
        input.control.checkpoint().map(|()| true)
    });
    let answers = perform(&vision([shared]), [ask("shared").cancel(&one), ask("shared").cancel(&two)]);
    assert!(answers.iter().all(|answer| matches!(answer, Err(Error::Cancelled))));
    assert_eq!(runs.load(Ordering::SeqCst), 1);
}

/// A clock that stands still until it is moved.
fn clock() -> (Arc<AtomicU64>, impl Fn() -> Instant + Send + Sync + 'static) {
    let (zero, seconds) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let shared = seconds.clone();
    (seconds, move || zero + Duration::from_secs(shared.load(Ordering::SeqCst)))
}

#[test]
fn a_deadline_returns_what_is_finished_marked() {
    let (seconds, clock) = clock();
    let half = toy("half", move |input| {
        input.control.checkpoint()?;
        seconds.store(10, Ordering::SeqCst);
        Ok(input.control.checkpoint().is_ok())
    });
    let reads = Toy { requires: vec!["half"], ..toy("reads", |_| Ok(true)) };
    let late = toy("late", |input| input.control.checkpoint().map(|()| true));
    let builder = Vision::builder().without_builtin().register(half).register(reads).register(late);
    let vision = builder.threads(1).clock(clock).build().unwrap();
    let within = |name: &str| ask(name).deadline(Duration::from_secs(10));
    let answers = perform(&vision, [within("half"), ask("half"), within("late"), ask("late")]);
    let half = answers[0].as_ref().unwrap();
    assert!(half.is_incomplete() && half.records()[0]["incomplete"] == true);
    assert!(!answers[1].as_ref().unwrap().is_incomplete(), "without a deadline it is whole");
    assert!(matches!(answers[2], Err(Error::DeadlineExceeded)) && answers[3].is_ok());
    assert_eq!(vision.metrics().incomplete, 1);
}

#[test]
fn producers_have_the_deadline_of_their_readers() {
    let (seconds, clock) = clock();
    let half = toy("half", move |input| {
        assert!(input.control.has_deadline(), "nobody asked for it but the reader");
        seconds.store(10, Ordering::SeqCst);
        Ok(input.control.checkpoint().is_ok())
    });
    let reads = Toy { requires: vec!["half"], ..toy("reads", |_| Ok(true)) };
    let vision = Vision::builder().without_builtin().register(half).register(reads).clock(clock).build().unwrap();
    let answers = perform(&vision, [ask("reads").deadline(Duration::from_secs(10))]);
    assert!(matches!(answers[0], Err(Error::DeadlineExceeded)), "no time is left to read them");
}

#[test]
fn background_work_gives_way() {
    let ((call_started, hear_started), (call_go, hear_go)) = (line(), line());
    let background = toy("background", move |input| {
        assert_eq!(input.control.priority(), Priority::Background);
        call_started();
        hear_go();
        input.control.checkpoint().map(|()| true)
    });
    let slot: Arc<Mutex<Option<Vision>>> = Arc::default();
    let own = slot.clone();
    let interactive = toy("interactive", move |_| {
        call_go();
        let vision = own.lock().unwrap().clone().unwrap();
        let began = Instant::now();
        while vision.metrics().holds == 0 {
            assert!(began.elapsed() < PATIENCE, "the other one was not held");
            std::thread::yield_now();
        }
        Ok(true)
    });
    let vision = vision([background, interactive]);
    *slot.lock().unwrap() = Some(vision.clone());
    let long = vision.open(picture()).unwrap().priority(Priority::Background);
    let long = long.perform_any_async(vec![AnyRequest::new(ask("background"))]);
    hear_started();
    assert!(perform(&vision, [ask("interactive").priority(Priority::Interactive)])[0].is_ok());
    assert!(long.wait().unwrap()[0].is_ok());
    slot.lock().unwrap().take();
}

#[test]
fn futures_run_on_any_executor() {
    let vision = vision([toy("a", |_| Ok(true))]);
    let faces = pollster::block_on(async {
        let handler = vision.open_async(picture()).await?;
        let (faces,) = handler.perform_async((ask("a"),)).await?;
        assert!(vision.open_async("no/such/file.jpg").await.is_err());
        Ok::<_, Error>(faces)
    });
    assert_eq!(faces.unwrap().len(), 1);
    let many: Vec<_> = (0..50).map(|_| vision.open(picture()).unwrap().perform_each_async((ask("a"),))).collect();
    assert!(many.into_iter().all(|pending| pending.wait().unwrap().0.is_ok()));
}

#[test]
fn dropping_a_future_cancels_its_work() {
    let ((call_started, hear_started), (call_ended, hear_ended)) = (line(), line());
    let endless = toy("endless", move |input| {
        call_started();
        loop {
            if let Err(error) = input.control.checkpoint() {
                assert!(matches!(error, Error::Cancelled));
                call_ended();
                return Err(error);
            }
            std::thread::yield_now();
        }
    });
    let vision = vision([endless]);
    let pending = vision.open(picture()).unwrap().perform_async((ask("endless"),));
    hear_started();
    drop(pending);
    hear_ended();
}

#[test]
fn a_stopped_batch_ends_with_a_word() {
    let cancel = Cancel::new();
    let (switch, runs) = (cancel.clone(), AtomicUsize::new(0));
    let third = toy("third", move |_| {
        if runs.fetch_add(1, Ordering::SeqCst) == 2 {
            switch.cancel();
        }
        Ok(true)
    });
    let vision = Vision::builder().without_builtin().register(third).threads(1).build().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let told = seen.clone();
    let batch = vision.batch((0..40).map(|_| picture()));
    let batch = batch.cancel(&cancel).on_progress(move |p: BatchProgress| told.lock().unwrap().push(p));
    let outcomes: Vec<_> = batch.perform((ask("third"),)).collect();
    let (last, rest) = outcomes.split_last().unwrap();
    assert!(matches!(last, Err(failure) if matches!(failure.error, Error::Cancelled) && failure.name == "batch"));
    assert!((3..40).contains(&rest.len()), "{}", rest.len());
    let seen = seen.lock().unwrap();
    assert!(seen.len() == rest.len() && seen.iter().zip(1..).all(|(p, n)| p.done == n && p.total == Some(40)));
}

#[test]
fn a_batch_has_a_deadline_of_its_own() {
    let (seconds, clock) = clock();
    let ticks = toy("ticks", move |_| {
        seconds.fetch_add(1, Ordering::SeqCst);
        Ok(true)
    });
    let vision = Vision::builder().without_builtin().register(ticks).threads(1).clock(clock).build().unwrap();
    let batch = vision.batch((0..100).map(|_| picture())).deadline(Duration::from_secs(5));
    let outcomes: Vec<_> = batch.perform((ask("ticks"),)).collect();
    assert!(outcomes.len() < 100);
    let last = outcomes.last().unwrap().as_ref().unwrap_err();
    assert!(matches!(last.error, Error::DeadlineExceeded), "{last}");
}

#[test]
fn records_and_counters_have_one_source() {
    let vision = vision([toy("a", |_| Ok(true)), toy("b", |_| Ok(true))]);
    let handler = vision.open(picture()).unwrap();
    let (_, steps) = handler.perform_any_recorded(&[AnyRequest::new(ask("a")), AnyRequest::new(ask("b"))]);
    let metrics = vision.metrics();
    let counted = metrics.decodes.count + metrics.views.count + metrics.hits.count + metrics.algorithms.count;
    assert_eq!(steps.len() as u64, counted, "{steps:?}");
    assert_eq!((metrics.algorithms.count, metrics.hits.count), (2, 1), "{metrics:?}");
    assert!(metrics.views.bytes > 0);
}
