//! Slices: how much of the recorded work goes into one submission, so that it stays under the limit.
//!
//! Every call has a size in units of its kernel (multiplications, or elements moved). The model holds what a unit
//! takes on the device at hand; measured slices correct it. A call that alone takes too long is split by rows. No
//! adapter is needed to think about any of this, or to test it.

use std::time::Duration;

use crate::shader::{Kernel, N_KERNELS};

/// What is known of a recorded call before it runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) kernel: Kernel,
    /// First row to make, and the one after the last.
    pub(crate) rows: [u32; 2],
    /// Units of one row.
    pub(crate) units: f64,
    /// Whether it can be split by rows.
    pub(crate) splits: bool,
}

/// Some rows of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) call_ix: usize,
    pub(crate) row: u32,
    pub(crate) row_end: u32,
}

/// What a unit of each kernel takes on this device.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SpeedModel {
    /// Nanoseconds a unit, by kernel.
    pub(crate) per_unit: [f64; N_KERNELS],
    /// Nanoseconds to start a call.
    pub(crate) per_call: f64,
}

/// A slow device to begin with: the first slices come out small rather than late.
const FIRST_PER_UNIT: f64 = 0.05;
const FIRST_PER_CALL: f64 = 4_000.0;
/// Estimates aim at this share of the limit, so that the ordinary spread stays below it.
const AIM: f64 = 0.6;
/// How much of a measured deviation goes into the model at once, upwards (too slow) and downwards.
const LEARN_UP: f64 = 0.9;
const LEARN_DOWN: f64 = 0.3;
/// No single measurement moves the model by more than this factor.
const MOST_STEP: f64 = 64.0;

impl Default for SpeedModel {
    fn default() -> Self {
        Self { per_unit: [FIRST_PER_UNIT; N_KERNELS], per_call: FIRST_PER_CALL }
    }
}

impl SpeedModel {
    /// Nanoseconds that `rows` rows of a call should take.
    fn estimate(&self, size: &Size, rows: u32) -> f64 {
        self.per_call + self.per_unit[size.kernel.ix()] * size.units * f64::from(rows)
    }

    /// Nanoseconds that a slice should take.
    pub(crate) fn estimate_slice(&self, sizes: &[Size], pieces: &[Piece]) -> f64 {
        pieces.iter().map(|piece| self.estimate(&sizes[piece.call_ix], piece.row_end - piece.row)).sum()
    }

    /// Corrects the model by a slice that took `measured`.
    pub(crate) fn learn(&mut self, sizes: &[Size], pieces: &[Piece], measured: Duration) {
        let estimated = self.estimate_slice(sizes, pieces);
        if estimated <= 0.0 || measured.is_zero() {
            return;
        }
        let ratio = (measured.as_nanos() as f64 / estimated).clamp(1.0 / MOST_STEP, MOST_STEP);
        let rate = if ratio > 1.0 { LEARN_UP } else { LEARN_DOWN };
        // Each kernel answers for its share of the slice.
        let mut shares = [0.0; N_KERNELS];
        for piece in pieces {
            let size = &sizes[piece.call_ix];
            shares[size.kernel.ix()] += self.estimate(size, piece.row_end - piece.row) / estimated;
        }
        for (per_unit, share) in self.per_unit.iter_mut().zip(shares) {
            *per_unit *= ratio.powf(rate * share);
        }
    }
}

/// Walks over recorded calls, a slice at a time.
#[derive(Debug)]
pub(crate) struct Slicer<'a> {
    sizes: &'a [Size],
    call_ix: usize,
    row: u32,
}

impl<'a> Slicer<'a> {
    pub(crate) fn new(sizes: &'a [Size]) -> Self {
        let row = sizes.first().map_or(0, |size| size.rows[0]);
        Self { sizes, call_ix: 0, row }
    }

    /// Whether all rows of all calls were handed out.
    pub(crate) fn is_done(&self) -> bool {
        self.call_ix >= self.sizes.len()
    }

    /// The next pieces that together should stay under `limit`, at most `most` of them; empty once all is done.
    ///
    /// At least one row is always taken: a row is the smallest piece there is.
    pub(crate) fn next(&mut self, model: &SpeedModel, limit: Duration, most: usize) -> Vec<Piece> {
        let budget = limit.as_nanos() as f64 * AIM;
        let (mut pieces, mut spent) = (Vec::new(), 0.0);
        while pieces.len() < most
            && let Some(size) = self.sizes.get(self.call_ix)
        {
            let left = size.rows[1] - self.row;
            let rows = self.rows_within(size, model, budget - spent, left, pieces.is_empty());
            if rows > 0 {
                pieces.push(Piece { call_ix: self.call_ix, row: self.row, row_end: self.row + rows });
                spent += model.estimate(size, rows);
                self.row += rows;
            }
            if rows < left {
                break;
            }
            self.call_ix += 1;
            self.row = self.sizes.get(self.call_ix).map_or(0, |size| size.rows[0]);
        }
        pieces
    }

    fn rows_within(&self, size: &Size, model: &SpeedModel, budget: f64, left: u32, is_first: bool) -> u32 {
        if model.estimate(size, left) <= budget {
            return left;
        }
        if !size.splits {
            return if is_first { left } else { 0 };
        }
        let per_row = model.per_unit[size.kernel.ix()] * size.units;
        let fit = ((budget - model.per_call) / per_row.max(f64::MIN_POSITIVE)).max(0.0) as u32;
        fit.clamp(u32::from(is_first), left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_millis(1);

    fn conv(rows: u32, units: f64) -> Size {
        Size { kernel: Kernel::Conv, rows: [0, rows], units, splits: true }
    }

    fn all(sizes: &[Size], model: &SpeedModel) -> Vec<Vec<Piece>> {
        let mut slicer = Slicer::new(sizes);
        std::iter::from_fn(|| Some(slicer.next(model, LIMIT, 64)).filter(|pieces| !pieces.is_empty())).collect()
    }

    /// Every row of every call exactly once, in order.
    fn assert_covered(sizes: &[Size], slices: &[Vec<Piece>]) {
        let mut pieces = slices.iter().flatten();
        for (call_ix, size) in sizes.iter().enumerate() {
            let mut row = size.rows[0];
            while row < size.rows[1] {
                let piece = pieces.next().expect("rows are left");
                assert_eq!((piece.call_ix, piece.row), (call_ix, row));
                assert!(piece.row_end > row && piece.row_end <= size.rows[1]);
                row = piece.row_end;
            }
        }
        assert_eq!(pieces.next(), None);
    }

    #[test]
    fn test_small_calls_share_a_slice_and_large_ones_are_split_by_rows() {
        let model = SpeedModel::default();
        let sizes = [conv(10, 1.0e3), conv(20, 1.0e2), conv(100, 1.0e6), conv(3, 1.0)];
        let slices = all(&sizes, &model);
        assert_covered(&sizes, &slices);
        assert!(slices[0].len() >= 3, "{:?}", slices[0]);
        let longest = slices.iter().map(|pieces| model.estimate_slice(&sizes, pieces)).fold(0.0, f64::max);
        assert!(longest <= LIMIT.as_nanos() as f64 * AIM, "{longest} ns");
        assert!(slices.len() >= 9, "{} slices", slices.len());
    }

    #[test]
    fn test_a_row_is_the_least_and_what_cannot_split_goes_alone() {
        let model = SpeedModel::default();
        let whole = Size { kernel: Kernel::GlobalAvgPool, rows: [0, 1], units: 1.0e9, splits: false };
        let sizes = [conv(3, 1.0e9), whole, conv(2, 1.0)];
        let slices = all(&sizes, &model);
        assert_covered(&sizes, &slices);
        assert_eq!(slices.len(), 5);
        assert_eq!(slices[3], [Piece { call_ix: 1, row: 0, row_end: 1 }]);
    }

    #[test]
    fn test_a_slower_device_than_thought_gets_smaller_slices() {
        let truth = SpeedModel { per_unit: [0.4; N_KERNELS], per_call: 9_000.0 };
        let mut model = SpeedModel::default();
        let sizes = [conv(200, 1.0e5), conv(50, 3.0e4), conv(400, 2.0e3)];
        let took = |slice: &Vec<Piece>| Duration::from_nanos(truth.estimate_slice(&sizes, slice) as u64);
        let late = all(&sizes, &model).iter().filter(|slice| took(slice) > LIMIT).count();
        assert!(late > 0, "the first guess is too hopeful for this device");
        for _ in 0..4 {
            for slice in all(&sizes, &model) {
                model.learn(&sizes, &slice, took(&slice));
            }
        }
        let slices = all(&sizes, &model);
        assert_covered(&sizes, &slices);
        assert!(slices.iter().all(|slice| took(slice) <= LIMIT));
        // Nor does it creep on and on: a slice is not a tenth of what it could be.
        assert!(slices.len() < 40, "{} slices", slices.len());
    }

    #[test]
    fn test_a_faster_device_gets_larger_slices() {
        let truth = SpeedModel { per_unit: [0.0005; N_KERNELS], per_call: 2_000.0 };
        let mut model = SpeedModel::default();
        let sizes = [conv(200, 1.0e6), conv(200, 1.0e6)];
        let before = all(&sizes, &model).len();
        for _ in 0..20 {
            for slice in all(&sizes, &model) {
                let took = truth.estimate_slice(&sizes, &slice);
                model.learn(&sizes, &slice, Duration::from_nanos(took as u64));
            }
        }
        assert!(all(&sizes, &model).len() * 4 < before);
    }

    #[test]
    fn test_no_more_pieces_than_asked_for() {
        let sizes = [conv(1, 1.0); 10];
        let mut slicer = Slicer::new(&sizes);
        let counts: Vec<usize> = (0..5).map(|_| slicer.next(&SpeedModel::default(), LIMIT, 4).len()).collect();
        assert_eq!(counts, [4, 4, 2, 0, 0]);
        assert!(Slicer::new(&[]).next(&SpeedModel::default(), LIMIT, 4).is_empty());
    }
}
