use super::*;
use ocelli_core::{Error, Size, ViewData, ViewKind};
use std::sync::atomic::AtomicUsize;

fn view(longer: u32) -> Arc<View> {
    let spec = ViewSpec::scaled(ViewKind::Luma8, longer);
    let image = Size::new(100, 100);
    Arc::new(View::new(spec, image, ViewData::U8(vec![0; spec.size(image).pixels() as usize])))
}

fn put(cache: &ViewCache, picture: u64, view: &Arc<View>) {
    match cache.0.claim(picture, *view.spec()) {
        Claim::Build(slot) => slot.finish(view),
        _ => panic!("already there"),
    }
}

#[test]
fn the_least_recently_used_leaves_first() {
    let cache = ViewCache::new(250);
    put(&cache, 1, &view(10)); // 100 bytes
    put(&cache, 2, &view(10));
    assert!(cache.0.peek(1, view(10).spec()).is_some());
    put(&cache, 3, &view(10));
    assert!(cache.0.peek(2, view(10).spec()).is_none(), "picture 2 was used longest ago");
    assert!(cache.0.peek(1, view(10).spec()).is_some());
    let counters = cache.counters();
    assert_eq!((counters.bytes, counters.entries, counters.evictions, counters.builds), (200, 2, 1, 3));
}

#[test]
fn what_never_fits_is_not_kept() {
    let cache = ViewCache::new(50);
    put(&cache, 1, &view(10));
    assert_eq!(cache.counters().bytes, 0);
    assert!(cache.0.shelves.is_empty());
}

#[test]
fn forgetting_and_clearing_free_everything() {
    let cache = ViewCache::new(1000);
    put(&cache, 1, &view(10));
    put(&cache, 1, &view(12));
    put(&cache, 2, &view(10));
    cache.0.forget(1);
    assert_eq!((cache.counters().bytes, cache.counters().entries), (100, 1));
    cache.clear();
    assert_eq!((cache.counters().bytes, cache.counters().entries), (0, 0));
}

#[test]
fn one_builds_and_the_others_wait() {
    let cache = ViewCache::new(0);
    let spec = *view(10).spec();
    let Claim::Build(slot) = cache.0.claim(1, spec) else { panic!("nobody was first") };
    let waited = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let Claim::Wait(flight) = cache.0.claim(1, spec) else { panic!("two builders") };
            let waited = &waited;
            scope.spawn(move || {
                assert!(wait(&flight, &Control::default()).unwrap().is_some());
                waited.fetch_add(1, Ordering::Relaxed);
            });
        }
        slot.finish(&view(10));
    });
    assert_eq!(waited.load(Ordering::Relaxed), 4);
    assert_eq!(cache.counters().builds, 1);
}

#[test]
fn failures_are_shared_but_a_cancelled_builder_is_not() {
    let cache = ViewCache::new(1000);
    let spec = *view(10).spec();
    let outcome = |error: Option<Error>| {
        let Claim::Build(slot) = cache.0.claim(1, spec) else { panic!("nobody was first") };
        let Claim::Wait(flight) = cache.0.claim(1, spec) else { panic!("two builders") };
        match error {
            Some(error) => slot.fail(&error),
            None => drop(slot),
        }
        wait(&flight, &Control::default())
    };
    assert!(matches!(outcome(Some(Error::decoding("x", "broken"))), Err(Error::Decoding { .. })));
    assert!(matches!(outcome(Some(Error::Cancelled)), Ok(None)));
    assert!(matches!(outcome(None), Ok(None)));
}
