//! `ocelli compare`: detectors side by side over annotated pictures.

use crate::args::Compare;
use crate::{progress, resident};
use anyhow::{Context, Result};
use ocelli::prelude::*;
use ocelli_eval::{
    Comparison, DataSet, Detection, ForeignDetections, Protocol, ReadOptions, ReportOptions, Run, thumbnail_of_file,
};
use serde_json::{Map, Value, json};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Low enough that precision and recall are seen over their whole range.
const DEFAULT_THRESHOLD: f32 = 0.0005;

/// Runs the command.
///
/// # Errors
/// Wrong parameters, unreadable sets or detections, a folder that cannot be written.
pub fn run(args: &Compare) -> Result<ExitCode> {
    let vision = args.cascade.apply(Vision::builder().threads(args.threads))?.build()?;
    let detectors = args.detectors.iter().map(|text| detector(&vision, text)).collect::<Result<Vec<_>>>()?;
    if detectors.is_empty() && args.detections.is_empty() {
        let expected = "at least one --detector or --detections";
        return Err(Error::parameter("compare", "nothing to compare", expected).into());
    }
    let sets = args.data.iter().map(|path| read_set(args, path)).collect::<Result<Vec<_>>>()?;
    let mut comparison = Comparison::new(sets);
    for (name, request) in &detectors {
        let run = detect(&vision, &comparison, name, request, args.quiet);
        comparison.add_run(run);
    }
    for path in &args.detections {
        comparison.add_detections(&ForeignDetections::read(path, &ocelli_eval::Limits::default())?);
    }
    let evaluation = comparison.evaluate(&Protocol::default());
    print!("{}{}", evaluation.table(), evaluation.timings_table());
    if let Some(folder) = &args.out {
        let thumbnail =
            |picture: &ocelli_eval::PictureComparison, side| thumbnail_of_file(picture.path.as_deref()?, side);
        evaluation.write_report(folder, &ReportOptions::default(), thumbnail)?;
        eprintln!("ocelli: wrote {}", folder.join("report.html").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Reads a set and leaves out what was not asked for.
fn read_set(args: &Compare, path: &PathBuf) -> Result<DataSet> {
    let mut options = ReadOptions::new();
    options.format = args.data_format.as_deref().map(str::parse).transpose()?;
    options.images = args.images.clone();
    let mut set = DataSet::read(path, &options).with_context(|| format!("cannot read --data {}", path.display()))?;
    if !args.detectors.is_empty() {
        set.keep_pictures_on_disk();
    }
    if let Some(text) = &args.only {
        set.pictures.retain(|picture| picture.name.contains(text.as_str()));
    }
    Ok(set)
}

/// A detector as the command line names it: NAME or NAME:KEY=VALUE,… with the parameters of the request.
fn detector(vision: &Vision, text: &str) -> Result<(String, AnyRequest)> {
    let (name, options) = text.split_once(':').unwrap_or((text, ""));
    let mut parameters = Map::from_iter([("threshold".to_owned(), json!(DEFAULT_THRESHOLD))]);
    for option in options.split(',').filter(|o| !o.is_empty()) {
        let (key, value) = option
            .split_once('=')
            .ok_or_else(|| Error::parameter(format!("--detector {text}"), option, "KEY=VALUE"))?;
        parameters.insert(key.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| json!(value)));
    }
    parameters.insert("algorithm".to_owned(), json!(name));
    let request = vision.request(DetectFaces::KIND, &Value::Object(parameters))?;
    vision.registry().select(&request)?;
    Ok((text.to_owned(), request))
}

/// Runs a detector over all pictures, one after the other: times are then its own.
fn detect(vision: &Vision, comparison: &Comparison, name: &str, request: &AnyRequest, quiet: bool) -> Run {
    let mut run = comparison.new_run(name);
    let measured = resident::reset_peak();
    let bar = progress::bar(comparison.n_pictures(), quiet).with_message(name.to_owned());
    for (ix, picture) in comparison.pictures() {
        let Some(path) = picture.path.as_ref().filter(|_| picture.truths.is_some()) else { continue };
        let start = Instant::now();
        match faces(vision, path, request) {
            Ok(detections) => run.detected(ix, detections, Some(start.elapsed())),
            Err(error) => run.failed(ix, error.to_string()),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    if let Some(bytes) = resident::peak_bytes().filter(|_| measured) {
        run.peak_memory(bytes);
    }
    run
}

/// The faces in one picture, as boxes with scores.
fn faces(vision: &Vision, path: &std::path::Path, request: &AnyRequest) -> ocelli::core::Result<Vec<Detection>> {
    let mut answers = vision.open(path)?.perform_any(std::slice::from_ref(request));
    let answer = answers.pop().unwrap_or(Err(Error::Cancelled))?;
    let faces = answer.downcast_ref::<DetectFaces>().unwrap_or_default();
    Ok(faces.iter().map(|face| Detection::new(face.rect.to_pixels(), f64::from(face.confidence))).collect())
}
