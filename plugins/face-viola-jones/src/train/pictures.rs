//! Reading pictures and cutting windows out of them.

use super::{PositiveSource, TrainConfig};
use crate::{CascadeError, Result};
use ocelli_core::Size;
use rayon::prelude::*;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// A grey picture.
pub(super) struct Gray {
    pub size: Size,
    pub pixels: Vec<u8>,
}

/// One line of a list of pictures with boxes; what else a line holds is not read.
#[derive(Deserialize)]
pub(super) struct Line {
    image: String,
    #[serde(default)]
    set: String,
    faces: Option<Vec<[f32; 4]>>,
    #[serde(default)]
    ignore: Vec<[f32; 4]>,
    #[serde(default)]
    peer: Vec<Vec<f32>>,
}

impl Line {
    /// All boxes that may hold the object.
    pub fn taken(&self) -> Vec<[f32; 4]> {
        let peers = self.peer.iter().filter_map(|p| p.first_chunk::<4>().copied());
        self.faces.iter().flatten().chain(&self.ignore).copied().chain(peers).collect()
    }
}

/// Reads a picture as grey, with the weights of BT.601.
pub(super) fn read_gray(path: &Path) -> Result<Gray> {
    let failed = |reason: String| CascadeError::Training { reason: format!("{}: {reason}", path.display()) };
    let picture = image::open(path).map_err(|e| failed(e.to_string()))?;
    let size = Size::new(picture.width(), picture.height());
    let luma =
        |p: &[u8]| ((u32::from(p[0]) * 19595 + u32::from(p[1]) * 38470 + u32::from(p[2]) * 7471 + 32768) >> 16) as u8;
    let pixels = match picture {
        image::DynamicImage::ImageLuma8(gray) => gray.into_raw(),
        other => other.to_rgb8().as_raw().chunks_exact(3).map(luma).collect(),
    };
    Ok(Gray { size, pixels })
}

/// The lines of a list, with the path of each picture.
pub(super) fn read_list(path: &Path, sets: &[String]) -> Result<Vec<(PathBuf, Line)>> {
    let text = std::fs::read_to_string(path).map_err(|e| CascadeError::io(path, e))?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut lines = Vec::new();
    for line in text.lines().filter(|l| !l.trim().is_empty()) {
        let line: Line = serde_json::from_str(line).map_err(|e| CascadeError::Syntax { reason: e.to_string() })?;
        if sets.is_empty() || sets.contains(&line.set) {
            lines.push((folder.join(&line.image), line));
        }
    }
    Ok(lines)
}

/// Windows of the object: those to train on, and those held out.
pub(super) type Positives = (Vec<Vec<u8>>, Vec<Vec<u8>>);

/// Windows of the object: those to train on, and those held out.
pub(super) fn positives(config: &TrainConfig) -> Result<Positives> {
    let mut train = Vec::new();
    let mut held_out = Vec::new();
    for (number, source) in config.positives.iter().enumerate() {
        let crops = match source {
            PositiveSource::Mosaic { path, tile, count, crop } => mosaic(path, *tile, *count, *crop)?,
            PositiveSource::Boxes { path, sets, min_side, crop } => boxes(path, sets, *min_side, *crop)?,
        };
        let windows: Vec<(bool, Vec<Vec<u8>>)> = crops
            .par_iter()
            .enumerate()
            .map(|(ix, crop)| {
                let seed = config.seed ^ ((number as u64) << 40) ^ ((ix as u64 + 1) << 8);
                let mut rng = fastrand::Rng::with_seed(seed);
                if rng.f32() < config.held_out {
                    return (true, vec![crop.cut(config.window, [0.0; 4], false)]);
                }
                let plain = crop.cut(config.window, [0.0; 4], false);
                let mut jitter = || [rng.f32(), rng.f32(), rng.f32(), rng.f32()].map(|v| v * 2.0 - 1.0);
                let drawn = jitter();
                let amounts = [
                    drawn[0] * config.jitter_degrees.to_radians(),
                    drawn[1] * config.jitter_scale,
                    drawn[2] * config.jitter_shift,
                    drawn[3] * config.jitter_shift,
                ];
                let other = config.mirror.then(|| crop.cut(config.window, amounts, true));
                (false, std::iter::once(plain).chain(other).collect())
            })
            .collect();
        for (held, windows) in windows {
            if held { &mut held_out } else { &mut train }.extend(windows);
        }
    }
    if train.is_empty() {
        return Err(CascadeError::Training { reason: "there are no positives".into() });
    }
    Ok((train, held_out))
}

/// An object in a picture: the centre and sides of its window, in pixels.
struct Crop<'a> {
    picture: std::borrow::Cow<'a, Gray>,
    center: [f32; 2],
    sides: [f32; 2],
}

impl Clone for Gray {
    fn clone(&self) -> Self {
        Self { size: self.size, pixels: self.pixels.clone() }
    }
}

impl Crop<'_> {
    /// Samples the window; jitter is angle, relative size, shift in window pixels.
    fn cut(&self, window: Size, [angle, scale, dx, dy]: [f32; 4], mirror: bool) -> Vec<u8> {
        let (width, height) = (window.width as f32, window.height as f32);
        let (sin, cos) = angle.sin_cos();
        let step = [self.sides[0] / width * (1.0 + scale), self.sides[1] / height * (1.0 + scale)];
        let mut out = Vec::with_capacity(window.pixels() as usize);
        for y in 0..window.height {
            for x in 0..window.width {
                let u = (x as f32 + 0.5 - width / 2.0 + dx) * step[0] * if mirror { -1.0 } else { 1.0 };
                let v = (y as f32 + 0.5 - height / 2.0 + dy) * step[1];
                let at = [self.center[0] + u * cos - v * sin, self.center[1] + u * sin + v * cos];
                out.push(self.area(at, step[0].max(step[1])));
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

fn mosaic(path: &Path, tile: u32, count: usize, [x, y, width, height]: [f32; 4]) -> Result<Vec<Crop<'static>>> {
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
                picture: std::borrow::Cow::Owned(Gray { size: Size::new(tile, tile), pixels }),
                center: [x + width / 2.0, y + height / 2.0],
                sides: [width, height],
            }
        })
        .collect())
}

fn boxes(path: &Path, sets: &[String], min_side: f32, crop: [f32; 4]) -> Result<Vec<Crop<'static>>> {
    let lines = read_list(path, sets)?;
    let crops: Vec<Vec<Crop<'static>>> = lines
        .par_iter()
        .map(|(path, line)| {
            let faces: Vec<_> = line.faces.iter().flatten().filter(|f| f[2].min(f[3]) >= min_side).collect();
            if faces.is_empty() {
                return Ok(Vec::new());
            }
            let picture = read_gray(path)?;
            Ok(faces.iter().map(|face| cut_out(&picture, **face, crop)).collect())
        })
        .collect::<Result<_>>()?;
    Ok(crops.into_iter().flatten().collect())
}

/// Copies the surroundings of a box, so that the picture need not be kept.
fn cut_out(picture: &Gray, [x, y, width, height]: [f32; 4], crop: [f32; 4]) -> Crop<'static> {
    let center = [x + width * (crop[0] + crop[2] / 2.0), y + height * (crop[1] + crop[3] / 2.0)];
    let side = (width * crop[2] + height * crop[3]) / 2.0;
    let bound = |v: f32, limit: u32| (v.max(0.0) as usize).min(limit as usize);
    let (left, right) =
        (bound(center[0] - side, picture.size.width), bound(center[0] + side + 1.0, picture.size.width));
    let (top, bottom) =
        (bound(center[1] - side, picture.size.height), bound(center[1] + side + 1.0, picture.size.height));
    // A box outside the picture leaves one grey pixel: flat, and no use, but no panic either.
    if left >= right || top >= bottom {
        let picture = std::borrow::Cow::Owned(Gray { size: Size::new(1, 1), pixels: vec![128] });
        return Crop { picture, center: [0.0; 2], sides: [1.0; 2] };
    }
    let row = |y: usize| &picture.pixels[y * picture.size.width as usize..][left..right];
    let pixels = (top..bottom).flat_map(|y| row(y).iter().copied()).collect();
    let size = Size::new((right - left) as u32, (bottom - top) as u32);
    Crop {
        picture: std::borrow::Cow::Owned(Gray { size, pixels }),
        center: [center[0] - left as f32, center[1] - top as f32],
        sides: [side, side],
    }
}
