//! Runs the engine on demand for the peers script, so that engines can take turns in one session.
//!
//! Protocol on standard input and output: each line `run` is answered by the nanoseconds of one run;
//! `busy N` by the processor's nanoseconds of one run, the mean of N, where the system counts them;
//! `profile` by one line a step and an empty line; `peak` by the core's peak in 10⁹ multiplications a
//! second. End of input ends the program.

use std::io::{BufRead, Write};
use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Parser;
use ocelli_benches::{octaves, peak, picture};
use ocelli_nn::{
    Arena, Calibration, Execution, ImageShape, Isa, JointPlan, Model, ModelLimits, Network, NetworkOptions,
    PlanOptions, Precision, QUANTIZATION_KEY, RgbImage,
};

#[derive(Parser)]
struct Flags {
    /// The model file.
    model: PathBuf,
    /// Height of level 0 in pixels.
    #[arg(long, default_value_t = 480)]
    height: usize,
    /// Width of level 0 in pixels.
    #[arg(long, default_value_t = 640)]
    width: usize,
    /// Octave levels.
    #[arg(long, default_value_t = 1)]
    levels: usize,
    /// Threads.
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Instruction set: scalar, avx2, avx512 or neon; the best if absent.
    #[arg(long)]
    isa: Option<String>,
    /// Bytes instead of floats; measures the ranges on the bench's own picture where the model has none.
    #[arg(long)]
    int8: bool,
    /// No Winograd filtering.
    #[arg(long)]
    direct: bool,
    /// Layer by layer instead of depth first.
    #[arg(long)]
    whole: bool,
    /// Output rows made at a time, depth first.
    #[arg(long, default_value_t = 1)]
    band_rows: usize,
}

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(flags.threads).build()?;
    pool.install(|| serve(&flags))
}

fn serve(flags: &Flags) -> anyhow::Result<()> {
    let model = Model::from_path(&flags.model, &ModelLimits::default())?;
    let mut options = NetworkOptions::default().with_direct(flags.direct);
    if let Some(name) = &flags.isa {
        let isa = Isa::ALL.into_iter().find(|isa| isa.to_string() == *name);
        options = options.with_isa(isa.context("no such instruction set")?);
    }
    let shapes = octaves(ImageShape::new(flags.height, flags.width), flags.levels);
    let pixels: Vec<Vec<u8>> = shapes.iter().map(|&shape| picture(shape)).collect();
    let pictures: Vec<RgbImage<'_>> =
        pixels.iter().zip(&shapes).map(|(data, &shape)| RgbImage::packed(data, shape)).collect::<Result<_, _>>()?;
    if flags.int8 {
        if model.metadata(QUANTIZATION_KEY).is_none() {
            options = options.with_calibration(Calibration::measure(&Network::new(&model)?, &pictures)?);
        }
        options = options.with_precision(Precision::Int8);
    }
    let network = Network::with_options(&model, &options)?;
    let band_rows = flags.band_rows;
    let execution = if flags.whole { Execution::Whole } else { Execution::Streamed { band_rows } };
    let plan = network.plan(&shapes, &PlanOptions::default().with_execution(execution))?;
    let mut arena = plan.arena()?;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if let Some(n) = line.strip_prefix("busy ") {
            let n: u64 = n.trim().parse()?;
            let before = processor_time();
            for _ in 0..n {
                plan.run(&mut arena, &pictures, &|| false)?;
            }
            writeln!(out, "{}", processor_time().saturating_sub(before) / n.max(1))?;
            out.flush()?;
            continue;
        }
        match line.trim() {
            "profile" => profile(&plan, &mut arena, &pictures, &mut out)?,
            "peak" => writeln!(out, "{:?} {:?}", peak::f32_gmacs(), peak::i8_gmacs())?,
            _ => {
                let start = Instant::now();
                plan.run(&mut arena, &pictures, &|| false)?;
                writeln!(out, "{}", start.elapsed().as_nanos())?;
            }
        }
        out.flush()?;
    }
    Ok(())
}

/// Nanoseconds this thread has spent on a processor, 0 where the system does not say. On a machine
/// shared with other work this is the steadier clock; the system moves it on in ticks of milliseconds.
fn processor_time() -> u64 {
    let schedstat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    schedstat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap_or(0)
}

fn profile(plan: &JointPlan, arena: &mut Arena, pictures: &[RgbImage<'_>], out: &mut impl Write) -> anyhow::Result<()> {
    let (_, times) = plan.run_profiled(arena, pictures, &|| false)?;
    for time in times {
        let rate = time.multiplications as f64 / time.nanoseconds.max(1) as f64;
        writeln!(out, "{} {} {} ns {rate:.1} GMAC/s", time.level_ix, time.step, time.nanoseconds)?;
    }
    writeln!(out)?;
    Ok(())
}
