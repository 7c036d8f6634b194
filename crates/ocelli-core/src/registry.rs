//! The registry: which algorithms answer which requests.

use crate::{
    Algorithm, AnyObservations, AnyRequest, Cost, Error, ImageInfo, Input, MemoryPlan, MissReport, Needs,
    NormalizedRect, Observation, Request, Result, Size, Tile, TileScan, Tiling,
};
use serde_json::Value;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

/// An [`Algorithm`] with its types erased, as the scheduler holds it.
pub trait AnyAlgorithm: Send + Sync {
    /// See [`Algorithm::name`].
    fn name(&self) -> &str;
    /// See [`Algorithm::revision`].
    fn revision(&self) -> u32;
    /// See [`Algorithm::description`].
    fn description(&self) -> &str;
    /// See [`Algorithm::needs`].
    ///
    /// # Errors
    /// The algorithm's own.
    fn needs(&self, request: &AnyRequest, image: &ImageInfo) -> Result<Needs>;
    /// See [`Algorithm::requires`].
    fn requires(&self, request: &AnyRequest) -> Vec<AnyRequest>;
    /// See [`Algorithm::run`]; answers come sorted by falling confidence, at most the maximum count.
    ///
    /// # Errors
    /// The algorithm's own; [`Error::DeadlineExceeded`] where the search was cut short before anything was found.
    fn run(&self, request: &AnyRequest, input: &Input<'_>) -> Result<AnyObservations>;
    /// See [`Algorithm::explain_miss`].
    ///
    /// # Errors
    /// The algorithm's own.
    fn explain_miss(
        &self,
        request: &AnyRequest,
        input: &Input<'_>,
        place: NormalizedRect,
    ) -> Result<Option<MissReport>>;
    /// See [`Algorithm::memory`].
    ///
    /// # Errors
    /// The algorithm's own.
    fn memory(&self, request: &AnyRequest, image: &ImageInfo) -> Result<Option<MemoryPlan>>;
    /// See [`Algorithm::cost`].
    ///
    /// # Errors
    /// The algorithm's own.
    fn cost(&self, request: &AnyRequest, sizes: &[Size]) -> Result<Cost>;
    /// See [`TileScan::tiling`]; `None` where the algorithm does not scan tile by tile.
    fn tiling(&self, request: &AnyRequest) -> Option<Tiling>;
    /// See [`TileScan::scan_cost`].
    ///
    /// # Errors
    /// The algorithm's own.
    fn scan_cost(&self, request: &AnyRequest, sizes: &[Size]) -> Result<Cost>;
    /// See [`TileScan::scan`].
    ///
    /// # Errors
    /// The algorithm's own.
    fn scan(&self, request: &AnyRequest, input: &Input<'_>, tiles: &[Tile]) -> Result<AnyObservations>;
    /// See [`TileScan::merge`]; answers come sorted by falling confidence, at most the maximum count.
    ///
    /// # Errors
    /// [`Error::Contract`] for broken answers.
    fn merge(&self, request: &AnyRequest, input: &Input<'_>, found: &[AnyObservations]) -> Result<AnyObservations>;
    /// See [`Algorithm::release`].
    fn release(&self);
}

impl<A: Algorithm> AnyAlgorithm for A {
    fn name(&self) -> &str {
        Algorithm::name(self)
    }
    fn revision(&self) -> u32 {
        Algorithm::revision(self)
    }
    fn description(&self) -> &str {
        Algorithm::description(self)
    }
    fn needs(&self, request: &AnyRequest, image: &ImageInfo) -> Result<Needs> {
        Algorithm::needs(self, typed::<A>(request)?, image)
    }
    fn requires(&self, request: &AnyRequest) -> Vec<AnyRequest> {
        typed::<A>(request).map(|r| Algorithm::requires(self, r)).unwrap_or_default()
    }
    fn run(&self, request: &AnyRequest, input: &Input<'_>) -> Result<AnyObservations> {
        let answers = Algorithm::run(self, typed::<A>(request)?, input)?;
        settled(self, request, answers, is_complete(input))
    }
    fn explain_miss(
        &self,
        request: &AnyRequest,
        input: &Input<'_>,
        place: NormalizedRect,
    ) -> Result<Option<MissReport>> {
        Algorithm::explain_miss(self, typed::<A>(request)?, input, place)
    }
    fn memory(&self, request: &AnyRequest, image: &ImageInfo) -> Result<Option<MemoryPlan>> {
        Algorithm::memory(self, typed::<A>(request)?, image)
    }
    fn cost(&self, request: &AnyRequest, sizes: &[Size]) -> Result<Cost> {
        Algorithm::cost(self, typed::<A>(request)?, sizes)
    }
    fn tiling(&self, request: &AnyRequest) -> Option<Tiling> {
        Algorithm::tiles(self)?.tiling(typed::<A>(request).ok()?)
    }
    fn scan_cost(&self, request: &AnyRequest, sizes: &[Size]) -> Result<Cost> {
        tiled(self)?.scan_cost(typed::<A>(request)?, sizes)
    }
    fn scan(&self, request: &AnyRequest, input: &Input<'_>, tiles: &[Tile]) -> Result<AnyObservations> {
        Ok(AnyObservations::new::<A::Request>(tiled(self)?.scan(typed::<A>(request)?, input, tiles)?))
    }
    fn merge(&self, request: &AnyRequest, input: &Input<'_>, found: &[AnyObservations]) -> Result<AnyObservations> {
        let all = found.iter().filter_map(AnyObservations::downcast_ref::<A::Request>).flatten().cloned().collect();
        let answers = tiled(self)?.merge(typed::<A>(request)?, input.image, all);
        settled(self, request, answers, is_complete(input))
    }
    fn release(&self) {
        Algorithm::release(self);
    }
}

/// Checks, sorts and counts answers.
fn settled<A: Algorithm>(
    algorithm: &A,
    request: &AnyRequest,
    mut answers: Vec<<A::Request as Request>::Out>,
    complete: bool,
) -> Result<AnyObservations> {
    if answers.iter().any(|o| !(0.0..=1.0).contains(&o.confidence())) {
        let reason = "a confidence outside 0..=1".to_owned();
        return Err(Error::Contract { algorithm: algorithm.name().into(), reason });
    }
    // Stable: answers of equal confidence keep the algorithm's own order.
    answers.sort_by(|a, b| b.confidence().total_cmp(&a.confidence()));
    answers.truncate(request.options().max_count.unwrap_or(usize::MAX));
    match AnyObservations::new::<A::Request>(answers) {
        answers if complete => Ok(answers),
        // Nothing found in a part of the picture is no answer.
        answers if answers.is_empty() => Err(Error::DeadlineExceeded),
        answers => Ok(answers.incomplete()),
    }
}

/// Whether a run saw all that it was to see.
fn is_complete(input: &Input<'_>) -> bool {
    !(input.control.is_incomplete() || input.provenance.incomplete)
}

fn tiled<A: Algorithm>(algorithm: &A) -> Result<&dyn TileScan<A::Request>> {
    algorithm.tiles().ok_or_else(|| Error::Contract {
        algorithm: algorithm.name().into(),
        reason: "was handed tiles, which it does not scan".into(),
    })
}

fn typed<A: Algorithm>(request: &AnyRequest) -> Result<&A::Request> {
    request
        .downcast_ref()
        .ok_or_else(|| Error::parameter("request", request.kind(), format!("a request of kind {}", A::Request::KIND)))
}

/// All request kinds that can be asked for, and for each the algorithms that answer it.
#[derive(Clone, Default)]
pub struct Registry {
    kinds: BTreeMap<&'static str, Kind>,
}

#[derive(Clone)]
struct Kind {
    parse: fn(&Value) -> Result<AnyRequest>,
    /// In order of registration: the first one's name is the default.
    algorithms: Vec<Arc<dyn AnyAlgorithm>>,
}

impl Registry {
    /// A registry without algorithms.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an algorithm, and with it its kind of request if that is new.
    ///
    /// The first name registered for a kind is the default; of several revisions of one name the newest is.
    ///
    /// # Errors
    /// [`Error::Parameter`] where that name and revision are taken.
    pub fn register<A: Algorithm>(&mut self, algorithm: A) -> Result<&mut Self> {
        let kind = self.kind::<A>();
        let id = (Algorithm::name(&algorithm), Algorithm::revision(&algorithm));
        if kind.algorithms.iter().any(|a| (a.name(), a.revision()) == id) {
            let value = format!("{} revision {}", id.0, id.1);
            return Err(Error::parameter("algorithm", value, "a name and revision not registered yet"));
        }
        kind.algorithms.push(Arc::new(algorithm));
        Ok(self)
    }

    /// Adds an algorithm in the place of the one with its name and revision, or as [`register`](Self::register) does.
    pub fn replace<A: Algorithm>(&mut self, algorithm: A) -> &mut Self {
        let kind = self.kind::<A>();
        let id = (Algorithm::name(&algorithm), Algorithm::revision(&algorithm));
        match kind.algorithms.iter().position(|a| (a.name(), a.revision()) == id) {
            Some(ix) => kind.algorithms[ix] = Arc::new(algorithm),
            None => kind.algorithms.push(Arc::new(algorithm)),
        }
        self
    }

    fn kind<A: Algorithm>(&mut self) -> &mut Kind {
        let new = || Kind { parse: AnyRequest::from_json::<A::Request>, algorithms: Vec::new() };
        self.kinds.entry(A::Request::KIND).or_insert_with(new)
    }

    /// Names of all kinds of request, sorted.
    pub fn kinds(&self) -> impl Iterator<Item = &'static str> {
        self.kinds.keys().copied()
    }

    /// The algorithms for a kind of request, in order of registration; empty for an unknown kind.
    pub fn algorithms(&self, kind: &str) -> &[Arc<dyn AnyAlgorithm>] {
        self.kinds.get(kind).map_or(&[], |k| &k.algorithms)
    }

    /// Makes a request by the name of its kind, from parameters as a JSON object.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an unknown kind or parameter, or a value out of range.
    pub fn request(&self, kind: &str, parameters: &Value) -> Result<AnyRequest> {
        let known = || self.kinds().collect::<Vec<_>>().join(", ");
        let entry = self
            .kinds
            .get(kind)
            .ok_or_else(|| Error::parameter("request", format!("{kind:?}"), format!("one of {}", known())))?;
        (entry.parse)(parameters)
    }

    /// The algorithm that answers a request: by the name and revision it asks for, else the default.
    ///
    /// # Errors
    /// [`Error::Parameter`] where nothing registered fits, listing what would.
    pub fn select(&self, request: &AnyRequest) -> Result<Arc<dyn AnyAlgorithm>> {
        let algorithms = self.algorithms(request.kind());
        let first = algorithms.first().ok_or_else(|| {
            Error::parameter("request", request.kind(), "a kind that some registered algorithm answers")
        })?;
        let options = request.options();
        let name = options.algorithm.as_deref().unwrap_or(first.name());
        algorithms
            .iter()
            .filter(|a| a.name() == name && options.revision.is_none_or(|r| r == a.revision()))
            .min_by_key(|a| Reverse(a.revision()))
            .cloned()
            .ok_or_else(|| {
                let known: Vec<_> =
                    algorithms.iter().map(|a| format!("{} revision {}", a.name(), a.revision())).collect();
                let asked = options.revision.map_or(name.to_owned(), |r| format!("{name} revision {r}"));
                Error::parameter("algorithm", asked, format!("one of {}", known.join(", ")))
            })
    }
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names =
            |k: &Kind| k.algorithms.iter().map(|a| format!("{} r{}", a.name(), a.revision())).collect::<Vec<_>>();
        f.debug_map().entries(self.kinds.iter().map(|(kind, k)| (kind, names(k)))).finish()
    }
}

#[cfg(test)]
mod tests;
