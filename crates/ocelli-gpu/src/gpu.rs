//! An open device: its queue, kernels, networks and counters.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use ocelli_nn::backend::{DeviceNetwork, Job};
use ocelli_nn::{Error, Network, Precision};
use wgpu::{BufferUsages, Device, DeviceDescriptor, ExperimentalFeatures, Features, Limits, Queue, SubmissionIndex};

use crate::adapters::{self, at_once};
use crate::arbiter::Arbiter;
use crate::cache::PipelineFile;
use crate::loaded::Loaded;
use crate::memory::{Allocator, Pool};
use crate::options::{GpuOptions, Half};
use crate::pipelines::Pipelines;
use crate::recording::Room;
use crate::report::{Counters, GpuReport};
use crate::shader::Element;
use crate::slices::SpeedModel;
use crate::weights::PackedWeights;

/// How long a device may take for one slice before it counts as lost; a software device under load is slow.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A device that is open. All threads share it.
#[derive(Debug)]
pub(crate) struct Gpu {
    pub(crate) device: Device,
    pub(crate) queue: Queue,
    pub(crate) name: String,
    /// Whether it is hardware.
    pub(crate) is_hardware: bool,
    pub(crate) element: Element,
    /// Nanoseconds of a tick, where the device measures its own time.
    pub(crate) tick: Option<f64>,
    pub(crate) options: GpuOptions,
    pub(crate) pipelines: Pipelines,
    pub(crate) allocator: Allocator,
    pub(crate) arbiter: Arbiter,
    /// Slices that were handed over and may not be done; touched by whoever has the turn.
    pub(crate) outstanding: Mutex<VecDeque<SubmissionIndex>>,
    pub(crate) model: Mutex<SpeedModel>,
    pub(crate) counters: Mutex<Counters>,
    pub(crate) pool: Pool,
    room: Room,
    lost: Arc<Mutex<Option<String>>>,
    networks: Mutex<Vec<(Weak<Network>, Arc<Loaded>)>>,
    pipeline_file: Option<PipelineFile>,
}

/// What was found to be wrong first stays the reason.
fn note(lost: &Mutex<Option<String>>, reason: String) {
    lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
}

impl Gpu {
    /// Opens the adapter that `options` ask for.
    ///
    /// # Errors
    /// Why there is none, or why it does not open.
    pub(crate) fn open(options: &GpuOptions) -> Result<Self, String> {
        let adapter = adapters::find(&adapters::instance(), options.adapter.as_deref())?;
        let (info, limits) = (adapter.get_info(), adapter.limits());
        let wanted = Features::TIMESTAMP_QUERY | Features::SHADER_F16 | Features::PIPELINE_CACHE;
        let features = adapter.features() & wanted;
        let half = options.half == Half::WhereSupported && features.contains(Features::SHADER_F16);
        let required_limits = Limits {
            max_storage_buffer_binding_size: limits.max_storage_buffer_binding_size,
            max_buffer_size: limits.max_buffer_size,
            max_storage_buffers_per_shader_stage: limits.max_storage_buffers_per_shader_stage.min(8),
            ..Limits::downlevel_defaults().using_resolution(limits.clone())
        };
        let descriptor = DeviceDescriptor {
            label: Some("ocelli"),
            required_features: features,
            required_limits,
            experimental_features: ExperimentalFeatures::disabled(),
            ..DeviceDescriptor::default()
        };
        let opened = at_once(adapter.request_device(&descriptor));
        let (device, queue) = opened.map_err(|error| format!("{} does not open: {error}", info.name))?;
        let lost = Arc::new(Mutex::new(None));
        let noted = lost.clone();
        device.set_device_lost_callback(move |_, message| note(&noted, format!("the device was lost: {message}")));
        let noted = lost.clone();
        device.on_uncaptured_error(Arc::new(move |error| note(&noted, format!("the device gave up: {error}"))));
        let element = if half { Element::F16 } else { Element::F32 };
        let has_cache = features.contains(Features::PIPELINE_CACHE);
        let pipeline_file =
            options.cache.as_deref().filter(|_| has_cache).and_then(|folder| PipelineFile::new(folder, &info));
        let cache = pipeline_file.as_ref().map(|file| file.load(&device));
        let timestamps = features.contains(Features::TIMESTAMP_QUERY);
        Ok(Self {
            pipelines: Pipelines::new(&device, element, cache),
            allocator: Allocator::new(&device),
            tick: timestamps.then(|| f64::from(queue.get_timestamp_period())),
            name: info.name,
            is_hardware: adapters::is_hardware(info.device_type),
            element,
            options: options.clone(),
            arbiter: Arbiter::default(),
            outstanding: Mutex::default(),
            model: Mutex::default(),
            counters: Mutex::default(),
            pool: Pool::new(options.in_flight),
            room: Room {
                binding: limits.max_storage_buffer_binding_size.min(limits.max_buffer_size),
                job: options.job_bytes,
            },
            lost,
            networks: Mutex::default(),
            pipeline_file,
            device,
            queue,
        })
    }

    /// [`Error::Device`] once the device is lost.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let lost = self.lost.lock().unwrap_or_else(PoisonError::into_inner).clone();
        lost.map_or(Ok(()), |reason| Err(self.failed(reason)))
    }

    /// An error of this device.
    pub(crate) fn failed(&self, reason: impl Into<String>) -> Error {
        Error::Device { device: self.name.clone(), reason: reason.into() }
    }

    /// Marks the device as lost: nothing is sent to it any more.
    pub(crate) fn give_up(&self, reason: &str) -> Error {
        note(&self.lost, reason.to_owned());
        self.failed(reason)
    }

    /// The network with its weights on the device; the first caller brings them up.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for networks of bytes, [`Error::OutOfMemory`].
    pub(crate) fn load(&self, job: &Job<'_>) -> Result<Arc<Loaded>, Error> {
        if job.network.precision() != Precision::F32 {
            return Err(Error::Unsupported { what: "networks in 8-bit integers on a graphics device".to_owned() });
        }
        let mut networks = locked(&self.networks);
        networks.retain(|(network, _)| network.strong_count() > 0);
        let is_same = |network: &Weak<Network>| std::ptr::eq(network.as_ptr(), Arc::as_ptr(job.network));
        if let Some((_, loaded)) = networks.iter().find(|(network, _)| is_same(network)) {
            return Ok(loaded.clone());
        }
        let network = DeviceNetwork::new(job.network, self.element.bytes())?;
        let packed = PackedWeights::new(&network, self.element);
        let usage = BufferUsages::STORAGE | BufferUsages::COPY_DST;
        let weights = self.allocator.buffer("weights", packed.bytes.len() as u64, usage)?;
        self.queue.write_buffer(&weights, 0, &packed.bytes);
        let loaded = Arc::new(Loaded::new(network, packed.places, weights, self.element, self.room));
        networks.push((Arc::downgrade(job.network), loaded.clone()));
        Ok(loaded)
    }

    /// What it did so far.
    pub(crate) fn report(&self) -> GpuReport {
        let counters = locked(&self.counters);
        GpuReport {
            adapter: self.name.clone(),
            element: if self.element == Element::F16 { "f16" } else { "f32" },
            jobs: counters.jobs,
            bytes_up: counters.bytes_up,
            bytes_down: counters.bytes_down,
            arena_bytes: counters.arena_bytes,
            slices: counters.slices(self.options.slice_limit, self.tick.is_some()),
        }
    }

    /// Keeps what the driver compiled for the next start of the program, after the first jobs.
    pub(crate) fn save_pipelines(&self) {
        if let (Some(file), Some(data)) = (&self.pipeline_file, self.pipelines.cache_data()) {
            file.save(&data);
        }
    }

    /// For tests: the next buffer is refused.
    pub(crate) fn refuse_next_buffer(&self) {
        self.allocator.refuse_next.store(true, Ordering::Relaxed);
    }
}

/// A lock whose holder cannot leave half a change behind.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
