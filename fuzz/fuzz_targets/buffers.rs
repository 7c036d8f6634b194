//! Any sizes and pitches as a pixel buffer or a video frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_core::{Limits, PixelRegion, Size};
use ocelli_image::{Picture, PixelBuffer, PixelLayout, YuvBuffer, YuvLayout, YuvMatrix, YuvPlane, YuvRange};

fuzz_target!(|input: (u8, u32, u32, u32, u32, usize, &[u8])| {
    let (kind, width, height, x, y, row_pitch, data) = input;
    let limits = Limits::default();
    let size = Size::new(width, height);
    let layout = [PixelLayout::Gray8, PixelLayout::Bgr8, PixelLayout::Rgba8][usize::from(kind) % 3];
    let _ = Picture::open(PixelBuffer { data, size, row_pitch, layout }, &limits);
    let planes = [YuvPlane { data, row_pitch }; 3];
    let layout = [YuvLayout::Nv12, YuvLayout::I420, YuvLayout::Yuyv, YuvLayout::P010][usize::from(kind) % 4];
    let crop = (kind > 127).then_some(PixelRegion { x, y, width: x / 2, height: y / 2 });
    let (matrix, range) = (YuvMatrix::Bt2020, YuvRange::Video);
    let _ = Picture::open(YuvBuffer { planes: &planes, size, layout, matrix, range, crop }, &limits);
});
