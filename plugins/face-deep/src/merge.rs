//! Merging: of candidates that see the same face on one or more levels, the surest stays.

use ocelli_core::NormalizedRect;

/// A face as seen by one output of one level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Candidate {
    pub rect: NormalizedRect,
    pub confidence: f32,
    /// Index of the level, 0 the largest.
    pub level: usize,
    /// Column and row of the output.
    pub cell: [u32; 2],
}

/// Greedy non-maximum suppression over all levels: keeps a candidate unless a surer one overlaps it by more than
/// `iou`; the result is sorted by falling confidence. Equal confidences keep their order.
pub(crate) fn non_max_suppression(mut candidates: Vec<Candidate>, iou: f64) -> Vec<Candidate> {
    candidates.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let mut kept: Vec<Candidate> = Vec::new();
    for candidate in candidates {
        if kept.iter().all(|k| k.rect.iou(candidate.rect) <= iou) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::Size;
    use proptest::prelude::*;

    fn candidate(x: f64, y: f64, side: f64, confidence: f32) -> Candidate {
        Candidate {
            rect: NormalizedRect::new(x, y, side, side, Size::new(100, 100)),
            confidence,
            level: 0,
            cell: [0; 2],
        }
    }

    #[test]
    fn the_surest_of_an_overlapping_group_stays() {
        let group = vec![candidate(0.10, 0.1, 0.2, 0.7), candidate(0.11, 0.1, 0.2, 0.9), candidate(0.6, 0.6, 0.2, 0.4)];
        let kept: Vec<_> = non_max_suppression(group, 0.4).iter().map(|c| c.confidence).collect();
        assert_eq!(kept, [0.9, 0.4]);
    }

    proptest! {
        #[test]
        fn no_two_survivors_overlap_and_every_loser_has_a_surer_neighbour(
            boxes in prop::collection::vec((0.0..0.8f64, 0.0..0.8f64, 0.05..0.4f64, 0.0..1.0f32), 0..40)
        ) {
            let all: Vec<_> = boxes.into_iter().map(|(x, y, s, c)| candidate(x, y, s, c)).collect();
            let kept = non_max_suppression(all.clone(), 0.4);
            for (i, a) in kept.iter().enumerate() {
                prop_assert!(kept[..i].iter().all(|b| b.rect.iou(a.rect) <= 0.4));
            }
            for c in &all {
                let covered = kept.iter().any(|k| k == c || (k.confidence >= c.confidence && k.rect.iou(c.rect) > 0.4));
                prop_assert!(covered);
            }
        }
    }
}
