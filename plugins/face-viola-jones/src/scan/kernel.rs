//! The inner loop, written once over vector lanes: scalar, AVX2, AVX-512.
//!
//! Every lane does the scalar twin's arithmetic in the same order and without fused operations, so all of them
//! return equal hits, bit for bit.
#![allow(unsafe_code, reason = "vector instructions, and reads checked once a row instead of once a corner")]

mod lanes;

use super::program::{NodeCode, Program, StageCode, TreeCode, Value};
use super::{Grid, Hit, LevelSums};
use lanes::{Lanes, Single};

/// Instruction set that a scan uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Isa {
    /// One window at a time: the reference.
    Scalar,
    /// Eight windows at a time.
    Avx2,
    /// Sixteen windows at a time.
    Avx512,
}

impl Isa {
    /// The sets that this processor has, the best last.
    pub fn available() -> Vec<Self> {
        #[allow(unused_mut, reason = "grows on x86-64 only")]
        let mut sets = vec![Self::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx2") {
                sets.push(Self::Avx2);
            }
            if is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2") {
                sets.push(Self::Avx512);
            }
        }
        sets
    }

    /// The best set that this processor has.
    pub fn best() -> Self {
        Self::available().pop().unwrap_or(Self::Scalar)
    }
}

/// Room for one row's intermediate results, kept from row to row.
#[derive(Default)]
pub(crate) struct RowScratch {
    norms: Vec<f32>,
    /// Windows whose variance is worth a look.
    valid: Vec<bool>,
    /// Windows that are visited and pass the first stage.
    alive: Vec<bool>,
    /// Votes of the first stage.
    votes: Vec<f32>,
}

impl Program {
    /// Scans row `row` of the grid and appends the windows that pass, from the left.
    ///
    /// # Panics
    /// Where the level is not the one that the program was compiled for, `row` is outside its grid, or the
    /// processor lacks `isa`.
    pub fn scan_row(
        &self,
        isa: Isa,
        level: &LevelSums,
        grid: Grid,
        row: usize,
        scratch: &mut RowScratch,
        hits: &mut Vec<Hit>,
    ) {
        assert!(row < level.rows, "row {row} of {}", level.rows);
        let y = row * level.step;
        // Vectors reach at most one vector behind the last window, and no corner lies further than `reach`.
        let end = y * level.pitch + level.columns.next_multiple_of(16) + self.reach as usize;
        assert!(end <= level.sums.len() && level.sums.len() == level.squares.len(), "level of another layout");
        let row = Row { program: self, level, grid, y, base: y * level.pitch };
        match isa {
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 if self.lanes => {
                assert!(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx2"));
                // SAFETY: the processor has the features; reads were checked above.
                unsafe { scan_avx512(row, scratch, hits) }
            }
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 if self.lanes => {
                assert!(is_x86_feature_detected!("avx2"));
                // SAFETY: the processor has the feature; reads were checked above.
                unsafe { scan_avx2(row, scratch, hits) }
            }
            // SAFETY: a single lane needs no processor feature; reads were checked above.
            _ => unsafe { row.scan::<Single>(scratch, hits) },
        }
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn scan_avx2(row: Row<'_>, scratch: &mut RowScratch, hits: &mut Vec<Hit>) {
    // SAFETY: this function has the feature; its caller checked the reads.
    unsafe { row.scan::<lanes::Avx2>(scratch, hits) }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2")]
fn scan_avx512(row: Row<'_>, scratch: &mut RowScratch, hits: &mut Vec<Hit>) {
    // SAFETY: this function has the features; its caller checked the reads.
    unsafe { row.scan::<lanes::Avx512>(scratch, hits) }
}

/// One row of windows of a level.
#[derive(Clone, Copy)]
struct Row<'a> {
    program: &'a Program,
    level: &'a LevelSums,
    grid: Grid,
    y: usize,
    base: usize,
}

impl Row<'_> {
    /// # Safety
    /// The processor has the features of `V`, and `Program::scan_row` checked the reads.
    #[inline(always)]
    unsafe fn scan<V: Lanes>(self, scratch: &mut RowScratch, hits: &mut Vec<Hit>) {
        let columns = self.level.columns;
        let padded = columns.next_multiple_of(16);
        scratch.norms.clear();
        scratch.norms.resize(padded, 1.0);
        scratch.valid.clear();
        scratch.valid.resize(padded, false);
        scratch.alive.clear();
        scratch.alive.resize(padded, false);
        scratch.votes.clear();
        scratch.votes.resize(padded, 0.0);
        self.normalize(&mut scratch.norms[..columns], &mut scratch.valid[..columns]);

        let Some((first, rest)) = self.program.stages.split_first() else { return };
        for at in (0..columns).step_by(V::COUNT) {
            // SAFETY: the caller's promises.
            let (passed, votes) = unsafe {
                let (passed, votes) = self.stage::<V>(first, V::splat(0.0), at, &scratch.norms);
                (passed, V::array(votes))
            };
            scratch.votes[at..at + V::COUNT].copy_from_slice(votes.as_ref());
            for lane in 0..V::COUNT.min(columns - at) {
                scratch.alive[at + lane] = passed >> lane & 1 == 1;
            }
        }
        self.visit(&scratch.valid, &mut scratch.alive[..columns]);
        // With a single stage its sums are made again for the margins.
        let rest = if rest.is_empty() { &self.program.stages } else { rest };
        for at in (0..columns).step_by(V::COUNT) {
            let group = &scratch.alive[at..columns.min(at + V::COUNT)];
            let mask = group.iter().enumerate().fold(0_u32, |mask, (lane, alive)| mask | u32::from(*alive) << lane);
            if mask != 0 {
                // SAFETY: the caller's promises.
                unsafe { self.later_stages::<V>(rest, at, mask, scratch, hits) }
            }
        }
    }

    /// Variance of every window: `norms` receives 1 / (area × standard deviation).
    #[inline(always)]
    fn normalize(&self, norms: &mut [f32], valid: &mut [bool]) {
        let area = self.program.norm_area;
        let corners = self.program.norm.map(|offset| self.base + offset as usize);
        let span = |of: usize| &self.level.sums[of..][..norms.len()];
        let (a, b, c, d) = (span(corners[0]), span(corners[1]), span(corners[2]), span(corners[3]));
        let span = |of: usize| &self.level.squares[of..][..norms.len()];
        let (e, f, g, h) = (span(corners[0]), span(corners[1]), span(corners[2]), span(corners[3]));
        for ix in 0..norms.len() {
            let sum = a[ix].wrapping_sub(b[ix]).wrapping_sub(c[ix]).wrapping_add(d[ix]) as i32;
            let square = e[ix].wrapping_sub(f[ix]).wrapping_sub(g[ix]).wrapping_add(h[ix]);
            let spread = area * f64::from(square) - f64::from(sum) * f64::from(sum);
            let norm = if spread > 0.0 { (1.0 / spread.sqrt()) as f32 } else { 1.0 };
            norms[ix] = norm;
            // Flat windows (standard deviation of at most 10 levels) are no objects.
            valid[ix] = spread > 0.0 && area * f64::from(norm) < 0.1;
        }
    }

    /// Keeps of `alive` (those that pass the first stage) the windows that the scan visits.
    fn visit(&self, valid: &[bool], alive: &mut [bool]) {
        let mut skipped = false;
        for (alive, valid) in alive.iter_mut().zip(valid) {
            let rejected = *valid && !*alive;
            *alive = *alive && *valid && !skipped;
            skipped = self.grid.skip && rejected && !skipped;
        }
    }

    fn hit(&self, column: usize, margin: f32) -> Hit {
        Hit { x: (column * self.level.step) as u32, y: self.y as u32, margin }
    }

    /// # Safety
    /// As for `scan`.
    #[inline(always)]
    unsafe fn later_stages<V: Lanes>(
        self,
        stages: &[StageCode],
        at: usize,
        mut mask: u32,
        scratch: &RowScratch,
        hits: &mut Vec<Hit>,
    ) {
        debug_assert!(at + V::COUNT <= scratch.votes.len());
        // SAFETY: votes are padded to whole vectors.
        let mut votes = unsafe { V::load(scratch.votes.as_ptr().add(at)) };
        for (ix, stage) in stages.iter().enumerate() {
            if mask.count_ones() < V::WORTHWHILE {
                let rest = &stages[ix..];
                // SAFETY: the caller has the features.
                let votes = unsafe { V::array(votes) };
                while mask != 0 {
                    let lane = mask.trailing_zeros() as usize;
                    mask &= mask - 1;
                    // SAFETY: a single lane needs no feature; the caller checked the reads.
                    unsafe { self.single(rest, votes.as_ref()[lane], at + lane, &scratch.norms, hits) }
                }
                return;
            }
            let passed;
            // SAFETY: the caller's promises.
            (passed, votes) = unsafe { self.stage::<V>(stage, votes, at, &scratch.norms) };
            mask &= passed;
            if mask == 0 {
                return;
            }
            if ix + 1 == stages.len() {
                // SAFETY: the caller has the features.
                let votes = unsafe { V::array(votes) };
                for (lane, sum) in votes.as_ref().iter().enumerate().filter(|(lane, _)| mask >> lane & 1 == 1) {
                    hits.push(self.hit(at + lane, sum - stage.threshold));
                }
            }
        }
    }

    /// # Safety
    /// As for `scan`.
    #[inline(always)]
    unsafe fn single(self, stages: &[StageCode], mut votes: f32, at: usize, norms: &[f32], hits: &mut Vec<Hit>) {
        let mut margin = 0.0;
        for stage in stages {
            let passed;
            // SAFETY: the caller's promises.
            (passed, votes) = unsafe { self.stage::<Single>(stage, votes, at, norms) };
            if passed == 0 {
                return;
            }
            margin = votes - stage.threshold;
        }
        hits.push(self.hit(at, margin));
    }

    /// Sums of votes after a stage for the windows from column `at`, and which of them pass; `before` holds the sums
    /// after the stage before.
    ///
    /// # Safety
    /// As for `scan`.
    #[inline(always)]
    unsafe fn stage<V: Lanes>(self, stage: &StageCode, before: V::Float, at: usize, norms: &[f32]) -> (u32, V::Float) {
        let program = self.program;
        let trees = &program.trees[stage.first_tree as usize..][..stage.trees as usize];
        debug_assert!(at + V::COUNT <= norms.len());
        // SAFETY: the caller has the features; `norms` is padded to whole vectors; windows and corners lie in the
        // level as `Program::scan_row` checked.
        unsafe {
            let norm = V::load(norms.as_ptr().add(at));
            let window = self.level.sums.as_ptr().add(self.base + at);
            let mut sum = if stage.cumulative { before } else { V::splat(0.0) };
            for tree in trees {
                let nodes = &program.nodes[tree.first_node as usize..][..tree.nodes as usize];
                let vote = if let [node] = nodes {
                    let leaf = |link: i32| program.leaves[tree.first_leaf as usize + link.unsigned_abs() as usize];
                    let value = V::mul(self.value::<V>(node.value, window), norm);
                    V::below(value, V::splat(node.threshold), V::splat(leaf(node.left)), V::splat(leaf(node.right)))
                } else if V::COUNT == 1 {
                    V::splat(self.walk(tree, nodes, window, norms[at]))
                } else {
                    self.resolve::<V>(tree, nodes, window, norm)
                };
                sum = V::add(sum, vote);
            }
            (V::at_least(sum, V::splat(stage.threshold)), sum)
        }
    }

    /// One window's way through a tree.
    ///
    /// # Safety
    /// `window` is a window of the level.
    #[inline(always)]
    unsafe fn walk(self, tree: &TreeCode, nodes: &[NodeCode], window: *const u32, norm: f32) -> f32 {
        let mut ix = 0;
        loop {
            let node = &nodes[ix];
            // SAFETY: a single lane needs no feature; the window lies in the level.
            let value = unsafe { self.value::<Single>(node.value, window) } * norm;
            let link = if value < node.threshold { node.left } else { node.right };
            if link <= 0 {
                return self.program.leaves[tree.first_leaf as usize + link.unsigned_abs() as usize];
            }
            // Links lead forward, so this ends.
            ix = link as usize;
        }
    }

    /// All nodes of a small tree, the last first, so that every link's result is there when it is asked for.
    ///
    /// # Safety
    /// As for `stage`.
    #[inline(always)]
    unsafe fn resolve<V: Lanes>(
        self,
        tree: &TreeCode,
        nodes: &[NodeCode],
        window: *const u32,
        norm: V::Float,
    ) -> V::Float {
        // SAFETY: the caller's promises.
        unsafe {
            let mut results = [V::splat(0.0); super::program::MAX_LANE_NODES];
            for (ix, node) in nodes.iter().enumerate().rev() {
                let follow = |link: i32| {
                    if link > 0 {
                        results[link as usize]
                    } else {
                        V::splat(self.program.leaves[tree.first_leaf as usize + link.unsigned_abs() as usize])
                    }
                };
                let value = V::mul(self.value::<V>(node.value, window), norm);
                results[ix] = V::below(value, V::splat(node.threshold), follow(node.left), follow(node.right));
            }
            results[0]
        }
    }

    /// A feature's value, not yet normalized.
    ///
    /// # Safety
    /// As for `stage`.
    #[inline(always)]
    unsafe fn value<V: Lanes>(self, value: Value, window: *const u32) -> V::Float {
        // SAFETY: corners lie at most `reach` behind the window, as `Program::scan_row` checked.
        unsafe {
            match value {
                Value::Terms { first, count } => {
                    let terms = &self.program.terms[first as usize..][..count as usize];
                    let mut sum = V::zero();
                    for term in terms {
                        sum = V::add_product(sum, V::read(window.add(term.offset as usize)), term.factor);
                    }
                    V::float(sum)
                }
                Value::Quads { first, count } => {
                    let quads = &self.program.quads[first as usize..][..count as usize];
                    let mut sum = V::splat(0.0);
                    for quad in quads {
                        let mut part = V::zero();
                        for (offset, factor) in quad.corners.into_iter().zip([1, -1, -1, 1]) {
                            part = V::add_product(part, V::read(window.add(offset as usize)), factor);
                        }
                        sum = V::add(sum, V::mul(V::splat(quad.weight), V::float(part)));
                    }
                    sum
                }
            }
        }
    }
}
