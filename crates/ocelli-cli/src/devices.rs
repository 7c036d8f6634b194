//! `ocelli devices`: what networks can run on.

use crate::args::{ListDevices, PlanFormat};
use anyhow::Result;
use std::process::ExitCode;

/// Lists the graphics adapters with their limits; the processor is always there.
///
/// # Errors
/// None but of printing.
pub fn run(args: &ListDevices) -> Result<ExitCode> {
    match args.format {
        PlanFormat::Text => print!("{}", text()),
        PlanFormat::Json => println!("{}", serde_json::to_string_pretty(&json())?),
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(feature = "gpu")]
fn text() -> String {
    let adapters = ocelli::gpu::adapters();
    if adapters.is_empty() {
        return "No graphics adapter with a driver was found; networks run on the processor.\n".to_owned();
    }
    adapters.iter().map(ToString::to_string).collect()
}

#[cfg(feature = "gpu")]
fn json() -> serde_json::Value {
    serde_json::json!({ "adapters": ocelli::gpu::adapters() })
}

#[cfg(not(feature = "gpu"))]
fn text() -> String {
    "This build is without the feature `gpu`; networks run on the processor.\n".to_owned()
}

#[cfg(not(feature = "gpu"))]
fn json() -> serde_json::Value {
    serde_json::json!({ "adapters": [] })
}
