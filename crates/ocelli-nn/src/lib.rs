//! Small fully convolutional networks on the CPU, all pyramid levels as one joint plan.
//!
//! What it is: a reader for Ocelli's model files, graph passes, shape inference for any height ×
//! width, a memory planner that lays all levels of a job into one arena, and row kernels for
//! AVX-512, AVX2, NEON and plain code. What it is not: a general runtime for any model; operators
//! it does not know are refused, never guessed.
//!
//! The journey: [`Model`] → [`Network`] (passes, packed weights, shared by everybody) →
//! [`JointPlan`] (one for a set of sizes) → [`Arena`] → [`JointPlan::run`] → [`Outputs`].
//!
//! ```no_run
//! use ocelli_nn::{ImageShape, Model, ModelLimits, Network, PlanOptions, RgbImage};
//!
//! # fn main() -> Result<(), ocelli_nn::Error> {
//! let model = Model::from_path("models/face-student.safetensors", &ModelLimits::default())?;
//! let network = Network::new(&model)?;
//! let levels = [ImageShape::new(480, 640), ImageShape::new(240, 320)];
//! let plan = network.plan(&levels, &PlanOptions::default())?;
//!
//! let (full, half) = (vec![0; 480 * 640 * 3], vec![0; 240 * 320 * 3]);
//! let pictures = [RgbImage::packed(&full, levels[0])?, RgbImage::packed(&half, levels[1])?];
//! let mut arena = plan.arena()?;
//! let outputs = plan.run(&mut arena, &pictures, &|| false)?;
//! let score = outputs.get(0, "score")?; // [height, width, channels]
//! # Ok(())
//! # }
//! ```

mod arena;
mod error;
mod graph;
mod kernels;
mod limits;
mod model;
mod network;
mod passes;
mod picture;
mod plan;
mod quantize;
mod run;
#[cfg(test)]
mod testing;

pub use arena::Arena;
pub use error::Error;
pub use graph::Graph;
pub use graph::shape::ImageShape;
pub use kernels::isa::Isa;
pub use limits::ModelLimits;
pub use model::{FORMAT, Model};
pub use network::{Network, NetworkOptions};
pub use picture::RgbImage;
pub use plan::{Execution, JointPlan, PlanOptions, PlanReport, TensorReport};
pub use quantize::{Calibration, Precision, QUANTIZATION_KEY};
pub use run::{Outputs, ShouldStop, StepTime};
