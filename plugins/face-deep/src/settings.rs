//! What the model file says about reading the network's outputs: the `ocelli.detector` entry.

use crate::FaceOctave;
use ocelli_core::{Error, Result};
use serde::Deserialize;

/// How raw outputs become faces; written into the model file by the training.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Settings {
    /// Step between neighbouring outputs, in pixels of the level.
    pub stride: f32,
    /// Side of a face whose box output is zero, in pixels of the level.
    pub anchor: f32,
    /// The face sizes that the network answers for, in pixels of the level.
    pub face_px: [f32; 2],
    /// Default least confidence.
    pub threshold: f32,
    /// Candidates overlapping more than this are the same face.
    pub nms_iou: f64,
    /// From raw score to confidence.
    #[serde(default)]
    pub calibration: Calibration,
}

/// From raw score (a logit) to confidence.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum Calibration {
    /// `sigmoid(logit)`.
    #[default]
    None,
    /// `sigmoid(logit / t + b)`: temperature scaling with a bias, fitted on held-out pictures.
    Temperature {
        /// Temperature.
        t: f32,
        /// Bias.
        b: f32,
    },
}

impl Calibration {
    /// Confidence of a raw score.
    pub fn confidence(self, logit: f32) -> f32 {
        1.0 / (1.0 + (-self.apply(logit)).exp())
    }

    fn apply(self, logit: f32) -> f32 {
        match self {
            Self::None => logit,
            Self::Temperature { t, b } => logit / t + b,
        }
    }

    /// The raw score at which the confidence is `confidence`.
    pub fn logit(self, confidence: f32) -> f32 {
        let calibrated = (confidence / (1.0 - confidence)).ln();
        match self {
            Self::None => calibrated,
            Self::Temperature { t, b } => (calibrated - b) * t,
        }
    }
}

impl Settings {
    /// Reads and checks the entry.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the value that is missing or out of range.
    pub fn parse(json: Option<&str>) -> Result<Self> {
        let json =
            json.ok_or_else(|| Error::parameter("model metadata ocelli.detector", "missing", "a detector's settings"))?;
        let settings: Self = serde_json::from_str(json)
            .map_err(|e| Error::parameter("model metadata ocelli.detector", e, "a detector's settings"))?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<()> {
        let positive = |v: f32| v.is_finite() && v > 0.0;
        let [smallest, largest] = self.face_px;
        let checks = [
            ("stride", positive(self.stride)),
            ("anchor", positive(self.anchor)),
            ("face_px", positive(smallest) && positive(largest) && smallest < largest),
            ("threshold", (0.0..1.0).contains(&self.threshold)),
            ("nms_iou", (0.0..=1.0).contains(&self.nms_iou)),
            (
                "calibration",
                !matches!(self.calibration, Calibration::Temperature { t, b } if !positive(t) || !b.is_finite()),
            ),
        ];
        match checks.iter().find(|(_, good)| !good) {
            None => Ok(()),
            Some((name, _)) => Err(Error::parameter(
                format!("model metadata ocelli.detector {name}"),
                format!("{self:?}"),
                "finite numbers in their ranges",
            )),
        }
    }

    /// The face sizes that the network answers for.
    pub fn octave(&self) -> FaceOctave {
        FaceOctave { smallest: self.face_px[0], largest: self.face_px[1] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"stride": 8, "anchor": 28.0, "face_px": [20.0, 40.0], "threshold": 0.5, "nms_iou": 0.4,
        "calibration": {"kind": "temperature", "t": 1.5, "b": -0.5}}"#;

    #[test]
    fn good_settings_are_read() {
        let settings = Settings::parse(Some(GOOD)).unwrap();
        let logit = settings.calibration.logit(0.8);
        assert!((settings.calibration.confidence(logit) - 0.8).abs() < 1e-6);
        assert!((Calibration::None.confidence(0.0) - 0.5).abs() < 1e-6);
    }

    #[test]
    fn bad_settings_are_refused_by_name() {
        let cases = [
            ("\"stride\": 8", "\"stride\": 0", "stride"),
            ("[20.0, 40.0]", "[40.0, 20.0]", "face_px"),
            ("\"t\": 1.5", "\"t\": 0", "calibration"),
        ];
        for (from, to, name) in cases {
            let error = Settings::parse(Some(&GOOD.replace(from, to))).unwrap_err().to_string();
            assert!(error.contains(name), "{error}");
        }
        assert!(Settings::parse(None).is_err());
        assert!(Settings::parse(Some("{")).is_err());
    }
}
