//! Any bytes as a file: header, plan, views, within small limits.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ocelli_core::{Control, Limits, ViewKind, ViewSpec};
use ocelli_image::{Picture, ViewCache};

fuzz_target!(|bytes: &[u8]| {
    let mut limits = Limits::default();
    limits.max_pixels = 1 << 20;
    limits.max_decode_bytes = 64 << 20;
    let Ok(picture) = Picture::open(bytes, &limits) else { return };
    let specs = [ViewSpec::native(ViewKind::Luma8), ViewSpec::scaled(ViewKind::Integral, 24)];
    if picture.plan(&specs).is_ok() {
        let _ = picture.views(&specs, &specs, &ViewCache::new(1 << 20), &Control::default());
    }
});
