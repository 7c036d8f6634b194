//! The framework's front door.

use crate::device::Devices;
use crate::lanes::Lanes;
use crate::memory::Memory;
use crate::metrics::{Counting, Metrics};
use crate::run::panic_text;
use crate::traffic::Traffic;
use crate::{Batch, Handler, Pending, builtin};
use ocelli_core::{Algorithm, AnyRequest, Error, Limits, Priority, Registry, Result};
use ocelli_image::{CacheCounters, Picture, Source, ViewCache};
use rayon::ThreadPool;
use serde_json::Value;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Instant;

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
    memory: Memory,
    limits: Limits,
    lanes: Arc<Lanes>,
    traffic: Traffic,
    counting: Counting,
    clock: Clock,
    devices: Devices,
}

/// Where the time comes from that deadlines are measured by.
#[derive(Clone, Default)]
struct Clock(Option<Arc<dyn Fn() -> Instant + Send + Sync>>);

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Clock(given)" } else { "Clock(system)" })
    }
}

/// Doors for threads and executors of every kind.
const fn is_shared<T: Send + Sync + Clone>() {}
const _: () = is_shared::<Vision>();
const _: () = is_shared::<Handler>();

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
        let source = source.into();
        let name = source.name().to_owned();
        let opened = catch_unwind(AssertUnwindSafe(|| Picture::open(source, self.limits())));
        let picture = opened.unwrap_or_else(|panic| {
            let reason = format!("the decoder panicked ({}); please report the file", panic_text(&*panic));
            Err(Error::decoding(name, reason))
        })?;
        Ok(Handler::new(self.clone(), picture))
    }

    /// [`open`](Self::open) on the framework's threads: a future for any executor.
    pub fn open_async(&self, source: impl Into<Source>) -> Pending<Handler> {
        let (vision, source) = (self.clone(), source.into());
        Pending::new(|cancel, done| {
            let job = move || done(if cancel.is_cancelled() { Err(Error::Cancelled) } else { vision.open(source) });
            self.lanes().submit(Priority::Default, Box::new(job));
        })
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

    /// What was done so far, added up: requests, passes over files, views, hits, runs, and how often work gave way.
    pub fn metrics(&self) -> Metrics {
        self.inner.counting.read(self.inner.traffic.times_held())
    }

    /// The limits in force for pictures.
    pub fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// The memory budget, if there is one.
    pub fn memory_budget(&self) -> Option<u64> {
        self.memory().budget()
    }

    pub(crate) fn memory(&self) -> &Memory {
        &self.inner.memory
    }

    pub(crate) fn cache(&self) -> &Arc<ViewCache> {
        &self.inner.cache
    }

    /// The devices beside the processor: opened when first used.
    pub fn devices(&self) -> &Devices {
        &self.inner.devices
    }

    pub(crate) fn lanes(&self) -> &Arc<Lanes> {
        &self.inner.lanes
    }

    /// Has a job done that answers a call. Under a budget it has a thread of its own, since it may wait for memory, which
    /// workers never do.
    pub(crate) fn submit(&self, priority: Priority, job: Box<dyn FnOnce() + Send>) {
        if self.memory_budget().is_some() {
            std::thread::spawn(job);
        } else {
            self.lanes().submit(priority, job);
        }
    }

    pub(crate) fn pool(&self) -> &ThreadPool {
        self.lanes().pool(Priority::Default)
    }

    pub(crate) fn traffic(&self) -> &Traffic {
        &self.inner.traffic
    }

    pub(crate) fn counting(&self) -> &Counting {
        &self.inner.counting
    }

    pub(crate) fn now(&self) -> Instant {
        self.inner.clock.0.as_ref().map_or_else(Instant::now, |clock| clock())
    }
}

/// Settings of a [`Vision`].
#[derive(Debug)]
pub struct VisionBuilder {
    devices: Devices,
    registry: Result<Registry>,
    limits: Limits,
    cache_bytes: u64,
    memory_budget: Option<u64>,
    threads: usize,
    background_threads: usize,
    clock: Clock,
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
            memory_budget: None,
            threads: 0,
            background_threads: 0,
            clock: Clock::default(),
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

    /// Promises that all pictures together take at most this many bytes, beside what the process holds anyway (code, models):
    /// decoding, views, the cache of views (at most a quarter), algorithms. Calls wait for each other where they have to,
    /// huge pictures are scanned in bands, and what cannot be made to fit is refused before it is decoded, with what would
    /// fit. Pictures that callers hold in memory count as theirs. Default: no budget.
    pub fn memory_budget(mut self, bytes: u64) -> Self {
        self.memory_budget = Some(bytes);
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

    /// Sets the number of threads for requests of [`Priority::Background`]; 0, the default, is half the others. They run
    /// at the lowest priority that the system knows.
    pub fn background_threads(mut self, threads: usize) -> Self {
        self.background_threads = threads;
        self
    }

    /// Measures deadlines by another clock than the system's, for tests: it must never go back.
    pub fn clock(mut self, clock: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        self.clock = Clock(Some(Arc::new(clock)));
        self
    }

    /// Starts the worker threads.
    ///
    /// # Errors
    /// Mistakes of earlier [`register`](Self::register) calls, or [`Error::Io`] where threads cannot be started.
    pub fn build(mut self) -> Result<Vision> {
        let memory = Memory::new(self.memory_budget, &mut self.cache_bytes, &mut self.limits);
        let lanes = Arc::new(Lanes::new(self.threads, self.background_threads)?);
        let cache = Arc::new(ViewCache::new(self.cache_bytes));
        let (traffic, counting) = (Traffic::new(), Counting::default());
        let (registry, limits, clock, devices) = (self.registry?, self.limits, self.clock, self.devices);
        Ok(Vision {
            inner: Arc::new(Inner { registry, cache, memory, limits, lanes, traffic, counting, clock, devices }),
        })
    }
}
