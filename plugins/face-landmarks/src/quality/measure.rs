//! The four parts of the score.

use crate::crop::{Square, cut};
use crate::{FaceLandmarks, HeadPose};
use ocelli_core::{Input, NormalizedPoint, NormalizedRect, PixelRect, Result};

/// Luma is measured on a square of this many pixels about the eyes, nose and mouth.
const SIDE: usize = 64;
/// Distance of the outer eye corners, in pixels of the original, that is large enough: what portraits for documents
/// ask at least between the eyes' centres.
const LARGE: f32 = 60.0;
/// The share of variation that a blur takes from a sharp face at this size; measured faces reach it, few exceed it.
const SHARP: f32 = 0.45;
/// Luma at or beyond which a pixel tells nothing.
const BLACK: u8 = 8;
const WHITE: u8 = 247;
/// Standard deviation of luma that a face has in even light.
const CONTRAST: f32 = 25.0;

/// Luma of the inner face, `SIDE` × `SIDE`, 0 to 255.
#[derive(Debug)]
pub(super) struct Light(Vec<f32>);

/// Cuts the inner face out of the best view at hand.
///
/// # Errors
/// Where no colour view is at hand.
pub(super) fn light(face: &FaceLandmarks, input: &Input<'_>) -> Result<Light> {
    let inner: Vec<_> = face.points.iter().skip(17).map(|p| p.to_pixels()).collect();
    let edges = |of: fn(&ocelli_core::PixelPoint) -> f64| {
        let fold = |(low, high): (f64, f64), v: f64| (low.min(v), high.max(v));
        inner.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), fold)
    };
    let ((left, right), (top, bottom)) = (edges(|p| p.x), edges(|p| p.y));
    let rect = PixelRect::new(left, top, (right - left).max(1.0), (bottom - top).max(1.0));
    let square = Square::about(NormalizedRect::from_pixels(rect, input.image.size), 1.0);
    let mut crop = Vec::with_capacity(SIDE * SIDE * 3);
    cut(input.views, square, input.image.size, SIDE as u32, &mut crop)?;
    // BT.601 weights, as the framework's luma.
    let luma = |rgb: &[u8]| 0.299 * f32::from(rgb[0]) + 0.587 * f32::from(rgb[1]) + 0.114 * f32::from(rgb[2]);
    Ok(Light(crop.chunks_exact(3).map(luma).collect()))
}

/// The share of the differences between neighbours that a box blur takes away (after Crété-Roffet et al., 2007: what
/// is blurred already loses little).
pub(super) fn sharpness(Light(luma): &Light) -> f32 {
    let lost = |step: usize, along: usize| {
        let blurred: Vec<f32> = (0..luma.len()).map(|ix| mean_along(luma, ix, step, along)).collect();
        let (mut all, mut lost) = (0.0, 0.0);
        for ix in (0..luma.len()).filter(|ix| !(ix / step).is_multiple_of(along)) {
            let before = (luma[ix] - luma[ix - step]).abs();
            let after = (blurred[ix] - blurred[ix - step]).abs();
            all += before;
            lost += (before - after).max(0.0);
        }
        if all > 0.0 { lost / all } else { 0.0 }
    };
    let share = 0.5 * (lost(1, SIDE) + lost(SIDE, SIDE));
    (share / SHARP).min(1.0)
}

/// The mean of up to five neighbours along one axis.
fn mean_along(luma: &[f32], ix: usize, step: usize, along: usize) -> f32 {
    let place = ix / step % along;
    let (from, to) = (place.saturating_sub(2), (place + 2).min(along - 1));
    let start = ix - place * step;
    (from..=to).map(|k| luma[start + k * step]).sum::<f32>() / (to - from + 1) as f32
}

/// Pixels of the original between the outer eye corners, over what is large enough.
pub(super) fn size(points: &[NormalizedPoint]) -> f32 {
    let pixels: Vec<_> = points.iter().map(|p| p.to_pixels()).collect();
    (crate::detector::between_eyes(&pixels) as f32 / LARGE).clamp(0.0, 1.0)
}

/// The cosine of the angle between the nose and the camera, 0 beyond a right angle.
pub(super) fn frontalness(pose: HeadPose) -> f32 {
    let cos = |degrees: f32| degrees.to_radians().cos();
    (cos(pose.yaw) * cos(pose.pitch)).clamp(0.0, 1.0)
}

/// Medium tone, little clipped, some contrast: the product of the three.
pub(super) fn exposure(Light(luma): &Light) -> f32 {
    let n = luma.len().max(1) as f32;
    let mean = luma.iter().sum::<f32>() / n;
    let deviation = (luma.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / n).sqrt();
    let clipped = luma.iter().filter(|&&v| v <= f32::from(BLACK) || v >= f32::from(WHITE)).count() as f32 / n;
    // 1 from 80 to 180 and falling to 0 at black and white: skin of every tone, well lit, lies between.
    let tone = (mean / 80.0).min((255.0 - mean) / 75.0).clamp(0.0, 1.0);
    tone * (1.0 - clipped) * (deviation / CONTRAST).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(of: impl Fn(usize, usize) -> f32) -> Light {
        Light((0..SIDE * SIDE).map(|ix| of(ix % SIDE, ix / SIDE)).collect())
    }

    fn blurred(Light(luma): &Light, times: usize) -> Light {
        let once = |luma: &Vec<f32>, step| (0..luma.len()).map(|ix| mean_along(luma, ix, step, SIDE)).collect();
        Light((0..times).fold(luma.clone(), |luma, _| once(&once(&luma, 1), SIDE)))
    }

    #[test]
    fn blur_lowers_sharpness_and_contrast_does_not() {
        let sharp = picture(|x, y| if (x / 5 + y / 7) % 2 == 0 { 60.0 } else { 190.0 });
        let soft = picture(|x, y| if (x / 5 + y / 7) % 2 == 0 { 120.0 } else { 130.0 });
        let levels = [sharpness(&sharp), sharpness(&blurred(&sharp, 1)), sharpness(&blurred(&sharp, 4))];
        assert!(levels[0] > levels[1] && levels[1] > levels[2], "{levels:?}");
        assert!((sharpness(&soft) - levels[0]).abs() < 1e-3);
        assert_eq!(sharpness(&picture(|_, _| 100.0)), 0.0);
    }

    #[test]
    fn exposure_wants_medium_tone_and_contrast() {
        let lit = |dark: f32, bright: f32| exposure(&picture(|x, _| if x % 2 == 0 { dark } else { bright }));
        assert_eq!(lit(90.0, 160.0), 1.0);
        assert!(lit(20.0, 40.0) < 0.5, "too dark");
        assert!(lit(90.0, 255.0) < 0.6, "half is clipped");
        assert!(lit(124.0, 126.0) < 0.1, "flat");
        assert_eq!(lit(0.0, 0.0), 0.0);
    }

    #[test]
    fn frontalness_ignores_roll() {
        let pose = |roll, yaw, pitch| HeadPose { roll, yaw, pitch };
        assert_eq!(frontalness(pose(90.0, 0.0, 0.0)), 1.0);
        assert!((frontalness(pose(0.0, 60.0, 0.0)) - 0.5).abs() < 1e-6);
        assert_eq!(frontalness(pose(0.0, 120.0, 0.0)), 0.0);
    }
}
