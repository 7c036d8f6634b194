//! What several requests on one picture cost beside the same work done once, and beside one handler a request.
//!
//! ```sh
//! cargo run --release -p ocelli-benches --bin requests -- PICTURE…
//! ```
//!
//! One thread, so that times add up. Every round does everything in turns; the table gives the fastest of all rounds:
//! *shared* opens the picture and builds the views of all requests once; *own* is each algorithm alone with its views built;
//! *together* is one call; *naive* opens a handler of its own for every request, with nothing kept.

use anyhow::{Context, Result};
use clap::Parser;
use ocelli::core::{AnyRequest, impl_request};
use ocelli::prelude::*;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[derive(Parser)]
struct Flags {
    /// Pictures, read into memory before the clock starts.
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
    /// Rounds.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
}

/// Asks for views and nothing else: what the requests share.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
struct ViewsOnly {
    views: Vec<ViewSpec>,
    #[serde(flatten)]
    options: RequestOptions,
}
impl_request!(ViewsOnly => FaceObservation, "views-only");

struct Nothing;

impl Algorithm for Nothing {
    type Request = ViewsOnly;
    fn name(&self) -> &str {
        "nothing"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, request: &ViewsOnly, _: &ImageInfo) -> ocelli::core::Result<Needs> {
        Ok(request.views.iter().copied().collect())
    }
    fn run(&self, _: &ViewsOnly, _: &Input<'_>) -> ocelli::core::Result<Vec<FaceObservation>> {
        Ok(Vec::new())
    }
}

/// The fastest times so far.
#[derive(Clone)]
struct Times {
    shared: Duration,
    own: Vec<Duration>,
    together: Duration,
    naive: Duration,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let vision = Vision::builder().register(Nothing).threads(1).build()?;
    let alone = Vision::builder().threads(1).cache_bytes(0).build()?;
    let asked = [
        DetectFaces::new().algorithm("deep"),
        DetectFaces::new().algorithm("viola-jones").min_size(0.05),
        DetectFaces::new().algorithm("deep-int8"),
        DetectFaces::new().algorithm("deep").min_size(0.1),
    ];
    println!(
        "| picture | requests | shared ms | own ms | sum | together | together / sum | naive | naive / together |"
    );
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for path in &flags.pictures {
        let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
        for n in [2, 4] {
            let requests: Vec<_> = asked[..n].iter().cloned().map(AnyRequest::new).collect();
            let times = measure(&vision, &alone, &bytes, &requests, flags.rounds)?;
            let size = vision.open(bytes.clone())?.info().size;
            row(path, &size.to_string(), n, &times);
        }
    }
    Ok(())
}

fn measure(vision: &Vision, alone: &Vision, bytes: &[u8], requests: &[AnyRequest], rounds: usize) -> Result<Times> {
    let most = Duration::MAX;
    let mut best = Times { shared: most, own: vec![most; requests.len()], together: most, naive: most };
    let plan = vision.open(bytes)?.explain_any(requests)?;
    let views = plan.runs.iter().flat_map(|run| run.views.iter().copied()).collect();
    let views = [AnyRequest::new(ViewsOnly { views, options: RequestOptions::default() })];
    for _ in 0..rounds {
        let began = Instant::now();
        let warm = vision.open(bytes)?;
        answered(warm.perform_any(&views))?;
        best.shared = best.shared.min(began.elapsed());
        for (request, own) in requests.iter().zip(&mut best.own) {
            let began = Instant::now();
            answered(warm.perform_any(std::slice::from_ref(request)))?;
            *own = (*own).min(began.elapsed());
        }
        drop(warm);
        let began = Instant::now();
        answered(vision.open(bytes)?.perform_any(requests))?;
        best.together = best.together.min(began.elapsed());
        let began = Instant::now();
        for request in requests {
            answered(alone.open(bytes)?.perform_any(std::slice::from_ref(request)))?;
        }
        best.naive = best.naive.min(began.elapsed());
    }
    Ok(best)
}

fn answered(answers: Vec<ocelli::core::Result<AnyObservations>>) -> Result<()> {
    answers.into_iter().try_for_each(|answer| Ok(answer.map(drop)?))
}

fn row(path: &Path, size: &str, n: usize, times: &Times) {
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let own: Duration = times.own.iter().sum();
    let (sum, together, naive) = (ms(times.shared + own), ms(times.together), ms(times.naive));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    println!(
        "| {name}, {size} | {n} | {:.2} | {:.2} | {sum:.2} | {together:.2} | {:.2} | {naive:.2} | {:.2} |",
        ms(times.shared),
        ms(own),
        together / sum,
        naive / together
    );
}
