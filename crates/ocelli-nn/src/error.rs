//! What can go wrong, sorted by who can act on it.

use std::path::PathBuf;

/// Why a model was refused, a plan was not made, or a run did not finish.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The model file could not be read from the disk.
    #[error("cannot read model file {}", path.display())]
    Io {
        /// The file asked for.
        path: PathBuf,
        /// What the system answered.
        source: std::io::Error,
    },
    /// The bytes are no model file: cut short, damaged, or of another format.
    #[error("model file is malformed: {reason}")]
    Malformed {
        /// What was wrong with the bytes.
        reason: String,
    },
    /// The model is larger than the [`ModelLimits`](crate::ModelLimits) allow.
    #[error("model has {actual} {what}, the limit is {limit}")]
    ModelLimit {
        /// What was counted.
        what: &'static str,
        /// How much the model asks for.
        actual: u64,
        /// How much is allowed.
        limit: u64,
    },
    /// A node of the graph contradicts itself, its inputs or its weights.
    #[error("node `{node}` is invalid: {reason}")]
    Graph {
        /// The node's name, or its output where it has none.
        node: String,
        /// What does not fit.
        reason: String,
    },
    /// The model is well formed but asks for something this engine does not do.
    #[error("unsupported by this engine: {what}")]
    Unsupported {
        /// The operator, attribute or version.
        what: String,
    },
    /// The network cannot be run at this size.
    #[error("network cannot take a picture of {height}×{width} pixels: {reason}")]
    Shape {
        /// Height in pixels.
        height: usize,
        /// Width in pixels.
        width: usize,
        /// Which layer or bound refused.
        reason: String,
    },
    /// The plan needs more memory than the caller allows; nothing was allocated.
    #[error("plan needs {needed} bytes of memory, the limit is {limit}")]
    MemoryLimit {
        /// Bytes the arena would take.
        needed: u64,
        /// Bytes allowed.
        limit: u64,
    },
    /// The allocator refused the arena.
    #[error("cannot allocate an arena of {bytes} bytes")]
    OutOfMemory {
        /// Bytes asked for.
        bytes: u64,
    },
    /// A picture handed to a run does not match the plan.
    #[error("picture {picture_ix} does not fit the plan: {reason}")]
    Picture {
        /// Index among the pictures handed over.
        picture_ix: usize,
        /// What differs.
        reason: String,
    },
    /// An arena was used with a plan it was not taken for.
    #[error("arena of {actual} bytes does not belong to this plan of {expected} bytes")]
    ArenaMismatch {
        /// Bytes the plan needs.
        expected: usize,
        /// Bytes the arena holds.
        actual: usize,
    },
    /// A device that is no CPU is missing, was lost, or gave up; the CPU can still do the job.
    #[error("{device}: {reason}")]
    Device {
        /// Its name, or what was looked for.
        device: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// The caller's cancellation hook answered yes; outputs are undefined.
    #[error("run was cancelled")]
    Cancelled,
    /// No such output of the network, or no such level of the plan.
    #[error("level {level_ix} has no output named `{name}`")]
    UnknownOutput {
        /// The level asked for.
        level_ix: usize,
        /// The name asked for.
        name: String,
    },
}

impl Error {
    pub(crate) fn malformed(reason: impl Into<String>) -> Self {
        Self::Malformed { reason: reason.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    pub(crate) fn graph(node: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Graph { node: node.into(), reason: reason.into() }
    }
}
