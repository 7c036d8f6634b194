//! What untrusted bytes may ask of the machine.

use serde::{Deserialize, Serialize};

/// Bounds checked before anything is decoded or allocated.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Limits {
    /// Longest side a picture may declare, in pixels. Default 65,535.
    pub max_side: u32,
    /// Most pixels a picture may declare. Default 268,435,456 (16,384 × 16,384).
    pub max_pixels: u64,
    /// Most bytes an encoded file may have. Default 1 GiB.
    pub max_file_bytes: u64,
    /// Most bytes that decoding one picture may allocate at a time. Default 2 GiB.
    pub max_decode_bytes: u64,
    /// Most bytes an embedded colour profile may have; larger ones are left out with a warning. Default 4 MiB.
    pub max_profile_bytes: u64,
    /// Most seconds that fetching a picture, or one pass over its file, may take; checked whenever bytes are read, so that
    /// what decoders compute between two reads is not cut short. Default 300.
    pub max_seconds: u32,
    /// Frames of an animation after this many cannot be chosen, because all before them are decoded. Default 10,000.
    pub max_frames: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_side: 65_535,
            max_pixels: 1 << 28,
            max_file_bytes: 1 << 30,
            max_decode_bytes: 2 << 30,
            max_profile_bytes: 4 << 20,
            max_seconds: 300,
            max_frames: 10_000,
        }
    }
}
