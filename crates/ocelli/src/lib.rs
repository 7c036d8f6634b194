//! Ocelli: a Vision-style framework. Hand it any picture source and a batch of requests, get typed observations.
//!
//! ```no_run
//! use ocelli::prelude::*;
//!
//! let vision = Vision::new()?;
//! let (faces,) = vision.open("party.jpg")?.perform((DetectFaces::new(),))?;
//! for face in &faces {
//!     println!("{:.2} {:?}", face.confidence, face.rect.to_pixels());
//! }
//! # Ok::<(), Error>(())
//! ```
//!
//! One natural way leads through the house: [`Vision::open`] reads a picture's header, [`Handler::perform`] plans
//! the batch, decodes once, builds the shared views, runs the algorithms and returns their observations. Everything
//! that a program needs is in [`prelude`]; algorithms of your own are added with [`VisionBuilder::register`].
//!
//! Key types in reading order: [`Vision`], [`Handler`], [`DetectFaces`](ocelli_core::DetectFaces), [`Batch`],
//! [`Plan`], [`Pending`], [`Counters`], [`Metrics`].

mod analysis;
mod batch;
mod budget;
mod builtin;
mod call;
mod device;
mod fit;
mod graph;
mod handler;
mod lanes;
mod memory;
mod metrics;
mod pending;
mod plan;
mod requests;
mod run;
mod tiles;
mod traffic;
mod vision;

/// What the traffic rules are made of; a check of them puts other parts in their place.
mod sync {
    pub(crate) use std::sync::atomic::{AtomicUsize, Ordering};
    pub(crate) use std::sync::{Condvar, Mutex};
}

pub use analysis::{Analysis, Measured};
pub use batch::{Batch, BatchFailure, BatchProgress};
pub use device::Devices;
pub use handler::Handler;
pub use lanes::lower_thread_priority;
pub use metrics::{Metrics, Tally};
pub use ocelli_core as core;
#[cfg(feature = "face-deep")]
pub use ocelli_face_deep as face_deep;
#[cfg(feature = "face-landmarks")]
pub use ocelli_face_landmarks as face_landmarks;
#[cfg(feature = "face-viola-jones")]
pub use ocelli_face_viola_jones as face_viola_jones;
#[cfg(feature = "gpu")]
pub use ocelli_gpu as gpu;
pub use ocelli_image as image;
pub use pending::Pending;
pub use plan::{Plan, PlannedRun, PlannedTiles};
pub use requests::Requests;
pub use vision::{Counters, Vision, VisionBuilder};

/// The one `use` line of a program.
pub mod prelude {
    pub use crate::{Batch, Handler, Pending, Requests, Vision};
    pub use ocelli_core::{
        Algorithm, AnyObservations, AnyRequest, Cancel, DetectFaces, Device, Error, FaceObservation, ImageInfo, Input,
        Limits, MissReport, MissVerdict, Needs, NormalizedPoint, NormalizedRect, Observation, Orientation, PixelRect,
        Priority, Provenance, Region, Request, RequestExt, RequestOptions, Result, Shape, Size, ViewKind, ViewSpec,
        impl_observation, impl_request,
    };
    #[cfg(feature = "face-landmarks")]
    pub use ocelli_face_landmarks::{
        DetectFaceLandmarks, FaceLandmarks, FaceQuality, FaceQualityObservation, FaceRegion, HeadPose,
    };
    pub use ocelli_image::{PixelBuffer, PixelLayout, Source};
}
