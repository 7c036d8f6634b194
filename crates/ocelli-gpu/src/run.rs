//! Running a recorded job: the picture goes up, slices go out one by one, candidates come back.

mod answer;

use std::time::{Duration, Instant};

use ocelli_nn::Error;
use ocelli_nn::backend::{Answer, Job, Urgency, Want};
use wgpu::{
    BindGroup, BindGroupDescriptor, BindGroupEntry, BindingResource, Buffer, BufferBinding, CommandEncoder,
    CommandEncoderDescriptor, ComputePassDescriptor, ComputePassTimestampWrites, PollType, SubmissionIndex,
};

use crate::gpu::{Gpu, PATIENCE, locked};
use crate::loaded::{Loaded, Recorded};
use crate::memory::{MAX_PIECES, MAX_TIMED, Taken, Workspace};
use crate::params::{UNIFORM_PITCH, Uniform};
use crate::recording::{FOUND_HEAD, Recording};
use crate::shader::Kernel;
use crate::slices::{Piece, Slicer};

/// Bytes of the picture that go up at a time: the copy is work of the device, too.
const UPLOAD_BYTES: usize = 4 << 20;
/// The first slices of a device are waited for, so that a slow one is known before its first job is over.
const LEARNING_SLICES: u64 = 24;
/// Without timestamps every so many slices are waited for to be measured.
const FENCE_EVERY: usize = 8;
/// How long a background job leaves the device alone, as a share of what its slice took.
const GAP: f64 = 0.5;
/// Jobs after which the kernels that a program uses have been compiled.
const WARM_JOBS: u64 = 1;

impl Gpu {
    /// Does a job.
    ///
    /// # Errors
    /// As [`Backend::run`](ocelli_nn::backend::Backend::run).
    pub(crate) fn run(&self, job: &Job<'_>) -> Result<Answer, Error> {
        self.check()?;
        let loaded = self.load(job)?;
        let recorded = loaded.recorded(job, &self.allocator, &self.queue)?;
        let taken =
            self.pool.take(&self.device, &self.allocator, &recorded.recording, self.tick.is_some(), job.urgency)?;
        let answer = Run::new(self, job, &loaded, &recorded, taken.workspace()).finish();
        self.settle(taken, answer)
    }

    /// Decides what becomes of the workspace, and counts the job.
    fn settle(&self, taken: Taken<'_>, answer: Result<Answer, Error>) -> Result<Answer, Error> {
        // A failing device answers with nonsense: its state is asked last.
        let answer = self.check().and(answer);
        match &answer {
            // What was submitted runs on, before anything of the next job: the queue keeps order.
            Ok(_) | Err(Error::Cancelled) => drop(taken),
            Err(_) => taken.discard(),
        }
        let jobs = answer.is_ok().then(|| {
            let mut counters = locked(&self.counters);
            counters.jobs += 1;
            counters.jobs
        });
        if jobs == Some(WARM_JOBS) {
            self.save_pipelines();
        }
        answer
    }
}

/// A job under way.
struct Run<'a> {
    gpu: &'a Gpu,
    job: &'a Job<'a>,
    recording: &'a Recording,
    workspace: &'a Workspace,
    group: BindGroup,
    /// The pieces of every slice so far.
    slices: Vec<Vec<Piece>>,
}

impl<'a> Run<'a> {
    fn new(gpu: &'a Gpu, job: &'a Job<'a>, loaded: &Loaded, recorded: &'a Recorded, workspace: &'a Workspace) -> Self {
        let uniform = BufferBinding {
            buffer: &workspace.uniforms,
            offset: 0,
            size: std::num::NonZeroU64::new(UNIFORM_PITCH as u64),
        };
        let rest = [
            &workspace.arena,
            &loaded.weights,
            &workspace.planes,
            &workspace.picture,
            &recorded.tables,
            &workspace.found,
        ];
        let buffers = std::iter::once(BindingResource::Buffer(uniform)).chain(rest.map(Buffer::as_entire_binding));
        let entries: Vec<BindGroupEntry<'_>> =
            buffers.enumerate().map(|(ix, resource)| BindGroupEntry { binding: ix as u32, resource }).collect();
        let group = gpu.device.create_bind_group(&BindGroupDescriptor {
            label: Some("job"),
            layout: &gpu.pipelines.group_layout,
            entries: &entries,
        });
        Self { gpu, job, recording: &recorded.recording, workspace, group, slices: Vec::new() }
    }

    fn finish(mut self) -> Result<Answer, Error> {
        self.upload()?;
        let mut slicer = Slicer::new(&self.recording.sizes);
        let mut last = None;
        while !slicer.is_done() {
            if (self.job.should_stop)() {
                return Err(Error::Cancelled);
            }
            let model = locked(&self.gpu.model).clone();
            let pieces = slicer.next(&model, self.gpu.options.slice_limit, MAX_PIECES);
            last = Some(self.slice(pieces, slicer.is_done())?);
            self.gpu.check()?;
        }
        let last = last.ok_or_else(|| self.gpu.failed("a job without work"))?;
        let answer = self.read_back(last)?;
        let mut counters = locked(&self.gpu.counters);
        counters.arena_bytes = counters.arena_bytes.max(self.recording.arena_bytes as u64);
        Ok(answer)
    }

    /// Sends the picture up in parts, other jobs' slices in between.
    fn upload(&self) -> Result<(), Error> {
        let (gpu, workspace) = (self.gpu, self.workspace);
        if gpu.options.poison {
            gpu.queue.write_buffer(&workspace.arena, 0, &vec![0xff; workspace.arena.size() as usize]);
        }
        let bytes = self.job.picture.to_packed();
        for (part_ix, part) in bytes.chunks(UPLOAD_BYTES).enumerate() {
            let _turn = gpu.arbiter.turn(self.job.urgency);
            let offset = (part_ix * UPLOAD_BYTES) as u64;
            let whole = part.len() / 4 * 4;
            gpu.queue.write_buffer(&workspace.picture, offset, &part[..whole]);
            if whole < part.len() {
                let mut word = [0; 4];
                word[..part.len() - whole].copy_from_slice(&part[whole..]);
                gpu.queue.write_buffer(&workspace.picture, offset + whole as u64, &word);
            }
            if part.len() == UPLOAD_BYTES {
                self.wait_for_room()?;
                locked(&gpu.outstanding).push_back(gpu.queue.submit([]));
            }
        }
        gpu.queue.write_buffer(&workspace.found, 0, &[0; FOUND_HEAD * 4]);
        locked(&gpu.counters).bytes_up += bytes.len() as u64;
        Ok(())
    }

    /// Encodes a slice, and submits it when it is this job's turn and the device has room for it; the last one brings
    /// back what is asked for.
    fn slice(&mut self, pieces: Vec<Piece>, is_last: bool) -> Result<SubmissionIndex, Error> {
        let gpu = self.gpu;
        let mut uniforms = Vec::with_capacity(pieces.len() * UNIFORM_PITCH);
        pieces.iter().for_each(|piece| self.uniform(piece).write(piece.row, piece.row_end, &mut uniforms));
        // The queue keeps order: the slice before this one has been submitted, and reads its own.
        gpu.queue.write_buffer(&self.workspace.uniforms, 0, &uniforms);
        let mut encoder = self.encoder();
        self.encode(&mut encoder, &pieces);
        let fenced = self.is_fenced();
        self.slices.push(pieces);
        if is_last {
            self.encode_return(&mut encoder);
        }
        let commands = encoder.finish();
        let turn = gpu.arbiter.turn(self.job.urgency);
        self.wait_for_room()?;
        let started = Instant::now();
        let index = gpu.queue.submit([commands]);
        locked(&gpu.outstanding).push_back(index.clone());
        locked(&gpu.counters).bytes_up += uniforms.len() as u64;
        if fenced {
            self.wait(index.clone())?;
            self.learn(started.elapsed());
        }
        drop(turn);
        if self.job.urgency == Urgency::Background {
            self.wait(index.clone())?;
            // Not beyond the limit, whatever a busy machine made of the slice.
            std::thread::sleep(started.elapsed().min(gpu.options.slice_limit).mul_f64(GAP));
        }
        Ok(index)
    }

    /// Waits until fewer slices than the depth are on their way; a background job waits for all.
    fn wait_for_room(&self) -> Result<(), Error> {
        let depth = if self.job.urgency == Urgency::Background { 1 } else { self.gpu.options.depth.max(1) };
        loop {
            let mut outstanding = locked(&self.gpu.outstanding);
            if outstanding.len() < depth {
                return Ok(());
            }
            let Some(oldest) = outstanding.pop_front() else { return Ok(()) };
            drop(outstanding);
            self.wait(oldest)?;
        }
    }

    fn wait(&self, index: SubmissionIndex) -> Result<(), Error> {
        let poll = PollType::Wait { submission_index: Some(index), timeout: Some(PATIENCE) };
        match self.gpu.device.poll(poll) {
            Ok(_) => Ok(()),
            Err(error) => Err(self.gpu.give_up(&format!("the device does not answer: {error}"))),
        }
    }

    /// Whether this slice is measured by waiting for it.
    fn is_fenced(&self) -> bool {
        let learning =
            locked(&self.gpu.counters).slices.count() < LEARNING_SLICES && self.slices.len() < LEARNING_SLICES as usize;
        learning || (self.gpu.tick.is_none() && self.slices.len().is_multiple_of(FENCE_EVERY))
    }

    /// Learns from the last slice's fence. It measures the way there and back, too: where the device has a clock, only a
    /// gross excess counts, and what was faster than thought even so.
    fn learn(&self, measured: Duration) {
        let (Some(pieces), sizes) = (self.slices.last(), &self.recording.sizes) else { return };
        let limit = self.gpu.options.slice_limit;
        let has_clock = self.gpu.tick.is_some();
        if !has_clock {
            locked(&self.gpu.counters).slices.add(measured, limit);
        }
        let mut model = locked(&self.gpu.model);
        let faster = (measured.as_nanos() as f64) < model.estimate_slice(sizes, pieces);
        if !has_clock || faster || measured > limit * 2 {
            model.learn(sizes, pieces, measured);
        }
    }

    /// The uniform of a piece's call, with what only this job knows.
    fn uniform(&self, piece: &Piece) -> Uniform {
        let call = &self.recording.calls[piece.call_ix];
        match (call.kernel, call.uniform, self.job.want) {
            (Kernel::Select, Uniform::Tensors(mut params), Want::Cells { at_least, .. }) => {
                params.mean[0] = at_least;
                Uniform::Tensors(params)
            }
            (_, uniform, _) => uniform,
        }
    }

    fn encoder(&self) -> CommandEncoder {
        self.gpu.device.create_command_encoder(&CommandEncoderDescriptor { label: Some("slice") })
    }

    fn encode(&self, encoder: &mut CommandEncoder, pieces: &[Piece]) {
        let first = self.slices.len() as u32 * 2;
        let queries = self.workspace.queries.as_ref().filter(|_| self.slices.len() < MAX_TIMED);
        let timestamp_writes = queries.map(|query_set| ComputePassTimestampWrites {
            query_set,
            beginning_of_pass_write_index: Some(first),
            end_of_pass_write_index: Some(first + 1),
        });
        let mut pass = encoder.begin_compute_pass(&ComputePassDescriptor { label: Some("slice"), timestamp_writes });
        for (piece_ix, piece) in pieces.iter().enumerate() {
            let call = &self.recording.calls[piece.call_ix];
            pass.set_pipeline(self.gpu.pipelines.get(call.kernel));
            pass.set_bind_group(0, &self.group, &[(piece_ix * UNIFORM_PITCH) as u32]);
            let [x, y, z] = call.workgroups(piece.row_end - piece.row);
            pass.dispatch_workgroups(x, y, z);
        }
    }
}
