//! Compiled kernels kept between starts of the program, where the driver can.
#![allow(unsafe_code, reason = "wgpu takes cached pipelines on trust: the file is ours, checked, in the user's folder")]

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use wgpu::{AdapterInfo, Device, PipelineCache, PipelineCacheDescriptor};

/// Larger files are not ours.
const MAX_BYTES: u64 = 64 << 20;

/// The file for one adapter and driver: eight bytes of checksum, then the driver's data.
#[derive(Debug)]
pub(crate) struct PipelineFile {
    path: PathBuf,
}

impl PipelineFile {
    /// The file for an adapter in `folder`; `None` where its API keeps no such data.
    pub(crate) fn new(folder: &Path, info: &AdapterInfo) -> Option<Self> {
        let key = wgpu::util::pipeline_cache_key(info)?;
        let driver = checksum(format!("{} {}", info.driver, info.driver_info).as_bytes());
        Some(Self { path: folder.join(format!("{key}_{driver:016x}")) })
    }

    /// A cache that begins with what was kept, or empty where that is missing or damaged.
    pub(crate) fn load(&self, device: &Device) -> PipelineCache {
        let data = self.read();
        let descriptor = PipelineCacheDescriptor { label: Some("kernels"), data: data.as_deref(), fallback: true };
        // SAFETY: the data is what `get_data` gave for this adapter and driver: the name says so, and the checksum
        // refuses files that were cut or changed by accident.
        unsafe { device.create_pipeline_cache(&descriptor) }
    }

    fn read(&self) -> Option<Vec<u8>> {
        let size = std::fs::metadata(&self.path).ok()?.len();
        let bytes = (size <= MAX_BYTES).then(|| std::fs::read(&self.path).ok()).flatten()?;
        let (sum, data) = bytes.split_first_chunk::<8>()?;
        (u64::from_le_bytes(*sum) == checksum(data)).then(|| data.to_vec())
    }

    /// Keeps `data` where it is news; a cache that cannot be written is no error.
    pub(crate) fn save(&self, data: &[u8]) {
        if self.read().as_deref() == Some(data) {
            return;
        }
        let bytes = [&checksum(data).to_le_bytes()[..], data].concat();
        let kept = write_whole(&self.path, &bytes);
        tracing::debug!(path = %self.path.display(), kept = kept.is_ok(), "compiled kernels");
    }
}

/// Writes a file at once: readers see the old one or the new one.
pub(crate) fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("{}.tmp", std::process::id()));
    std::fs::write(&beside, bytes)?;
    std::fs::rename(&beside, path)
}

fn checksum(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_damaged_files_are_not_handed_to_the_driver() {
        let folder = std::env::temp_dir().join(format!("ocelli-pipelines-{}", std::process::id()));
        let file = PipelineFile { path: folder.join("kernels") };
        assert_eq!(file.read(), None);
        file.save(b"what the driver made");
        assert_eq!(file.read().as_deref(), Some(&b"what the driver made"[..]));
        let mut bytes = std::fs::read(&file.path).unwrap();
        bytes[12] ^= 1;
        std::fs::write(&file.path, &bytes).unwrap();
        assert_eq!(file.read(), None);
        std::fs::write(&file.path, b"short").unwrap();
        assert_eq!(file.read(), None);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
