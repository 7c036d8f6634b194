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
//! ```
//! use ocelli_nn::{ImageShape, Model, ModelLimits, Network, PlanOptions, RgbImage};
//!
//! # fn main() -> Result<(), ocelli_nn::Error> {
//! # let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/face-student.safetensors");
//! let model = Model::from_path(path, &ModelLimits::default())?;
//! let network = Network::new(&model)?;
//! let levels = [ImageShape::new(96, 128), ImageShape::new(48, 64)];
//! let plan = network.plan(&levels, &PlanOptions::default())?;
//!
//! let (full, half) = (vec![0; 96 * 128 * 3], vec![0; 48 * 64 * 3]);
//! let pictures = [RgbImage::packed(&full, levels[0])?, RgbImage::packed(&half, levels[1])?];
//! let mut arena = plan.arena()?;
//! let outputs = plan.run(&mut arena, &pictures, &|| false)?;
//! let score = outputs.get(0, "score")?; // [height, width, channels]
//! assert_eq!(score.dim(), (12, 16, 1));
//! println!("{}", plan.report());
//! # Ok(())
//! # }
//! ```
//!
//! # How it runs
//! - **Layout.** Rows of pixels, channels last and padded to eight, zero pixels around each row: the
//!   window of a convolution is then one contiguous run for each of its rows, and kernels know nothing
//!   of padding. The picture enters row by row, its bytes turned into the first layer's numbers.
//! - **Depth first.** Each tensor is a ring of the few rows that its readers still want
//!   ([`Execution::Streamed`]); layer by layer is there for comparison ([`Execution::Whole`]). The
//!   timetable, the rings and every offset are planned once for each set of sizes and cached.
//! - **Kernels.** One row of some output channels at a time, sums in registers. In f32, 3×3
//!   convolutions of stride 1 go through Winograd's F(4, 3) along rows ([`NetworkOptions::direct`] turns
//!   it off). In int8 ([`Precision::Int8`], [`Calibration`]) sums are exact, so that every instruction
//!   set gives the same bits.
//! - **Threads.** The levels' rows are laid end to end and cut into equal shares of work; a cut costs the
//!   rows that both sides need. Results are the same bits for any number of workers.

mod arena;
pub mod backend;
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
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use arena::Arena;
pub use error::Error;
pub use graph::Graph;
pub use graph::reach::Reach;
pub use graph::shape::ImageShape;
pub use kernels::isa::Isa;
pub use limits::ModelLimits;
pub use model::{FORMAT, Model};
pub use network::{Network, NetworkOptions};
pub use picture::RgbImage;
pub use plan::{Execution, JointPlan, PlanOptions, PlanReport, TensorReport};
pub use quantize::{Calibration, Precision, QUANTIZATION_KEY};
pub use run::{Outputs, ShouldStop, StepTime};
