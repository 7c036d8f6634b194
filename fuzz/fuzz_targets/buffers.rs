//! Any sizes and pitches as a pixel buffer or a video frame.
#![no_main]

#[path = "../targets.rs"]
mod targets;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u32, u32, u32, u32, usize, &[u8])| {
    let (kind, width, height, x, y, row_pitch, data) = input;
    targets::buffers((kind, width, height, x, y, row_pitch), data);
});
