//! What can be wrong with a cascade.

/// Shorthand for results with this crate's [`CascadeError`].
pub type Result<T, E = CascadeError> = std::result::Result<T, E>;

/// Why a cascade could not be read, used, or trained.
#[non_exhaustive]
#[derive(Debug, thiserror::Error)]
pub enum CascadeError {
    /// The file could not be read or written.
    #[error("{path}: {cause}")]
    Io {
        /// The file.
        path: String,
        /// What the system said.
        #[source]
        cause: std::io::Error,
    },
    /// The text is not well-formed XML or JSON.
    #[error("not a cascade: {reason}")]
    Syntax {
        /// What the parser said, with the place.
        reason: String,
    },
    /// An element that every cascade has is not there.
    #[error("element {element} is missing in {parent}")]
    Missing {
        /// The element looked for.
        element: &'static str,
        /// Where it was looked for.
        parent: String,
    },
    /// Text that should be a number is none, or the number is out of its range.
    #[error("{element} holds {text:?}, expected {expected}")]
    Number {
        /// The element.
        element: String,
        /// What it holds, shortened.
        text: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// The cascade is larger than this crate is willing to hold.
    #[error("{what} is {value}, the limit is {limit}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// The value found.
        value: u64,
        /// The limit in force.
        limit: u64,
    },
    /// Valid, but of a kind that is not evaluated here.
    #[error("{what} is not supported; {hint}")]
    Unsupported {
        /// The kind of cascade or feature.
        what: String,
        /// What to do instead.
        hint: &'static str,
    },
    /// A feature that cannot be computed.
    #[error("feature {feature}: {reason}")]
    Feature {
        /// Its index.
        feature: usize,
        /// What is wrong.
        reason: String,
    },
    /// A stage that cannot be evaluated.
    #[error("stage {stage} {reason}")]
    Stage {
        /// Its index.
        stage: usize,
        /// What is wrong.
        reason: String,
    },
    /// A tree of weak classifiers whose links lead nowhere or in a circle.
    #[error("stage {stage}, tree {tree}: {reason}")]
    Tree {
        /// Index of the stage.
        stage: usize,
        /// Index of the tree in its stage.
        tree: usize,
        /// What is wrong.
        reason: String,
    },
    /// A parameter of detection or training is out of its range.
    #[error("{name} is {value}, expected {expected}")]
    Parameter {
        /// The parameter.
        name: &'static str,
        /// The value given.
        value: String,
        /// What would be accepted.
        expected: &'static str,
    },
    /// Training cannot go on.
    #[error("training stopped: {reason}")]
    Training {
        /// Why, and what would help.
        reason: String,
    },
    /// The caller cancelled the work.
    #[error("cancelled")]
    Cancelled,
}

impl CascadeError {
    /// A file error with the file's name.
    pub(crate) fn io(path: &std::path::Path, cause: std::io::Error) -> Self {
        Self::Io { path: path.display().to_string(), cause }
    }
}
