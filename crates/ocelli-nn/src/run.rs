//! Running a plan: workers walk their timetables over one arena.
#![allow(unsafe_code, reason = "workers write disjoint parts of one arena, as the plan laid out")]

mod profile;
mod ranges;
mod rows;

use std::sync::atomic::{AtomicBool, Ordering};

pub use profile::StepTime;

use ndarray::{ArrayView3, ShapeBuilder};

use crate::arena::Arena;
use crate::network::StepKind;
use crate::plan::{JointPlan, Piece};
use crate::{Error, RgbImage};

/// Answers whether the run should stop; asked between bands of rows, from any worker.
pub type ShouldStop<'a> = &'a (dyn Fn() -> bool + Sync);

impl JointPlan {
    /// Runs all levels: `pictures[i]` through level `i`. Uses the current rayon pool for as many
    /// workers as the plan has; results are bit for bit the same for any number.
    ///
    /// Allocates nothing once the pool's threads are warm.
    ///
    /// # Errors
    /// [`Error::Picture`] for a picture of another size than planned, [`Error::ArenaMismatch`] for
    /// an arena too small, [`Error::Cancelled`] once `should_stop` answers true.
    pub fn run<'a>(
        &'a self,
        arena: &'a mut Arena,
        pictures: &[RgbImage<'_>],
        should_stop: ShouldStop<'_>,
    ) -> Result<Outputs<'a>, Error> {
        self.run_with(arena, pictures, should_stop, |run| run.workers(0, self.layout.workers.len()))
    }

    fn run_with<'a>(
        &'a self,
        arena: &'a mut Arena,
        pictures: &[RgbImage<'_>],
        should_stop: ShouldStop<'_>,
        work: impl FnOnce(&Run<'_>),
    ) -> Result<Outputs<'a>, Error> {
        self.check(arena, pictures)?;
        let pad_rows = arena.bytes_mut().chunks_mut(self.layout.pad_bytes.max(1));
        for (&pad, row) in self.layout.pads.iter().zip(pad_rows) {
            row.fill(pad);
        }
        let stopped = AtomicBool::new(false);
        let base = arena.bytes_mut().as_mut_ptr();
        work(&Run { plan: self, pictures, should_stop, stopped: &stopped, base });
        if stopped.into_inner() {
            return Err(Error::Cancelled);
        }
        Ok(Outputs { plan: self, bytes: arena.bytes() })
    }

    fn check(&self, arena: &Arena, pictures: &[RgbImage<'_>]) -> Result<(), Error> {
        let (expected, actual) = (self.layout.arena_bytes, arena.len());
        if actual < expected {
            return Err(Error::ArenaMismatch { expected, actual });
        }
        let refuse = |picture_ix, reason| Err(Error::Picture { picture_ix, reason });
        if pictures.len() != self.n_levels() {
            let reason = format!("{} pictures for {} levels", pictures.len(), self.n_levels());
            return refuse(pictures.len().min(self.n_levels()), reason);
        }
        for (picture_ix, (picture, level)) in pictures.iter().zip(&self.layout.levels).enumerate() {
            if picture.shape() != level.picture {
                let reason = format!("is {:?}, planned {:?}", picture.shape(), level.picture);
                return refuse(picture_ix, reason);
            }
        }
        Ok(())
    }
}

/// One run in progress.
struct Run<'a> {
    plan: &'a JointPlan,
    pictures: &'a [RgbImage<'a>],
    should_stop: ShouldStop<'a>,
    stopped: &'a AtomicBool,
    base: *mut u8,
}

// SAFETY: workers share `base` but each writes only its own pieces' buffers and its own rows of the
// shared outputs: the plan gives them disjoint bytes (`plan::check` proves it in tests).
unsafe impl Sync for Run<'_> {}

impl Run<'_> {
    /// Runs workers `first..end`, in parallel where the pool has threads.
    fn workers(&self, first: usize, end: usize) {
        match end - first {
            0 => {}
            1 => self.worker(first),
            n => {
                let middle = first + n / 2;
                rayon::join(|| self.workers(first, middle), || self.workers(middle, end));
            }
        }
    }

    fn worker(&self, worker_ix: usize) {
        for piece in &self.plan.layout.workers[worker_ix] {
            for entry_ix in 0..piece.entries.len() {
                if self.stop() {
                    return;
                }
                self.entry(piece, entry_ix);
            }
        }
    }

    /// Whether somebody asked to stop; remembered for all workers.
    fn stop(&self) -> bool {
        let stop = self.stopped.load(Ordering::Relaxed) || (self.should_stop)();
        if stop {
            self.stopped.store(true, Ordering::Relaxed);
        }
        stop
    }

    fn rows<'b>(&'b self, piece: &'b Piece) -> rows::Rows<'b> {
        let layout = &self.plan.layout;
        rows::Rows {
            base: self.base,
            pads: &layout.pads,
            pad_bytes: layout.pad_bytes,
            buffers: &piece.buffers,
            shapes: &layout.levels[piece.level_ix].shapes,
            slots: &self.plan.networks[piece.level_ix].slots,
        }
    }

    fn entry(&self, piece: &Piece, entry_ix: usize) {
        let entry = piece.entries[entry_ix];
        let step = &self.plan.networks[piece.level_ix].steps[entry.step_ix as usize];
        let rows = self.rows(piece);
        for y in entry.rows() {
            // SAFETY: the timetable made the rows that `step` needs for row `y`, and the layout
            // keeps every live row of this piece apart from the row written now.
            unsafe {
                match &step.kind {
                    StepKind::Input { normalize, isa } => {
                        let pixels = self.pictures[piece.level_ix].row(y);
                        rows.input(step, pixels, *normalize, *isa, y);
                    }
                    StepKind::InputBytes => rows.input_bytes(step, self.pictures[piece.level_ix].row(y), y),
                    StepKind::Conv(conv) => rows.conv(step, conv, y),
                    StepKind::Tiles(tiles) => rows.tiles(step, *tiles, y),
                    StepKind::Winograd(conv) => rows.winograd(step, conv, y),
                    StepKind::ConvI8(conv) => rows.conv_i8(step, conv, y),
                    StepKind::Depthwise(conv) => rows.depthwise(step, conv, y),
                    StepKind::MaxPool(window) => rows.max_pool(step, window, y),
                    StepKind::Add(activation) => rows.add(step, *activation, y),
                    StepKind::AddI8(add) => rows.add_i8(step, add, y),
                    StepKind::Activate(activation) => rows.activate(step, *activation, y),
                    StepKind::Concat => rows.concat(step, y),
                    StepKind::ConcatI8(concat) => rows.concat_i8(step, concat, y),
                    StepKind::Upsample2 => rows.upsample2(step, y),
                    StepKind::GlobalAvgPool => rows.global_avg_pool(step),
                }
                rows.clear_padding(step.output, y);
            }
        }
    }
}

/// The results of one run; they live in the arena until it is used again.
#[derive(Debug)]
pub struct Outputs<'a> {
    plan: &'a JointPlan,
    bytes: &'a [u8],
}

impl<'a> Outputs<'a> {
    /// Output `name` of level `level_ix` as `[height, width, channels]`, f32.
    ///
    /// # Errors
    /// [`Error::UnknownOutput`] for a level or name the plan does not have.
    pub fn get(&self, level_ix: usize, name: &str) -> Result<ArrayView3<'a, f32>, Error> {
        let unknown = || Error::UnknownOutput { level_ix, name: name.to_owned() };
        let network = self.plan.networks.get(level_ix).ok_or_else(unknown)?;
        let level = &self.plan.layout.levels[level_ix];
        let output = network.graph().outputs.iter().find(|o| o.name == name).ok_or_else(unknown)?;
        let (buffer, slot) = (level.outputs[output.value], network.slots[output.value]);
        let shape = level.shapes[output.value];
        let start = buffer.offset + (slot.left * slot.pixel + output.first) * slot.element;
        let end = buffer.offset + shape.height * buffer.pitch;
        let data: &[f32] = bytemuck::cast_slice(&self.bytes[start..end]);
        let dims = (shape.height, shape.width, output.channels);
        let strides = (buffer.pitch / slot.element, slot.pixel, 1);
        ArrayView3::from_shape(dims.strides(strides), data).map_err(|_| unknown())
    }
}

#[cfg(test)]
mod tests;
