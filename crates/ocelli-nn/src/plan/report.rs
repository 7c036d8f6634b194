//! The plan told to people and programs: figures, a table, and a picture.

use std::fmt::{self, Display, Formatter, Write};

use serde::Serialize;

use super::{Execution, JointPlan, Layout, PlanOptions};
use crate::Network;

/// What a plan takes, beside what it could take. All sizes are bytes.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PlanReport {
    /// Height and width of each level's picture, in pixels.
    pub levels: Vec<[usize; 2]>,
    /// `streamed` or `whole`.
    pub execution: &'static str,
    /// Parts of the work that may run at once.
    pub workers: usize,
    /// All tensors of all levels, whole, side by side, without any padding.
    pub naive_bytes: u64,
    /// Most bytes alive at once under this timetable: no arrangement takes less.
    pub bound_bytes: u64,
    /// The arena.
    pub arena_bytes: u64,
    /// `arena_bytes / bound_bytes`.
    pub ratio: f64,
    /// `arena_bytes / naive_bytes`.
    pub share_of_naive: f64,
    /// The bound if every tensor existed whole, layer by layer, on one worker.
    pub whole_bound_bytes: u64,
    /// The arena for that.
    pub whole_arena_bytes: u64,
    /// Packed weights: they exist once, whatever the number of levels.
    pub weight_bytes: u64,
    /// Every tensor's place, in order of making.
    pub tensors: Vec<TensorReport>,
}

/// One tensor's place in the arena and in time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TensorReport {
    /// Index of the level.
    pub level_ix: usize,
    /// The value's name in the graph.
    pub name: String,
    /// The worker that makes it; `None` for results that several workers share.
    pub worker_ix: Option<usize>,
    /// Rows kept at a time.
    pub rows: usize,
    /// Rows in all.
    pub height: usize,
    /// First step of the worker's timetable in which it lives.
    pub first: usize,
    /// Last step; results live to the end.
    pub last: usize,
    /// Where it starts.
    pub offset: usize,
    /// What it takes.
    pub bytes: usize,
}

impl JointPlan {
    /// The plan's figures; plans the layer-by-layer variant once for comparison.
    #[must_use]
    pub fn report(&self) -> PlanReport {
        let layout = &self.layout;
        let levels: Vec<_> = layout.levels.iter().map(|level| level.picture).collect();
        let networks: Vec<&Network> = self.networks.iter().map(AsRef::as_ref).collect();
        let options = PlanOptions::default().with_execution(Execution::Whole).with_workers(1);
        // It is only counted, never allocated.
        let whole = Layout::build(&networks, &levels, &options.with_memory_limit(u64::MAX));
        let (whole_bound, whole_arena) = whole.map_or((0, 0), |whole| (whole.bound_bytes, whole.arena_bytes));
        let mut weights: Vec<(*const Network, usize)> =
            networks.iter().map(|&network| (std::ptr::from_ref(network), network.weight_bytes())).collect();
        weights.sort_unstable();
        weights.dedup();
        let (arena, bound) = (layout.arena_bytes as f64, layout.bound_bytes as f64);
        PlanReport {
            levels: levels.iter().map(|shape| [shape.height, shape.width]).collect(),
            execution: layout.execution.name(),
            workers: layout.workers.len(),
            naive_bytes: layout.naive_bytes,
            bound_bytes: layout.bound_bytes as u64,
            arena_bytes: layout.arena_bytes as u64,
            ratio: arena / bound.max(1.0),
            share_of_naive: arena / layout.naive_bytes.max(1) as f64,
            whole_bound_bytes: whole_bound as u64,
            whole_arena_bytes: whole_arena as u64,
            weight_bytes: weights.iter().map(|&(_, bytes)| bytes as u64).sum(),
            tensors: self.tensor_reports(),
        }
    }

    fn tensor_reports(&self) -> Vec<TensorReport> {
        let ends: Vec<usize> = self.layout.workers.iter().map(|p| p.iter().map(|p| p.entries.len()).sum()).collect();
        let longest = ends.iter().copied().max().unwrap_or(0);
        let mut reports: Vec<TensorReport> = Vec::new();
        for planned in &self.layout.planned {
            let network = &self.networks[planned.level_ix];
            let end = ends.get(planned.worker_ix).copied().unwrap_or(longest).saturating_sub(1);
            reports.push(TensorReport {
                level_ix: planned.level_ix,
                name: network.value_name(planned.value).to_owned(),
                worker_ix: (planned.worker_ix < ends.len()).then_some(planned.worker_ix),
                rows: planned.rows,
                height: self.layout.levels[planned.level_ix].shapes[planned.value].height,
                first: planned.item.first,
                last: planned.item.last.min(end),
                offset: planned.offset,
                bytes: planned.item.size,
            });
        }
        reports.sort_by_key(|tensor| (tensor.worker_ix, tensor.first, tensor.offset));
        reports
    }
}

impl Execution {
    fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Streamed { .. } => "streamed",
        }
    }
}

impl Display for PlanReport {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let sides: Vec<String> = self.levels.iter().map(|[h, w]| format!("{h}×{w}")).collect();
        writeln!(f, "levels   {} ({}, {} workers)", sides.join(", "), self.execution, self.workers)?;
        let line = |f: &mut Formatter<'_>, what: &str, bytes: u64| writeln!(f, "{what:8} {:>12} bytes", group(bytes));
        line(f, "naive", self.naive_bytes)?;
        line(f, "bound", self.bound_bytes)?;
        line(f, "arena", self.arena_bytes)?;
        line(f, "weights", self.weight_bytes)?;
        writeln!(f, "ratio    {:.4} of the bound, 1/{:.1} of naive", self.ratio, 1.0 / self.share_of_naive)?;
        let whole = (group(self.whole_bound_bytes), group(self.whole_arena_bytes));
        writeln!(f, "whole    bound {} bytes, arena {} bytes, were every tensor to exist whole", whole.0, whole.1)?;
        writeln!(f, "{:>5} {:>12} {:>10} {:>11} {:>13}  value", "level", "offset", "bytes", "rows", "steps")?;
        for tensor in &self.tensors {
            let rows = format!("{}/{}", tensor.rows, tensor.height);
            let steps = format!("{}..{}", tensor.first, tensor.last);
            let (level, offset, bytes) = (tensor.level_ix, tensor.offset, tensor.bytes);
            writeln!(f, "{level:>5} {offset:>12} {bytes:>10} {rows:>11} {steps:>13}  {}", tensor.name)?;
        }
        Ok(())
    }
}

/// Digits in groups of three.
fn group(n: u64) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (ix, digit) in digits.chars().enumerate() {
        if ix > 0 && (digits.len() - ix).is_multiple_of(3) {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    grouped
}

/// Size of the drawing, in its own units.
const DRAWING: (f64, f64) = (1_000.0, 600.0);

impl PlanReport {
    /// The plan as an SVG picture: time to the right, arena offset upwards, one box a tensor; each
    /// level has its colour, and each box names its tensor when pointed at.
    #[must_use]
    pub fn svg(&self) -> String {
        let (width, height) = DRAWING;
        let end = self.tensors.iter().map(|tensor| tensor.last + 1).max().unwrap_or(1) as f64;
        let arena = self.arena_bytes.max(1) as f64;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\">\n\
             <rect width=\"{width}\" height=\"{height}\" fill=\"#f4f4f4\"/>\n"
        );
        for tensor in &self.tensors {
            let x = tensor.first as f64 / end * width;
            let w = (tensor.last + 1 - tensor.first) as f64 / end * width;
            let h = tensor.bytes as f64 / arena * height;
            let y = height - tensor.offset as f64 / arena * height - h;
            let hue = (tensor.level_ix * 67 + 200) % 360;
            let name = escape(&tensor.name);
            let title = format!("level {} {name}: {} bytes at {}", tensor.level_ix, tensor.bytes, tensor.offset);
            // Writing to a string does not fail.
            let _ = writeln!(
                svg,
                "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" fill=\"hsl({hue} 60% 70%)\" \
                 stroke=\"#555\" stroke-width=\"0.4\"><title>{title}</title></rect>"
            );
        }
        svg.push_str("</svg>\n");
        svg
    }
}

/// Names come from model files: nothing in them may become markup.
fn escape(name: &str) -> String {
    name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
