//! Maximum weight bipartite matching, one row at a time.

/// The best assignment of rows (detections) to columns (objects), kept optimal while rows are added.
///
/// Every row may stay free. After each [`add`](Self::add) the sum of the chosen weights is the largest possible
/// for the rows so far: the property that lets one pass over sorted detections give the matching at every threshold.
#[derive(Clone, Debug, Default)]
pub struct Assignment {
    weights: Vec<Vec<f64>>,
    row_of_column: Vec<Option<usize>>,
}

/// Gains below this are rounding, not improvement.
const TINY: f64 = 1e-12;

impl Assignment {
    /// No rows yet, `n_columns` columns.
    pub fn new(n_columns: usize) -> Self {
        Self { weights: Vec::new(), row_of_column: vec![None; n_columns] }
    }

    /// Adds a row with its weight to each column; weights of 0 or less are never chosen.
    ///
    /// # Panics
    /// Where the number of weights is not the number of columns.
    pub fn add(&mut self, weights: Vec<f64>) {
        assert_eq!(weights.len(), self.row_of_column.len(), "one weight a column");
        let row = self.weights.len();
        self.weights.push(weights);
        let (gain, before) = self.best_paths(row);
        // A path ends at a free column, or frees the row that held its last column.
        let total = |column: usize| gain[column] - self.row_of_column[column].map_or(0.0, |r| self.weights[r][column]);
        let best = (0..gain.len()).max_by(|&a, &b| total(a).total_cmp(&total(b)).then(b.cmp(&a)));
        let Some(mut column) = best.filter(|&c| total(c) > TINY) else { return };
        loop {
            match before[column] {
                Some(previous) => {
                    self.row_of_column[column] = self.row_of_column[previous];
                    column = previous;
                }
                None => {
                    self.row_of_column[column] = Some(row);
                    return;
                }
            }
        }
    }

    /// The largest change of weight on an alternating path from `row` to each column, and the column before it.
    fn best_paths(&self, row: usize) -> (Vec<f64>, Vec<Option<usize>>) {
        let n = self.row_of_column.len();
        let mut gain = self.weights[row].clone();
        let mut before = vec![None; n];
        for _ in 0..n {
            let mut changed = false;
            for from in 0..n {
                let Some(held) = self.row_of_column[from] else { continue };
                let base = gain[from] - self.weights[held][from];
                for to in 0..n {
                    // A row may not move to a column that it is worth nothing in.
                    if to != from && self.weights[held][to] > 0.0 && base + self.weights[held][to] > gain[to] + TINY {
                        gain[to] = base + self.weights[held][to];
                        before[to] = Some(from);
                        changed = true;
                    }
                }
            }
            if !changed {
                break;
            }
        }
        (gain, before)
    }

    /// The chosen pairs as row, column, weight.
    pub fn pairs(&self) -> impl Iterator<Item = (usize, usize, f64)> {
        let chosen = |(column, row): (usize, &Option<usize>)| row.map(|r| (r, column, self.weights[r][column]));
        self.row_of_column.iter().enumerate().filter_map(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The best sum by trying every assignment.
    fn exhaustive(weights: &[Vec<f64>], used: &mut Vec<bool>) -> f64 {
        let Some((first, rest)) = weights.split_first() else { return 0.0 };
        let mut best = exhaustive(rest, used);
        for column in 0..used.len() {
            if !used[column] {
                used[column] = true;
                best = best.max(first[column] + exhaustive(rest, used));
                used[column] = false;
            }
        }
        best
    }

    proptest! {
        #[test]
        fn optimal_after_every_row(
            weights in (1usize..5).prop_flat_map(|n| {
                let weight = prop_oneof![Just(0.0), Just(0.5), 0.0..1.0f64];
                prop::collection::vec(prop::collection::vec(weight, n..=n), 1..7)
            }),
        ) {
            let n = weights[0].len();
            let mut assignment = Assignment::new(n);
            for (count, row) in weights.iter().enumerate() {
                assignment.add(row.clone());
                let sum: f64 = assignment.pairs().map(|(_, _, w)| w).sum();
                let best = exhaustive(&weights[..=count], &mut vec![false; n]);
                prop_assert!((sum - best).abs() < 1e-9, "{sum} {best}");
                let mut rows: Vec<_> = assignment.pairs().map(|(r, _, _)| r).collect();
                rows.sort_unstable();
                let n_pairs = rows.len();
                rows.dedup();
                prop_assert_eq!(rows.len(), n_pairs);
            }
        }
    }
}
