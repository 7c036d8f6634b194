//! What an algorithm's working memory will be, told before it runs.

use serde_json::Value;

/// An algorithm's plan of its working memory for one request and picture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct MemoryPlan {
    /// For people.
    pub text: String,
    /// For programs: an object with at least `naive_bytes` (all tensors side by side), `bound_bytes` (most bytes alive
    /// at once), `arena_bytes` (what is taken) and `ratio` (taken over bound).
    pub figures: Value,
    /// A drawing of it, time to the right and offset upwards; empty where there is none.
    pub svg: String,
}

impl MemoryPlan {
    /// A plan told in the three ways.
    pub fn new(text: String, figures: Value, svg: String) -> Self {
        Self { text, figures, svg }
    }
}
