//! The framework's front door.

use crate::device::Devices;
use crate::{Batch, Handler, builtin};
use ocelli_core::{Algorithm, AnyRequest, Error, Limits, Registry, Result};
use ocelli_image::{CacheCounters, Picture, Source, ViewCache};
use rayon::{ThreadPool, ThreadPoolBuilder};
use serde_json::Value;
use std::sync::Arc;

/// Opens pictures and holds what their requests share: algorithms, worker threads, the cache of views.
///
/// Cheap to clone, and clones share everything; make one for a process. See the [crate](crate) for an example.
#[derive(Clone, Debug)]
pub struct Vision {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    registry: Registry,
    cache: Arc<ViewCache>,
    limits: Limits,
    pool: ThreadPool,
    devices: Devices,
}

/// How often work was done, and how often it was spared: `vision.counters()`.
pub type Counters = CacheCounters;

impl Vision {
    /// The built-in algorithms, all cores, default limits.
    ///
    /// # Errors
    /// [`Error::Algorithm`] where a built-in model does not load.
    pub fn new() -> Result<Self> {
        Self::builder().build()
    }

    /// Settings other than the defaults.
    pub fn builder() -> VisionBuilder {
        VisionBuilder::default()
    }

    /// Reads a picture's header; nothing is decoded before the first request.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Decoding`] where the source is no picture, [`Error::Limits`] where it is too large.
    pub fn open(&self, source: impl Into<Source>) -> Result<Handler> {
        let picture = Picture::open(source.into(), self.limits())?;
        Ok(Handler::new(self.clone(), picture))
    }

    /// Prepares many pictures for the same requests: [`Batch::perform`] streams the answers in order.
    pub fn batch<S: Into<Source>>(&self, sources: impl IntoIterator<Item = S>) -> Batch<impl Iterator<Item = S>> {
        Batch::new(self.clone(), sources.into_iter())
    }

    /// Makes a request by the name of its kind, from parameters as a JSON object; see [`Registry::request`].
    ///
    /// ```
    /// # let vision = ocelli::Vision::new()?;
    /// let request = vision.request("faces", &serde_json::json!({"max_count": 1}))?;
    /// assert!(vision.request("fases", &serde_json::json!({})).is_err());
    /// # Ok::<(), ocelli::core::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Parameter`] for an unknown kind or parameter, or a value out of range.
    pub fn request(&self, kind: &str, parameters: &Value) -> Result<AnyRequest> {
        self.registry().request(kind, parameters)
    }

    /// What can be asked, and who answers.
    pub fn registry(&self) -> &Registry {
        &self.inner.registry
    }

    /// Builds, hits and bytes of the shared views so far.
    pub fn counters(&self) -> Counters {
        self.inner.cache.counters()
    }

    /// The limits in force for pictures.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    pub(crate) fn cache(&self) -> &Arc<ViewCache> {
        &self.inner.cache
    }

    /// The devices beside the processor: opened when first used.
    pub fn devices(&self) -> &Devices {
        &self.inner.devices
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        &self.inner.pool
    }
}

/// Settings of a [`Vision`].
#[derive(Debug)]
pub struct VisionBuilder {
    devices: Devices,
    registry: Result<Registry>,
    limits: Limits,
    cache_bytes: u64,
    threads: usize,
}

/// Room for the views of a few ordinary photographs: a 12-megapixel picture in RGB takes 36 MB.
const DEFAULT_CACHE_BYTES: u64 = 256 << 20;

impl Default for VisionBuilder {
    fn default() -> Self {
        let devices = Devices::default();
        Self {
            registry: builtin::registry(&devices),
            devices,
            limits: Limits::default(),
            cache_bytes: DEFAULT_CACHE_BYTES,
            threads: 0,
        }
    }
}

impl VisionBuilder {
    /// Starts without the built-in algorithms.
    pub fn without_builtin(mut self) -> Self {
        self.registry = Ok(Registry::new());
        self
    }

    /// Adds an algorithm, for a known kind of request or a new one; mistakes are reported by [`build`](Self::build).
    pub fn register(mut self, algorithm: impl Algorithm) -> Self {
        self.registry =
            self.registry.and_then(|mut registry| registry.register(algorithm).map(|_| ()).map(|()| registry));
        self
    }

    /// Adds an algorithm in the place of the one with its name and revision: a built-in one with another model, say.
    pub fn replace(mut self, algorithm: impl Algorithm) -> Self {
        if let Ok(registry) = &mut self.registry {
            registry.replace(algorithm);
        }
        self
    }

    /// Sets what untrusted pictures may ask of the machine.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how many bytes of finished views are kept for later requests. Default 256 MiB; 0 keeps nothing.
    pub fn cache_bytes(mut self, bytes: u64) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Sets the number of worker threads; 0, the default, is one a core.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Sets which graphics adapter requests may run on, and how.
    #[cfg(feature = "gpu")]
    pub fn gpu(self, options: ocelli_gpu::GpuOptions) -> Self {
        self.devices.configure(options);
        self
    }

    /// Starts the worker threads.
    ///
    /// # Errors
    /// Mistakes of earlier [`register`](Self::register) calls, or [`Error::Io`] where threads cannot be started.
    pub fn build(self) -> Result<Vision> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .thread_name(|ix| format!("ocelli-{ix}"))
            .build()
            .map_err(|e| Error::io("worker threads", std::io::Error::other(e)))?;
        let cache = Arc::new(ViewCache::new(self.cache_bytes));
        let (registry, limits, devices) = (self.registry?, self.limits, self.devices);
        Ok(Vision { inner: Arc::new(Inner { registry, cache, limits, pool, devices }) })
    }
}
