//! Every kernel parses, validates, and has the layout that the host writes: without any adapter.

use std::mem::{offset_of, size_of};

use naga::valid::{Capabilities, ValidationFlags, Validator};
use naga::{AddressSpace, Module, TypeInner};

use super::{Element, KERNELS, Kernel};
use crate::params::{Params, PlaneParams, Tensor, UNIFORM_PITCH};

fn parsed(kernel: Kernel, element: Element) -> Module {
    let source = kernel.source(element);
    let module = naga::front::wgsl::parse_str(&source)
        .unwrap_or_else(|error| panic!("{}: {}", kernel.name(), error.emit_to_string(&source)));
    let capabilities = Capabilities::SHADER_FLOAT16;
    let checked = Validator::new(ValidationFlags::all(), capabilities).validate(&module);
    checked.unwrap_or_else(|error| panic!("{}: {}", kernel.name(), error.emit_to_string(&source)));
    module
}

#[test]
fn test_every_kernel_is_valid_for_every_element() {
    for (ix, kernel) in Kernel::all().enumerate() {
        assert_eq!(kernel.ix(), ix, "{} stands in its place", kernel.name());
        for element in [Element::F32, Element::F16] {
            let module = parsed(kernel, element);
            let entries: Vec<&str> = module.entry_points.iter().map(|entry| entry.name.as_str()).collect();
            assert_eq!(entries, ["main"], "{}", kernel.name());
        }
    }
}

#[test]
fn test_a_broken_kernel_is_refused() {
    let source = Kernel::Add.source(Element::F32).replace("params.output", "params.outcome");
    assert!(naga::front::wgsl::parse_str(&source).is_err());
}

/// Offsets and size of a struct as the shader sees it.
fn reflected(module: &Module, name: &str) -> (Vec<(String, usize)>, usize) {
    let (_, found) = module.types.iter().find(|(_, t)| t.name.as_deref() == Some(name)).expect("struct is there");
    let TypeInner::Struct { members, span } = &found.inner else { panic!("{name} is no struct") };
    let members = members.iter().map(|m| (m.name.clone().unwrap_or_default(), m.offset as usize));
    (members.collect(), *span as usize)
}

macro_rules! assert_layout {
    ($module:expr, $shader:literal, $twin:ty { $($field:ident),* $(,)? }) => {
        let (members, span) = reflected($module, $shader);
        let expected = [$((stringify!($field).to_owned(), offset_of!($twin, $field))),*];
        assert_eq!(members, expected);
        assert_eq!(span, size_of::<$twin>());
        assert!(span <= UNIFORM_PITCH);
    };
}

#[test]
fn test_uniforms_lie_as_their_twins_do() {
    let module = parsed(Kernel::Conv, Element::F32);
    assert_layout!(&module, "Tensor", Tensor { offset, rows, row_pitch, pixel, height, width, channels, spare });
    assert_layout!(
        &module,
        "Params",
        Params {
            input,
            other,
            output,
            kernel,
            stride,
            padding,
            row,
            row_end,
            weights,
            bias,
            activation,
            level,
            first,
            channels,
            plane,
            spare,
            mean,
            scale,
        }
    );
    let module = parsed(Kernel::ResizeRows, Element::F32);
    assert_layout!(
        &module,
        "PlaneParams",
        PlaneParams {
            source,
            source_width,
            target_plane,
            target_width,
            row,
            row_end,
            table,
            window,
            digits,
            n_outputs,
            spare0,
            spare1,
        }
    );
}

#[test]
fn test_bindings_and_workgroups_are_those_of_the_host() {
    for kernel in Kernel::all() {
        let module = parsed(kernel, Element::F32);
        for (_, global) in module.global_variables.iter() {
            let Some(binding) = &global.binding else { continue };
            let name = global.name.as_deref().unwrap_or_default();
            let writable =
                matches!(global.space, AddressSpace::Storage { access } if access.contains(naga::StorageAccess::STORE));
            let slot = crate::pipelines::BINDINGS[binding.binding as usize];
            assert_eq!((binding.group, slot.name, slot.writable), (0, name, writable), "{}", kernel.name());
        }
        assert_eq!(module.entry_points[0].workgroup_size, crate::pipelines::workgroup(kernel.grid()));
    }
}

#[test]
fn test_every_kernel_names_a_twin_that_exists() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    for entry in KERNELS {
        assert!(root.join(entry.twin).is_file(), "{}: {}", entry.name, entry.twin);
    }
}
