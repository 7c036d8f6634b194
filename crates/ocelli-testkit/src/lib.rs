//! What plugin authors and our own tests share.
//!
//! - [`pictures`]: small pictures made by code, and the portrait that the repository carries
//! - [`mod@conformance`]: what every plugin promises, as one line in its tests
//! - [`data`]: where photographs for measuring lie, if they do
//! - [`harness`]: tests that need something which a machine may lack, skipped by name where it is missing
//! - [`memory`]: an allocator that counts
//! - [`snapshot`]: macros that pin observations and comparisons

pub use image;
pub use ocelli;

pub mod conformance;
pub mod data;
pub mod harness;
pub mod memory;
pub mod pictures;
pub mod snapshot;
