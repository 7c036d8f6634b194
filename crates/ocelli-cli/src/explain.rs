//! `ocelli explain` and `ocelli algorithms`: what would be done, and what can be.

use crate::args::{Explain, ExplainMiss, PlanFormat};
use crate::{devices, inputs, resident};
use anyhow::{Context, Result, bail};
use ocelli::image::Bytes;
use ocelli::prelude::*;
use std::process::ExitCode;

/// Prints the plan for one picture; nothing is decoded.
///
/// # Errors
/// Wrong parameters, or a source that is no picture.
pub fn run(args: &Explain) -> Result<ExitCode> {
    let vision = args.requests.vision(args.memory.apply(Vision::builder()))?;
    let requests = args.requests.build(&vision)?;
    let picture = vision.open(inputs::source(&args.path))?;
    if args.arena {
        return memory(args, &picture, &requests);
    }
    if args.analyze {
        return analyze(args, &vision, &picture, &requests);
    }
    let plan = picture.explain_any(&requests)?;
    match args.format {
        PlanFormat::Text => print!("{plan}"),
        PlanFormat::Json => println!("{}", serde_json::to_string_pretty(&plan)?),
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs the requests and prints the plan beside what was measured, and what the process took.
fn analyze(args: &Explain, vision: &Vision, picture: &Handler, requests: &[AnyRequest]) -> Result<ExitCode> {
    let idle = resident::reset_peak().then(resident::peak_bytes).flatten();
    let analysis = picture.explain_analyze_any(requests)?;
    let peak = resident::peak_bytes().zip(idle).map(|(peak, idle)| peak.saturating_sub(idle));
    match args.format {
        PlanFormat::Text => {
            print!("{analysis}{}", devices::report_text(vision));
            if let Some(peak) = peak {
                println!("Peak     {} resident above the idle process", Bytes(peak));
            }
        }
        PlanFormat::Json => {
            let mut json = serde_json::to_value(&analysis)?;
            json["peak_resident_bytes"] = peak.into();
            json["device"] = devices::report_json(vision);
            println!("{}", serde_json::to_string_pretty(&json)?);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints the working memory of the algorithms that plan theirs.
fn memory(args: &Explain, picture: &Handler, requests: &[AnyRequest]) -> Result<ExitCode> {
    let plans = requests.iter().map(|r| picture.explain_memory_any(r)).collect::<ocelli::core::Result<Vec<_>>>()?;
    let plans: Vec<_> = plans.into_iter().flatten().collect();
    if plans.is_empty() {
        bail!("the algorithms chosen do not plan their memory");
    }
    for plan in &plans {
        match args.format {
            PlanFormat::Text => print!("{}", plan.text),
            PlanFormat::Json => println!("{}", serde_json::to_string_pretty(&plan.figures)?),
        }
    }
    if let Some(path) = &args.svg {
        std::fs::write(path, &plans[0].svg).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what became of a place in a picture, for each request.
///
/// # Errors
/// Wrong parameters, a source that is no picture, or algorithms of which none can say.
pub fn miss(args: &ExplainMiss) -> Result<ExitCode> {
    let vision = args.requests.vision(Vision::builder())?;
    let requests = args.requests.build(&vision)?;
    let picture = vision.open(inputs::source(&args.path))?;
    let mut told = false;
    for request in &requests {
        let Some(report) = picture.explain_miss_any(request, args.at)? else { continue };
        told = true;
        match args.format {
            PlanFormat::Text => print!("{} by {}\n{report}", request.kind(), vision.registry().select(request)?.name()),
            PlanFormat::Json => println!("{}", serde_json::to_string_pretty(&report)?),
        }
    }
    if !told {
        bail!("the algorithms chosen cannot say why they miss something");
    }
    Ok(ExitCode::SUCCESS)
}

/// Lists the requests and who answers them; the default comes first.
///
/// # Errors
/// Where a built-in model does not load.
pub fn algorithms() -> Result<ExitCode> {
    let vision = Vision::new()?;
    for kind in vision.registry().kinds() {
        println!("{kind}");
        for algorithm in vision.registry().algorithms(kind) {
            println!("  {} r{}  {}", algorithm.name(), algorithm.revision(), algorithm.description());
        }
    }
    Ok(ExitCode::SUCCESS)
}
