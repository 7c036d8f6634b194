//! The layout: timetables of all workers and the place of every tensor.

use std::ops::Range;

use super::assign::{self, Item};
use super::stream::{self, Life};
use super::{Execution, PlanOptions};
use crate::network::{Slot, StepKind};
use crate::{Error, ImageShape, Network};

/// Offsets are multiples of a cache line.
const ALIGN: u64 = 64;

/// Some rows of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) step_ix: u32,
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Entry {
    pub(super) fn new(step_ix: usize, rows: Range<usize>) -> Self {
        let small = |n: usize| u32::try_from(n).expect("rows and steps are bounded far below 2^32");
        Self { step_ix: small(step_ix), start: small(rows.start), end: small(rows.end) }
    }

    pub(crate) fn rows(self) -> Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// Where rows of a value lie: row `y` at `offset + (y % rows) * pitch`, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Buffer {
    pub(crate) offset: usize,
    /// Rows held at a time; 0 for a value that does not exist here.
    pub(crate) rows: usize,
    /// Bytes from row to row, padding pixels included.
    pub(crate) pitch: usize,
}

/// A run of output rows of one level, for one worker.
#[derive(Debug)]
pub(crate) struct Piece {
    pub(crate) level_ix: usize,
    pub(crate) entries: Vec<Entry>,
    /// By value.
    pub(crate) buffers: Vec<Buffer>,
}

/// One level: a network at one size.
#[derive(Debug)]
pub(crate) struct Level {
    pub(crate) picture: ImageShape,
    /// By value.
    pub(crate) shapes: Vec<ImageShape>,
    /// By value; only the graph's outputs have rows.
    pub(crate) outputs: Vec<Buffer>,
}

/// A planned tensor, for reports and the checker.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) level_ix: usize,
    pub(crate) value: usize,
    /// `usize::MAX` for outputs that all workers share.
    pub(crate) worker_ix: usize,
    pub(crate) rows: usize,
    pub(crate) item: Item,
    pub(crate) offset: usize,
}

/// Everything a run needs to know; independent of the networks' weights.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) execution: Execution,
    pub(crate) levels: Vec<Level>,
    pub(crate) workers: Vec<Vec<Piece>>,
    /// Bytes that padding rows are made of; the arena starts with one row of each.
    pub(crate) pads: Vec<u8>,
    /// Bytes of each of those rows.
    pub(crate) pad_bytes: usize,
    pub(crate) arena_bytes: usize,
    /// Least bytes that any arrangement of these lives needs.
    pub(crate) bound_bytes: usize,
    /// All tensors whole and apart, without padding.
    pub(crate) naive_bytes: u64,
    pub(crate) planned: Vec<Planned>,
}

impl Layout {
    pub(crate) fn build(networks: &[&Network], pictures: &[ImageShape], options: &PlanOptions) -> Result<Self, Error> {
        let mut levels = Vec::new();
        for (network, &picture) in networks.iter().zip(pictures) {
            let shapes = network.shapes(picture)?;
            let outputs = vec![Buffer::default(); shapes.len()];
            levels.push(Level { picture, shapes, outputs });
        }
        Builder { networks, levels, options, planned: Vec::new() }.build()
    }
}

/// The tensors of one worker; several values may be one item, one after another in the same memory.
#[derive(Default)]
struct Tensors {
    items: Vec<Item>,
    /// Piece and value, with the index of the item.
    owners: Vec<((usize, usize), usize)>,
}

impl Tensors {
    /// Adds a value as an item of its own, or to the item of the value of the same piece it takes over.
    fn add(&mut self, owner: (usize, usize), item: Item, host: Option<usize>) {
        let taken =
            |host: usize| self.owners.iter().rev().find(|((piece, value), _)| (*piece, *value) == (owner.0, host));
        match host.and_then(taken) {
            Some(&(_, item_ix)) if self.items[item_ix].size == item.size => {
                self.items[item_ix].last = item.last.max(self.items[item_ix].last);
                self.owners.push((owner, item_ix));
            }
            _ => {
                self.owners.push((owner, self.items.len()));
                self.items.push(item);
            }
        }
    }
}

struct Builder<'a> {
    networks: &'a [&'a Network],
    levels: Vec<Level>,
    options: &'a PlanOptions,
    planned: Vec<Planned>,
}

/// A row range of a level's outputs, in 1/`CUTS` of their heights.
type Part = (usize, Range<usize>);
const CUTS: usize = 4_096;

impl Builder<'_> {
    fn build(mut self) -> Result<Layout, Error> {
        let parts = self.share_out();
        let (pads, pad_bytes) = (self.pads(), self.pad_bytes()?);
        let mut cursor = pads.len() * pad_bytes;
        let mut bound = cursor;
        let shared = parts.len() > 1;
        if shared {
            cursor = self.place_shared_outputs(cursor)?;
            bound = cursor;
        }
        let mut workers = Vec::new();
        for (worker_ix, parts) in parts.iter().enumerate() {
            let (pieces, bytes, least) = self.worker(worker_ix, parts, cursor, shared)?;
            workers.push(pieces);
            cursor += bytes;
            bound += least;
        }
        self.check_memory(cursor as u64)?;
        let naive_bytes = self.naive_bytes();
        let (arena_bytes, bound_bytes) = (cursor, bound);
        let Self { options, levels, planned, .. } = self;
        let execution = options.execution;
        Ok(Layout { execution, levels, workers, pads, pad_bytes, arena_bytes, bound_bytes, naive_bytes, planned })
    }

    fn check_memory(&self, needed: u64) -> Result<(), Error> {
        let limit = self.options.memory_limit;
        if needed > limit { Err(Error::MemoryLimit { needed, limit }) } else { Ok(()) }
    }

    /// Bytes of a row with its padding, and of `rows` such rows rounded up to the alignment.
    fn bytes(&self, level_ix: usize, value: usize, rows: usize) -> Result<(usize, usize), Error> {
        let slot: Slot = self.networks[level_ix].slots[value];
        let width = self.levels[level_ix].shapes[value].width;
        // At most 2^16 pixels of 2^16 channels of 4 bytes by 2^16 rows: below 2^51.
        let pitch = (slot.left + width + slot.right) as u64 * (slot.pixel * slot.element) as u64;
        let size = (pitch * rows as u64).next_multiple_of(ALIGN);
        self.check_memory(size)?;
        let fits = |n: u64| usize::try_from(n).map_err(|_| Error::OutOfMemory { bytes: n });
        Ok((fits(pitch)?, fits(size)?))
    }

    /// All padding bytes in use.
    fn pads(&self) -> Vec<u8> {
        let padded = self.padded_values();
        let mut pads: Vec<u8> = padded.map(|(level_ix, value)| self.networks[level_ix].slots[value].pad).collect();
        pads.sort_unstable();
        pads.dedup();
        pads
    }

    /// Bytes of the longest row that a window may find in the padding above or below.
    fn pad_bytes(&self) -> Result<usize, Error> {
        let mut longest = 0;
        for (level_ix, value) in self.padded_values() {
            longest = longest.max(self.bytes(level_ix, value, 1)?.1);
        }
        Ok(longest)
    }

    /// Level and value of everything that a window reads.
    fn padded_values(&self) -> impl Iterator<Item = (usize, usize)> {
        self.networks.iter().enumerate().flat_map(|(level_ix, network)| {
            let windowed = network.steps.iter().filter(|step| step.kind.reads_padding());
            windowed.flat_map(move |step| step.inputs.iter().map(move |&value| (level_ix, value)))
        })
    }

    fn naive_bytes(&self) -> u64 {
        let mut sum = 0;
        for (network, level) in self.networks.iter().zip(&self.levels) {
            // Tiles are this engine's own; the model does not ask for them.
            for step in network.steps.iter().filter(|step| !matches!(step.kind, StepKind::Tiles(_))) {
                let slot = network.slots[step.output];
                let area = level.shapes[step.output].area();
                sum += area * (slot.channels * slot.element) as u64;
            }
        }
        sum
    }

    /// Work of a level in multiplications, never zero.
    fn work(&self, level_ix: usize) -> u64 {
        let steps = self.networks[level_ix].steps.iter();
        let shapes = &self.levels[level_ix].shapes;
        1 + steps.map(|s| s.kind.macs_per_pixel() * shapes[s.output].area()).sum::<u64>()
    }

    /// Lays all levels end to end, largest first, and cuts the line into equal shares of work.
    fn share_out(&self) -> Vec<Vec<Part>> {
        let work: Vec<u64> = (0..self.levels.len()).map(|ix| self.work(ix)).collect();
        let mut order: Vec<usize> = (0..work.len()).collect();
        order.sort_by_key(|&ix| (std::cmp::Reverse(work[ix]), ix));
        let n_workers = self.options.workers.max(1);
        let share = work.iter().sum::<u64>().div_ceil(n_workers as u64).max(1);
        let mut shares: Vec<Vec<Part>> = vec![Vec::new()];
        let mut left = share;
        for level_ix in order {
            let (mut start, mut todo) = (0, work[level_ix]);
            while todo > left && shares.len() < n_workers && self.can_cut(level_ix) {
                let cut = start + (((CUTS - start) as u128 * u128::from(left)) / u128::from(todo)) as usize;
                if cut > start {
                    shares.last_mut().expect("never empty").push((level_ix, start..cut));
                }
                todo -= left;
                start = cut;
                shares.push(Vec::new());
                left = share;
            }
            shares.last_mut().expect("never empty").push((level_ix, start..CUTS));
            left = left.saturating_sub(todo);
            if left == 0 && shares.len() < n_workers {
                shares.push(Vec::new());
                left = share;
            }
        }
        shares.retain(|parts| !parts.is_empty());
        shares
    }

    /// A level may be cut where no step reads an output: two workers would write the same rows.
    fn can_cut(&self, level_ix: usize) -> bool {
        let network = self.networks[level_ix];
        let read = |value: usize| network.steps.iter().any(|step| step.inputs.contains(&value));
        !network.graph().outputs.iter().any(|output| read(output.value))
    }

    fn place_shared_outputs(&mut self, mut cursor: usize) -> Result<usize, Error> {
        for level_ix in 0..self.levels.len() {
            for value in self.output_values(level_ix) {
                let rows = self.levels[level_ix].shapes[value].height;
                let (pitch, size) = self.bytes(level_ix, value, rows)?;
                self.levels[level_ix].outputs[value] = Buffer { offset: cursor, rows, pitch };
                let item = Item { first: 0, last: usize::MAX - 1, size };
                let offset = cursor;
                self.planned.push(Planned { level_ix, value, worker_ix: usize::MAX, rows, item, offset });
                cursor += size;
                self.check_memory(cursor as u64)?;
            }
        }
        Ok(cursor)
    }

    fn output_values(&self, level_ix: usize) -> Vec<usize> {
        let outputs = &self.networks[level_ix].graph().outputs;
        let mut values: Vec<usize> = outputs.iter().map(|output| output.value).collect();
        values.sort_unstable();
        values.dedup();
        values
    }

    /// Plans one worker's parts from arena offset `base`: pieces, bytes, least bytes.
    fn worker(
        &mut self,
        worker_ix: usize,
        parts: &[Part],
        base: usize,
        shared: bool,
    ) -> Result<(Vec<Piece>, usize, usize), Error> {
        let mut pieces = Vec::new();
        let mut tensors = Tensors::default();
        let mut time = 0;
        for (level_ix, part) in parts {
            let outputs = self.output_values(*level_ix);
            let table = self.timetable(*level_ix, part, &outputs);
            let mut buffers = vec![Buffer::default(); table.lives.len()];
            let hosts = self.hosts(*level_ix, &table, &outputs);
            for (value, life) in table.lives.iter().enumerate().filter(|(_, life)| life.rows > 0) {
                let Life { mut rows, first, mut last } = *life;
                let is_output = outputs.contains(&value);
                if is_output && shared {
                    buffers[value] = self.levels[*level_ix].outputs[value];
                    continue;
                }
                if is_output {
                    // Results stay until the caller has read them.
                    (rows, last) = (self.levels[*level_ix].shapes[value].height, usize::MAX / 2);
                }
                let (pitch, size) = self.bytes(*level_ix, value, rows)?;
                buffers[value] = Buffer { offset: 0, rows, pitch };
                let item = Item { first: first + time, last: last + time, size };
                tensors.add((pieces.len(), value), item, hosts[value]);
            }
            time += table.entries.len();
            let (level_ix, entries) = (*level_ix, table.entries);
            pieces.push(Piece { level_ix, entries, buffers });
        }
        let (offsets, bytes) = assign::assign(&tensors.items);
        for &((piece_ix, value), item_ix) in &tensors.owners {
            let piece: &mut Piece = &mut pieces[piece_ix];
            let (level_ix, offset) = (piece.level_ix, base + offsets[item_ix]);
            piece.buffers[value].offset = offset;
            let buffer = piece.buffers[value];
            if self.networks[level_ix].graph().is_output(value) {
                self.levels[level_ix].outputs[value] = buffer;
            }
            let (rows, item) = (buffer.rows, tensors.items[item_ix]);
            self.planned.push(Planned { level_ix, value, worker_ix, rows, item, offset });
        }
        self.check_memory((base + bytes) as u64)?;
        Ok((pieces, bytes, assign::liveness_bound(&tensors.items)))
    }

    /// For each value the input whose memory it may take over: that of an elementwise step that is
    /// the input's last reader, where both exist whole and alike.
    fn hosts(&self, level_ix: usize, table: &stream::Timetable, outputs: &[usize]) -> Vec<Option<usize>> {
        let network = self.networks[level_ix];
        let mut hosts = vec![None; table.lives.len()];
        if self.options.execution != Execution::Whole {
            return hosts;
        }
        for (time, entry) in table.entries.iter().enumerate() {
            let step = &network.steps[entry.step_ix as usize];
            if !step.kind.is_elementwise() {
                continue;
            }
            let (slot, life) = (network.slots[step.output], table.lives[step.output]);
            hosts[step.output] = step.inputs.iter().copied().find(|&input| {
                let other = table.lives[input];
                let dies = other.last == time && life.first == time && !outputs.contains(&input);
                dies && network.slots[input] == slot && other.rows == life.rows
            });
        }
        hosts
    }

    fn timetable(&self, level_ix: usize, part: &Range<usize>, outputs: &[usize]) -> stream::Timetable {
        let shapes = &self.levels[level_ix].shapes;
        let wanted: Vec<(usize, Range<usize>)> = outputs
            .iter()
            .map(|&value| {
                let height = shapes[value].height;
                (value, height * part.start / CUTS..height * part.end / CUTS)
            })
            .collect();
        let band_rows = match self.options.execution {
            Execution::Whole => usize::MAX,
            Execution::Streamed { band_rows } => band_rows,
        };
        stream::timetable(&self.networks[level_ix].steps, shapes, &wanted, band_rows)
    }
}
