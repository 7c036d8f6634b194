//! The conformance suite: what every plugin promises by implementing [`Algorithm`], as one line in its tests.
//!
//! ```ignore
//! // tests/conformance.rs of the plugin; the macro brings the allocator that the memory check reads
//! ocelli_testkit::conformance!(DeepFaces::new().unwrap(), DetectFaces::new());
//! ```
//!
//! It lies in a file of its own below `tests/`, because a plugin and this crate then agree on its types. Every check has
//! a name, and a failing suite lists all that failed:
//!
//! | check | what must hold |
//! | --- | --- |
//! | `coverage` | the pictures show something: without an answer the other checks would say little |
//! | `determinism` | equal answers in every run, and for every number of threads |
//! | `orientation` | equal answers for the eight ways in which a file can store the picture |
//! | `source-kind` | equal answers for a file, bytes, pixels, blue-green-red pixels with padding |
//! | `needs` | no view is read that the needs do not declare; equal needs for equal questions |
//! | `stop` | a cancelled run ends as cancelled, one without time as late or marked incomplete, both within a bound |
//! | `extreme-sizes` | pictures of 1×1, 1×5000 and 5000×1 are answered or refused, never a fault of the algorithm |
//! | `region` | a region of interest equals the crop, in coordinates of the whole picture |
//! | `random-pictures` | noise of odd sizes is answered: no panic, no fault |
//! | `threshold` | no answer is less sure than asked |
//! | `memory` | a run takes no more memory than its views and the bound |
//! | `serde` | request and observations survive JSON, unknown parameters are refused, records say what they are |
//! | `provenance` | every observation says who made it |
//!
//! The suite runs the algorithm through the framework and, where a check must see a run from inside, by itself.

mod checks;
mod compare;
mod stage;
#[cfg(test)]
mod tests;

use crate::memory::CountingAllocator;
use crate::pictures;
use image::RgbImage;
use ocelli::VisionBuilder;
use ocelli::core::Algorithm;
use std::fmt;
use std::time::Duration;

/// Runs the whole suite as one test: the algorithm, a request that it answers, and settings of [`Conformance`] after
/// that. See the [module](self).
#[macro_export]
macro_rules! conformance {
    ($algorithm:expr, $request:expr $(, $setting:ident($($value:expr),*))* $(,)?) => {
        #[global_allocator]
        static OCELLI_ALLOCATOR: $crate::memory::CountingAllocator = $crate::memory::CountingAllocator::new();

        #[test]
        fn conforms_to_the_contract_of_plugins() {
            $crate::conformance::Conformance::of(|| $algorithm, $request)
                .allocator(&OCELLI_ALLOCATOR)
                $(.$setting($($value),*))*
                .assert();
        }
    };
}

/// The suite for one algorithm, before it runs. Usually made by [`conformance!`](crate::conformance!).
pub struct Conformance<A: Algorithm> {
    make: Box<dyn Fn() -> A>,
    request: A::Request,
    pictures: Vec<RgbImage>,
    setup: Box<dyn Fn(VisionBuilder) -> VisionBuilder>,
    stop_within: Duration,
    memory_bound: u64,
    tolerance: f64,
    allocator: Option<&'static CountingAllocator>,
}

/// Ample for small networks and cascades; a plugin that needs more says so.
const MEMORY_BOUND: u64 = 64 << 20;
/// Long enough for a busy machine, short enough to tell a run that does not look at its control.
const STOP_WITHIN: Duration = Duration::from_secs(10);
/// How far numbers may be apart where pixels are equal but sums may be ordered otherwise.
const TOLERANCE: f64 = 1e-4;

impl<A: Algorithm> Conformance<A> {
    /// The suite for the algorithm that `make` makes, asked `request` (the algorithm is filled in) on the portrait.
    pub fn of(make: impl Fn() -> A + 'static, request: A::Request) -> Self {
        let portrait = image::open(pictures::portrait()).expect("the repository's own picture").to_rgb8();
        Self {
            make: Box::new(make),
            request,
            pictures: vec![portrait],
            setup: Box::new(|builder| builder),
            stop_within: STOP_WITHIN,
            memory_bound: MEMORY_BOUND,
            tolerance: TOLERANCE,
            allocator: None,
        }
    }

    /// Adds a picture on which the algorithm has something to say.
    pub fn picture(mut self, picture: RgbImage) -> Self {
        self.pictures.insert(0, picture);
        self
    }

    /// Adds what the algorithm requires and the framework does not bring.
    pub fn setup(mut self, setup: impl Fn(VisionBuilder) -> VisionBuilder + 'static) -> Self {
        self.setup = Box::new(setup);
        self
    }

    /// Sets how long a run may take to end once it should. Default 10 s, for machines under load.
    pub fn stop_within(mut self, time: Duration) -> Self {
        self.stop_within = time;
        self
    }

    /// Sets how many bytes a run may take beside its views. Default 64 MiB.
    pub fn memory_bound(mut self, bytes: u64) -> Self {
        self.memory_bound = bytes;
        self
    }

    /// Sets how far apart equal numbers may be: pixels, scores. Default 0.0001.
    pub fn tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Names the test binary's allocator, without which the memory check is left out.
    pub fn allocator(mut self, allocator: &'static CountingAllocator) -> Self {
        self.allocator = Some(allocator);
        self
    }

    /// Runs every check.
    pub fn run(&self) -> Report {
        let stage = stage::Stage::new(self);
        let outcomes = checks::all::<A>().into_iter().filter_map(|(name, check)| {
            let outcome = check(&stage)?;
            Some(Outcome { check: name, failure: outcome.err() })
        });
        Report { outcomes: outcomes.collect() }
    }

    /// Runs every check and panics with all that failed.
    ///
    /// # Panics
    /// Where a check failed.
    pub fn assert(&self) {
        let report = self.run();
        assert!(report.failures().next().is_none(), "{report}");
    }
}

impl<A: Algorithm> fmt::Debug for Conformance<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Conformance").field("request", &self.request).finish_non_exhaustive()
    }
}

/// What came of each check.
#[derive(Debug)]
pub struct Report {
    outcomes: Vec<Outcome>,
}

#[derive(Debug)]
struct Outcome {
    check: &'static str,
    failure: Option<String>,
}

impl Report {
    /// Names of the checks that ran.
    pub fn checks(&self) -> impl Iterator<Item = &'static str> {
        self.outcomes.iter().map(|outcome| outcome.check)
    }

    /// Names of the checks that failed, and why.
    pub fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.outcomes.iter().filter_map(|outcome| Some((outcome.check, outcome.failure.as_deref()?)))
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} conformance checks failed", self.failures().count(), self.outcomes.len())?;
        self.failures().try_for_each(|(check, why)| writeln!(f, "  {check}: {why}"))
    }
}
