//! The pool of features: the four of the original paper and the upright ones of its extension.

use crate::cascade::{Feature, WeightedRect};
use ocelli_core::Size;

/// A pattern of equal cells: how many, and the rectangles (in cells) with their weights.
struct Pattern {
    columns: u32,
    rows: u32,
    rects: &'static [(u32, u32, u32, u32, f32)],
}

/// Weights of a pattern sum to zero over its cells, so that even light counts nothing.
const PATTERNS: [Pattern; 11] = [
    // Edges.
    Pattern { columns: 2, rows: 1, rects: &[(0, 0, 2, 1, -1.0), (1, 0, 1, 1, 2.0)] },
    Pattern { columns: 1, rows: 2, rects: &[(0, 0, 1, 2, -1.0), (0, 1, 1, 1, 2.0)] },
    // Lines, with a middle as wide as each side, and as wide as both.
    Pattern { columns: 3, rows: 1, rects: &[(0, 0, 3, 1, -1.0), (1, 0, 1, 1, 3.0)] },
    Pattern { columns: 1, rows: 3, rects: &[(0, 0, 1, 3, -1.0), (0, 1, 1, 1, 3.0)] },
    Pattern { columns: 4, rows: 1, rects: &[(0, 0, 4, 1, -1.0), (1, 0, 2, 1, 2.0)] },
    Pattern { columns: 1, rows: 4, rects: &[(0, 0, 1, 4, -1.0), (0, 1, 1, 2, 2.0)] },
    // Diagonal.
    Pattern { columns: 2, rows: 2, rects: &[(0, 0, 2, 2, -1.0), (0, 0, 1, 1, 2.0), (1, 1, 1, 1, 2.0)] },
    // Centre and surround.
    Pattern { columns: 3, rows: 3, rects: &[(0, 0, 3, 3, -1.0), (1, 1, 1, 1, 9.0)] },
    // Two cells with a gap, beside, above and across each other: what is alike on both sides of a face.
    Pattern { columns: 3, rows: 1, rects: &[(0, 0, 1, 1, -1.0), (2, 0, 1, 1, 1.0)] },
    Pattern { columns: 1, rows: 3, rects: &[(0, 0, 1, 1, -1.0), (0, 2, 1, 1, 1.0)] },
    Pattern { columns: 2, rows: 2, rects: &[(0, 0, 1, 1, -1.0), (1, 1, 1, 1, 1.0)] },
];

/// A feature of the pool: a pattern, its place, and the size of its cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Shape {
    pattern: u8,
    x: u8,
    y: u8,
    cell_width: u8,
    cell_height: u8,
}

impl Shape {
    /// Draws one at random, every pattern as often as every other.
    pub fn draw(window: Size, rng: &mut fastrand::Rng) -> Self {
        loop {
            let pattern = rng.u8(0..PATTERNS.len() as u8);
            let Pattern { columns, rows, .. } = PATTERNS[pattern as usize];
            let (width, height) = (rng.u32(1..=window.width / columns), rng.u32(1..=window.height / rows));
            // Cells of one or two pixels measure noise.
            if width * height < 3 {
                continue;
            }
            let x = rng.u32(0..=window.width - width * columns);
            let y = rng.u32(0..=window.height - height * rows);
            return Self { pattern, x: x as u8, y: y as u8, cell_width: width as u8, cell_height: height as u8 };
        }
    }

    /// The shapes that differ by one pixel in place or cell size.
    pub fn neighbors(self, window: Size) -> Vec<Self> {
        let step = |v: u8, by: i32| u8::try_from(i32::from(v) + by).ok();
        let mut all = Vec::with_capacity(8);
        for by in [-1, 1] {
            all.extend(step(self.x, by).map(|x| Self { x, ..self }));
            all.extend(step(self.y, by).map(|y| Self { y, ..self }));
            all.extend(step(self.cell_width, by).map(|cell_width| Self { cell_width, ..self }));
            all.extend(step(self.cell_height, by).map(|cell_height| Self { cell_height, ..self }));
        }
        all.retain(|s| s.fits(window));
        all
    }

    fn fits(self, window: Size) -> bool {
        let Pattern { columns, rows, .. } = PATTERNS[self.pattern as usize];
        let (width, height) = (u32::from(self.cell_width), u32::from(self.cell_height));
        width * height >= 2
            && width >= 1
            && height >= 1
            && u32::from(self.x) + width * columns <= window.width
            && u32::from(self.y) + height * rows <= window.height
    }

    /// The feature as the cascade holds it.
    pub fn feature(self) -> Feature {
        let (width, height) = (u32::from(self.cell_width), u32::from(self.cell_height));
        let place = |&(x, y, w, h, weight): &(u32, u32, u32, u32, f32)| WeightedRect {
            x: u32::from(self.x) + x * width,
            y: u32::from(self.y) + y * height,
            width: w * width,
            height: h * height,
            weight,
        };
        Feature { rects: PATTERNS[self.pattern as usize].rects.iter().map(place).collect(), tilted: false }
    }

    /// [`terms`] of its feature.
    pub fn terms(self, pitch: usize) -> Vec<(usize, f32)> {
        terms(&self.feature(), pitch)
    }
}

/// Corners in an integral image with rows of `pitch` elements, and how often each counts.
pub(super) fn terms(feature: &Feature, pitch: usize) -> Vec<(usize, f32)> {
    let mut terms: Vec<(usize, f32)> = Vec::with_capacity(12);
    for r in &feature.rects {
        let at = |x: u32, y: u32| y as usize * pitch + x as usize;
        let (right, bottom) = (r.x + r.width, r.y + r.height);
        let corners = [(at(r.x, r.y), 1.0), (at(right, r.y), -1.0), (at(r.x, bottom), -1.0), (at(right, bottom), 1.0)];
        for (corner, sign) in corners {
            match terms.iter_mut().find(|t| t.0 == corner) {
                Some(term) => term.1 += sign * r.weight,
                None => terms.push((corner, sign * r.weight)),
            }
        }
    }
    terms.retain(|t| t.1 != 0.0);
    terms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drawn_shapes_lie_in_the_window_and_see_no_even_light() {
        let window = Size::new(20, 18);
        let mut rng = fastrand::Rng::with_seed(3);
        for _ in 0..2000 {
            let shape = Shape::draw(window, &mut rng);
            assert!(shape.fits(window), "{shape:?}");
            assert!(shape.neighbors(window).iter().all(|n| n.fits(window) && *n != shape));
            let balance: f32 = shape.feature().rects.iter().map(|r| r.weight * (r.width * r.height) as f32).sum();
            assert_eq!(balance, 0.0, "{shape:?}");
        }
    }
}
