//! `ocelli detect`: pictures in, observations out.

use crate::annotate::Target;
use crate::args::{Detect, Format};
use crate::inputs::{self, Found, Inputs};
use crate::output::{Printer, Record};
use crate::progress;
use anyhow::{Context, Result};
use indicatif::ProgressBar;
use ocelli::prelude::*;
use std::io::{self, IsTerminal, StdoutLock};
use std::process::ExitCode;

/// Runs the command.
///
/// # Errors
/// Wrong parameters, or a standard output that is gone; bad pictures are reported and counted instead.
pub fn run(args: &Detect) -> Result<ExitCode> {
    let builder = args.memory.apply(Vision::builder().threads(args.threads));
    let vision = args.requests.vision(builder)?;
    let requests = args.requests.build(&vision)?;
    let Inputs { pictures, failures } = inputs::collect(&args.paths)?;
    let target = args.annotate.as_ref().map(|path| Target::new(path, pictures.len())).transpose()?;
    let mut run = Run {
        printer: Printer::new(args.format, io::stdout().lock()),
        target,
        // Results for programs on a terminal would tear the bar apart.
        bar: progress::bar(pictures.len(), args.quiet || (args.format != Format::Text && io::stdout().is_terminal())),
        failed: 0,
    };
    failures.iter().for_each(|failure| run.fail(failure));
    let paths: Vec<_> = pictures.iter().map(|found| inputs::source(&found.path)).collect();
    for (found, answered) in pictures.iter().zip(vision.batch(paths).perform_any(requests)) {
        match answered {
            Ok((handler, answers)) => run.answer(found, &handler, answers)?,
            Err(failure) => run.fail(&failure),
        }
        run.bar.inc(1);
    }
    run.bar.finish_and_clear();
    run.printer.finish().context("cannot write to standard output")?;
    if run.failed > 0 && pictures.len() > 1 {
        eprintln!("ocelli: {} of {} pictures failed", run.failed, pictures.len() + failures.len());
    }
    Ok(ExitCode::from(u8::from(run.failed > 0)))
}

struct Run<'a> {
    printer: Printer<StdoutLock<'a>>,
    target: Option<Target>,
    bar: ProgressBar,
    failed: usize,
}

impl Run<'_> {
    /// Prints and draws one picture's answers; a request that failed is reported, the others' answers stay.
    fn answer(
        &mut self,
        found: &Found,
        handler: &Handler,
        answers: Vec<ocelli::core::Result<AnyObservations>>,
    ) -> Result<()> {
        let (good, bad): (Vec<_>, Vec<_>) = answers.into_iter().partition(|a| a.is_ok());
        bad.into_iter().filter_map(|a| a.err()).for_each(|error| self.fail(&error));
        let good: Vec<_> = good.into_iter().flatten().collect();
        if good.is_empty() {
            return Ok(());
        }
        let record = Record::new(found.path.display().to_string(), handler.info().size, &good);
        let printer = &mut self.printer;
        self.bar.suspend(|| printer.print(&record)).context("cannot write to standard output")?;
        let drawn = self.target.as_ref().map_or(Ok(()), |target| target.write(handler, found, &good));
        if let Err(error) = drawn {
            self.fail(&format!("{error:#}"));
        }
        Ok(())
    }

    fn fail(&mut self, failure: &dyn std::fmt::Display) {
        self.failed += 1;
        self.bar.suspend(|| eprintln!("ocelli: {failure}"));
    }
}
