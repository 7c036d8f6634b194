//! The contracts of Ocelli, a Vision-style framework: what callers, plugins and the scheduler agree on.
//!
//! This crate holds the vocabulary and nothing heavy: no decoder, no kernel, no thread. Application code uses
//! the `ocelli` crate, which re-exports what it needs; a plugin depends on this crate.
//!
//! In reading order:
//! - [`geometry`]: normalized rectangles and points, each coordinate system a type of its own; [`Orientation`]
//! - [`Request`] and [`Observation`]: a question and its typed answers; [`DetectFaces`] and [`FaceObservation`]
//! - [`ViewSpec`], [`Needs`], [`View`]: the shared intermediates and how an algorithm asks for them
//! - [`Algorithm`]: the plugin contract; [`Registry`]: which algorithm answers what
//! - [`Control`], [`Cancel`], [`Progress`], [`Priority`], [`Host`], [`Limits`], [`Error`]
//!
//! ```
//! use ocelli_core::{AnyRequest, DetectFaces, RequestExt};
//! let typed = DetectFaces::new().threshold(0.5);
//! let by_name = AnyRequest::from_json::<DetectFaces>(&serde_json::json!({"threshold": 0.5}))?;
//! assert_eq!(AnyRequest::new(typed).to_json(), by_name.to_json());
//! # Ok::<(), ocelli_core::Error>(())
//! ```

mod algorithm;
mod control;
mod cost;
mod error;
mod faces;
pub mod geometry;
mod host;
mod limits;
mod memory;
mod miss;
mod observation;
mod orientation;
mod registry;
mod request;
mod tile;
mod view;

pub use algorithm::{Algorithm, Input};
pub use control::{Cancel, Control, Device, Priority, Progress, Waiting};
pub use cost::Cost;
pub use error::{Error, ErrorClass, Result, check_fraction};
pub use faces::{DetectFaces, FaceObservation};
pub use geometry::{
    LowerLeftPoint, LowerLeftRect, NormalizedPoint, NormalizedRect, PixelPoint, PixelRect, PixelRegion, Region, Size,
    StoredPoint, StoredRect,
};
pub use host::{Host, Step, StepKind};
pub use limits::Limits;
pub use memory::MemoryPlan;
pub use miss::{MissReport, MissVerdict};
pub use observation::{AnyObservations, Observation, Provenance, Shape};
pub use orientation::Orientation;
pub use registry::{AnyAlgorithm, Registry};
pub use request::{AnyRequest, Request, RequestExt, RequestOptions};
pub use tile::{Tile, TileScan, Tiling};
pub use view::{ImageInfo, Needs, OfRequired, View, ViewData, ViewKind, ViewScale, ViewSpec, Views};
