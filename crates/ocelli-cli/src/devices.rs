//! `ocelli devices`: what networks can run on.

use crate::args::{ListDevices, PlanFormat};
use anyhow::Result;
use ocelli::Vision;
use serde_json::Value;
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
fn json() -> Value {
    serde_json::json!({ "adapters": ocelli::gpu::adapters() })
}

#[cfg(not(feature = "gpu"))]
fn text() -> String {
    "This build is without the feature `gpu`; networks run on the processor.\n".to_owned()
}

#[cfg(not(feature = "gpu"))]
fn json() -> Value {
    serde_json::json!({ "adapters": [] })
}

/// What the graphics device did, slices by their time among it: lines for an analysis, none where it was not used.
#[cfg(feature = "gpu")]
pub fn report_text(vision: &Vision) -> String {
    vision.devices().gpu_report().filter(|report| report.jobs > 0).map_or_else(String::new, |report| report.to_string())
}

/// The same for programs; null where the device was not used.
#[cfg(feature = "gpu")]
pub fn report_json(vision: &Vision) -> Value {
    serde_json::to_value(vision.devices().gpu_report().filter(|report| report.jobs > 0)).unwrap_or_default()
}

/// Nothing: this build knows no device.
#[cfg(not(feature = "gpu"))]
pub fn report_text(_: &Vision) -> String {
    String::new()
}

/// Null: this build knows no device.
#[cfg(not(feature = "gpu"))]
pub fn report_json(_: &Vision) -> Value {
    Value::Null
}
