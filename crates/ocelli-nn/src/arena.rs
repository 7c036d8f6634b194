//! Arenas: the one block of memory a run works in, kept for the next run.

use std::sync::{Arc, Mutex, PoisonError};

use bytemuck::Zeroable;

use crate::Error;

/// Arenas kept for reuse.
const KEPT: usize = 8;

/// A cache line; the unit of allocation, so that everything is aligned for every vector.
#[derive(Debug, Clone, Copy, bytemuck::Zeroable, bytemuck::Pod)]
#[repr(C, align(64))]
struct Line([u8; 64]);

/// Free arenas of one network.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<Vec<Line>>>);

impl Pool {
    /// The smallest free arena of at least `bytes`, or a new one.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Result<Arena, Error> {
        let n_lines = bytes.div_ceil(size_of::<Line>());
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let large_enough = free.iter().enumerate().filter(|(_, lines)| lines.len() >= n_lines);
        if let Some((ix, _)) = large_enough.min_by_key(|(_, lines)| lines.len()) {
            let lines = free.swap_remove(ix);
            return Ok(Arena { lines, pool: self.clone() });
        }
        drop(free);
        let mut lines = Vec::new();
        let refused = |_| Error::OutOfMemory { bytes: bytes as u64 };
        lines.try_reserve_exact(n_lines).map_err(refused)?;
        lines.resize(n_lines, Line::zeroed());
        Ok(Arena { lines, pool: self.clone() })
    }

    /// Frees every arena that is not in use.
    pub(crate) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn give_back(&self, lines: Vec<Line>) {
        let mut free = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if free.capacity() == 0 {
            free.reserve_exact(KEPT);
        }
        if free.len() == KEPT {
            // Shapes change: the smallest is the least likely to serve again.
            let smallest = (0..free.len()).min_by_key(|&ix| free[ix].len());
            match smallest {
                Some(ix) if free[ix].len() < lines.len() => free[ix] = lines,
                _ => {}
            }
            return;
        }
        free.push(lines);
    }
}

/// Memory for one run at a time of one plan. Dropping it returns it to the network's pool.
#[derive(Debug)]
pub struct Arena {
    lines: Vec<Line>,
    pool: Arc<Pool>,
}

impl Arena {
    /// Bytes it holds; at least what its plan asked for.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len() * size_of::<Line>()
    }

    /// Whether it holds nothing, as the arena of a plan without levels.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.lines)
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.lines)
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        self.pool.give_back(std::mem::take(&mut self.lines));
    }
}
