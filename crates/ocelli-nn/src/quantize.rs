//! Calibration: what ranges a network's values take, so that bytes can stand for them.
//!
//! Int8 execution stores activations as bytes of seven bits with a scale and a zero point for each value, and
//! weights as i8 with a scale for each output channel; sums are exact in i32. Seven bits, because products of them
//! add up in pairs within 16 bits, for which AVX2 has an instruction. Weights are quantized when a
//! [`Network`] is made, so a model file stays in f32 and only carries the ranges in its metadata.

use std::collections::BTreeMap;
use std::sync::Arc;

use safetensors::SafeTensors;
use serde::{Deserialize, Serialize};

use crate::{Error, Execution, Network, PlanOptions, RgbImage};

/// The metadata key that holds a [`Calibration`] as JSON.
pub const QUANTIZATION_KEY: &str = "ocelli.quantization";

/// Least and greatest number of each value of a network, by the value's name after the passes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// `[least, greatest]`; zero is always taken to lie between them.
    pub ranges: BTreeMap<String, [f32; 2]>,
}

impl Calibration {
    /// Runs `network` (in f32) over `pictures` and notes the ranges of all its values.
    ///
    /// # Errors
    /// As [`Network::plan`] and [`JointPlan::run`](crate::JointPlan::run).
    pub fn measure(network: &Arc<Network>, pictures: &[RgbImage<'_>]) -> Result<Self, Error> {
        if network.precision() != Precision::F32 {
            return Err(Error::unsupported("calibration of a network that is not f32"));
        }
        let options = PlanOptions::default().with_execution(Execution::Whole).with_workers(1);
        let names: Vec<&str> = network.graph().values.iter().map(|value| value.name.as_str()).collect();
        let mut ranges = BTreeMap::new();
        for picture in pictures {
            let plan = network.plan(&[picture.shape()], &options)?;
            let mut arena = plan.arena()?;
            for (value, [low, high]) in plan.value_ranges(&mut arena, picture)? {
                // Values beyond the graph's are the engine's own.
                let Some(&name) = names.get(value) else { continue };
                let range = ranges.entry(name.to_owned()).or_insert([low, high]);
                *range = [range[0].min(low), range[1].max(high)];
            }
        }
        Ok(Self { ranges })
    }

    /// Reads the JSON that [`QUANTIZATION_KEY`] holds.
    ///
    /// # Errors
    /// [`Error::Malformed`] for other text or ranges that are not finite.
    pub fn from_json(json: &str) -> Result<Self, Error> {
        let read: Self =
            serde_json::from_str(json).map_err(|error| Error::malformed(format!("quantization text: {error}")))?;
        if read.ranges.values().flatten().any(|x| !x.is_finite()) {
            return Err(Error::malformed("quantization text: a range is not finite"));
        }
        Ok(read)
    }

    /// A copy of the model file `bytes` that carries this calibration in its metadata.
    ///
    /// # Errors
    /// [`Error::Malformed`] if `bytes` are no safetensors file.
    pub fn write_into(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let damaged = |error: safetensors::SafeTensorError| Error::malformed(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let mut metadata = header.metadata().clone().unwrap_or_default();
        let json = serde_json::to_string(self).map_err(|error| Error::malformed(error.to_string()))?;
        metadata.insert(QUANTIZATION_KEY.to_owned(), json);
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        safetensors::serialize(tensors.iter(), Some(metadata)).map_err(damaged)
    }

    pub(crate) fn affine(&self, value: &str) -> Result<Affine, Error> {
        let missing = || Error::unsupported(format!("int8 without a calibrated range of `{value}`"));
        let [low, high] = *self.ranges.get(value).ok_or_else(missing)?;
        Ok(Affine::of_range(low, high))
    }
}

/// The number format a network computes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Precision {
    /// 32-bit floats.
    #[default]
    F32,
    /// Bytes with scales; needs a [`Calibration`], given or in the model's metadata.
    Int8,
}

/// The greatest byte of a value inside a network.
pub(crate) const MOST: u8 = 127;

/// `real = (byte - zero_point) * scale`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    pub(crate) scale: f32,
    pub(crate) zero_point: u8,
}

impl Affine {
    /// The finest map that covers `low..=high` and hits zero exactly.
    fn of_range(low: f32, high: f32) -> Self {
        let (low, high) = (f64::from(low.min(0.0)), f64::from(high.max(0.0)));
        let scale = if high > low { (high - low) / f64::from(MOST) } else { 1.0 };
        // From 0 to MOST, because zero lies in the range.
        let zero_point = (-low / scale).round() as u8;
        Self { scale: (scale as f32).max(f32::MIN_POSITIVE), zero_point }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_affine_hits_zero_and_ends() {
        for (low, high) in [(0.0, 4.0), (-1.0, 3.0), (-5.0, 0.0), (2.0, 3.0), (0.0, 0.0), (-1e30, 1e-30)] {
            let affine = Affine::of_range(low, high);
            let real = |byte: u8| (f32::from(byte) - f32::from(affine.zero_point)) * affine.scale;
            assert_eq!(real(affine.zero_point), 0.0);
            let step = affine.scale * 0.51;
            assert!(real(0) <= low.min(0.0) + step && real(MOST) >= high.max(0.0) - step, "{low} {high}");
        }
    }

    #[test]
    fn test_json_round_trip_and_garbage() {
        let ranges = BTreeMap::from([("a".to_owned(), [-1.0, 2.0])]);
        let calibration = Calibration { ranges };
        let json = serde_json::to_string(&calibration).unwrap();
        assert_eq!(Calibration::from_json(&json).unwrap(), calibration);
        for bad in ["", "{}", r#"{"ranges":{"a":[1]}}"#, r#"{"ranges":{"a":[0,1e999]}}"#] {
            assert!(matches!(Calibration::from_json(bad), Err(Error::Malformed { .. })), "{bad}");
        }
    }
}
