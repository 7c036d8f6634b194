//! Errors, sorted by who can act on them.

use std::sync::Arc;

/// Shorthand for results with the framework's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, with the data that somebody needs to mend it.
///
/// Cheap to clone: the same failed intermediate may fail several requests.
#[non_exhaustive]
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// A file or stream could not be read or written.
    #[error("{input}: {cause}")]
    Io {
        /// Path or name of the source.
        input: String,
        /// What the system said.
        #[source]
        cause: Arc<std::io::Error>,
    },
    /// The bytes are not a picture that this build can read.
    #[error("{input}: not readable as a picture: {reason}")]
    Decoding {
        /// Path or name of the source.
        input: String,
        /// What the decoder said, and what to do.
        reason: String,
    },
    /// A value given by the caller is out of its range.
    #[error("{name} is {value}, expected {expected}")]
    Parameter {
        /// The parameter.
        name: String,
        /// The value given.
        value: String,
        /// What would be accepted.
        expected: String,
    },
    /// A picture, model or plan is larger than the limits allow.
    #[error("{input}: {what} is {value}, the limit is {limit}; {hint}")]
    Limits {
        /// Path or name of the source, or the part of the framework that refused.
        input: String,
        /// What was measured, with its unit.
        what: &'static str,
        /// The value found or declared.
        value: u64,
        /// The limit in force.
        limit: u64,
        /// What would fit, or how to raise the limit.
        hint: &'static str,
    },
    /// Valid, but not supported by this build.
    #[error("{what} is not supported; {hint}")]
    Unsupported {
        /// The thing asked for.
        what: String,
        /// What to do instead.
        hint: String,
    },
    /// A device other than the processor is missing, was lost, or ran out of memory. A request that leaves the choice of
    /// device open is answered by the processor instead.
    #[error("{device}: {reason}")]
    Device {
        /// Its name, or what was looked for.
        device: String,
        /// What happened, and what to do.
        reason: String,
    },
    /// The caller cancelled the request.
    #[error("cancelled")]
    Cancelled,
    /// The deadline passed before the request finished.
    #[error("deadline passed before the request finished")]
    DeadlineExceeded,
    /// An algorithm failed for a reason of its own.
    #[error("algorithm {algorithm} failed: {cause}")]
    Algorithm {
        /// Name of the algorithm.
        algorithm: String,
        /// Its error.
        #[source]
        cause: Arc<dyn std::error::Error + Send + Sync>,
    },
    /// An algorithm broke the contract or panicked: a bug to report to its author.
    #[error("algorithm {algorithm} broke its contract: {reason}")]
    Contract {
        /// Name of the algorithm.
        algorithm: String,
        /// What it did.
        reason: String,
    },
}

/// Who can act on an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// The program or user that made the request: change the request.
    Caller,
    /// Whoever owns the picture, model or file: replace it.
    Input,
    /// Whoever runs the machine: files, permissions, memory, limits.
    Environment,
    /// Nobody needs to: the caller asked for it to stop.
    Stopped,
    /// The author of the algorithm.
    Author,
}

impl Error {
    /// An [`Error::Io`] for the source named `input`.
    pub fn io(input: impl Into<String>, cause: std::io::Error) -> Self {
        Self::Io { input: input.into(), cause: Arc::new(cause) }
    }

    /// An [`Error::Decoding`] for the source named `input`; line breaks in what a decoder said become spaces.
    pub fn decoding(input: impl Into<String>, reason: impl std::fmt::Display) -> Self {
        let reason = reason.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        Self::Decoding { input: input.into(), reason }
    }

    /// An [`Error::Parameter`]: `name` was `value` but should be `expected`.
    pub fn parameter(name: impl Into<String>, value: impl std::fmt::Display, expected: impl Into<String>) -> Self {
        Self::Parameter { name: name.into(), value: value.to_string(), expected: expected.into() }
    }

    /// An [`Error::Algorithm`] around any other error.
    pub fn algorithm(algorithm: impl Into<String>, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Algorithm { algorithm: algorithm.into(), cause: Arc::from(cause.into()) }
    }

    /// Fills in the algorithm's name where the place of the error could not know it.
    pub fn in_algorithm(mut self, name: &str) -> Self {
        if let Self::Contract { algorithm, .. } = &mut self
            && algorithm.is_empty()
        {
            name.clone_into(algorithm);
        }
        self
    }

    /// Who can act on it.
    pub fn class(&self) -> ErrorClass {
        match self {
            Self::Parameter { .. } | Self::Unsupported { .. } => ErrorClass::Caller,
            Self::Decoding { .. } => ErrorClass::Input,
            Self::Io { .. } | Self::Limits { .. } | Self::Device { .. } => ErrorClass::Environment,
            Self::Cancelled | Self::DeadlineExceeded => ErrorClass::Stopped,
            Self::Algorithm { .. } | Self::Contract { .. } => ErrorClass::Author,
        }
    }
}

/// Checks that a fraction given by a caller is finite and inside `0..=1`.
///
/// # Errors
/// [`Error::Parameter`] naming the parameter.
pub fn check_fraction(name: &str, value: f32) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::parameter(name, value, "a number from 0 to 1"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_name_the_input_and_the_remedy() {
        let error = Error::Limits {
            input: "bomb.png".into(),
            what: "number of pixels",
            value: 4_294_836_225,
            limit: 1 << 28,
            hint: "raise Limits::max_pixels if the picture is genuine",
        };
        let text = error.to_string();
        assert!(text.contains("bomb.png") && text.contains("max_pixels"), "{text}");
        assert_eq!(error.class(), ErrorClass::Environment);
        assert!(check_fraction("threshold", f32::NAN).is_err());
        assert!(check_fraction("threshold", 1.0).is_ok());
    }
}
