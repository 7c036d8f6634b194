//! Where time is limited: small levels first, so that an early answer already shows the large faces.

use crate::merge::Candidate;
use ocelli_core::{Error, Result};
use std::ops::Range;

/// The parts in which `n` levels, the largest first, are scanned, each costing about as much as all before it together.
fn parts(n: usize) -> impl Iterator<Item = Range<usize>> {
    let small = 2.min(n.saturating_sub(1));
    std::iter::once(small..n).chain((0..small).rev().map(|level| level..level + 1))
}

/// Scans `n` levels part by part; answers the candidates in the order of one scan over all, and whether they are all.
///
/// # Errors
/// Those of `scan`; [`Error::DeadlineExceeded`] only where it comes before the first part is done.
pub(crate) fn coarse_first(
    n: usize,
    mut scan: impl FnMut(Range<usize>) -> Result<Vec<Candidate>>,
) -> Result<(Vec<Candidate>, bool)> {
    let mut found: Option<Vec<Candidate>> = None;
    for part in parts(n) {
        let first = part.start;
        match (scan(part), &mut found) {
            (Ok(more), found) => {
                let more = more.into_iter().map(|c| Candidate { level: c.level + first, ..c });
                *found = Some(more.chain(found.take().into_iter().flatten()).collect());
            }
            (Err(Error::DeadlineExceeded), Some(found)) => return Ok((std::mem::take(found), false)),
            (Err(error), _) => return Err(error),
        }
    }
    Ok((found.unwrap_or_default(), true))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{NormalizedRect, Size};

    /// A candidate on every level of the part.
    fn everywhere(part: Range<usize>) -> Vec<Candidate> {
        let rect = NormalizedRect::new(0.0, 0.0, 0.5, 0.5, Size::new(10, 10));
        (0..part.len()).map(|level| Candidate { rect, confidence: 0.5, level, cell: [0; 2] }).collect()
    }

    #[test]
    fn all_levels_come_in_their_order() {
        for n in 1..7 {
            let (found, complete) = coarse_first(n, |part| Ok(everywhere(part))).unwrap();
            assert!(complete);
            assert_eq!(found.iter().map(|c| c.level).collect::<Vec<_>>(), (0..n).collect::<Vec<_>>());
        }
    }

    #[test]
    fn the_deadline_keeps_the_small_levels() {
        let until = |stop: usize| {
            coarse_first(5, |part| if part.start < stop { Err(Error::DeadlineExceeded) } else { Ok(everywhere(part)) })
        };
        assert!(matches!(until(5), Err(Error::DeadlineExceeded)));
        for (stop, levels) in [(2, vec![2, 3, 4]), (1, vec![1, 2, 3, 4])] {
            let (found, complete) = until(stop).unwrap();
            assert!(!complete);
            assert_eq!(found.iter().map(|c| c.level).collect::<Vec<_>>(), levels);
        }
        assert!(matches!(coarse_first(5, |_| Err(Error::Cancelled)), Err(Error::Cancelled)));
    }
}
