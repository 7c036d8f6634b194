//! A command of one's own: `my-vision PICTURE [NAME or NAME:JSON]…` asks by name, as `ocelli detect --request` does.
//!
//! ```text
//! my-vision ../astronaut.png 'dominant-colours:{"colours":3}' faces
//! ```

use dominant_colours::OklabKMeans;
use ocelli::prelude::*;
use serde_json::{Value, json};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        None => {
            eprintln!("usage: my-vision PICTURE [NAME or NAME:JSON]…");
            ExitCode::from(2)
        }
        Some((path, requests)) => answer(path, requests).unwrap_or_else(|error| {
            eprintln!("my-vision: {error}");
            ExitCode::FAILURE
        }),
    }
}

/// Prints a JSON line with all observations; a request that failed is told, the others' answers stay.
fn answer(path: &str, texts: &[String]) -> Result<ExitCode> {
    let vision = Vision::builder().register(OklabKMeans).build()?;
    let requests = if texts.is_empty() { every_kind(&vision)? } else { by_name(&vision, texts)? };
    let picture = vision.open(path)?;
    let mut failed = false;
    let mut observations: Vec<Value> = Vec::new();
    for answer in picture.perform_any(&requests) {
        match answer {
            Ok(answers) => observations.extend(answers.records()),
            Err(error) => {
                eprintln!("my-vision: {error}");
                failed = true;
            }
        }
    }
    let Size { width, height } = picture.info().size;
    println!("{}", json!({"image": path, "width": width, "height": height, "observations": observations}));
    Ok(ExitCode::from(u8::from(failed)))
}

/// Requests by name, each with parameters where JSON follows.
fn by_name(vision: &Vision, texts: &[String]) -> Result<Vec<AnyRequest>> {
    let one = |text: &String| {
        let (name, parameters) = text.split_once(':').unwrap_or((text, "{}"));
        let parameters = serde_json::from_str(parameters)
            .map_err(|e| Error::parameter(name, parameters, format!("a JSON object: {e}")))?;
        vision.request(name, &parameters)
    };
    texts.iter().map(one).collect()
}

/// Every kind of request that some algorithm answers.
fn every_kind(vision: &Vision) -> Result<Vec<AnyRequest>> {
    vision.registry().kinds().map(|kind| vision.request(kind, &json!({}))).collect()
}
