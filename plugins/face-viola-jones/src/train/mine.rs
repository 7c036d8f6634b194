//! Mining: windows of face-free pictures that the cascade so far accepts.

use super::pictures::{Gray, read_gray, read_list};
use super::{NegativeSource, Run, TrainConfig, TrainPhase};
use crate::detect::{Level, level};
use crate::level::{integrals, sample};
use crate::scan::{Grid, Hit, Isa, LevelSums, Program};
use crate::{Cascade, CascadeError, Result};
use ocelli_core::Size;
use rayon::prelude::*;
use std::path::PathBuf;

/// Pictures scanned between two looks at whether there are enough windows; a constant, so that results do not
/// depend on the number of threads.
const CHUNK: usize = 16;
/// From level to level pictures shrink by this factor.
const SCALE_FACTOR: f32 = 1.2;
/// Windows that overlap a box by more than this IoU may hold the object.
const MAX_OVERLAP: f32 = 0.2;

/// The negative pictures, in memory as grey.
pub(super) struct Pool {
    window: Size,
    seed: u64,
    wanted: usize,
    passes: usize,
    pictures: Vec<Negative>,
}

struct Negative {
    gray: Gray,
    taken: Vec<[f32; 4]>,
}

/// What mining found.
pub(super) struct Mined {
    pub windows: Vec<Vec<u8>>,
    /// Share of scanned windows that were accepted.
    pub accepted: f64,
}

impl Pool {
    /// Reads all negative pictures; unreadable ones are an error, since a run must be repeatable.
    pub fn open(config: &TrainConfig) -> Result<Self> {
        let mut files: Vec<(PathBuf, Vec<[f32; 4]>)> = Vec::new();
        for source in &config.negatives {
            match source {
                NegativeSource::Folder { path } => {
                    let entries = std::fs::read_dir(path).map_err(|e| CascadeError::io(path, e))?;
                    let mut own: Vec<PathBuf> = entries.filter_map(|e| e.ok().map(|e| e.path())).collect();
                    own.retain(|p| p.is_file());
                    own.sort();
                    files.extend(own.into_iter().map(|p| (p, Vec::new())));
                }
                NegativeSource::Boxes { path, sets, max_pictures } => {
                    let lines = read_list(path, sets)?.into_iter().take(max_pictures.unwrap_or(usize::MAX));
                    files.extend(lines.map(|(path, line)| (path, line.taken())));
                }
            }
        }
        let pictures: Vec<Negative> = files
            .into_par_iter()
            .map(|(path, taken)| Ok(Negative { gray: read_gray(&path)?, taken }))
            .collect::<Result<_>>()?;
        if pictures.is_empty() {
            return Err(CascadeError::Training { reason: "there are no negative pictures".into() });
        }
        let (seed, wanted, passes) = (config.seed, config.negatives_per_stage, config.max_passes);
        Ok(Self { window: config.window, seed, wanted, passes, pictures })
    }

    /// Windows that `cascade` accepts, of all pictures alike; without a cascade, any windows.
    pub fn mine(&self, cascade: Option<&Cascade>, stage: usize, run: &mut Run<'_>) -> Result<Mined> {
        let mut rng = fastrand::Rng::with_seed(self.seed.wrapping_add(1 + stage as u64));
        let mut mined = Mined { windows: Vec::new(), accepted: 0.0 };
        let (mut scanned, mut accepted) = (0_u64, 0_u64);
        let share = (self.wanted * 4 / self.pictures.len()).max(8);
        for pass in 0..self.passes {
            let mut order: Vec<usize> = (0..self.pictures.len()).collect();
            rng.shuffle(&mut order);
            for chunk in order.chunks(CHUNK) {
                run.checkpoint()?;
                let found: Vec<Found> = chunk
                    .par_iter()
                    .map(|ix| {
                        let turn = (*ix + stage + pass) as u64;
                        let rng = fastrand::Rng::with_seed(self.seed ^ (turn << 20) ^ *ix as u64);
                        self.pictures[*ix].search(cascade, self.window, turn, share, rng)
                    })
                    .collect();
                for found in found {
                    scanned += found.scanned;
                    accepted += found.accepted;
                    mined.windows.extend(found.windows);
                }
                run.report(TrainPhase::Mining { found: mined.windows.len().min(self.wanted), wanted: self.wanted });
                if mined.windows.len() >= self.wanted {
                    break;
                }
            }
            if mined.windows.len() >= self.wanted {
                break;
            }
        }
        mined.windows.truncate(self.wanted);
        mined.accepted = accepted as f64 / scanned.max(1) as f64;
        Ok(mined)
    }
}

struct Found {
    windows: Vec<Vec<u8>>,
    scanned: u64,
    accepted: u64,
}

impl Negative {
    /// At most `share` accepted windows, drawn at random from all scales of the picture, turned by `turn`.
    fn search(
        &self,
        cascade: Option<&Cascade>,
        window: Size,
        turn: u64,
        share: usize,
        mut rng: fastrand::Rng,
    ) -> Found {
        let gray = turned(&self.gray, if self.taken.is_empty() { turn % 8 } else { turn % 2 });
        let mut found = Found { windows: Vec::new(), scanned: 0, accepted: 0 };
        let mut scale = 1.0 + rng.f32() * (SCALE_FACTOR - 1.0);
        let mut places: Vec<(Level, Hit)> = Vec::new();
        while scale * window.width as f32 <= gray.size.width as f32
            && scale * window.height as f32 <= gray.size.height as f32
        {
            let level = level(gray.size, window, scale);
            let pixels = sample(&gray.pixels, gray.size, level.size);
            let (sums, squares) = integrals(&pixels, level.size);
            let grid = Grid { step: level.step, skip: cascade.is_some() };
            let sums = LevelSums::new(&sums, &squares, level.size, window, grid);
            let windows = (sums.columns * sums.rows) as u64;
            found.scanned += windows;
            let mut hits = Vec::new();
            if let Some(cascade) = cascade {
                let program = Program::new(cascade, &sums);
                let mut scratch = Default::default();
                for row in 0..sums.rows {
                    program.scan_row(Isa::best(), &sums, grid, row, &mut scratch, &mut hits);
                }
            } else if windows > 0 {
                let mut draw = |count: usize| rng.u32(0..count as u32) * grid.step;
                hits.extend((0..share).map(|_| Hit { x: draw(sums.columns), y: draw(sums.rows), margin: 0.0 }));
            }
            hits.retain(|hit| !self.overlaps(&gray, &level, *hit, turn));
            found.accepted += if cascade.is_some() { hits.len() as u64 } else { windows };
            places.extend(hits.into_iter().map(|hit| (level, hit)));
            scale *= SCALE_FACTOR;
        }
        rng.shuffle(&mut places);
        places.truncate(share);
        // Windows of one level together, so that each level is sampled once more only.
        places.sort_by(|a, b| a.0.scale.total_cmp(&b.0.scale));
        for group in places.chunk_by(|a, b| a.0 == b.0) {
            let level = group[0].0;
            let pixels = sample(&gray.pixels, gray.size, level.size);
            found.windows.extend(group.iter().map(|(_, hit)| cut(&pixels, level.size, *hit, window)));
        }
        found
    }

    fn overlaps(&self, gray: &Gray, level: &Level, hit: Hit, turn: u64) -> bool {
        let (width, height) = (level.object.width as f32, level.object.height as f32);
        let mut x = hit.x as f32 * level.scale;
        let y = hit.y as f32 * level.scale;
        if turn % 2 == 1 {
            x = gray.size.width as f32 - x - width;
        }
        self.taken.iter().any(|t| {
            let shared_x = ((x + width).min(t[0] + t[2]) - x.max(t[0])).max(0.0);
            let shared_y = ((y + height).min(t[1] + t[3]) - y.max(t[1])).max(0.0);
            let shared = shared_x * shared_y;
            shared > MAX_OVERLAP * (width * height + t[2] * t[3] - shared)
        })
    }
}

/// The picture in one of its eight orientations, 0 as it is, 1 mirrored: what is no object stays none.
fn turned(gray: &Gray, turn: u64) -> Gray {
    let (width, height) = (gray.size.width as usize, gray.size.height as usize);
    let (mirror, flip, transpose) = (turn & 1 == 1, turn & 2 == 2, turn & 4 == 4);
    let size = if transpose { gray.size.transposed() } else { gray.size };
    let mut pixels = Vec::with_capacity(gray.pixels.len());
    for y in 0..size.height as usize {
        for x in 0..size.width as usize {
            let (x, y) = if transpose { (y, x) } else { (x, y) };
            let x = if mirror { width - 1 - x } else { x };
            let y = if flip { height - 1 - y } else { y };
            pixels.push(gray.pixels[y * width + x]);
        }
    }
    Gray { size, pixels }
}

fn cut(pixels: &[u8], size: Size, hit: Hit, window: Size) -> Vec<u8> {
    let row = |y: u32| &pixels[((hit.y + y) * size.width + hit.x) as usize..][..window.width as usize];
    (0..window.height).flat_map(|y| row(y).iter().copied()).collect()
}
