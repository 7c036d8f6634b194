//! The kernels: their names, WGSL texts, and what each is the twin of.

/// A kernel: one WGSL file of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kernel {
    Unpack,
    ResizeColumns,
    ResizeRows,
    Input,
    Conv,
    Depthwise,
    MaxPool,
    Add,
    Activate,
    Concat,
    Upsample2,
    GlobalAvgPool,
    Select,
    Gather,
    PeakFma,
    PeakCopy,
}

/// What a kernel's invocations are laid over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grid {
    /// Blocks of four channels of pixels along x, a row for y.
    Blocks,
    /// Four pixels along x, rows along y, blocks of output channels along z.
    Tiles,
    /// Pixels along x, a row for y.
    Pixels,
    /// A workgroup for each block of four channels.
    Channels,
}

/// A row of the table of kernels.
struct Entry {
    #[allow(dead_code, reason = "a test holds the table's order to it")]
    kernel: Kernel,
    /// File stem, pipeline label, test name.
    name: &'static str,
    text: &'static str,
    grid: Grid,
    /// The file with the same work on the CPU, from the root of the workspace.
    #[allow(dead_code, reason = "for readers; a test looks for the file")]
    twin: &'static str,
}

macro_rules! kernels {
    ($($kernel:ident $name:literal $grid:ident $twin:literal;)*) => {
        const KERNELS: &[Entry] = &[$(Entry {
            kernel: Kernel::$kernel,
            name: $name,
            text: include_str!(concat!("shader/", $name, ".wgsl")),
            grid: Grid::$grid,
            twin: $twin,
        }),*];
    };
}

kernels! {
    Unpack "unpack" Pixels "crates/ocelli-gpu/src/resize.rs";
    ResizeColumns "resize_columns" Pixels "crates/ocelli-gpu/src/resize.rs";
    ResizeRows "resize_rows" Pixels "crates/ocelli-gpu/src/resize.rs";
    Input "input" Pixels "crates/ocelli-nn/src/kernels/input.rs";
    Conv "conv" Tiles "crates/ocelli-nn/src/kernels/conv_f32.rs";
    Depthwise "depthwise" Blocks "crates/ocelli-nn/src/kernels/depthwise.rs";
    MaxPool "max_pool" Blocks "crates/ocelli-nn/src/kernels/pool.rs";
    Add "add" Blocks "crates/ocelli-nn/src/kernels/elementwise.rs";
    Activate "activate" Blocks "crates/ocelli-nn/src/kernels/elementwise.rs";
    Concat "concat" Blocks "crates/ocelli-nn/src/kernels/elementwise.rs";
    Upsample2 "upsample2" Blocks "crates/ocelli-nn/src/kernels/elementwise.rs";
    GlobalAvgPool "global_avg_pool" Channels "crates/ocelli-nn/src/kernels/pool.rs";
    Select "select" Pixels "plugins/face-deep/src/decode.rs";
    Gather "gather" Pixels "plugins/face-deep/src/decode.rs";
    PeakFma "peak_fma" Blocks "benches/src/peak.rs";
    PeakCopy "peak_copy" Blocks "benches/src/peak.rs";
}

/// How many kernels there are.
pub(crate) const N_KERNELS: usize = KERNELS.len();

/// Texts that kernels bring in by `#import`.
const SHARED: [(&str, &str); 3] = [
    ("shared", include_str!("shader/shared.wgsl")),
    ("planes", include_str!("shader/planes.wgsl")),
    ("found", include_str!("shader/found.wgsl")),
];

/// The numbers that tensors are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Element {
    F32,
    F16,
}

impl Element {
    /// Bytes of one.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 => 2,
        }
    }

    /// What stands before a kernel's text.
    fn prelude(self) -> &'static str {
        match self {
            Self::F32 => "alias E = f32;\nconst LARGEST = 3.0e38;\n",
            Self::F16 => "enable f16;\nalias E = f16;\nconst LARGEST = 65504.0;\n",
        }
    }

    /// Numbers as bytes of this kind.
    pub(crate) fn encode(self, numbers: &[f32], bytes: &mut Vec<u8>) {
        match self {
            Self::F32 => bytes.extend_from_slice(bytemuck::cast_slice(numbers)),
            Self::F16 => numbers.iter().for_each(|&x| bytes.extend(half::f16::from_f32(x).to_le_bytes())),
        }
    }

    /// Number `ix` of these bytes.
    pub(crate) fn decode(self, bytes: &[u8], ix: usize) -> f32 {
        match self {
            Self::F32 => bytemuck::pod_read_unaligned(&bytes[ix * 4..ix * 4 + 4]),
            Self::F16 => half::f16::from_le_bytes([bytes[ix * 2], bytes[ix * 2 + 1]]).to_f32(),
        }
    }
}

impl Kernel {
    /// All, in the order of their indices.
    #[cfg(test)]
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        KERNELS.iter().map(|entry| entry.kernel)
    }

    /// Its place among all.
    pub(crate) fn ix(self) -> usize {
        self as usize
    }

    pub(crate) fn name(self) -> &'static str {
        KERNELS[self.ix()].name
    }

    pub(crate) fn grid(self) -> Grid {
        KERNELS[self.ix()].grid
    }

    /// Whether it reads or writes tensors, so that it is compiled for their kind of numbers.
    pub(crate) fn is_on_tensors(self) -> bool {
        KERNELS[self.ix()].text.contains("#import shared")
    }

    /// The whole text for tensors of `element`.
    pub(crate) fn source(self, element: Element) -> String {
        let mut text = if self.is_on_tensors() { element.prelude().to_owned() } else { String::new() };
        for line in KERNELS[self.ix()].text.lines() {
            let import = line.strip_prefix("#import ").and_then(|name| SHARED.iter().find(|(n, _)| *n == name.trim()));
            text.push_str(import.map_or(line, |(_, shared)| shared));
            text.push('\n');
        }
        text
    }
}

#[cfg(test)]
mod tests;
