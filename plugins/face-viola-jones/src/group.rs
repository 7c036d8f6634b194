//! Grouping: many windows on one object become one box.

use ocelli_core::Size;

/// A box in whole pixels of the picture, and what spoke for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Extent to the right.
    pub width: i32,
    /// Extent downwards.
    pub height: i32,
    /// Sum of the last stage's votes above its threshold.
    pub margin: f32,
}

/// The mean of windows that lie close together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Group {
    /// Left edge.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Extent to the right.
    pub width: i32,
    /// Extent downwards.
    pub height: i32,
    /// Number of windows.
    pub neighbors: u32,
    /// Sum of the windows' margins.
    pub margin: f32,
    /// Logarithm of the sum of the exponentials of the windows' margins: the best window counts most.
    pub evidence: f32,
}

impl Group {
    /// The part of the box inside a picture of `size`, as OpenCV returns it.
    pub fn clipped(mut self, size: Size) -> Self {
        let side = |v: u32| i32::try_from(v).unwrap_or(i32::MAX);
        self.width = self.width.min(side(size.width) - self.x);
        self.height = self.height.min(side(size.height) - self.y);
        self
    }

    /// How much speaks for the group where stages start anew, so that margins of the last one say little: the logarithm
    /// of one more than its windows and their margins.
    pub fn score(&self) -> f32 {
        (self.neighbors as f32 + self.margin.max(0.0)).ln_1p()
    }
}

/// How far edges may lie apart, as a fraction of the mean of the smaller sides.
const EPS: f64 = 0.2;

/// Joins candidates that are similar, directly or through others, and keeps groups of more than `min_neighbors`.
///
/// A kept group that lies inside a stronger one is dropped. With `min_neighbors` 0 every candidate is a group of its
/// own. Groups come in the order of their first candidates; they equal those of OpenCV's `groupRectangles`.
pub fn group(candidates: &[Candidate], min_neighbors: u32) -> Vec<Group> {
    if min_neighbors == 0 {
        return candidates.iter().map(|c| mean(std::slice::from_ref(c))).collect();
    }
    let mut classes: Vec<Vec<Candidate>> = Vec::new();
    for (candidate, label) in candidates.iter().zip(partition(candidates)) {
        if label == classes.len() {
            classes.push(Vec::new());
        }
        classes[label].push(*candidate);
    }
    let groups: Vec<Group> = classes.iter().map(|c| mean(c)).filter(|g| g.neighbors > min_neighbors).collect();
    groups.iter().filter(|g| !groups.iter().any(|other| swallows(other, g))).copied().collect()
}

fn mean(members: &[Candidate]) -> Group {
    let scale = 1.0 / members.len() as f32;
    let of = |side: fn(&Candidate) -> i32| {
        let sum: i32 = members.iter().map(side).fold(0, i32::wrapping_add);
        (sum as f32 * scale).round_ties_even() as i32
    };
    Group {
        x: of(|c| c.x),
        y: of(|c| c.y),
        width: of(|c| c.width),
        height: of(|c| c.height),
        neighbors: members.len() as u32,
        margin: members.iter().map(|c| c.margin).sum(),
        evidence: evidence(members),
    }
}

fn evidence(members: &[Candidate]) -> f32 {
    let most = members.iter().map(|c| c.margin).fold(f32::MIN, f32::max);
    most + members.iter().map(|c| (c.margin - most).exp()).sum::<f32>().ln()
}

fn swallows(outer: &Group, inner: &Group) -> bool {
    let dx = (f64::from(outer.width) * EPS).round_ties_even() as i32;
    let dy = (f64::from(outer.height) * EPS).round_ties_even() as i32;
    !std::ptr::eq(outer, inner)
        && inner.x >= outer.x - dx
        && inner.y >= outer.y - dy
        && inner.x + inner.width <= outer.x + outer.width + dx
        && inner.y + inner.height <= outer.y + outer.height + dy
        && (outer.neighbors > inner.neighbors.max(3) || inner.neighbors < 3)
}

fn similar(a: &Candidate, b: &Candidate) -> bool {
    let delta = EPS * f64::from(a.width.min(b.width) + a.height.min(b.height)) * 0.5;
    let close = |a: i32, b: i32| f64::from((a - b).abs()) <= delta;
    close(a.x, b.x) && close(a.y, b.y) && close(a.x + a.width, b.x + b.width) && close(a.y + a.height, b.y + b.height)
}

/// Labels of connected candidates, numbered by first appearance.
///
/// Candidates are sorted by their left edges, and each is compared only with those that can be close enough.
fn partition(candidates: &[Candidate]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|ix| candidates[*ix].x);
    let mut parents: Vec<usize> = (0..candidates.len()).collect();
    for (at, ix) in order.iter().enumerate() {
        let own = &candidates[*ix];
        // A partner at the right has at most this distance: the smaller sides are at most one's own.
        let reach = EPS * f64::from(own.width + own.height) * 0.5;
        for other in &order[at + 1..] {
            if f64::from(candidates[*other].x - own.x) > reach {
                break;
            }
            if similar(own, &candidates[*other]) {
                let (a, b) = (root(&mut parents, *ix), root(&mut parents, *other));
                parents[a.max(b)] = a.min(b);
            }
        }
    }
    let mut labels = vec![usize::MAX; candidates.len()];
    let mut next = 0;
    for ix in 0..candidates.len() {
        let root = root(&mut parents, ix);
        if labels[root] == usize::MAX {
            labels[root] = next;
            next += 1;
        }
        labels[ix] = labels[root];
    }
    labels
}

fn root(parents: &mut [usize], mut ix: usize) -> usize {
    while parents[ix] != ix {
        parents[ix] = parents[parents[ix]];
        ix = parents[ix];
    }
    ix
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: i32, y: i32, side: i32) -> Candidate {
        Candidate { x, y, width: side, height: side, margin: 1.0 }
    }

    #[test]
    fn close_windows_become_their_mean_and_loners_vanish() {
        let groups = group(&[at(10, 10, 40), at(12, 10, 40), at(14, 12, 44), at(200, 200, 40)], 2);
        assert_eq!(groups.len(), 1);
        assert_eq!((groups[0].x, groups[0].y, groups[0].width, groups[0].neighbors), (12, 11, 41, 3));
    }

    #[test]
    fn similarity_is_transitive() {
        let chain: Vec<_> = (0..10).map(|k| at(k * 7, 0, 40)).collect();
        assert_eq!(group(&chain, 1).len(), 1);
    }

    #[test]
    fn a_weak_group_inside_a_strong_one_is_dropped() {
        let mut all: Vec<_> = (0..6).map(|k| at(k, 0, 100)).collect();
        all.extend((0..2).map(|k| at(40 + k, 40, 20)));
        assert_eq!(group(&all, 1).len(), 1);
    }

    #[test]
    fn nothing_is_grouped_at_zero_neighbors() {
        assert_eq!(group(&[at(0, 0, 20), at(1, 0, 20)], 0).len(), 2);
        assert!(group(&[], 3).is_empty());
    }
}
