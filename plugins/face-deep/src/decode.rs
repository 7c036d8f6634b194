//! From the network's raw outputs to candidates in coordinates of the picture.

use crate::merge::Candidate;
use crate::settings::Settings;
use ndarray::ArrayView3;
use ocelli_core::{Error, PixelRect, Result, Size, ViewSpec};

/// Logarithm of the largest box over the anchor that is believed: beyond it, `exp` only amplifies noise.
const MAX_LOG_SIZE: f32 = 4.0;

/// Appends a candidate for every cell at least as confident as `threshold`.
///
/// `score` is `[h, w, 1]`, a logit; `boxes` is `[h, w, 4]`: offset of the centre from the cell's centre in strides,
/// then the logarithms of width and height over the anchor.
///
/// # Errors
/// [`Error::Contract`] where the outputs have other shapes.
#[allow(clippy::too_many_arguments, reason = "one level's outputs, and how to read them")]
pub(crate) fn candidates(
    settings: &Settings,
    threshold: f32,
    level: usize,
    spec: &ViewSpec,
    image: Size,
    score: ArrayView3<'_, f32>,
    boxes: ArrayView3<'_, f32>,
    found: &mut Vec<Candidate>,
) -> Result<()> {
    let (height, width, n_scores) = score.dim();
    if n_scores != 1 || boxes.dim() != (height, width, 4) {
        let reason = format!("outputs have shapes {:?} and {:?}", score.dim(), boxes.dim());
        return Err(Error::Contract { algorithm: "deep".into(), reason });
    }
    let least = least_score(settings, threshold);
    for ((y, x, _), &logit) in score.indexed_iter() {
        if logit < least {
            continue;
        }
        let raw = [0, 1, 2, 3].map(|channel| boxes[[y, x, channel]]);
        found.extend(candidate(settings, threshold, level, spec, image, [x, y], logit, raw));
    }
    Ok(())
}

/// Below this score no cell is as confident as `threshold`: comparing logits spares an exponential a cell.
pub(crate) fn least_score(settings: &Settings, threshold: f32) -> f32 {
    // The confidence of a large logit rounds to 1, whose own logit is infinite; that of zero is as far away.
    (settings.calibration.logit(threshold.clamp(0.0, 1.0 - 1e-6)) - 1e-3).max(f32::MIN)
}

/// The candidate of cell (x, y), if it is as confident as `threshold` and its numbers are numbers.
#[allow(clippy::too_many_arguments, reason = "one cell with its level, and how to read it")]
pub(crate) fn candidate(
    settings: &Settings,
    threshold: f32,
    level: usize,
    spec: &ViewSpec,
    image: Size,
    [x, y]: [usize; 2],
    logit: f32,
    raw: [f32; 4],
) -> Option<Candidate> {
    let confidence = settings.calibration.confidence(logit);
    if !(logit.is_finite() && confidence >= threshold && raw.iter().all(|v| v.is_finite())) {
        return None;
    }
    let rect = spec.to_image(image, face_box(settings, x, y, raw));
    Some(Candidate { rect, confidence, level, cell: [x as u32, y as u32] })
}

/// The box of cell (x, y), in pixels of the level.
fn face_box(settings: &Settings, x: usize, y: usize, [dx, dy, log_width, log_height]: [f32; 4]) -> PixelRect {
    let centre = |cell: usize, offset: f32| (cell as f32 + 0.5 + offset) * settings.stride;
    let side = |log: f32| settings.anchor * log.min(MAX_LOG_SIZE).exp();
    let (width, height) = (side(log_width), side(log_height));
    let (left, top) = (centre(x, dx) - width / 2.0, centre(y, dy) - height / 2.0);
    PixelRect::new(left.into(), top.into(), width.into(), height.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array3;
    use ocelli_core::ViewKind;

    fn settings() -> Settings {
        let json = r#"{"stride": 8, "anchor": 28.0, "face_px": [20, 40], "threshold": 0.5, "nms_iou": 0.4}"#;
        Settings::parse(Some(json)).unwrap()
    }

    fn found(score: &Array3<f32>, boxes: &Array3<f32>, threshold: f32) -> Result<Vec<Candidate>> {
        let image = Size::new(128, 64);
        let spec = ViewSpec::scaled(ViewKind::Rgb8, 64);
        let mut found = Vec::new();
        candidates(&settings(), threshold, 0, &spec, image, score.view(), boxes.view(), &mut found).map(|()| found)
    }

    #[test]
    fn a_cell_becomes_a_box_of_the_original() {
        let mut score = Array3::from_elem((4, 8, 1), -9.0);
        let mut boxes = Array3::zeros((4, 8, 4));
        score[[1, 2, 0]] = 2.0;
        boxes[[1, 2, 0]] = 0.25;
        let found = found(&score, &boxes, 0.5).unwrap();
        assert_eq!(found.len(), 1);
        assert!((found[0].confidence - 0.880_797).abs() < 1e-5);
        // The centre is (2.75, 1.5) strides of 8 on a level of half the picture's size.
        assert_eq!(found[0].rect.to_pixels(), PixelRect::new(2.0 * 8.0, 2.0 * -2.0, 56.0, 56.0));
    }

    #[test]
    fn numbers_that_are_none_are_no_faces() {
        let score = Array3::from_elem((4, 8, 1), f32::NAN);
        assert!(found(&score, &Array3::zeros((4, 8, 4)), 0.0).unwrap().is_empty());
        let score = Array3::from_elem((4, 8, 1), 1.0);
        assert!(found(&score, &Array3::from_elem((4, 8, 4), f32::INFINITY), 0.0).unwrap().is_empty());
        assert!(found(&score, &Array3::zeros((4, 8, 3)), 0.0).is_err());
    }

    #[test]
    fn threshold_zero_and_one_are_bounds() {
        let score = Array3::from_elem((4, 8, 1), 50.0);
        let boxes = Array3::zeros((4, 8, 4));
        assert_eq!(found(&score, &boxes, 0.0).unwrap().len(), 32);
        assert_eq!(found(&score, &boxes, 1.0).unwrap().len(), 32);
    }
}
