//! Offsets in the arena: tensors alive at the same time never overlap.

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

/// Most bytes alive at once: no arena can be smaller.
pub(crate) fn liveness_bound(items: &[Item]) -> usize {
    let mut events: Vec<(usize, bool, usize)> = Vec::new();
    for item in items {
        // Births sort after deaths of the same instant; a death happens one instant after `last`.
        events.push((item.first, true, item.size));
        events.push((item.last + 1, false, item.size));
    }
    events.sort_unstable();
    let (mut alive, mut most) = (0, 0);
    for (_, birth, size) in events {
        alive = if birth { alive + size } else { alive - size };
        most = most.max(alive);
    }
    most
}

/// Offsets for all items and the bytes they take together.
pub(crate) fn assign(items: &[Item]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..items.len()).collect();
    order.sort_by_key(|&ix| (std::cmp::Reverse(items[ix].size), items[ix].first, ix));
    place(items, &order)
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
