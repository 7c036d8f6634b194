//! The timetable of one piece: which rows of which step when, and how many rows must be kept.
//!
//! Rows of the outputs are demanded band by band; each demand pulls the rows it needs through the
//! graph (depth first). A tensor keeps the rows from the lowest that a reader still wants, so its
//! ring needs as many as there ever were between that row and the newest. A band as high as the
//! output makes this the ordinary layer by layer order with whole tensors.

use std::ops::Range;

use super::layout::Entry;
use crate::ImageShape;
use crate::network::Step;

/// What the timetable says of one value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Life {
    /// Rows the ring must hold; 0 for a value the piece does not make.
    pub(super) rows: usize,
    /// First entry that writes it.
    pub(super) first: usize,
    /// Last entry that reads or writes it.
    pub(super) last: usize,
}

/// A timetable with the lives of all values.
#[derive(Debug)]
pub(super) struct Timetable {
    pub(super) entries: Vec<Entry>,
    pub(super) lives: Vec<Life>,
}

/// About how many entries a timetable may have; beyond it bands grow.
const MAX_ENTRIES: usize = 1 << 20;

/// Makes rows `wanted[i].1` of values `wanted[i].0` in bands.
pub(super) fn timetable(
    steps: &[Step],
    shapes: &[ImageShape],
    wanted: &[(usize, Range<usize>)],
    band_rows: usize,
) -> Timetable {
    let n_rows = wanted.iter().map(|(_, rows)| rows.len()).max().unwrap_or(0);
    // The timetable itself must stay small, whatever the picture and the graph.
    let highest = shapes.iter().map(|shape| shape.height).max().unwrap_or(0);
    let band_rows = band_rows.max((highest * steps.len()).div_ceil(MAX_ENTRIES)).max(1);
    // Outputs of different heights advance in proportion.
    let n_bands = n_rows.div_ceil(band_rows);
    let mut planner = Planner::new(steps, shapes, band_rows);
    for (value, rows) in wanted {
        if let Some(maker) = planner.maker[*value] {
            planner.widen(maker, rows.clone());
        }
    }
    for band in 1..=n_bands {
        for (value, rows) in wanted {
            let end = rows.start + rows.len() * band / n_bands;
            if let Some(maker) = planner.maker[*value] {
                planner.demand(maker, end);
            }
        }
    }
    planner.finish()
}

struct Planner<'a> {
    /// Rows made at a time.
    band_rows: usize,
    steps: &'a [Step],
    shapes: &'a [ImageShape],
    /// The step that makes each value.
    maker: Vec<Option<usize>>,
    /// Steps that read each value.
    readers: Vec<Vec<usize>>,
    /// Rows each step makes in all; empty if nobody wants it.
    span: Vec<Range<usize>>,
    /// Next row each step makes.
    next: Vec<usize>,
    entries: Vec<Entry>,
    lives: Vec<Life>,
}

impl<'a> Planner<'a> {
    fn new(steps: &'a [Step], shapes: &'a [ImageShape], band_rows: usize) -> Self {
        let mut maker = vec![None; shapes.len()];
        let mut readers = vec![Vec::new(); shapes.len()];
        for (step_ix, step) in steps.iter().enumerate() {
            maker[step.output] = Some(step_ix);
            for &input in &step.inputs {
                readers[input].push(step_ix);
            }
        }
        let lives = vec![Life { first: usize::MAX, ..Life::default() }; shapes.len()];
        let span = vec![0..0; steps.len()];
        Self { band_rows, steps, shapes, maker, readers, span, next: Vec::new(), entries: Vec::new(), lives }
    }

    /// Notes that rows `rows` of step `step_ix` will be wanted.
    fn widen(&mut self, step_ix: usize, rows: Range<usize>) {
        self.span[step_ix] = join(&self.span[step_ix], &rows);
        // Steps are in execution order, so one sweep backwards reaches every maker.
        for ix in (0..=step_ix).rev() {
            let span = self.span[ix].clone();
            if span.is_empty() {
                continue;
            }
            for &input in &self.steps[ix].inputs {
                let needs = self.steps[ix].kind.needs(span.clone(), self.shapes[input].height);
                if let Some(maker) = self.maker[input] {
                    self.span[maker] = join(&self.span[maker], &needs);
                }
            }
        }
        self.next = self.span.iter().map(|span| span.start).collect();
    }

    /// Makes rows of step `step_ix` up to `end`, and whatever they need.
    ///
    /// Depth is bounded by the number of nodes, which [`ModelLimits`](crate::ModelLimits) bounds.
    fn demand(&mut self, step_ix: usize, end: usize) {
        let steps = self.steps;
        while self.next[step_ix] < end {
            let start = self.next[step_ix];
            let rows = start..end.min(start.saturating_add(self.band_rows));
            for &input in &steps[step_ix].inputs {
                let needs = steps[step_ix].kind.needs(rows.clone(), self.shapes[input].height);
                if let Some(maker) = self.maker[input] {
                    self.demand(maker, needs.end);
                }
            }
            self.make(step_ix, rows);
        }
    }

    /// Enters `rows` of a step into the timetable; its inputs are there.
    fn make(&mut self, step_ix: usize, rows: Range<usize>) {
        let time = self.entries.len();
        let step = &self.steps[step_ix];
        for &input in &step.inputs {
            self.lives[input].last = time;
        }
        let kept_from = self.kept_from(step.output, rows.start);
        let life = &mut self.lives[step.output];
        life.rows = life.rows.max(rows.end - kept_from);
        life.first = life.first.min(time);
        life.last = time;
        self.next[step_ix] = rows.end;
        self.entries.push(Entry::new(step_ix, rows));
    }

    /// The lowest row of `value` that a reader still wants, at most `otherwise`.
    fn kept_from(&self, value: usize, otherwise: usize) -> usize {
        let mut lowest = otherwise;
        for &reader in &self.readers[value] {
            let (next, end) = (self.next[reader], self.span[reader].end);
            if next < end {
                let height = self.shapes[value].height;
                lowest = lowest.min(self.steps[reader].kind.needs(next..next + 1, height).start);
            }
        }
        lowest
    }

    fn finish(self) -> Timetable {
        Timetable { entries: self.entries, lives: self.lives }
    }
}

/// The smallest range holding both, an empty one counting for nothing.
fn join(a: &Range<usize>, b: &Range<usize>) -> Range<usize> {
    match (a.is_empty(), b.is_empty()) {
        (true, _) => b.clone(),
        (_, true) => a.clone(),
        _ => a.start.min(b.start)..a.end.max(b.end),
    }
}
