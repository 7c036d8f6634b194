//! Pipelines: one layout for all kernels, each compiled once for a device.

use std::num::NonZeroU64;
use std::sync::OnceLock;

use wgpu::{
    BindGroupLayout, BindGroupLayoutEntry, BindingType, BufferBindingType, ComputePipeline, Device, PipelineCache,
    PipelineLayout, ShaderStages,
};

use crate::params::UNIFORM_PITCH;
use crate::shader::{Element, Grid, Kernel, N_KERNELS};

/// A slot of the one bind group that all kernels share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    /// The variable's name in WGSL.
    #[allow(dead_code, reason = "a test holds the shaders to it")]
    pub(crate) name: &'static str,
    /// Whether kernels write it.
    pub(crate) writable: bool,
}

/// The slots by binding number; the first is the uniform, at a dynamic offset.
pub(crate) const BINDINGS: [Slot; 7] = [
    Slot { name: "params", writable: false },
    Slot { name: "arena", writable: true },
    Slot { name: "weights", writable: false },
    Slot { name: "planes", writable: true },
    Slot { name: "picture", writable: false },
    Slot { name: "tables", writable: false },
    Slot { name: "found", writable: true },
];

/// Invocations of a workgroup.
pub(crate) fn workgroup(grid: Grid) -> [u32; 3] {
    match grid {
        Grid::Tiles => [8, 8, 1],
        Grid::Blocks | Grid::Pixels | Grid::Channels => [64, 1, 1],
    }
}

/// The kernels of one device for one kind of numbers, compiled when first used.
#[derive(Debug)]
pub(crate) struct Pipelines {
    device: Device,
    element: Element,
    pub(crate) group_layout: BindGroupLayout,
    layout: PipelineLayout,
    cache: Option<PipelineCache>,
    compiled: [OnceLock<ComputePipeline>; N_KERNELS],
}

impl Pipelines {
    pub(crate) fn new(device: &Device, element: Element, cache: Option<PipelineCache>) -> Self {
        let entries: Vec<BindGroupLayoutEntry> =
            BINDINGS.iter().enumerate().map(|(ix, slot)| layout_entry(ix, *slot)).collect();
        let group_layout = device
            .create_bind_group_layout(&wgpu::BindGroupLayoutDescriptor { label: Some("kernels"), entries: &entries });
        let layout = device.create_pipeline_layout(&wgpu::PipelineLayoutDescriptor {
            label: Some("kernels"),
            bind_group_layouts: &[Some(&group_layout)],
            immediate_size: 0,
        });
        let compiled = std::array::from_fn(|_| OnceLock::new());
        Self { device: device.clone(), element, group_layout, layout, cache, compiled }
    }

    /// The pipeline of `kernel`.
    pub(crate) fn get(&self, kernel: Kernel) -> &ComputePipeline {
        self.compiled[kernel.ix()].get_or_init(|| self.compile(kernel))
    }

    fn compile(&self, kernel: Kernel) -> ComputePipeline {
        let module = self.device.create_shader_module(wgpu::ShaderModuleDescriptor {
            label: Some(kernel.name()),
            source: wgpu::ShaderSource::Wgsl(kernel.source(self.element).into()),
        });
        self.device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
            label: Some(kernel.name()),
            layout: Some(&self.layout),
            module: &module,
            entry_point: Some("main"),
            compilation_options: wgpu::PipelineCompilationOptions {
                // Every kernel writes its workgroup memory before it reads it.
                zero_initialize_workgroup_memory: false,
                ..Default::default()
            },
            cache: self.cache.as_ref(),
        })
    }

    /// What the driver made of the kernels, for the next start of the program.
    pub(crate) fn cache_data(&self) -> Option<Vec<u8>> {
        self.cache.as_ref().and_then(PipelineCache::get_data)
    }
}

fn layout_entry(ix: usize, slot: Slot) -> BindGroupLayoutEntry {
    let is_uniform = ix == 0;
    let ty = match is_uniform {
        true => BufferBindingType::Uniform,
        false => BufferBindingType::Storage { read_only: !slot.writable },
    };
    let min_binding_size = if is_uniform { NonZeroU64::new(UNIFORM_PITCH as u64) } else { None };
    let ty = BindingType::Buffer { ty, has_dynamic_offset: is_uniform, min_binding_size };
    BindGroupLayoutEntry { binding: ix as u32, visibility: ShaderStages::COMPUTE, ty, count: None }
}
