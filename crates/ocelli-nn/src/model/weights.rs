//! Weight tensors of the file, converted to f32 and checked for finiteness when a node asks.

use std::cell::Cell;

use half::f16;
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::Error;
use crate::graph::Weight;
use crate::limits::{self, ModelLimits};

/// The tensors of one file. Those that no node asks for are never converted.
pub(super) struct Weights<'a> {
    tensors: &'a SafeTensors<'a>,
    limits: &'a ModelLimits,
    /// Parameters handed out so far; a file that refers to one tensor many times pays each time.
    parameters: Cell<usize>,
}

impl<'a> Weights<'a> {
    pub(super) fn new(tensors: &'a SafeTensors<'a>, limits: &'a ModelLimits) -> Result<Self, Error> {
        limits::check("tensors", tensors.len(), limits.max_tensors)?;
        Ok(Self { tensors, limits, parameters: Cell::new(0) })
    }

    /// The shape of the tensor called `name`.
    pub(super) fn shape(&self, node: &str, name: &str) -> Result<Vec<usize>, Error> {
        Ok(self.find(node, name)?.shape().to_vec())
    }

    /// The tensor called `name`, which must have exactly `shape`.
    pub(super) fn get(&self, node: &str, name: &str, shape: &[usize]) -> Result<Weight, Error> {
        let view = self.find(node, name)?;
        if view.shape() != shape {
            let reason = format!("`{name}` has shape {:?}, expected {shape:?}", view.shape());
            return Err(Error::graph(node, reason));
        }
        let n: usize = shape.iter().product();
        self.parameters.set(self.parameters.get().saturating_add(n));
        limits::check("parameters", self.parameters.get(), self.limits.max_parameters)?;
        let data: Vec<f32> = match view.dtype() {
            Dtype::F32 => view.data().as_chunks().0.iter().map(|&b| f32::from_le_bytes(b)).collect(),
            Dtype::F16 => view.data().as_chunks().0.iter().map(|&b| f16::from_le_bytes(b).to_f32()).collect(),
            other => {
                return Err(Error::unsupported(format!("element type {other:?} of tensor `{name}`")));
            }
        };
        if data.iter().any(|x| !x.is_finite()) {
            return Err(Error::graph(node, format!("tensor `{name}` holds NaN or infinity")));
        }
        Ok(Weight::new(shape.to_vec(), data))
    }

    fn find(&self, node: &str, name: &str) -> Result<TensorView<'a>, Error> {
        self.tensors.tensor(name).map_err(|_| Error::graph(node, format!("file has no tensor `{name}`")))
    }
}
