//! Offsets in the arena: tensors alive at the same time never overlap.
//!
//! Greedy by size after Pisarchyk and Lee, "Efficient memory management for deep neural net
//! inference" (2020), then other orders and a bounded improvement until the liveness bound is met.

use std::cmp::Reverse;

/// A tensor to place: alive from `first` to `last` (both included), `size` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) first: usize,
    pub(crate) last: usize,
    pub(crate) size: usize,
}

impl Item {
    fn meets(&self, other: &Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }
}

/// Rounds of improvement; each places all items once.
const ROUNDS: usize = 48;
/// Above so many items the first order stands: planning must stay quick.
const MANY: usize = 1_000;

/// Most bytes alive at once: no arena can be smaller.
pub(crate) fn liveness_bound(items: &[Item]) -> usize {
    // Deaths sort before births of the same instant; a death happens one instant after `last`.
    let births = items.iter().map(|item| (item.first, true, item.size));
    let deaths = items.iter().map(|item| (item.last + 1, false, item.size));
    let mut events: Vec<(usize, bool, usize)> = births.chain(deaths).collect();
    events.sort_unstable();
    let (mut alive, mut most) = (0, 0);
    for (_, birth, size) in events {
        alive = if birth { alive + size } else { alive - size };
        most = most.max(alive);
    }
    most
}

/// Offsets for all items and the bytes they take together; the same for the same items.
pub(crate) fn assign(items: &[Item]) -> (Vec<usize>, usize) {
    let bound = liveness_bound(items);
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&ix| (Reverse(items[ix].size), items[ix].first, ix));
    let mut best = place(items, &order);
    if best.1 == bound || items.len() > MANY {
        return best;
    }
    for key in [|item: &Item| item.first, |item: &Item| usize::MAX - (item.last - item.first)] {
        let mut other = order.clone();
        other.sort_by_key(|&ix| key(&items[ix]));
        keep_better(&mut best, place(items, &other));
    }
    // Whatever ends highest goes first next time.
    for _ in 0..ROUNDS {
        let (offsets, total) = place(items, &order);
        keep_better(&mut best, (offsets.clone(), total));
        let Some(at) = order.iter().position(|&ix| offsets[ix] + items[ix].size == total) else { break };
        if best.1 == bound || at == 0 {
            break;
        }
        order[..=at].rotate_right(1);
    }
    best
}

fn keep_better(best: &mut (Vec<usize>, usize), other: (Vec<usize>, usize)) {
    if other.1 < best.1 {
        *best = other;
    }
}

/// Places items in `order`, each at the lowest offset free during its life.
fn place(items: &[Item], order: &[usize]) -> (Vec<usize>, usize) {
    let mut offsets = vec![0; items.len()];
    let mut total = 0;
    // Placed items by offset.
    let mut placed: Vec<usize> = Vec::with_capacity(items.len());
    for &ix in order {
        let item = &items[ix];
        let mut offset = 0;
        for &other in placed.iter().filter(|&&other| items[other].meets(item)) {
            if offsets[other] >= offset + item.size {
                break;
            }
            offset = offset.max(offsets[other] + items[other].size);
        }
        offsets[ix] = offset;
        total = total.max(offset + item.size);
        let position = placed.partition_point(|&other| offsets[other] <= offset);
        placed.insert(position, ix);
    }
    (offsets, total)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn item(first: usize, last: usize, size: usize) -> Item {
        Item { first, last, size }
    }

    #[test]
    fn test_bound_counts_only_what_lives_together() {
        assert_eq!(liveness_bound(&[]), 0);
        assert_eq!(liveness_bound(&[item(0, 1, 10), item(1, 2, 5), item(2, 3, 10)]), 15);
    }

    #[test]
    fn test_improvement_meets_the_bound_where_size_order_does_not() {
        // By size, the long thin item lands between the two thick ones.
        let items = [item(0, 1, 64), item(2, 3, 64), item(0, 3, 32), item(1, 2, 32), item(3, 4, 96)];
        assert_eq!(assign(&items).1, liveness_bound(&items));
    }

    proptest! {
        #[test]
        fn test_no_overlap_and_within_bounds(raw in prop::collection::vec((0_usize..30, 0_usize..12, 1_usize..500), 0..40)) {
            let items: Vec<Item> = raw.iter().map(|&(first, life, size)| item(first, first + life, size * 64)).collect();
            let (offsets, total) = assign(&items);
            prop_assert!(total >= liveness_bound(&items));
            prop_assert!(total <= items.iter().map(|item| item.size).sum());
            for (a, a_item) in items.iter().enumerate() {
                prop_assert!(offsets[a] + a_item.size <= total);
                for (b, b_item) in items.iter().enumerate().skip(a + 1) {
                    let together = a_item.first <= b_item.last && b_item.first <= a_item.last;
                    let apart = offsets[a] + a_item.size <= offsets[b] || offsets[b] + b_item.size <= offsets[a];
                    prop_assert!(!together || apart);
                }
            }
        }
    }
}
