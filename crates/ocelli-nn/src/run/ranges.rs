//! The ranges of all values of one run, for calibration.
#![allow(unsafe_code, reason = "reads rows of the arena between steps")]

use super::Run;
use crate::arena::Arena;
use crate::plan::JointPlan;
use crate::{Error, RgbImage};

impl JointPlan {
    /// Least and greatest number of each value of level 0, by value, in order of making.
    pub(crate) fn value_ranges(
        &self,
        arena: &mut Arena,
        picture: &RgbImage<'_>,
    ) -> Result<Vec<(usize, [f32; 2])>, Error> {
        let network = &self.networks[0];
        let mut ranges: Vec<(usize, [f32; 2])> = Vec::new();
        self.run_with(arena, &[*picture], &|| false, |run: &Run<'_>| {
            for piece in self.layout.workers.iter().flatten() {
                for entry_ix in 0..piece.entries.len() {
                    run.entry(piece, entry_ix);
                    let entry = piece.entries[entry_ix];
                    let value = network.steps[entry.step_ix as usize].output;
                    let slot = network.slots[value];
                    let mut range = [f32::INFINITY, f32::NEG_INFINITY];
                    let rows = run.rows(piece);
                    for y in entry.rows() {
                        // SAFETY: the row was made just now, and this is the only thread.
                        let row = unsafe { rows.row::<f32>(value, y) };
                        for x in row.chunks_exact(slot.pixel).flat_map(|pixel| &pixel[..slot.channels]) {
                            range = [range[0].min(*x), range[1].max(*x)];
                        }
                    }
                    ranges.push((value, range));
                }
            }
        })?;
        Ok(ranges)
    }
}
