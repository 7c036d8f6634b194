//! The memory check of the conformance suite, which needs the test binary's allocator.

use ocelli::prelude::*;
use ocelli_testkit::conformance::Conformance;
use ocelli_testkit::memory::CountingAllocator;
use ocelli_testkit::pictures::gradient;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Hoard {
    #[serde(flatten)]
    options: RequestOptions,
}
impl_request!(Hoard => Taken, "hoard");

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Taken {
    confidence: f32,
    provenance: Arc<Provenance>,
}
impl_observation!(Taken, "taken");

/// Takes three megabytes.
struct Hoarder;

impl Algorithm for Hoarder {
    type Request = Hoard;
    fn name(&self) -> &str {
        "hoarder"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, _: &Hoard, _: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new())
    }
    fn run(&self, _: &Hoard, input: &Input<'_>) -> Result<Vec<Taken>> {
        input.control.checkpoint()?;
        let hoard = std::hint::black_box(vec![1u8; 3 << 20]);
        Ok(vec![Taken { confidence: f32::from(hoard[7]), provenance: input.provenance.clone() }])
    }
}

#[test]
fn a_run_that_takes_more_than_its_bound_fails_by_name() {
    let failed = |bound: u64| -> Vec<&'static str> {
        let suite = Conformance::of(|| Hoarder, Hoard::default())
            .setup(|builder| builder.without_builtin())
            .picture(gradient(64, 48))
            .allocator(&ALLOCATOR)
            .memory_bound(bound);
        suite.run().failures().map(|(check, _)| check).collect()
    };
    assert_eq!(failed(1 << 20), ["memory"]);
    assert_eq!(failed(4 << 20), [] as [&str; 0]);
}
