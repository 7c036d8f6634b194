//! What the fuzz targets do with bytes: shared with the smoke run, which needs no fuzzer.

use ocelli_core::{Control, Limits, PixelRegion, Size, ViewKind, ViewScale, ViewSpec};
use ocelli_image::{
    Picture, PixelBuffer, PixelLayout, Source, ViewCache, YuvBuffer, YuvLayout, YuvMatrix, YuvPlane, YuvRange,
};

/// The most bytes that the targets let intake take.
pub const MEMORY: u64 = 64 << 20;

/// Small limits, so that a run is quick and memory is watched.
pub fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.max_pixels = 1 << 20;
    limits.max_decode_bytes = MEMORY;
    limits.max_seconds = 5;
    limits
}

/// Any bytes as a file: header, plan, views, tiles, a frame of an animation.
pub fn intake(bytes: &[u8]) {
    let frame = u32::from(bytes.last().is_some_and(|b| b % 8 == 0));
    let Ok(picture) = Picture::open(Source::bytes("fuzz", bytes).frame(frame), &limits()) else { return };
    let cache = ViewCache::new(1 << 20);
    let specs = [ViewSpec::native(ViewKind::Luma8), ViewSpec::scaled(ViewKind::Integral, 24)];
    if picture.plan(&specs).is_ok() {
        let _ = picture.views(&specs, &specs, &cache, &Control::default());
    }
    let longer = picture.info().size.longer_side().div_ceil(2);
    let size = ViewSpec::scaled(ViewKind::Rgb8, longer).size(picture.info().size);
    let part = PixelRegion { x: 0, y: size.height / 2, width: size.width, height: size.height - size.height / 2 };
    let tile = ViewSpec { kind: ViewKind::Rgb8, scale: ViewScale::Part { longer, part }, region: None };
    if picture.plan_stream(&[tile]).iter().all(|pass| pass.peak_bytes < MEMORY) {
        let _ = picture.stream(&[tile], &cache, &Control::default(), &mut |_| Ok(()));
    }
}

/// Any sizes and pitches as a pixel buffer or a video frame.
pub fn buffers((kind, width, height, x, y, row_pitch): (u8, u32, u32, u32, u32, usize), data: &[u8]) {
    let limits = limits();
    let size = Size::new(width, height);
    let layouts = [
        PixelLayout::Gray8,
        PixelLayout::Bgr8,
        PixelLayout::Rgba8,
        PixelLayout::Bgra8Premultiplied,
        PixelLayout::Rgb16,
        PixelLayout::Rgba32F,
    ];
    let layout = layouts[usize::from(kind) % layouts.len()];
    let _ = Picture::open(PixelBuffer { data, size, row_pitch, layout }, &limits);
    let planes = [YuvPlane { data, row_pitch }; 3];
    let layouts = [YuvLayout::Nv12, YuvLayout::I420, YuvLayout::Yuyv, YuvLayout::P010];
    let layout = layouts[usize::from(kind) % layouts.len()];
    let crop = (kind > 127).then_some(PixelRegion { x, y, width: x / 2, height: y / 2 });
    let (matrix, range) = (YuvMatrix::Bt2020, YuvRange::Video);
    let _ = Picture::open(YuvBuffer { planes: &planes, size, layout, matrix, range, crop }, &limits);
}
