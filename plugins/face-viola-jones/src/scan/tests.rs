use super::{Grid, Hit, Isa, LevelSums, Program};
use crate::Cascade;
use crate::cascade::{CascadeInfo, CascadeParts, Feature, Node, Stage, Tree, WeightedRect};
use crate::level::integrals;
use ocelli_core::Size;

/// Numbers that look random, the same on every machine.
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) % u64::from(limit)) as u32
    }

    fn real(&mut self) -> f32 {
        self.below(1000) as f32 / 500.0 - 1.0
    }
}

/// A cascade of random contrasts: three stages of stumps and small trees, whole and fractional weights.
fn cascade(noise: &mut Noise, stages: usize, nodes: usize) -> Cascade {
    let window = Size::new(12, 10);
    let features = (0..30)
        .map(|ix| {
            let rects = (0..2 + ix % 2)
                .map(|part| {
                    let (x, y) = (noise.below(8), noise.below(6));
                    let (width, height) = (1 + noise.below(12 - x), 1 + noise.below(10 - y));
                    let fraction = if ix % 5 == 0 { 0.25 } else { 0.0 };
                    let weight = if part == 0 { -1.0 } else { 2.0 + fraction };
                    WeightedRect { x, y, width, height, weight }
                })
                .collect();
            Feature { rects, tilted: false }
        })
        .collect();
    let stages = (0..stages)
        .map(|stage| {
            let trees = (0..4).map(|t| tree(noise, if t == 0 { nodes } else { 1 })).collect();
            let cumulative = stage % 3 == 2;
            Stage { threshold: noise.real() * 0.5 - 0.4, cumulative, trees }
        })
        .collect();
    Cascade::new(CascadeParts { window, info: CascadeInfo::default(), features, stages }).unwrap()
}

/// A chain of nodes: left to a leaf, right to the next node.
fn tree(noise: &mut Noise, nodes: usize) -> Tree {
    let leaves = (0..=nodes).map(|_| noise.real()).collect();
    let nodes = (0..nodes)
        .map(|ix| Node {
            feature: noise.below(30),
            threshold: noise.real() * 0.2,
            left: -(ix as i32),
            right: if ix + 1 < nodes { ix as i32 + 1 } else { -(nodes as i32) },
        })
        .collect();
    Tree { nodes, leaves }
}

/// The definition, window by window from the pixels; margins of windows that pass.
fn by_definition(cascade: &Cascade, pixels: &[u8], size: Size, grid: Grid) -> Vec<Hit> {
    let window = cascade.window();
    let mut hits = Vec::new();
    for y in (0..=size.height.saturating_sub(window.height)).step_by(grid.step as usize) {
        let mut skip = false;
        for x in (0..=size.width.saturating_sub(window.width)).step_by(grid.step as usize) {
            if std::mem::take(&mut skip) {
                continue;
            }
            let sum = |left: u32, top: u32, width: u32, height: u32, power: u32| -> i64 {
                let rows = top..top + height;
                rows.flat_map(|v| (left..left + width).map(move |u| (u, v)))
                    .map(|(u, v)| i64::from(pixels[((y + v) * size.width + x + u) as usize]).pow(power))
                    .sum()
            };
            let (w, h) = (window.width - 2, window.height - 2);
            let area = f64::from(w * h);
            let spread = area * sum(1, 1, w, h, 2) as f64 - (sum(1, 1, w, h, 1) as f64).powi(2);
            let norm = (1.0 / spread.sqrt()) as f32;
            if spread <= 0.0 || area * f64::from(norm) >= 0.1 {
                continue;
            }
            let value = |node: &Node| {
                let rects = &cascade.features()[node.feature as usize].rects;
                rects.iter().fold(0.0, |v, r| v + r.weight * sum(r.x, r.y, r.width, r.height, 1) as f32) * norm
            };
            let (mut margin, mut before) = (0.0, 0.0);
            let failed = cascade.stages().iter().position(|stage| {
                let start = if stage.cumulative { before } else { 0.0 };
                let votes = stage.trees.iter().fold(start, |votes, tree| {
                    let mut link = 0;
                    loop {
                        let node = &tree.nodes[link as usize];
                        link = if value(node) < node.threshold { node.left } else { node.right };
                        if link <= 0 {
                            return votes + tree.leaves[link.unsigned_abs() as usize];
                        }
                    }
                });
                margin = votes - stage.threshold;
                before = votes;
                votes < stage.threshold
            });
            skip = grid.skip && failed == Some(0);
            if failed.is_none() {
                hits.push(Hit { x, y, margin });
            }
        }
    }
    hits
}

fn scan(cascade: &Cascade, pixels: &[u8], size: Size, grid: Grid, isa: Isa) -> Vec<Hit> {
    let (sums, squares) = integrals(pixels, size);
    let sums = LevelSums::new(&sums, &squares, size, cascade.window(), grid);
    let program = Program::new(cascade, &sums);
    let (mut scratch, mut hits) = (Default::default(), Vec::new());
    for row in 0..sums.rows {
        program.scan_row(isa, &sums, grid, row, &mut scratch, &mut hits);
    }
    hits
}

#[test]
fn every_instruction_set_agrees_with_the_definition() {
    let mut noise = Noise(7);
    let mut seen = 0;
    // Widths that leave every kind of rest in a vector; trees too large for lanes; one stage only.
    for (width, nodes, stages) in
        [(12, 1, 3), (13, 3, 3), (27, 1, 1), (28, 5, 2), (44, 8, 3), (45, 9, 3), (61, 2, 3), (76, 1, 2), (77, 3, 1)]
    {
        let cascade = cascade(&mut noise, stages, nodes);
        let size = Size::new(width, 23);
        let pixels: Vec<u8> = (0..size.pixels()).map(|_| noise.below(256) as u8).collect();
        for (step, skip) in [(1, true), (1, false), (2, true)] {
            let grid = Grid { step, skip };
            let expected = by_definition(&cascade, &pixels, size, grid);
            seen += expected.len();
            for isa in Isa::available() {
                let found = scan(&cascade, &pixels, size, grid, isa);
                assert_eq!(found, expected, "{isa:?}, width {width}, {grid:?}");
            }
        }
    }
    assert!(seen > 100, "{seen} windows pass: the comparison means something");
}

#[test]
fn flat_pictures_and_pictures_smaller_than_the_window_have_no_hits() {
    let cascade = cascade(&mut Noise(1), 1, 1);
    let grid = Grid { step: 1, skip: true };
    for isa in Isa::available() {
        assert!(scan(&cascade, &[90; 40 * 40], Size::new(40, 40), grid, isa).is_empty());
        assert!(scan(&cascade, &[1, 200, 3, 0, 255, 6], Size::new(3, 2), grid, isa).is_empty());
    }
}
