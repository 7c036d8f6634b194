//! The checks, one function each; `None` where a check cannot be made.

use super::compare::{difference, places, plain};
use super::stage::{Answers, Stage};
use crate::pictures::{encoded, noise};
use image::{DynamicImage, ImageFormat, RgbImage};
use ocelli::core::{
    Algorithm, AnyRequest, Cancel, Control, Error, Observation, Orientation, Region, Request, Result, Size,
};
use ocelli::image::{PixelBuffer, PixelLayout, Source};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

type Outcome = Option<std::result::Result<(), String>>;
type Check<A> = fn(&Stage<'_, A>) -> Outcome;

/// Every check by its name, in the order in which they run.
pub(super) fn all<A: Algorithm>() -> Vec<(&'static str, Check<A>)> {
    let checks: [(&'static str, Check<A>); 13] = [
        ("coverage", coverage),
        ("determinism", determinism),
        ("orientation", orientation),
        ("source-kind", source_kind),
        ("needs", needs),
        ("stop", stop),
        ("extreme-sizes", extreme_sizes),
        ("region", region),
        ("random-pictures", random_pictures),
        ("threshold", threshold),
        ("memory", memory),
        ("serde", serde),
        ("provenance", provenance),
    ];
    checks.into()
}

fn told<T>(outcome: Result<T>) -> std::result::Result<T, String> {
    outcome.map_err(|error| error.to_string())
}

fn coverage<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let answered = told(stage.answers(stage.picture().clone()));
    Some(answered.and_then(|answers| {
        let hint = "nothing is found on the first picture; give one with `picture(…)` that shows something";
        if answers.is_empty() { Err(hint.to_owned()) } else { Ok(()) }
    }))
}

/// The answers equal those to the first picture as it is.
fn same<A: Algorithm>(stage: &Stage<'_, A>, expected: &Value, what: &str, answers: Result<Answers<A>>) -> Outcome {
    let answers = match answers {
        Ok(answers) => plain(&answers),
        Err(error) => return Some(Err(format!("{what}: {error}"))),
    };
    let found = difference(expected, &answers, stage.suite.tolerance);
    Some(found.map_or(Ok(()), |difference| Err(format!("{what}: {difference}"))))
}

/// The first failure among several outcomes.
fn every(outcomes: impl IntoIterator<Item = Outcome>) -> Outcome {
    outcomes.into_iter().flatten().find(|outcome| outcome.is_err()).or(Some(Ok(())))
}

/// The answers to the first picture, to compare others with; `None` where `coverage` fails on them anyway.
fn expected<A: Algorithm>(stage: &Stage<'_, A>) -> Option<Value> {
    stage.answers(stage.picture().clone()).ok().map(|answers| plain(&answers))
}

fn determinism<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let first = expected(stage)?;
    let again = same(stage, &first, "a second run", stage.answers(stage.picture().clone()));
    let threads = [1, 4].map(|threads| {
        let vision = stage.with_threads(threads);
        let answers = vision.open(stage.picture().clone()).and_then(|p| p.perform_one(stage.request.clone()));
        same(stage, &first, &format!("{threads} threads"), answers)
    });
    every([again].into_iter().chain(threads))
}

/// What a file with this orientation holds, so that it is `upright` once turned.
fn stored(upright: &RgbImage, orientation: Orientation) -> RgbImage {
    let size = orientation.stored_size(Size::new(upright.width(), upright.height()));
    let centre = |ix: u32, side: u32| (f64::from(ix) + 0.5) / f64::from(side);
    let pixel = |fraction: f64, side: u32| ((fraction * f64::from(side)) as u32).min(side - 1);
    RgbImage::from_fn(size.width, size.height, |x, y| {
        let (u, v) = orientation.upright_from_stored(centre(x, size.width), centre(y, size.height));
        *upright.get_pixel(pixel(u, upright.width()), pixel(v, upright.height()))
    })
}

fn orientation<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let first = expected(stage)?;
    every(Orientation::ALL.into_iter().map(|orientation| {
        let source = Source::image(stored(stage.picture(), orientation)).oriented(orientation);
        same(stage, &first, &format!("stored as {orientation:?}"), stage.answers(source))
    }))
}

fn source_kind<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let (first, picture) = (expected(stage)?, stage.picture());
    let png = encoded(picture, ImageFormat::Png);
    let (size, pitch) = (Size::new(picture.width(), picture.height()), picture.width() as usize * 3 + 5);
    let mut padded = vec![0xA5; pitch * picture.height() as usize];
    for (x, y, pixel) in picture.enumerate_pixels() {
        let at = y as usize * pitch + x as usize * 3;
        padded[at..at + 3].copy_from_slice(&[pixel[2], pixel[1], pixel[0]]);
    }
    let bgr = PixelBuffer { data: &padded, size, row_pitch: pitch, layout: PixelLayout::Bgr8 };
    let sources: [(&str, Source); 4] = [
        ("bytes of a PNG file", Source::bytes("bytes", png.clone())),
        ("a reader", Source::reader("reader", std::io::Cursor::new(png))),
        ("a decoded picture", DynamicImage::from(picture.clone()).into()),
        ("blue-green-red pixels with padding", bgr.into()),
    ];
    every(sources.map(|(what, source)| same(stage, &first, what, stage.answers(source))))
}

/// A fault of the algorithm, not a refusal.
fn is_fault(error: &Error) -> bool {
    matches!(error, Error::Contract { .. } | Error::Algorithm { .. })
}

fn needs<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let small = [(97, 61), (1, 1), (40, 200)].map(|(width, height)| noise(width, height, 1));
    every(stage.suite.pictures.iter().chain(&small).map(|picture| {
        let what = format!("picture of {}×{}", picture.width(), picture.height());
        let opened = match stage.vision.open(picture.clone()) {
            Ok(opened) => opened,
            Err(error) => return Some(Err(format!("{what}: {error}"))),
        };
        match (stage.needs(opened.info()), stage.needs(opened.info())) {
            (Ok(a), Ok(b)) if a != b => return Some(Err(format!("{what}: other needs for the same question"))),
            _ => {}
        }
        match opened.perform_one(stage.request.clone()) {
            Err(Error::Contract { reason, .. }) if reason.contains("view") => Some(Err(format!("{what}: {reason}"))),
            _ => Some(Ok(())),
        }
    }))
}

fn stop<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let cancel = Cancel::new();
    cancel.cancel();
    let cancelled = Control::start(Some(cancel), None, None);
    let late = Control::start(None, Some(Duration::ZERO), None);
    Some(told(stopped(stage, &cancelled)).and_then(|(answer, time)| {
        in_time(stage, time)?;
        match answer {
            Err(Error::Cancelled) => Ok(()),
            other => Err(format!("a cancelled run ends with {}", outcome_text(&other))),
        }?;
        let (answer, time) = told(stopped(stage, &late))?;
        in_time(stage, time)?;
        match answer {
            Err(Error::DeadlineExceeded) => Ok(()),
            // What was found in time may be returned, marked as not all.
            Ok(_) if late.is_incomplete() => Ok(()),
            other => Err(format!("a run without time ends with {}", outcome_text(&other))),
        }
    }))
}

fn stopped<A: Algorithm>(stage: &Stage<'_, A>, control: &Control) -> Result<(Result<Answers<A>>, Duration)> {
    stage.alone(stage.picture(), control, |_, run| {
        let start = Instant::now();
        (run(), start.elapsed())
    })
}

fn in_time<A: Algorithm>(stage: &Stage<'_, A>, time: Duration) -> std::result::Result<(), String> {
    let bound = stage.suite.stop_within;
    if time <= bound { Ok(()) } else { Err(format!("a run that should stop took {time:?}, the bound is {bound:?}")) }
}

fn outcome_text<T>(outcome: &Result<Vec<T>>) -> String {
    match outcome {
        Ok(answers) => format!("{} answers, as if nothing had happened: ask `control.checkpoint()`", answers.len()),
        Err(error) => format!("the error: {error}"),
    }
}

fn no_fault<A: Algorithm>(stage: &Stage<'_, A>, pictures: impl IntoIterator<Item = RgbImage>) -> Outcome {
    every(pictures.into_iter().map(|picture| {
        let what = format!("{}×{}", picture.width(), picture.height());
        match stage.answers(picture) {
            Err(error) if is_fault(&error) => Some(Err(format!("{what}: {error}"))),
            _ => Some(Ok(())),
        }
    }))
}

fn extreme_sizes<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    no_fault(stage, [(1, 1), (1, 5000), (5000, 1), (2, 3)].map(|(width, height)| noise(width, height, 3)))
}

fn random_pictures<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let sizes = [(7, 13), (64, 64), (333, 97), (128, 200)];
    no_fault(stage, sizes.into_iter().enumerate().map(|(seed, (width, height))| noise(width, height, seed as u32 + 7)))
}

fn region<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let picture = stage.picture();
    let (full_width, full_height) = picture.dimensions();
    let (x, y) = (full_width / 16, full_height / 16);
    let (width, height) = (full_width * 3 / 4, full_height * 3 / 4);
    let crop = image::imageops::crop_imm(picture, x, y, width, height).to_image();
    let parts = [(x, full_width), (y, full_height), (width, full_width), (height, full_height)];
    let [left, top, w, h] = parts.map(|(part, whole)| f64::from(part) / f64::from(whole));
    let mut request = stage.request.clone();
    request.options_mut().region = Region::new(left, top, w, h).ok();
    let answers = told(stage.answers(crop)).and_then(|crop| {
        let region = told(stage.answers_to(request, picture.clone()))?;
        Ok((places(&crop, (x.into(), y.into())), places(&region, (0.0, 0.0))))
    });
    Some(answers.and_then(|(crop, region)| {
        let found = difference(&crop, &region, stage.suite.tolerance.max(1e-3));
        found.map_or(Ok(()), |text| Err(format!("crop against region: {text}")))
    }))
}

fn threshold<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    every([0.5f32, 0.99].map(|least| {
        let mut request = stage.request.clone();
        request.options_mut().threshold = Some(least);
        let answers = stage.answers_to(request, stage.picture().clone()).ok()?;
        let lowest = answers.iter().map(Observation::confidence).fold(1.0, f32::min);
        let told = format!("asked for at least {least}, answered with {lowest}");
        Some(if lowest < least { Err(told) } else { Ok(()) })
    }))
}

fn memory<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let allocator = stage.suite.allocator?;
    let taken = stage.alone(stage.picture(), &Control::default(), |_, run| {
        let before = allocator.live_bytes();
        allocator.reset_peak();
        let outcome = run();
        let taken = allocator.peak_bytes().saturating_sub(before) as u64;
        outcome.map(|_| taken)
    });
    let (taken, bound) = (taken.and_then(|taken| taken).ok()?, stage.suite.memory_bound);
    let told = format!("a run took {taken} bytes beside its views, the bound is {bound}");
    Some(if taken > bound { Err(told) } else { Ok(()) })
}

fn serde<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    Some(request_survives(stage).and_then(|()| observations_survive(stage)))
}

fn request_survives<A: Algorithm>(stage: &Stage<'_, A>) -> std::result::Result<(), String> {
    let request = AnyRequest::new(stage.request.clone());
    let again = AnyRequest::from_json::<A::Request>(&request.to_json())
        .map_err(|error| format!("the request's own JSON is refused: {error}"))?;
    if let Some(text) = difference(&request.to_json(), &again.to_json(), 1e-9) {
        return Err(format!("the request does not survive JSON: {text}"));
    }
    AnyRequest::from_json::<A::Request>(&json!({})).map_err(|e| format!("defaults are not complete: {e}"))?;
    let unknown = AnyRequest::from_json::<A::Request>(&json!({"no_such_parameter": 1}));
    if unknown.is_ok() { Err("an unknown parameter is accepted".into()) } else { Ok(()) }
}

fn observations_survive<A: Algorithm>(stage: &Stage<'_, A>) -> std::result::Result<(), String> {
    type Out<A> = <<A as Algorithm>::Request as Request>::Out;
    let answers = stage.answers(stage.picture().clone()).unwrap_or_default();
    let value = serde_json::to_value(&answers).map_err(|e| format!("observations do not serialize: {e}"))?;
    let again: Vec<Out<A>> =
        serde_json::from_value(value.clone()).map_err(|e| format!("observations do not deserialize: {e}"))?;
    let again = serde_json::to_value(again).unwrap_or(Value::Null);
    if let Some(text) = difference(&value, &again, 1e-9) {
        return Err(format!("observations do not survive JSON: {text}"));
    }
    for record in answers.iter().map(Observation::record) {
        if record["kind"] != json!(<Out<A> as Observation>::KIND) || !record["confidence"].is_number() {
            return Err(format!("a record lacks its kind or confidence: {record}"));
        }
    }
    Ok(())
}

fn provenance<A: Algorithm>(stage: &Stage<'_, A>) -> Outcome {
    let answers = stage.answers(stage.picture().clone()).ok()?;
    let by = (stage.algorithm.name(), stage.algorithm.revision());
    let told = |name: &str, revision: u32| Err(format!("says {name} revision {revision}, made by {} {}", by.0, by.1));
    let wrong = answers.iter().map(Observation::provenance).find(|p| (p.algorithm.as_str(), p.revision) != by);
    Some(wrong.map_or(Ok(()), |p| told(&p.algorithm, p.revision)))
}
