//! The legacy face detector of Viola and Jones: an attentional cascade on integral images.
//!
//! - [`Cascade`]: the model, read from OpenCV's XML files or this crate's JSON
//! - [`ViolaJones`]: the plugin that answers `DetectFaces`
//! - [`detect`] and [`scan`]: the ladder of scales and the scan of one level, equal to OpenCV's
//! - [`group`](mod@group): many windows become one box
//! - `train` (feature `train`): the trainer that made the built-in cascade
//!
//! P. Viola, M. Jones: Robust Real-Time Face Detection, IJCV 57(2), 2004. R. Lienhart, J. Maydt: An Extended Set of
//! Haar-like Features for Rapid Object Detection, ICIP 2002.

mod cascade;
pub mod detect;
mod error;
pub mod group;
pub mod level;
mod plugin;
pub mod scan;
#[cfg(feature = "train")]
pub mod train;
mod xml;

pub use cascade::{Cascade, CascadeInfo, CascadeParts, Feature, Node, Stage, Tree, WeightedRect};
pub use error::{CascadeError, Result};
pub use plugin::ViolaJones;
