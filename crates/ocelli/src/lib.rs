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
//! [`Plan`], [`Counters`].

mod batch;
mod builtin;
mod device;
mod graph;
mod handler;
mod plan;
mod requests;
mod vision;

pub use batch::{Batch, BatchFailure};
pub use device::Devices;
pub use handler::Handler;
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
pub use plan::{Plan, PlannedRun};
pub use requests::Requests;
pub use vision::{Counters, Vision, VisionBuilder};

/// The one `use` line of a program.
pub mod prelude {
    pub use crate::{Batch, Handler, Requests, Vision};
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
