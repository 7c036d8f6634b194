//! The ladder of scales and the scan of one level, in whole pixels of the picture.

use crate::group::Candidate;
use crate::scan::{Grid, Isa, LevelSums, Program};
use crate::{Cascade, CascadeError, Result};
use ocelli_core::Size;
use rayon::prelude::*;

/// Smallest scale factor: each step must shrink the picture by a percent, which bounds the number of levels.
pub const MIN_SCALE_FACTOR: f64 = 1.01;

/// Rows of the grid that one thread scans before it looks for a cancel.
const BAND: usize = 16;

/// Which sizes are searched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LadderOptions {
    /// From level to level the picture shrinks by this factor, at least [`MIN_SCALE_FACTOR`].
    pub scale_factor: f64,
    /// Smallest window, in pixels of the picture.
    pub min_size: Size,
    /// Largest window, in pixels of the picture; `None` is the picture.
    pub max_size: Option<Size>,
}

impl Default for LadderOptions {
    /// OpenCV's defaults: factor 1.1, every size.
    fn default() -> Self {
        Self { scale_factor: 1.1, min_size: Size::new(0, 0), max_size: None }
    }
}

/// One level of the ladder.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// The picture is this many times as large.
    pub scale: f32,
    /// Size of the shrunk picture.
    pub size: Size,
    /// Distance of windows in the shrunk picture.
    pub step: u32,
    /// Size of a window in the picture.
    pub object: Size,
}

/// The levels for a picture of size `image`, largest first: the same that OpenCV visits.
///
/// Where no level's window lies between equal smallest and largest sizes, the closest level is taken.
///
/// # Errors
/// [`CascadeError::Parameter`] for a scale factor below [`MIN_SCALE_FACTOR`].
pub fn ladder(image: Size, window: Size, options: &LadderOptions) -> Result<Vec<Level>> {
    if !(options.scale_factor >= MIN_SCALE_FACTOR && options.scale_factor.is_finite()) {
        let value = options.scale_factor.to_string();
        return Err(CascadeError::Parameter { name: "scale factor", value, expected: "a number of at least 1.01" });
    }
    let max = options.max_size.filter(|m| m.width > 0 && m.height > 0).unwrap_or(image);
    let scaled = |side: u32, factor: f64| (f64::from(side) * factor).round_ties_even();
    let mut all = Vec::new();
    let mut factor = 1.0_f64;
    while scaled(window.width, factor) <= f64::from(image.width)
        && scaled(window.height, factor) <= f64::from(image.height)
    {
        all.push(level(image, window, factor as f32));
        factor *= options.scale_factor;
    }
    let fits = |l: &&Level| l.object.width >= options.min_size.width && l.object.height >= options.min_size.height;
    let small = |l: &&Level| l.object.width <= max.width && l.object.height <= max.height;
    let chosen: Vec<Level> = all.iter().take_while(small).filter(fits).copied().collect();
    if !chosen.is_empty() || options.min_size != max {
        return Ok(chosen);
    }
    let distance = |l: &Level| {
        let (dx, dy) = (l.object.width.abs_diff(max.width), l.object.height.abs_diff(max.height));
        u64::from(dx) * u64::from(dx) + u64::from(dy) * u64::from(dy)
    };
    Ok(all.into_iter().min_by_key(distance).into_iter().collect())
}

/// The level on which windows are `scale` times as large as the cascade's own.
pub(crate) fn level(image: Size, window: Size, scale: f32) -> Level {
    // OpenCV computes these in single precision.
    let shrink = |side: u32| ((side as f32 / scale).round_ties_even() as u32).max(1);
    let grow = |side: u32| (side as f32 * scale).round_ties_even() as u32;
    Level {
        scale,
        size: Size::new(shrink(image.width), shrink(image.height)),
        // Large levels are visited at every other pixel, which is still less than a tenth of the window.
        step: if scale >= 2.0 { 1 } else { 2 },
        object: Size::new(grow(window.width), grow(window.height)),
    }
}

/// Scans one level given by its integral images (see [`integrals`](crate::level::integrals)).
///
/// Candidates come from the top, in a row from the left, whatever the number of threads. `keep_going` is asked
/// between bands of rows.
///
/// # Errors
/// [`CascadeError::Cancelled`] where `keep_going` says no; [`CascadeError::Unsupported`] for tilted features.
pub fn scan_level(
    cascade: &Cascade,
    level: &Level,
    sums: &[u32],
    squares: &[u64],
    isa: Isa,
    keep_going: &(dyn Fn() -> bool + Sync),
) -> Result<Vec<Candidate>> {
    refuse_tilted(cascade)?;
    let grid = Grid { step: level.step, skip: true };
    let sums = LevelSums::new(sums, squares, level.size, cascade.window(), grid);
    let program = Program::new(cascade, &sums);
    let bands: Vec<Vec<Candidate>> = (0..sums.rows.div_ceil(BAND))
        .into_par_iter()
        .map(|band| {
            if !keep_going() {
                return Err(CascadeError::Cancelled);
            }
            let (mut scratch, mut hits) = (Default::default(), Vec::new());
            for row in band * BAND..sums.rows.min((band + 1) * BAND) {
                program.scan_row(isa, &sums, grid, row, &mut scratch, &mut hits);
            }
            let place = |v: u32| (v as f32 * level.scale).round_ties_even() as i32;
            Ok(hits
                .into_iter()
                .map(|hit| Candidate {
                    x: place(hit.x),
                    y: place(hit.y),
                    width: level.object.width as i32,
                    height: level.object.height as i32,
                    margin: hit.margin,
                })
                .collect())
        })
        .collect::<Result<_>>()?;
    Ok(bands.concat())
}

/// Margin of the last stage for one window given by its pixels; `None` where a stage rejects it.
#[cfg(all(test, feature = "train"))]
pub(crate) fn judge(cascade: &Cascade, patch: &[u8]) -> Option<f32> {
    let window = cascade.window();
    let (sums, squares) = crate::level::integrals(patch, window);
    let grid = Grid { step: 1, skip: false };
    let sums = LevelSums::new(&sums, &squares, window, window, grid);
    let (mut scratch, mut hits) = (Default::default(), Vec::new());
    Program::new(cascade, &sums).scan_row(Isa::Scalar, &sums, grid, 0, &mut scratch, &mut hits);
    hits.first().map(|hit| hit.margin)
}

/// Says by name that tilted features are not evaluated.
pub(crate) fn refuse_tilted(cascade: &Cascade) -> Result<()> {
    match cascade.features().iter().position(|f| f.tilted) {
        None => Ok(()),
        Some(ix) => Err(CascadeError::Unsupported {
            what: format!("tilted feature {ix}"),
            hint: "train without the ALL mode, or take a cascade of upright features",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_bounded_and_steps_change_at_scale_two() {
        let window = Size::new(24, 24);
        let levels = ladder(Size::new(640, 480), window, &LadderOptions::default()).unwrap();
        assert_eq!(levels.len(), 32);
        assert_eq!((levels[0].size, levels[0].step), (Size::new(640, 480), 2));
        assert_eq!((levels[1].size, levels[1].object), (Size::new(582, 436), Size::new(26, 26)));
        assert!(levels.iter().all(|l| (l.step == 1) == (l.scale >= 2.0)));
        assert!(ladder(Size::new(23, 480), window, &LadderOptions::default()).unwrap().is_empty());
        for factor in [1.0, 0.5, f64::NAN, f64::INFINITY] {
            let options = LadderOptions { scale_factor: factor, ..LadderOptions::default() };
            assert!(ladder(Size::new(640, 480), window, &options).is_err(), "{factor}");
        }
    }

    #[test]
    fn sizes_choose_levels_and_one_size_chooses_the_closest() {
        let (image, window) = (Size::new(640, 480), Size::new(24, 24));
        let sized = |min: u32, max: u32| {
            let (min_size, max_size) = (Size::new(min, min), Some(Size::new(max, max)));
            ladder(image, window, &LadderOptions { min_size, max_size, ..LadderOptions::default() }).unwrap()
        };
        assert!(sized(50, 100).iter().all(|l| (50..=100).contains(&l.object.width)));
        assert_eq!(sized(60, 60).len(), 1);
        assert_eq!(sized(61, 60).len(), 0);
    }
}
