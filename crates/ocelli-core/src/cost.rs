//! What an algorithm's run takes, told before it runs.

use crate::Device;
use serde::Serialize;

/// An estimate of one run: working memory exactly or above, work as the algorithm counts it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cost {
    /// Bytes taken beside the views while it runs; 0 where the algorithm does not say.
    pub bytes: u64,
    /// Multiplications and additions, as pairs; 0 where the algorithm does not say.
    pub operations: u64,
    /// Where it would run.
    pub device: Device,
}

impl Cost {
    /// A run on the processor.
    pub fn on_cpu(bytes: u64, operations: u64) -> Self {
        Self { bytes, operations, device: Device::Cpu }
    }
}
