//! Bounds that untrusted model bytes meet before anything is built from them.

use crate::Error;

/// How large a model file may be; every field is checked before memory is taken for it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ModelLimits {
    /// Bytes of the whole file.
    pub max_file_bytes: u64,
    /// Bytes of the graph's JSON text.
    pub max_graph_bytes: u64,
    /// Nodes in the graph; also bounds its depth.
    pub max_nodes: u64,
    /// Weight tensors in the file.
    pub max_tensors: u64,
    /// Weights in all tensors together.
    pub max_parameters: u64,
    /// Channels of any single value.
    pub max_channels: u64,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self {
            max_file_bytes: 256 << 20,
            max_graph_bytes: 4 << 20,
            max_nodes: 2_000,
            max_tensors: 10_000,
            max_parameters: 64 << 20,
            max_channels: 4_096,
        }
    }
}

/// Refuses `actual` above `limit`, naming `what` was counted.
pub(crate) fn check(what: &'static str, actual: usize, limit: u64) -> Result<(), Error> {
    let actual = actual as u64;
    if actual > limit {
        return Err(Error::ModelLimit { what, actual, limit });
    }
    Ok(())
}
