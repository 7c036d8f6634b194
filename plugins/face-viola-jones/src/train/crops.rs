//! Positives: finding the objects in tiles, boxes and points, and cutting windows out of pictures.

use super::config::{Anchor, BoxField};
use super::light::relight;
use super::pictures::{Gray, read_gray, read_list};
use super::samples::is_flat;
use super::{PositiveSource, TrainConfig};
use crate::{CascadeError, Result};
use ocelli_core::Size;
use rayon::prelude::*;
use std::path::Path;

/// Windows of the object.
pub(super) struct Positives {
    pub train: Vec<Vec<u8>>,
    /// Those kept out of training, unchanged.
    pub held_out: Vec<Vec<u8>>,
}

/// Cuts the windows of all sources; those too flat for the scan are left out.
pub(super) fn positives(config: &TrainConfig) -> Result<Positives> {
    let mut all = Positives { train: Vec::new(), held_out: Vec::new() };
    for (number, source) in config.positives.iter().enumerate() {
        let crops = match source {
            PositiveSource::Mosaic { path, tile, count, crop } => mosaic(path, *tile, *count, *crop)?,
            PositiveSource::Boxes { path, sets, min_side, crop, of } => boxes(path, sets, *min_side, *crop, *of)?,
            PositiveSource::Points { path, sets, min_side, anchors, max_error } => {
                let fit = Fit { anchors, min_side: *min_side, max_error: *max_error, window: config.window };
                points(path, sets, &fit)?
            }
        };
        let windows: Vec<(bool, Vec<Vec<u8>>)> = crops
            .par_iter()
            .enumerate()
            .map(|(ix, crop)| {
                let seed = config.seed ^ ((number as u64) << 40) ^ ((ix as u64 + 1) << 8);
                let mut rng = fastrand::Rng::with_seed(seed);
                let held = rng.f32() < config.held_out;
                let mut windows = vec![crop.cut(config.window, &Jitter::default())];
                if !held {
                    windows.extend((0..config.copies).map(|copy| crop.copy(config, copy, &mut rng)));
                }
                windows.retain(|w| !is_flat(w, config.window));
                (held, windows)
            })
            .collect();
        for (held, windows) in windows {
            if held { &mut all.held_out } else { &mut all.train }.extend(windows);
        }
    }
    if all.train.is_empty() {
        return Err(CascadeError::Training { reason: "there are no positives".into() });
    }
    Ok(all)
}

/// An object in a picture: the centre, sides and turn of its window, in pixels and radians.
struct Crop {
    picture: Gray,
    center: [f32; 2],
    sides: [f32; 2],
    angle: f32,
}

/// How a copy of a crop differs from it.
#[derive(Default)]
struct Jitter {
    /// Turn, in radians.
    angle: f32,
    /// Change of size, as a fraction.
    scale: f32,
    /// Shift, in pixels of the window.
    shift: [f32; 2],
    mirror: bool,
    /// One sample a pixel instead of a mean.
    aliased: bool,
}

impl Crop {
    /// A changed copy, the `number`th.
    fn copy(&self, config: &TrainConfig, number: usize, rng: &mut fastrand::Rng) -> Vec<u8> {
        let mut signed = || rng.f32() * 2.0 - 1.0;
        let jitter = Jitter {
            angle: signed() * config.jitter_degrees.to_radians(),
            scale: signed() * config.jitter_scale,
            shift: [signed() * config.jitter_shift, signed() * config.jitter_shift],
            mirror: config.mirror && number.is_multiple_of(2),
            aliased: rng.f32() < config.light.aliased,
        };
        let mut window = self.cut(config.window, &jitter);
        relight(&mut window, config.window, &config.light, rng);
        window
    }

    /// Samples the window.
    fn cut(&self, window: Size, jitter: &Jitter) -> Vec<u8> {
        let (width, height) = (window.width as f32, window.height as f32);
        let (sin, cos) = (self.angle + jitter.angle).sin_cos();
        let step = [self.sides[0] / width, self.sides[1] / height].map(|v| v * (1.0 + jitter.scale));
        let mut out = Vec::with_capacity(window.pixels() as usize);
        for y in 0..window.height {
            for x in 0..window.width {
                let u = (x as f32 + 0.5 - width / 2.0 + jitter.shift[0]) * step[0];
                let u = if jitter.mirror { -u } else { u };
                let v = (y as f32 + 0.5 - height / 2.0 + jitter.shift[1]) * step[1];
                let at = [self.center[0] + u * cos - v * sin, self.center[1] + u * sin + v * cos];
                out.push(self.area(at, if jitter.aliased { 1.0 } else { step[0].max(step[1]) }));
            }
        }
        out
    }

    /// Mean over a square of side `side` around a point, by bilinear samples a pixel apart at most.
    fn area(&self, [x, y]: [f32; 2], side: f32) -> u8 {
        let taps = (side.ceil() as i32).clamp(1, 16);
        let offset = |k: i32| ((k as f32 + 0.5) / taps as f32 - 0.5) * side;
        let mut sum = 0.0;
        for j in 0..taps {
            for i in 0..taps {
                sum += self.bilinear(x + offset(i) - 0.5, y + offset(j) - 0.5);
            }
        }
        (sum / (taps * taps) as f32).round() as u8
    }

    fn bilinear(&self, x: f32, y: f32) -> f32 {
        let (right, bottom) = (self.picture.size.width as i32 - 1, self.picture.size.height as i32 - 1);
        let pixel = |x: i32, y: i32| {
            let at = y.clamp(0, bottom) as usize * self.picture.size.width as usize + x.clamp(0, right) as usize;
            f32::from(self.picture.pixels[at])
        };
        let (left, top) = (x.floor(), y.floor());
        let (u, v) = (x - left, y - top);
        let (left, top) = (left as i32, top as i32);
        let upper = pixel(left, top) * (1.0 - u) + pixel(left + 1, top) * u;
        let lower = pixel(left, top + 1) * (1.0 - u) + pixel(left + 1, top + 1) * u;
        upper * (1.0 - v) + lower * v
    }
}

fn mosaic(path: &Path, tile: u32, count: usize, [x, y, width, height]: [f32; 4]) -> Result<Vec<Crop>> {
    let picture = read_gray(path)?;
    let columns = (picture.size.width / tile.max(1)).max(1);
    let tiles = (picture.size.height / tile.max(1)) as usize * columns as usize;
    if tile == 0 || count > tiles {
        let reason = format!("{} has {tiles} tiles of {tile} pixels, not {count}", path.display());
        return Err(CascadeError::Training { reason });
    }
    let side = tile as usize;
    Ok((0..count)
        .map(|ix| {
            let (left, top) = (ix % columns as usize * side, ix / columns as usize * side);
            let row = |y: usize| &picture.pixels[(top + y) * picture.size.width as usize + left..][..side];
            let pixels = (0..side).flat_map(|y| row(y).iter().copied()).collect();
            Crop {
                picture: Gray { size: Size::new(tile, tile), pixels },
                center: [x + width / 2.0, y + height / 2.0],
                sides: [width, height],
                angle: 0.0,
            }
        })
        .collect())
}

fn boxes(path: &Path, sets: &[String], min_side: f32, crop: [f32; 4], of: BoxField) -> Result<Vec<Crop>> {
    let lines = read_list(path, sets)?;
    let crops: Vec<Vec<Crop>> = lines
        .par_iter()
        .map(|(path, line)| {
            let boxes: Vec<_> = line.boxes(of).filter(|b| b[2].min(b[3]) >= min_side).collect();
            let placed = boxes.iter().map(|[x, y, width, height]| Place {
                center: [x + width * (crop[0] + crop[2] / 2.0), y + height * (crop[1] + crop[3] / 2.0)],
                side: (width * crop[2] + height * crop[3]) / 2.0,
                angle: 0.0,
            });
            cut_out(path, placed.collect())
        })
        .collect::<Result<_>>()?;
    Ok(crops.into_iter().flatten().collect())
}

/// How points become a window.
struct Fit<'a> {
    anchors: &'a [Anchor],
    min_side: f32,
    max_error: f32,
    window: Size,
}

fn points(path: &Path, sets: &[String], fit: &Fit<'_>) -> Result<Vec<Crop>> {
    if fit.anchors.len() < 2 {
        return Err(CascadeError::Training { reason: "points need at least two anchors".into() });
    }
    let lines = read_list(path, sets)?;
    let crops: Vec<Vec<Crop>> = lines
        .par_iter()
        .map(|(path, line)| {
            let placed = line.landmarks.iter().filter_map(|points| fit.place(points));
            cut_out(path, placed.collect())
        })
        .collect::<Result<_>>()?;
    Ok(crops.into_iter().flatten().collect())
}

/// Where a window lies in a picture.
struct Place {
    center: [f32; 2],
    side: f32,
    angle: f32,
}

impl Fit<'_> {
    /// The window that brings the anchors closest to their places by turn, scale and shift (least squares).
    fn place(&self, points: &[[f32; 2]]) -> Option<Place> {
        let mean = |indices: &[usize]| {
            let chosen: Option<Vec<[f32; 2]>> = indices.iter().map(|ix| points.get(*ix).copied()).collect();
            chosen.filter(|c| !c.is_empty()).map(|c| middle(&c))
        };
        let seen: Vec<[f32; 2]> = self.anchors.iter().map(|a| mean(&a.points)).collect::<Option<_>>()?;
        let aspect = self.window.height as f32 / self.window.width as f32;
        // Places in units of the window's width, from its centre.
        let wanted: Vec<[f32; 2]> = self.anchors.iter().map(|a| [a.at[0] - 0.5, (a.at[1] - 0.5) * aspect]).collect();
        let (from, to) = (middle(&wanted), middle(&seen));
        let (mut along, mut across, mut power) = (0.0, 0.0, 0.0);
        for (w, s) in wanted.iter().zip(&seen) {
            let (w, s) = ([w[0] - from[0], w[1] - from[1]], [s[0] - to[0], s[1] - to[1]]);
            along += w[0] * s[0] + w[1] * s[1];
            across += w[0] * s[1] - w[1] * s[0];
            power += w[0] * w[0] + w[1] * w[1];
        }
        let (a, b) = (along / power, across / power);
        let apply = |[x, y]: [f32; 2]| {
            let (x, y) = (x - from[0], y - from[1]);
            [to[0] + a * x - b * y, to[1] + b * x + a * y]
        };
        let side = a.hypot(b);
        let far = |(w, s): (&[f32; 2], &[f32; 2])| {
            let w = apply(*w);
            (w[0] - s[0]).hypot(w[1] - s[1]) > self.max_error * side
        };
        let fits = side.is_finite() && side >= self.min_side && !wanted.iter().zip(&seen).any(far);
        fits.then(|| Place { center: apply([0.0, 0.0]), side, angle: b.atan2(a) })
    }
}

fn middle(points: &[[f32; 2]]) -> [f32; 2] {
    let sum = points.iter().fold([0.0; 2], |s, p| [s[0] + p[0], s[1] + p[1]]);
    sum.map(|v| v / points.len() as f32)
}

/// Copies the surroundings of windows, so that the picture need not be kept.
fn cut_out(path: &Path, places: Vec<Place>) -> Result<Vec<Crop>> {
    if places.is_empty() {
        return Ok(Vec::new());
    }
    let picture = read_gray(path)?;
    Ok(places.iter().filter_map(|place| surroundings(&picture, place)).collect())
}

/// `None` for a window outside the picture.
fn surroundings(picture: &Gray, place: &Place) -> Option<Crop> {
    let Place { center, side, angle } = *place;
    let bound = |v: f32, limit: u32| (v.max(0.0) as usize).min(limit as usize);
    let (left, right) =
        (bound(center[0] - side, picture.size.width), bound(center[0] + side + 1.0, picture.size.width));
    let (top, bottom) =
        (bound(center[1] - side, picture.size.height), bound(center[1] + side + 1.0, picture.size.height));
    if left >= right || top >= bottom {
        return None;
    }
    let row = |y: usize| &picture.pixels[y * picture.size.width as usize..][left..right];
    let pixels = (top..bottom).flat_map(|y| row(y).iter().copied()).collect();
    Some(Crop {
        picture: Gray { size: Size::new((right - left) as u32, (bottom - top) as u32), pixels },
        center: [center[0] - left as f32, center[1] - top as f32],
        sides: [side, side],
        angle,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two eyes and a mouth, seen upright, turned, and from the side.
    #[test]
    fn points_place_the_window_and_odd_ones_are_left_out() {
        let anchor = |point: usize, x: f32, y: f32| Anchor { points: vec![point], at: [x, y] };
        let anchors = [anchor(0, 0.25, 0.4), anchor(1, 0.75, 0.4), anchor(2, 0.5, 0.8)];
        let fit = Fit { anchors: &anchors, min_side: 10.0, max_error: 0.1, window: Size::new(20, 20) };
        let upright = fit.place(&[[35.0, 58.0], [65.0, 58.0], [50.0, 82.0]]).unwrap();
        assert!((upright.side - 60.0).abs() < 0.1 && upright.angle.abs() < 1e-3);
        assert!((upright.center[0] - 50.0).abs() < 0.1 && (upright.center[1] - 64.0).abs() < 0.1);
        // A quarter turn to the right: x becomes −y.
        let turned = fit.place(&[[-58.0, 35.0], [-58.0, 65.0], [-82.0, 50.0]]).unwrap();
        assert!((turned.angle - std::f32::consts::FRAC_PI_2).abs() < 1e-3);
        assert!((turned.center[0] + 64.0).abs() < 0.1 && (turned.center[1] - 50.0).abs() < 0.1);
        assert!(fit.place(&[[45.0, 58.0], [53.0, 58.0], [50.0, 82.0]]).is_none(), "from the side");
        assert!(fit.place(&[[35.0, 58.0], [65.0, 58.0]]).is_none(), "a point is missing");
        let small = Fit { min_side: 61.0, ..fit };
        assert!(small.place(&[[35.0, 58.0], [65.0, 58.0], [50.0, 82.0]]).is_none());
    }
}
