//! `ocelli train-cascade`: a cascade of one's own.

use crate::args::TrainCascade;
use anyhow::{Context, Result};
use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use ocelli::core::Control;
use ocelli::face_viola_jones::train::{TrainConfig, TrainPhase, TrainProgress, train};
use std::fs;
use std::process::ExitCode;
use std::time::Duration;

/// Runs the command.
///
/// # Errors
/// A configuration that is none or out of range, pictures that cannot be read, a file that cannot be written.
pub fn run(args: &TrainCascade) -> Result<ExitCode> {
    let text = fs::read_to_string(&args.config).with_context(|| format!("cannot read {}", args.config.display()))?;
    let config: TrainConfig =
        serde_json::from_str(&text).with_context(|| format!("{} is no configuration", args.config.display()))?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(args.threads).build()?;
    let bar = ProgressBar::new_spinner().with_style(ProgressStyle::default_spinner());
    bar.enable_steady_tick(Duration::from_millis(200));
    let mut tell = |progress: &TrainProgress| report(&bar, &config, progress);
    let cascade = pool.install(|| train(&config, &Control::default(), &mut tell))?;
    bar.finish_and_clear();
    fs::write(&args.out, cascade.to_json()).with_context(|| format!("cannot write {}", args.out.display()))?;
    eprintln!("ocelli: wrote {} with {} stages", args.out.display(), cascade.stages().len());
    Ok(ExitCode::SUCCESS)
}

/// One line for what happens now; a line that stays for every finished stage.
fn report(bar: &ProgressBar, config: &TrainConfig, progress: &TrainProgress) {
    let left = progress.eta.map_or(String::new(), |eta| format!(", about {} left", HumanDuration(eta)));
    let stage = format!("stage {} of {}{left}", progress.stages + 1, config.stages);
    match &progress.phase {
        TrainPhase::Reading => bar.set_message("reading pictures"),
        TrainPhase::Mining { found, wanted } => bar.set_message(format!("{stage}: {found} of {wanted} negatives")),
        TrainPhase::Boosting { stumps, false_alarm } => {
            bar.set_message(format!("{stage}: {stumps} stumps, {:.1} % of negatives pass", false_alarm * 100.0));
        }
        TrainPhase::Stage(done) => {
            let line = format!(
                "stage {}: {} stumps, hit rate {:.4} (held out, all stages: {:.4}), false alarms {:.3}",
                progress.stages, done.stumps, done.hit_rate, done.held_out_hit_rate, done.false_alarm
            );
            bar.suspend(|| eprintln!("{line}"));
        }
        _ => {}
    }
}
