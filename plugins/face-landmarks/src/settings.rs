//! What the model file says about reading the network: the `ocelli.landmarks` entry.

use crate::N_POINTS;
use ocelli_core::{Error, Result};
use serde::Deserialize;

/// How a crop is cut and how raw outputs become points; written into the model file by the training.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Settings {
    /// Side of the crop that the network takes, in pixels.
    pub side: u32,
    /// Side of the crop over the longer side of the face's box.
    pub crop: f64,
    /// Logarithm of the foreseen error (over the distance of the outer eye corners) of confidence one half, and its
    /// distance for one unit of the logit.
    pub confidence: [f32; 2],
    /// A mean face, `[x, y, z]` a point: x to the right of the picture, y down, z away from the camera.
    pub mean_shape: Vec<[f64; 3]>,
}

const ENTRY: &str = "model metadata ocelli.landmarks";
/// Crops beyond this would take more memory than any landmark network needs.
const LARGEST_SIDE: u32 = 512;

impl Settings {
    /// Reads and checks the entry.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the value that is missing or out of range.
    pub fn parse(json: Option<&str>) -> Result<Self> {
        let json = json.ok_or_else(|| Error::parameter(ENTRY, "missing", "settings of a landmark network"))?;
        let settings: Self =
            serde_json::from_str(json).map_err(|e| Error::parameter(ENTRY, e, "settings of a landmark network"))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let [middle, width] = self.confidence;
        let finite = self.mean_shape.iter().flatten().all(|v| v.is_finite());
        let checks = [
            ("side", (8..=LARGEST_SIDE).contains(&self.side)),
            ("crop", (1.0..=4.0).contains(&self.crop)),
            ("confidence", middle.is_finite() && width.is_finite() && width > 0.0),
            ("mean_shape", self.mean_shape.len() == N_POINTS && finite),
        ];
        match checks.iter().find(|(_, good)| !good) {
            None => Ok(()),
            Some((name, _)) => {
                Err(Error::parameter(format!("{ENTRY} {name}"), "unfit", "finite numbers in their ranges"))
            }
        }
    }

    /// The chance that the mean error is below a tenth of the distance between the outer eye corners, given the
    /// error that the network foresees in the same unit.
    pub fn confidence(&self, foreseen: f32) -> f32 {
        let [middle, width] = self.confidence;
        let logit = (middle - foreseen.max(1e-6).ln()) / width;
        let confidence = 1.0 / (1.0 + (-logit).exp());
        if confidence.is_finite() { confidence } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(side: u32, width: f32, n_points: usize) -> String {
        let shape = serde_json::to_string(&vec![[0.0, 1.0, 2.0]; n_points]).unwrap();
        format!(r#"{{"side": {side}, "crop": 1.25, "confidence": [-2.3, {width}], "mean_shape": {shape}}}"#)
    }

    #[test]
    fn unfit_settings_are_refused_by_name() {
        assert!(Settings::parse(Some(&json(96, 0.2, 68))).is_ok());
        for (json, name) in [
            (json(0, 0.2, 68), "side"),
            (json(100_000, 0.2, 68), "side"),
            (json(96, 0.0, 68), "confidence"),
            (json(96, 0.2, 5), "mean_shape"),
        ] {
            let error = Settings::parse(Some(&json)).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert!(Settings::parse(None).is_err() && Settings::parse(Some("[")).is_err());
    }

    #[test]
    fn confidence_falls_with_the_foreseen_error() {
        let settings = Settings::parse(Some(&json(96, 0.2, 68))).unwrap();
        assert!((settings.confidence((-2.3f32).exp()) - 0.5).abs() < 1e-5);
        assert!(settings.confidence(0.02) > 0.99 && settings.confidence(0.5) < 0.01);
        assert_eq!(settings.confidence(f32::INFINITY), 0.0);
        assert_eq!(settings.confidence(f32::NAN), settings.confidence(1e-6));
    }
}
