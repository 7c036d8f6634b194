//! Adapters: what the machine has, and which one is taken.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use serde::Serialize;
use wgpu::{Adapter, Backends, DeviceType, Features, Instance, InstanceDescriptor, InstanceFlags};

/// An adapter as people and programs see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct AdapterReport {
    /// Its name; part of it chooses it.
    pub name: String,
    /// `discrete`, `integrated`, `virtual`, `software` or `other`.
    pub kind: &'static str,
    /// `vulkan`, `metal` or `dx12`.
    pub api: String,
    /// The driver's name and version.
    pub driver: String,
    /// Whether it computes in 16-bit floats.
    pub half: bool,
    /// Whether it measures its own time; slices are measured by fences otherwise.
    pub timestamps: bool,
    /// Bytes of the largest buffer that a kernel can see.
    pub max_binding_bytes: u64,
    /// Bytes of the largest buffer.
    pub max_buffer_bytes: u64,
    /// Bytes that a workgroup shares.
    pub workgroup_bytes: u32,
    /// Invocations of a workgroup.
    pub workgroup_invocations: u32,
    /// Whether it has what the kernels need.
    pub usable: bool,
    /// Whether a caller who leaves the choice open may come here: hardware only.
    pub automatic: bool,
}

impl AdapterReport {
    fn new(adapter: &Adapter) -> Self {
        let (info, limits, features) = (adapter.get_info(), adapter.limits(), adapter.features());
        let driver = format!("{} {}", info.driver, info.driver_info).trim().to_owned();
        Self {
            kind: kind(info.device_type),
            api: info.backend.to_string().to_lowercase(),
            driver,
            half: features.contains(Features::SHADER_F16),
            timestamps: features.contains(Features::TIMESTAMP_QUERY),
            max_binding_bytes: limits.max_storage_buffer_binding_size,
            max_buffer_bytes: limits.max_buffer_size,
            workgroup_bytes: limits.max_compute_workgroup_storage_size,
            workgroup_invocations: limits.max_compute_invocations_per_workgroup,
            usable: is_usable(adapter),
            automatic: is_usable(adapter) && is_hardware(info.device_type),
            name: info.name,
        }
    }
}

impl fmt::Display for AdapterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mib = |bytes: u64| bytes >> 20;
        writeln!(f, "{}", self.name)?;
        writeln!(f, "  kind      {} over {}, driver {}", self.kind, self.api, self.driver)?;
        let has = |yes: bool| if yes { "yes" } else { "no" };
        writeln!(f, "  half      {}, timestamps {}", has(self.half), has(self.timestamps))?;
        let (binding, buffer) = (mib(self.max_binding_bytes), mib(self.max_buffer_bytes));
        writeln!(f, "  limits    {binding} MiB a binding, {buffer} MiB a buffer")?;
        let (bytes, invocations) = (self.workgroup_bytes >> 10, self.workgroup_invocations);
        writeln!(f, "  workgroup {bytes} KiB, {invocations} invocations")?;
        let used = match (self.usable, self.automatic) {
            (false, _) => "cannot be used: lacks compute shaders or storage buffers",
            (true, false) => "used when asked for by name or with the device gpu; never chosen automatically",
            (true, true) => "may be chosen automatically",
        };
        writeln!(f, "  use       {used}")
    }
}

/// All adapters of this machine, best first; empty where there is no driver.
#[must_use]
pub fn adapters() -> Vec<AdapterReport> {
    sorted(&instance()).iter().map(AdapterReport::new).collect()
}

pub(crate) fn instance() -> Instance {
    // No debugging layers, no other loaders than those of the system.
    let backends = Backends::VULKAN | Backends::METAL | Backends::DX12;
    let flags = InstanceFlags::empty();
    Instance::new(InstanceDescriptor { backends, flags, ..InstanceDescriptor::new_without_display_handle() })
}

fn sorted(instance: &Instance) -> Vec<Adapter> {
    let mut adapters = at_once(instance.enumerate_adapters(Backends::all()));
    adapters.sort_by_key(|adapter| rank(adapter.get_info().device_type));
    adapters
}

/// The best adapter whose name contains `wanted`, or why there is none.
pub(crate) fn find(instance: &Instance, wanted: Option<&str>) -> Result<Adapter, String> {
    let all = sorted(instance);
    let usable: Vec<Adapter> = all.into_iter().filter(is_usable).collect();
    if usable.is_empty() {
        return Err("no graphics adapter with a driver was found; install one, or use the device cpu".to_owned());
    }
    let Some(wanted) = wanted else { return Ok(usable[0].clone()) };
    let matches = |adapter: &&Adapter| adapter.get_info().name.to_lowercase().contains(&wanted.to_lowercase());
    let names = || usable.iter().map(|a| a.get_info().name).collect::<Vec<_>>().join("; ");
    usable
        .iter()
        .find(matches)
        .cloned()
        .ok_or_else(|| format!("no adapter's name contains {wanted:?}; there is {}", names()))
}

fn is_usable(adapter: &Adapter) -> bool {
    let limits = adapter.limits();
    limits.max_storage_buffers_per_shader_stage >= 6 && limits.max_compute_invocations_per_workgroup >= 64
}

pub(crate) fn is_hardware(kind: DeviceType) -> bool {
    kind != DeviceType::Cpu
}

fn rank(kind: DeviceType) -> u32 {
    match kind {
        DeviceType::DiscreteGpu => 0,
        DeviceType::IntegratedGpu => 1,
        DeviceType::VirtualGpu => 2,
        DeviceType::Other => 3,
        DeviceType::Cpu => 4,
    }
}

fn kind(kind: DeviceType) -> &'static str {
    match kind {
        DeviceType::DiscreteGpu => "discrete",
        DeviceType::IntegratedGpu => "integrated",
        DeviceType::VirtualGpu => "virtual",
        DeviceType::Cpu => "software",
        DeviceType::Other => "other",
    }
}

/// The answer of a future that needs no waiting, as wgpu's are outside of browsers.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut context) {
            return answer;
        }
        std::thread::yield_now();
    }
}
