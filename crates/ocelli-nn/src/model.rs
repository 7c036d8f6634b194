//! The model file: safetensors weights with the graph in the file's metadata.

mod spec;
mod weights;

pub(crate) use spec::MAX_KERNEL;

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::SafeTensors;

use crate::Error;
use crate::graph::Graph;
use crate::limits::{self, ModelLimits};

/// The one format version this engine reads (`ocelli.format` in the metadata).
pub const FORMAT: &str = "1";

/// A checked model: its graph with weights, and the metadata that came with it.
///
/// Reading a model validates everything that does not depend on a picture's size: operators,
/// attributes, channel counts, weight shapes and finiteness.
#[derive(Debug, Clone)]
pub struct Model {
    graph: Graph,
    metadata: BTreeMap<String, String>,
}

impl Model {
    /// Reads a model from the bytes of a file.
    ///
    /// # Errors
    /// [`Error::Malformed`] for bytes that are no such file, [`Error::ModelLimit`] for one beyond
    /// `limits`, [`Error::Graph`] for a graph that contradicts itself, [`Error::Unsupported`] for
    /// operators or versions this engine does not know.
    ///
    /// # Examples
    /// ```
    /// use ocelli_nn::{Error, Model, ModelLimits};
    /// let answer = Model::from_bytes(b"not a model", &ModelLimits::default());
    /// assert!(matches!(answer, Err(Error::Malformed { .. })));
    /// ```
    pub fn from_bytes(bytes: &[u8], limits: &ModelLimits) -> Result<Self, Error> {
        limits::check("bytes of file", bytes.len(), limits.max_file_bytes)?;
        let damaged = |error: safetensors::SafeTensorError| Error::malformed(error.to_string());
        let (_, header) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
        let metadata: BTreeMap<String, String> = header.metadata().clone().unwrap_or_default().into_iter().collect();
        let tensors = SafeTensors::deserialize(bytes).map_err(damaged)?;
        match metadata.get("ocelli.format").map(String::as_str) {
            Some(FORMAT) => {}
            Some(other) => return Err(Error::unsupported(format!("model format {other:?}"))),
            None => return Err(Error::malformed("metadata lacks `ocelli.format`")),
        }
        let json = metadata.get("ocelli.graph").ok_or_else(|| Error::malformed("metadata lacks `ocelli.graph`"))?;
        let weights = weights::Weights::new(&tensors, limits)?;
        let graph = spec::parse(json, &weights, limits)?;
        Ok(Self { graph, metadata })
    }

    /// Reads a model from a file.
    ///
    /// # Errors
    /// [`Error::Io`] when the file cannot be read, otherwise as [`Model::from_bytes`].
    pub fn from_path(path: impl AsRef<Path>, limits: &ModelLimits) -> Result<Self, Error> {
        let path = path.as_ref();
        let io = |source| Error::Io { path: path.to_owned(), source };
        let size = std::fs::metadata(path).map_err(io)?.len();
        if size > limits.max_file_bytes {
            let limit = limits.max_file_bytes;
            return Err(Error::ModelLimit { what: "bytes of file", actual: size, limit });
        }
        Self::from_bytes(&std::fs::read(path).map_err(io)?, limits)
    }

    /// The name the graph gives itself.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.graph.name
    }

    /// The revision of the weights: frozen behaviour has a fixed revision.
    #[must_use]
    pub fn revision(&self) -> u32 {
        self.graph.revision
    }

    /// A string of the file's metadata, such as `ocelli.detector`.
    #[must_use]
    pub fn metadata(&self, key: &str) -> Option<&str> {
        self.metadata.get(key).map(String::as_str)
    }

    /// The graph as the file states it, before any pass.
    #[must_use]
    pub fn graph(&self) -> &Graph {
        &self.graph
    }

    pub(crate) fn all_metadata(&self) -> &BTreeMap<String, String> {
        &self.metadata
    }
}

#[cfg(test)]
mod tests;
