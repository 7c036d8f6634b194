//! The device's own limits, measured: what a figure of ours is to be compared with.

use std::time::{Duration, Instant};

use ocelli_nn::Error;
use serde::Serialize;
use wgpu::{BindGroupDescriptor, BindGroupEntry, Buffer, BufferUsages, PollType};

use crate::gpu::{Gpu, PATIENCE};
use crate::params::{Params, Tensor, UNIFORM_PITCH, Uniform};
use crate::pipelines::BINDINGS;
use crate::shader::Kernel;

/// What a device does at most, in its kind of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Peaks {
    /// Additions and multiplications a second, both counted, in billions.
    pub gflops: f64,
    /// Bytes read and written a second, both counted, in billions.
    pub gbytes: f64,
}

/// Blocks that are copied: beyond the caches of most devices, within the bindings of all.
const BLOCKS: u32 = 1 << 21;
/// Workgroups along x of the copy, so that no dimension has too many.
const ACROSS: u32 = 1 << 10;
/// Runs of each; the fastest counts.
const RUNS: usize = 5;
/// A run that is this long is not made longer.
const LONG: Duration = Duration::from_millis(20);

/// Measures both.
pub(crate) fn measure(gpu: &Gpu) -> Result<Peaks, Error> {
    let bench = Bench::new(gpu)?;
    let n_invocations = 64.0 * 4_096.0;
    // Steps of a chain grow until a run is long enough to be timed by a fence.
    let (mut steps, mut time) = (64, Duration::ZERO);
    while time < LONG && steps < 1 << 20 {
        steps *= 4;
        time = bench.fastest(Kernel::PeakFma, chain(steps), [4_096, 1, 1])?;
    }
    let flops = n_invocations * f64::from(steps) * 4.0 * 4.0 * 2.0;
    let copy =
        Params { channels: BLOCKS / 2, input: Tensor { width: ACROSS * 64, ..Tensor::default() }, ..Params::default() };
    let copied = bench.fastest(Kernel::PeakCopy, copy, [ACROSS, (BLOCKS / 2).div_ceil(ACROSS * 64), 1])?;
    let bytes = f64::from(BLOCKS) * 4.0 * gpu.element.bytes() as f64;
    Ok(Peaks { gflops: flops / time.as_secs_f64() / 1e9, gbytes: bytes / copied.as_secs_f64() / 1e9 })
}

/// Chains that stay near one, whatever their length.
fn chain(steps: u32) -> Params {
    Params { channels: steps, scale: [0.5; 4], mean: [0.5; 4], ..Params::default() }
}

struct Bench<'a> {
    gpu: &'a Gpu,
    arena: Buffer,
    uniforms: Buffer,
    /// One for each binding: the same buffer cannot be read and written in one call.
    spares: Vec<Buffer>,
}

impl<'a> Bench<'a> {
    fn new(gpu: &'a Gpu) -> Result<Self, Error> {
        let buffer = |label: &str, bytes: u64, usage: BufferUsages| gpu.allocator.buffer(label, bytes, usage);
        let bytes = u64::from(BLOCKS) * 4 * gpu.element.bytes() as u64;
        Ok(Self {
            gpu,
            arena: buffer("peak", bytes, BufferUsages::STORAGE)?,
            uniforms: buffer("peak", UNIFORM_PITCH as u64, BufferUsages::UNIFORM | BufferUsages::COPY_DST)?,
            spares: BINDINGS.iter().map(|_| buffer("peak", 64, BufferUsages::STORAGE)).collect::<Result<_, _>>()?,
        })
    }

    /// The fastest of some runs, after one to warm up; by fences, so a little too long.
    fn fastest(&self, kernel: Kernel, params: Params, [x, y, z]: [u32; 3]) -> Result<Duration, Error> {
        let gpu = self.gpu;
        let mut bytes = Vec::new();
        Uniform::Tensors(params).write(0, 0, &mut bytes);
        gpu.queue.write_buffer(&self.uniforms, 0, &bytes);
        let entries: Vec<BindGroupEntry<'_>> = self
            .spares
            .iter()
            .enumerate()
            .map(|(ix, spare)| {
                let buffer = [&self.uniforms, &self.arena].get(ix).copied().unwrap_or(spare);
                BindGroupEntry { binding: ix as u32, resource: buffer.as_entire_binding() }
            })
            .collect();
        let layout = &gpu.pipelines.group_layout;
        let group =
            gpu.device.create_bind_group(&BindGroupDescriptor { label: Some("peak"), layout, entries: &entries });
        let mut best = Duration::MAX;
        for run in 0..=RUNS {
            let mut encoder = gpu.device.create_command_encoder(&Default::default());
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(gpu.pipelines.get(kernel));
            pass.set_bind_group(0, &group, &[0]);
            pass.dispatch_workgroups(x, y, z);
            drop(pass);
            let start = Instant::now();
            let index = gpu.queue.submit([encoder.finish()]);
            let poll = PollType::Wait { submission_index: Some(index), timeout: Some(PATIENCE) };
            gpu.device.poll(poll).map_err(|error| gpu.give_up(&error.to_string()))?;
            gpu.check()?;
            if run > 0 {
                best = best.min(start.elapsed());
            }
        }
        Ok(best)
    }
}
