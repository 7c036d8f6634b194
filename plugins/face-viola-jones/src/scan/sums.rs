//! Integral images of one level, laid out so that neighbouring windows of the grid are neighbours in memory.

use super::Grid;
use ocelli_core::Size;

/// Elements behind the last row, so that a whole vector can be read at the last window.
const PADDING: usize = 64;

/// Sums and squared sums of a level for a grid of windows.
///
/// With step 1 a row is stored as it is. With step 2 its even columns come first, then its odd ones: the
/// corners of neighbouring windows, two columns apart in the picture, are then one element apart.
pub(crate) struct LevelSums {
    pub sums: Vec<u32>,
    pub squares: Vec<u32>,
    /// Elements from row to row.
    pub pitch: usize,
    pub step: usize,
    /// Windows in a row, and rows of windows.
    pub columns: usize,
    pub rows: usize,
}

impl LevelSums {
    /// Copies the integral images of a level of `size`; 32 bits of the squared sums are enough for one window.
    pub fn new(sums: &[u32], squares: &[u64], size: Size, window: Size, grid: Grid) -> Self {
        let step = grid.step as usize;
        let width = size.width as usize + 1;
        let half = width.div_ceil(2);
        let pitch = if step == 2 { 2 * half } else { width };
        let count = |side: u32, window: u32| ((side + 1).saturating_sub(window) as usize).div_ceil(step);
        Self {
            sums: lay_out(sums, width, step, |v| *v),
            squares: lay_out(squares, width, step, |v| *v as u32),
            pitch,
            step,
            columns: count(size.width, window.width),
            rows: count(size.height, window.height),
        }
    }

    /// Elements from a window's own corner to the corner `x`, `y` inside it.
    pub fn offset(&self, x: u32, y: u32) -> u32 {
        let (x, y) = (x as usize, y as usize);
        let column = if self.step == 2 { (x & 1) * (self.pitch / 2) + x / 2 } else { x };
        (y * self.pitch + column) as u32
    }
}

fn lay_out<T>(source: &[T], width: usize, step: usize, map: impl Fn(&T) -> u32) -> Vec<u32> {
    let half = width.div_ceil(2);
    let pitch = if step == 2 { 2 * half } else { width };
    let mut out = Vec::with_capacity(source.len() / width * pitch + PADDING);
    for row in source.chunks_exact(width) {
        if step == 2 {
            let start = out.len();
            out.extend(row.iter().step_by(2).map(&map));
            out.extend(row.iter().skip(1).step_by(2).map(&map));
            out.resize(start + pitch, 0);
        } else {
            out.extend(row.iter().map(&map));
        }
    }
    out.resize(out.len() + PADDING, 0);
    out
}
