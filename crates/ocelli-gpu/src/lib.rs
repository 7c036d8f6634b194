//! The wgpu backend of `ocelli-nn`: the same graph and the same joint plan on Vulkan, Metal and DX12 adapters.
//!
//! What it is: [`GpuBackend`], an implementation of [`Backend`]. A picture goes up once;
//! the pyramid, colour to tensor, the network and the choice of candidates run on the device, in WGSL kernels over one
//! arena; only candidates come back. What it is not: a general compute library, or anything a plugin depends on.
//!
//! ```no_run
//! use ocelli_gpu::{Backend, GpuBackend, GpuOptions};
//!
//! let backend = GpuBackend::new(GpuOptions::default());
//! match backend.ready() {
//!     Ok(()) => println!("{}", backend.name()),
//!     Err(error) => println!("the CPU will do: {error}"),
//! }
//! ```
//!
//! Reading order: `recording` (a job as a list of kernel calls: data, no adapter), `slices` (which rows of which calls
//! go into one submission, so that it stays under a millisecond), `arbiter` (whose turn it is), `run` (submitting and
//! reading back), `choice` (this device or the CPU). Kernels lie in `shader/`, each named as its twin on the CPU in
//! the table of `shader.rs`.

mod adapters;
mod arbiter;
mod backend;
mod cache;
mod choice;
mod gpu;
mod loaded;
mod memory;
mod options;
mod params;
mod peaks;
mod pipelines;
mod recording;
mod report;
mod resize;
mod run;
mod shader;
mod slices;
mod weights;

pub use adapters::{AdapterReport, adapters};
pub use backend::GpuBackend;
pub use ocelli_nn::Error;
pub use ocelli_nn::backend::Backend;
pub use options::{GpuOptions, Half};
pub use peaks::Peaks;
pub use report::{GpuReport, SliceReport};
