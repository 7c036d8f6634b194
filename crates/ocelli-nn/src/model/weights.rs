//! Weight tensors of the file, converted to f32 and checked for finiteness.

use std::collections::BTreeMap;
use std::sync::Arc;

use half::f16;
use safetensors::{Dtype, SafeTensors};

use crate::Error;
use crate::graph::Weight;
use crate::limits::{self, ModelLimits};

/// All tensors of one file by name, in f32.
pub(super) struct Weights(BTreeMap<String, Weight>);

impl Weights {
    /// Converts every tensor of the file; memory is bounded by the file's own size times two.
    pub(super) fn read(tensors: &SafeTensors<'_>, limits: &ModelLimits) -> Result<Self, Error> {
        limits::check("tensors", tensors.len(), limits.max_tensors)?;
        let mut parameters = 0_usize;
        let mut read = BTreeMap::new();
        for (name, view) in tensors.iter() {
            let data: Arc<[f32]> = match view.dtype() {
                Dtype::F32 => view.data().chunks_exact(4).map(f32_from_le).collect(),
                Dtype::F16 => view.data().chunks_exact(2).map(f16_from_le).collect(),
                other => {
                    return Err(Error::unsupported(format!("element type {other:?} of `{name}`")));
                }
            };
            parameters = parameters.saturating_add(data.len());
            limits::check("parameters", parameters, limits.max_parameters)?;
            if data.iter().any(|x| !x.is_finite()) {
                return Err(Error::malformed(format!("tensor `{name}` holds NaN or infinity")));
            }
            read.insert(name.to_owned(), Weight { shape: view.shape().to_vec(), data });
        }
        Ok(Self(read))
    }

    /// The tensor called `name`, which must have exactly `shape`.
    pub(super) fn get(&self, node: &str, name: &str, shape: &[usize]) -> Result<Weight, Error> {
        let weight = self.find(node, name)?;
        if weight.shape != shape {
            let reason = format!("`{name}` has shape {:?}, expected {shape:?}", weight.shape);
            return Err(Error::graph(node, reason));
        }
        Ok(weight.clone())
    }

    /// The tensor called `name`, of any shape.
    pub(super) fn find(&self, node: &str, name: &str) -> Result<&Weight, Error> {
        self.0.get(name).ok_or_else(|| Error::graph(node, format!("file has no tensor `{name}`")))
    }
}

fn f32_from_le(bytes: &[u8]) -> f32 {
    f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
}

fn f16_from_le(bytes: &[u8]) -> f32 {
    f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()
}
