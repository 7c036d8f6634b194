//! Settings of the backend.

use std::path::PathBuf;
use std::time::Duration;

/// Numbers that tensors are made of on the device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Half {
    /// 32-bit floats everywhere: results agree with the CPU's to rounding.
    #[default]
    Never,
    /// 16-bit floats where the adapter has them: half the memory and traffic, results within about 1 % of confidence.
    WhereSupported,
}

/// How to open and use the device.
#[derive(Debug, Clone)]
pub struct GpuOptions {
    /// Part of the adapter's name, in any case; `None` takes the best hardware there is, software last.
    pub adapter: Option<String>,
    /// How long a slice of work may hold the device.
    pub slice_limit: Duration,
    /// Slices handed to the device ahead of the running one; 1 leaves it idle in between.
    pub depth: usize,
    /// Jobs whose pictures and arenas exist at once; more wait.
    pub in_flight: usize,
    /// Bytes of the device's memory that one job may take.
    pub job_bytes: u64,
    /// 32-bit or 16-bit floats.
    pub half: Half,
    /// Folder for what was measured and compiled on this machine; `None` keeps nothing.
    pub cache: Option<PathBuf>,
    /// Fills the arena with numbers that are none before every job: what reads what nobody wrote then shows.
    pub poison: bool,
}

impl Default for GpuOptions {
    /// The best hardware, slices of a millisecond, three jobs in flight of at most 1 GiB, 32-bit floats.
    fn default() -> Self {
        Self {
            adapter: None,
            slice_limit: Duration::from_millis(1),
            depth: 3,
            in_flight: 3,
            job_bytes: 1 << 30,
            half: Half::default(),
            cache: cache_folder(),
            poison: false,
        }
    }
}

/// The user's own cache folder, after the habits of each system.
fn cache_folder() -> Option<PathBuf> {
    let from = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = match () {
        () if cfg!(windows) => from("LOCALAPPDATA"),
        () if cfg!(target_os = "macos") => from("HOME").map(|home| home.join("Library/Caches")),
        () => from("XDG_CACHE_HOME").or_else(|| from("HOME").map(|home| home.join(".cache"))),
    };
    base.map(|folder| folder.join("ocelli"))
}
