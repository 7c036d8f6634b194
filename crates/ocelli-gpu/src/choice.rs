//! The choice between this device and the CPU: measured once for a machine, kept in the user's cache folder.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use ocelli_nn::backend::{Job, Level, Urgency, Want};
use ocelli_nn::{Error, ImageShape, Network, PlanOptions, RgbImage};
use serde::{Deserialize, Serialize};

use crate::backend::GpuBackend;
use crate::cache::write_whole;
use crate::gpu::{Gpu, locked};
use crate::options::GpuOptions;

/// Two sizes that are measured; the line through their times tells of all others.
const MEASURED: [ImageShape; 2] = [ImageShape::new(120, 160), ImageShape::new(480, 640)];
/// Runs of each; the fastest counts, so that a busy moment does not decide for good.
const RUNS: usize = 3;
/// The device must be faster by this factor: a tie is not worth the way there.
const MARGIN: f64 = 1.1;
/// That there is no hardware is believed so long; a driver may be installed.
const KEPT_WITHOUT_HARDWARE: Duration = Duration::from_secs(24 * 3600);

/// Time as a line over the multiplications of a job.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Line {
    fixed_us: f64,
    us_per_million: f64,
}

impl Line {
    /// Through two points of multiplications and microseconds; never falling, never below nothing.
    fn through(points: [(f64, f64); 2]) -> Self {
        let [(macs_a, us_a), (macs_b, us_b)] = points;
        let slope = ((us_b - us_a) / (macs_b - macs_a).max(1.0)).max(0.0);
        Self { fixed_us: (us_a - slope * macs_a).max(0.0), us_per_million: slope * 1e6 }
    }

    fn at(&self, macs: f64) -> f64 {
        self.fixed_us + self.us_per_million * macs / 1e6
    }
}

/// What was measured on this machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Profile {
    /// What it depends on; another key is another machine.
    key: String,
    adapter: String,
    hardware: bool,
    /// Lines of CPU and device; `None` without hardware.
    lines: Option<(Line, Line)>,
}

impl Profile {
    fn prefers_device(&self, macs: u64) -> bool {
        self.lines.is_some_and(|(cpu, gpu)| gpu.at(macs as f64) * MARGIN < cpu.at(macs as f64))
    }
}

/// The choice, remembered.
#[derive(Debug, Default)]
pub(crate) struct Choice {
    known: Mutex<Option<Profile>>,
}

/// Where a profile is kept.
fn file(options: &GpuOptions) -> Option<PathBuf> {
    options.cache.as_ref().map(|folder| folder.join("device-choice.json"))
}

/// What a profile depends on.
fn key(options: &GpuOptions, network: &Network) -> String {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (version, adapter) = (env!("CARGO_PKG_VERSION"), options.adapter.as_deref().unwrap_or_default());
    let (name, revision) = (network.name(), network.revision());
    format!("{version} {name} r{revision} {threads} threads {adapter:?} {:?}", options.half)
}

impl Choice {
    /// Whether the device is the faster place for a job; opens and measures it where nothing is known yet.
    pub(crate) fn is_faster(
        &self,
        backend: &GpuBackend,
        network: &Arc<Network>,
        levels: &[ImageShape],
    ) -> Result<bool, Error> {
        let macs = network.macs(levels)?;
        let mut known = locked(&self.known);
        let options = backend.options();
        let (key, file) = (key(&options, network), file(&options));
        if known.as_ref().is_none_or(|profile| profile.key != key) {
            *known = file.as_deref().and_then(read).filter(|profile| profile.key == key);
        }
        if known.is_none() {
            let profile = match backend.open() {
                Ok(gpu) => measure(gpu, network, key)?,
                Err(error) => Profile { key, adapter: error.to_string(), hardware: false, lines: None },
            };
            file.iter().for_each(|file| write(file, &profile));
            *known = Some(profile);
        }
        let prefers = known.as_ref().is_some_and(|profile| profile.prefers_device(macs));
        drop(known);
        // What was measured yesterday may be unplugged today, or lost a moment ago.
        Ok(prefers && backend.open()?.check().is_ok())
    }
}

fn read(file: &Path) -> Option<Profile> {
    let profile: Profile = serde_json::from_slice(&std::fs::read(file).ok()?).ok()?;
    let age = SystemTime::now().duration_since(std::fs::metadata(file).ok()?.modified().ok()?).unwrap_or_default();
    (profile.hardware || age < KEPT_WITHOUT_HARDWARE).then_some(profile)
}

/// Keeps a profile; one that cannot be written is measured again.
fn write(file: &Path, profile: &Profile) {
    if let Ok(json) = serde_json::to_vec_pretty(profile) {
        let kept = write_whole(file, &json);
        tracing::debug!(path = %file.display(), kept = kept.is_ok(), "choice of device");
    }
}

/// Times both sides; a software adapter is not even timed: the CPU itself is always the better choice.
fn measure(gpu: &Gpu, network: &Arc<Network>, key: String) -> Result<Profile, Error> {
    let (adapter, hardware) = (gpu.name.clone(), gpu.is_hardware);
    if !hardware {
        return Ok(Profile { key, adapter, hardware, lines: None });
    }
    let mut points = [[(0.0, 0.0); 2]; 2];
    for (ix, shape) in MEASURED.into_iter().enumerate() {
        let bytes = vec![127; shape.height * shape.width * 3];
        let picture = RgbImage::packed(&bytes, shape)?;
        let macs = network.macs(&[shape])? as f64;
        points[0][ix] = (macs, fastest(|| on_cpu(network, picture))?);
        points[1][ix] = (macs, fastest(|| on_device(gpu, network, picture))?);
    }
    Ok(Profile { key, adapter, hardware, lines: Some((Line::through(points[0]), Line::through(points[1]))) })
}

/// Microseconds of the fastest run, after one to warm up.
fn fastest(run: impl Fn() -> Result<(), Error>) -> Result<f64, Error> {
    run()?;
    let mut best = f64::MAX;
    for _ in 0..RUNS {
        let start = Instant::now();
        run()?;
        best = best.min(start.elapsed().as_secs_f64() * 1e6);
    }
    Ok(best)
}

fn on_cpu(network: &Arc<Network>, picture: RgbImage<'_>) -> Result<(), Error> {
    let plan = network.plan(&[picture.shape()], &PlanOptions::default())?;
    plan.run(&mut plan.arena()?, &[picture], &|| false).map(|_| ())
}

fn on_device(gpu: &Gpu, network: &Arc<Network>, picture: RgbImage<'_>) -> Result<(), Error> {
    let names: Vec<&str> = network.graph().output_names().collect();
    let levels = [Level { shape: picture.shape(), through: Vec::new() }];
    let (want, urgency) = (Want::Outputs(&names), Urgency::Default);
    gpu.run(&Job { network, picture, levels: &levels, want, urgency, should_stop: &|| false }).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(lines: Option<(Line, Line)>) -> Profile {
        Profile { key: "k".into(), adapter: "a".into(), hardware: lines.is_some(), lines }
    }

    #[test]
    fn test_small_jobs_stay_and_large_ones_go() {
        let cpu = Line::through([(1.0e7, 200.0), (1.0e9, 20_000.0)]);
        let gpu = Line::through([(1.0e7, 900.0), (1.0e9, 1_500.0)]);
        let measured = profile(Some((cpu, gpu)));
        assert!(!measured.prefers_device(5_000_000));
        assert!(measured.prefers_device(1_000_000_000));
        assert!(!profile(None).prefers_device(u64::MAX));
    }

    #[test]
    fn test_a_noisy_pair_gives_no_falling_line() {
        let line = Line::through([(1.0e7, 900.0), (1.0e9, 800.0)]);
        assert_eq!((line.at(0.0), line.at(1e12)), (900.0, 900.0));
    }

    #[test]
    fn test_what_was_measured_is_kept_and_damage_is_forgotten() {
        let folder = std::env::temp_dir().join(format!("ocelli-choice-{}", std::process::id()));
        let options = GpuOptions { cache: Some(folder.clone()), ..GpuOptions::default() };
        let file = file(&options).unwrap();
        assert_eq!(read(&file), None);
        let line = Line { fixed_us: 1.0, us_per_million: 2.0 };
        write(&file, &profile(Some((line, line))));
        assert_eq!(read(&file), Some(profile(Some((line, line)))));
        std::fs::write(&file, b"{").unwrap();
        assert_eq!(read(&file), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
