//! The backend as the engine sees it: opened at first use, asked whether it pays.

use std::sync::{Arc, Mutex, OnceLock};

use ocelli_nn::backend::{Answer, Backend, Job};
use ocelli_nn::{Error, ImageShape, Network};

use crate::choice::Choice;
use crate::gpu::{Gpu, locked};
use crate::options::GpuOptions;
use crate::peaks::{self, Peaks};
use crate::report::GpuReport;

/// Runs networks on a graphics adapter; implements [`Backend`].
///
/// Making one costs nothing: the device is opened when the first job comes, or when the choice needs it.
#[derive(Debug, Default)]
pub struct GpuBackend {
    options: Mutex<GpuOptions>,
    opened: OnceLock<Result<Arc<Gpu>, String>>,
    choice: Choice,
}

impl GpuBackend {
    /// A backend that will open what `options` ask for.
    #[must_use]
    pub fn new(options: GpuOptions) -> Self {
        Self { options: Mutex::new(options), ..Self::default() }
    }

    /// Changes the options; what is already open stays as it is.
    pub fn configure(&self, options: GpuOptions) {
        *locked(&self.options) = options;
    }

    /// The options in force.
    pub(crate) fn options(&self) -> GpuOptions {
        locked(&self.options).clone()
    }

    pub(crate) fn open(&self) -> Result<&Arc<Gpu>, Error> {
        let opened = self.opened.get_or_init(|| {
            let opened = Gpu::open(&self.options()).map(Arc::new);
            tracing::debug!(adapter = ?opened.as_ref().map(|gpu| gpu.name.as_str()), "graphics device");
            opened
        });
        let device = || self.options().adapter.unwrap_or_else(|| "graphics device".to_owned());
        opened.as_ref().map_err(|reason| Error::Device { device: device(), reason: reason.clone() })
    }

    /// What the device did so far; `None` where it was never opened.
    #[must_use]
    pub fn report(&self) -> Option<GpuReport> {
        self.opened.get().and_then(|opened| opened.as_ref().ok()).map(|gpu| gpu.report())
    }

    /// Measures what the device computes and moves at most, to judge figures by.
    ///
    /// # Errors
    /// [`Error::Device`] and [`Error::OutOfMemory`].
    pub fn peaks(&self) -> Result<Peaks, Error> {
        peaks::measure(self.open()?)
    }

    /// Destroys the device as a driver's reset would: for tests of what happens then.
    #[doc(hidden)]
    pub fn destroy_device(&self) {
        if let Ok(gpu) = self.open() {
            gpu.device.destroy();
        }
    }

    /// Makes the device refuse the next buffer as a full one would: for tests of what happens then.
    #[doc(hidden)]
    pub fn refuse_next_buffer(&self) {
        if let Ok(gpu) = self.open() {
            gpu.refuse_next_buffer();
        }
    }
}

impl Backend for GpuBackend {
    fn name(&self) -> String {
        self.open().map_or_else(|_| "no graphics device".to_owned(), |gpu| gpu.name.clone())
    }

    fn ready(&self) -> Result<(), Error> {
        self.open()?.check()
    }

    fn is_faster(&self, network: &Arc<Network>, levels: &[ImageShape]) -> bool {
        // What fails here fails again where it is asked for: the choice only asks.
        self.choice.is_faster(self, network, levels).unwrap_or(false)
    }

    fn run(&self, job: &Job<'_>) -> Result<Answer, Error> {
        self.open()?.run(job)
    }
}
