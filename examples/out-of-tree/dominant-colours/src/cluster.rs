//! k-means without chance: equal pixels give equal clusters, whatever the machine.

use ocelli_core::Result;
use palette::Oklab;

/// Rounds after which centres no longer move visibly.
const ROUNDS: usize = 12;
/// Centres nearer than this look alike (the just noticeable difference is about 0.02).
const ALIKE: f32 = 0.06;

/// A group of like pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cluster {
    pub centre: Oklab,
    pub members: usize,
}

/// At most `k` clusters, the largest first; `checkpoint` may end the work.
///
/// # Errors
/// The checkpoint's.
pub(crate) fn clusters(pixels: &[Oklab], k: usize, checkpoint: impl Fn() -> Result<()>) -> Result<Vec<Cluster>> {
    checkpoint()?;
    let mut centres = far_apart(pixels, k);
    let mut found = Vec::new();
    for _ in 0..ROUNDS {
        checkpoint()?;
        let mut sums = vec![(Oklab::new(0.0, 0.0, 0.0), 0usize); centres.len()];
        for &pixel in pixels {
            let (sum, members) = &mut sums[nearest(pixel, &centres)];
            *sum = Oklab::new(sum.l + pixel.l, sum.a + pixel.a, sum.b + pixel.b);
            *members += 1;
        }
        let mean = |&(sum, members): &(Oklab, usize)| {
            let n = members as f32;
            Cluster { centre: Oklab::new(sum.l / n, sum.a / n, sum.b / n), members }
        };
        found = sums.iter().filter(|(_, members)| *members > 0).map(mean).collect();
        centres = found.iter().map(|cluster| cluster.centre).collect();
    }
    found.sort_by_key(|cluster| std::cmp::Reverse(cluster.members));
    let mut found = merged(found);
    // Joining changes who is largest.
    found.sort_by_key(|cluster| std::cmp::Reverse(cluster.members));
    Ok(found)
}

/// The first pixel, then each time the pixel farthest from all chosen so far.
fn far_apart(pixels: &[Oklab], k: usize) -> Vec<Oklab> {
    let mut chosen: Vec<Oklab> = pixels.first().copied().into_iter().collect();
    while chosen.len() < k {
        let lonely = |pixel: &Oklab| chosen.iter().map(|&c| distance(*pixel, c)).fold(f32::INFINITY, f32::min);
        let farthest = pixels.iter().copied().max_by(|a, b| lonely(a).total_cmp(&lonely(b)));
        match farthest.filter(|pixel| lonely(pixel) > 0.0) {
            Some(pixel) => chosen.push(pixel),
            None => break,
        }
    }
    chosen
}

fn distance(a: Oklab, b: Oklab) -> f32 {
    (a.l - b.l).powi(2) + (a.a - b.a).powi(2) + (a.b - b.b).powi(2)
}

fn nearest(pixel: Oklab, centres: &[Oklab]) -> usize {
    let order = |a: &usize, b: &usize| distance(pixel, centres[*a]).total_cmp(&distance(pixel, centres[*b]));
    (0..centres.len()).min_by(order).unwrap_or(0)
}

/// A smaller cluster that looks like a larger one joins it.
fn merged(clusters: Vec<Cluster>) -> Vec<Cluster> {
    let mut kept: Vec<Cluster> = Vec::new();
    for cluster in clusters {
        match kept.iter_mut().find(|other| distance(other.centre, cluster.centre) < ALIKE * ALIKE) {
            Some(other) => other.members += cluster.members,
            None => kept.push(cluster),
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_colours_are_one_and_the_largest_comes_first() {
        let grey = |l: f32| Oklab::new(l, 0.0, 0.0);
        let pixels = [vec![grey(0.2); 10], vec![grey(0.21); 5], vec![grey(0.9); 12]].concat();
        let found = clusters(&pixels, 3, || Ok(())).unwrap();
        assert_eq!(found.iter().map(|c| c.members).collect::<Vec<_>>(), [15, 12]);
        assert!(clusters(&[], 3, || Ok(())).unwrap().is_empty());
    }
}
