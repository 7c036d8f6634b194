//! Recording: a job turned into a list of kernel calls over the arena, the planes and the list of what was found.
//!
//! Nothing here needs an adapter: the list is data, made once for a set of sizes and replayed for every picture.

mod calls;
mod planes;

use ocelli_nn::backend::{DeviceNetwork, DeviceOutput, DevicePlan, Level, Want};
use ocelli_nn::{Error, ImageShape};

use crate::params::Uniform;
use crate::shader::{Element, Grid, Kernel};
use crate::slices::Size;
use crate::weights::Place;

/// A kernel call, whole; the slicer decides which of its rows go when.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) kernel: Kernel,
    pub(crate) uniform: Uniform,
    /// Invocations along x, and workgroups along z.
    pub(crate) extent: [u32; 2],
}

impl Call {
    /// Workgroups for `rows` rows.
    pub(crate) fn workgroups(&self, rows: u32) -> [u32; 3] {
        let [x, y, _] = crate::pipelines::workgroup(self.kernel.grid());
        let across = match self.kernel.grid() {
            Grid::Channels => self.extent[0],
            _ => self.extent[0].div_ceil(x),
        };
        [across, rows.div_ceil(y), self.extent[1]]
    }
}

/// Words of a record that do not come from outputs read: level, row, column, score.
pub(crate) const RECORD_HEAD: usize = 4;
/// Words before the records.
pub(crate) const FOUND_HEAD: usize = 4;

/// What comes back, and where it lies.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Returns {
    /// Whole outputs of each level, with the byte where each lies in what is read back.
    Outputs { outputs: Vec<Vec<(DeviceOutput, usize)>>, bytes: usize },
    /// Records of `words` words, at most `capacity` of them.
    Cells { words: usize, capacity: usize },
}

/// A job's calls and what they need.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) calls: Vec<Call>,
    /// By call, for the slicer.
    pub(crate) sizes: Vec<Size>,
    pub(crate) tables: Vec<i32>,
    pub(crate) arena_bytes: usize,
    pub(crate) plane_bytes: usize,
    pub(crate) picture_bytes: usize,
    pub(crate) found_bytes: usize,
    pub(crate) returns: Returns,
}

/// What a device can bind and hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Room {
    /// Bytes of a buffer that a kernel can see.
    pub(crate) binding: u64,
    /// Bytes of all buffers of a job.
    pub(crate) job: u64,
}

/// What a recording is made of.
pub(crate) struct Subject<'a> {
    pub(crate) network: &'a DeviceNetwork,
    pub(crate) places: &'a [Place],
    pub(crate) element: Element,
    pub(crate) picture: ImageShape,
    pub(crate) levels: &'a [Level],
    pub(crate) want: Want<'a>,
}

impl Recording {
    /// Records a job.
    ///
    /// # Errors
    /// Those of planning; [`Error::MemoryLimit`] where it does not fit the device, [`Error::UnknownOutput`].
    pub(crate) fn new(subject: &Subject<'_>, room: Room) -> Result<Self, Error> {
        let planes = planes::Planes::new(subject.picture, subject.levels)?;
        let plane_bytes = planes.n_words * 4;
        let picture_bytes = (subject.picture.height * subject.picture.width * 3).next_multiple_of(4);
        let fits = |needed: usize, limit: u64| match needed as u64 > limit {
            true => Err(Error::MemoryLimit { needed: needed as u64, limit }),
            false => Ok(()),
        };
        fits(plane_bytes, room.binding)?;
        fits(plane_bytes + picture_bytes, room.job)?;
        let left = room.binding.min(room.job - (plane_bytes + picture_bytes) as u64);
        let shapes: Vec<ImageShape> = subject.levels.iter().map(|level| level.shape).collect();
        let plan = subject.network.plan(&shapes, left)?;
        let mut recording = Self {
            calls: Vec::new(),
            sizes: Vec::new(),
            tables: planes.tables,
            arena_bytes: plan.arena_bytes.max(64),
            plane_bytes,
            picture_bytes,
            found_bytes: FOUND_HEAD * 4,
            returns: Returns::Outputs { outputs: Vec::new(), bytes: 0 },
        };
        planes.calls.into_iter().for_each(|(call, size)| recording.push(call, size));
        for call in &plan.calls {
            calls::record(subject, &planes.levels, call, &mut recording);
        }
        recording.returns = recording.record_returns(subject, &plan)?;
        let all = recording.arena_bytes + plane_bytes + picture_bytes + recording.found_bytes;
        fits(all, room.job)?;
        fits(recording.found_bytes, room.binding)?;
        Ok(recording)
    }

    fn push(&mut self, call: Call, size: Size) {
        self.calls.push(call);
        self.sizes.push(size);
    }

    fn record_returns(&mut self, subject: &Subject<'_>, plan: &DevicePlan) -> Result<Returns, Error> {
        let n_levels = subject.levels.len();
        match subject.want {
            Want::Outputs(names) => {
                let mut bytes = 0;
                let mut place = |output: DeviceOutput| {
                    let at = bytes;
                    bytes += output.tensor.row_pitch * output.tensor.height;
                    bytes = bytes.next_multiple_of(16);
                    (output, at)
                };
                let mut outputs = Vec::new();
                for level_ix in 0..n_levels {
                    let found = names.iter().map(|name| plan.output(level_ix, name).map(&mut place));
                    outputs.push(found.collect::<Result<Vec<_>, _>>()?);
                }
                Ok(Returns::Outputs { outputs, bytes })
            }
            Want::Cells { score, read, .. } => {
                let mut capacity = 0;
                let mut words = RECORD_HEAD;
                for level_ix in 0..n_levels {
                    let score = plan.output(level_ix, score)?;
                    let read = read.iter().map(|name| plan.output(level_ix, name)).collect::<Result<Vec<_>, _>>()?;
                    words = RECORD_HEAD + read.iter().map(|output| output.channels).sum::<usize>();
                    calls::record_cells(subject, level_ix, score, &read, words, self)?;
                    capacity += score.tensor.height * score.tensor.width;
                }
                self.found_bytes = (FOUND_HEAD + capacity * words) * 4;
                Ok(Returns::Cells { words, capacity })
            }
        }
    }
}

#[cfg(test)]
mod tests;
