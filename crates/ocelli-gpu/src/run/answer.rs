//! Reading back: timestamps into the model and the histogram, records or outputs into the answer.

use std::sync::mpsc;
use std::time::Duration;

use ndarray::Array3;
use ocelli_nn::Error;
use ocelli_nn::backend::{Answer, Cell, DeviceOutput};
use wgpu::{Buffer, BufferUsages, CommandEncoder, MapMode, SubmissionIndex};

use super::Run;
use crate::gpu::{PATIENCE, locked};
use crate::memory::{MAX_TIMED, TIMES_BYTES};
use crate::recording::{FOUND_HEAD, RECORD_HEAD, Returns};
use crate::shader::Element;

impl Run<'_> {
    /// Appends the commands that copy what is asked for, and the timestamps, to where the host can read them.
    pub(super) fn encode_return(&self, encoder: &mut CommandEncoder) {
        let workspace = self.workspace;
        let n_timed = self.slices.len().min(MAX_TIMED) as u32;
        if let Some(queries) = &workspace.queries {
            encoder.resolve_query_set(queries, 0..n_timed * 2, &workspace.times, 0);
            encoder.copy_buffer_to_buffer(&workspace.times, 0, &workspace.back, 0, u64::from(n_timed) * 16);
        }
        match &self.recording.returns {
            Returns::Cells { .. } => {
                let bytes = workspace.found.size().min(workspace.back.size() - TIMES_BYTES);
                encoder.copy_buffer_to_buffer(&workspace.found, 0, &workspace.back, TIMES_BYTES, bytes);
            }
            Returns::Outputs { outputs, .. } => {
                for (output, at) in outputs.iter().flatten() {
                    let tensor = &output.tensor;
                    let (from, to) = (tensor.offset as u64, TIMES_BYTES + *at as u64);
                    // Copies come in fours; rows of blocks of four numbers always do.
                    let bytes = (tensor.row_pitch * tensor.height) as u64;
                    encoder.copy_buffer_to_buffer(&workspace.arena, from, &workspace.back, to, bytes);
                }
            }
        }
    }

    /// Waits for the last slice and turns what came back into the answer.
    pub(super) fn read_back(&self, last: SubmissionIndex) -> Result<Answer, Error> {
        let bytes = self.fetch(last, &self.workspace.back)?;
        let (times, rest) = bytes.split_at(TIMES_BYTES as usize);
        self.learn_times(times);
        match &self.recording.returns {
            Returns::Outputs { outputs, .. } => {
                let element = self.gpu.element;
                let level = |outputs: &Vec<(DeviceOutput, usize)>| {
                    outputs.iter().map(|(output, at)| array(output, &rest[*at..], element)).collect()
                };
                Ok(Answer { cells: Vec::new(), outputs: outputs.iter().map(level).collect() })
            }
            &Returns::Cells { words, capacity } => {
                let (head, records) = rest.split_at(FOUND_HEAD * 4);
                let count: u32 = bytemuck::pod_read_unaligned(&head[..4]);
                let n = (count as usize).min(capacity);
                let needed = n * words * 4;
                match records.get(..needed) {
                    Some(records) => Ok(answer(records, words)),
                    None => Ok(answer(&self.fetch_records(needed)?, words)),
                }
            }
        }
    }

    /// Records that were too many for the first reading.
    fn fetch_records(&self, bytes: usize) -> Result<Vec<u8>, Error> {
        let usage = BufferUsages::MAP_READ | BufferUsages::COPY_DST;
        let back = self.gpu.allocator.buffer("records", bytes as u64, usage)?;
        let mut encoder = self.encoder();
        let start = (FOUND_HEAD * 4) as u64;
        encoder.copy_buffer_to_buffer(&self.workspace.found, start, &back, 0, bytes as u64);
        let turn = self.gpu.arbiter.turn(self.job.urgency);
        let index = self.gpu.queue.submit([encoder.finish()]);
        drop(turn);
        let mut records = self.fetch(index, &back)?;
        records.truncate(bytes);
        Ok(records)
    }

    /// Waits for a submission and copies what it left in `back`.
    fn fetch(&self, index: SubmissionIndex, back: &Buffer) -> Result<Vec<u8>, Error> {
        let (sender, receiver) = mpsc::channel();
        back.slice(..).map_async(MapMode::Read, move |mapped| {
            // A receiver that is gone has given up on the device.
            let _ = sender.send(mapped.is_ok());
        });
        self.wait(index)?;
        // Another thread that waits may be the one that is told, and be about to tell us.
        let mapped = receiver.recv_timeout(PATIENCE).unwrap_or(false);
        let unreadable = || self.gpu.failed("what it computed cannot be read");
        if !mapped {
            self.gpu.check()?;
            return Err(unreadable());
        }
        let bytes = back.slice(..).get_mapped_range().map_err(|_| unreadable())?.to_vec();
        back.unmap();
        locked(&self.gpu.counters).bytes_down += bytes.len() as u64;
        Ok(bytes)
    }

    /// Times of all slices to the histogram and the model.
    fn learn_times(&self, times: &[u8]) {
        let Some(tick) = self.gpu.tick else { return };
        let limit = self.gpu.options.slice_limit;
        for (pieces, pair) in self.slices.iter().zip(times.chunks_exact(16)) {
            let stamp = |at: usize| bytemuck::pod_read_unaligned::<u64>(&pair[at..at + 8]);
            let Some(ticks) = stamp(8).checked_sub(stamp(0)).filter(|&ticks| ticks > 0) else { continue };
            let time = Duration::from_nanos((ticks as f64 * tick) as u64);
            locked(&self.gpu.counters).slices.add(time, limit);
            locked(&self.gpu.model).learn(&self.recording.sizes, pieces, time);
        }
    }
}

/// One output from the rows that came back.
fn array(output: &DeviceOutput, bytes: &[u8], element: Element) -> Array3<f32> {
    let tensor = &output.tensor;
    let per_row = tensor.row_pitch / element.bytes();
    Array3::from_shape_fn((tensor.height, tensor.width, output.channels), |(y, x, c)| {
        element.decode(bytes, y * per_row + x * tensor.pixel + output.first + c)
    })
}

/// Cells from records, sorted by level, row and column: the device appends them in any order.
fn answer(records: &[u8], words: usize) -> Answer {
    let cell = |record: &[u8]| {
        let word = |ix: usize| bytemuck::pod_read_unaligned::<u32>(&record[ix * 4..ix * 4 + 4]);
        let [level_ix, y, x] = [0, 1, 2].map(|ix| word(ix) as usize);
        let values = (RECORD_HEAD..words).map(|ix| f32::from_bits(word(ix))).collect();
        Cell { level_ix, y, x, score: f32::from_bits(word(3)), values }
    };
    let mut cells: Vec<Cell> = records.chunks_exact(words * 4).map(cell).collect();
    cells.sort_unstable_by_key(|cell| (cell.level_ix, cell.y, cell.x));
    Answer { cells, outputs: Vec::new() }
}
