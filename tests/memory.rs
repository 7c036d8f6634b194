//! Memory stays flat over many pictures of many shapes.

use ocelli::prelude::*;
use ocelli_testkit::memory::CountingAllocator;
use ocelli_testkit::pictures::{gradient, noise};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

/// Ten thousand pictures, each of another shape, through one `Vision`.
#[test]
fn ten_thousand_pictures_leave_nothing_behind() {
    const PICTURES: u32 = 10_000;
    // Small budgets, so that the caches are full long before the end.
    let vision = Vision::builder().threads(2).cache_bytes(1 << 20).build().unwrap();
    let perform = |n: u32| {
        let (width, height) = (1 + n * 7919 % 61, 1 + n * 104_729 % 53);
        let picture = if n.is_multiple_of(2) { noise(width, height, n) } else { gradient(width, height) };
        vision.open(image::DynamicImage::from(picture)).unwrap().perform((DetectFaces::new(),)).unwrap();
    };
    (0..PICTURES / 5).for_each(perform);
    let warm = ALLOCATOR.live_bytes();
    ALLOCATOR.reset_peak();
    (PICTURES / 5..PICTURES).for_each(perform);
    let (live, peak) = (ALLOCATOR.live_bytes(), ALLOCATOR.peak_bytes());
    // The plan cache and the arenas may still grow a little towards their own bounds; a leak of one small view a
    // picture would be tens of megabytes.
    const SLACK: usize = 4 << 20;
    assert!(live < warm + SLACK, "{warm} bytes live after warm-up, {live} at the end");
    assert!(peak < warm + 2 * SLACK, "{warm} bytes live after warm-up, {peak} at the peak");
}
