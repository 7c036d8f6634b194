//! The deep face detector: a small fully convolutional network scanned over an octave pyramid.
//!
//! The network gives, for every cell of its output grid, a score and a box for faces of one octave of sizes. Each
//! pyramid level is half the one above, so one set of weights finds faces of all sizes; all levels run as one joint
//! plan. Candidates of all levels are merged by non-maximum suppression. After OverFeat (Sermanet et al., 2013,
//! arXiv:1312.6229) in the form that Apple described for its Vision framework in 2017.
//!
//! Reading order: [`pyramid`] (which levels), `decode` (outputs to candidates), `turns` (faces not upright), `merge`
//! (doubles), [`DeepFaces`].

mod decode;
mod device;
mod in_time;
mod levels;
mod merge;
mod miss;
mod settings;
mod tiles;
mod turns;

pub use levels::{FaceOctave, pyramid};

use merge::{Candidate, non_max_suppression};
use ocelli_core::{
    Algorithm, Control, Cost, DetectFaces, Error, FaceObservation, ImageInfo, Input, MemoryPlan, MissReport, Needs,
    NormalizedRect, Request, Result, Size, TileScan, View, ViewKind, ViewSpec,
};
use ocelli_nn::backend::Backend;
use ocelli_nn::{ImageShape, JointPlan, Model, ModelLimits, Network, NetworkOptions, PlanOptions, Precision, RgbImage};
use settings::Settings;
use std::sync::Arc;
use turns::{TURNS, turned_back, turned_spec, turned_view};

/// The student network that this crate carries; its card is `models/face-student.md`.
const STUDENT: &[u8] = include_bytes!("../../../models/face-student.safetensors");

/// The smaller one; its card is `models/face-student-tiny.md`.
const TINY: &[u8] = include_bytes!("../../../models/face-student-tiny.safetensors");

/// Faces by a deep network; answers [`DetectFaces`] under the name `deep`, `deep-int8` in whole numbers, or `deep-tiny` with a
/// fifth of the work.
///
/// The default threshold comes with the model. Confidence is the network's calibrated score; its card states how well
/// it matches the share of true faces.
#[derive(Debug)]
pub struct DeepFaces {
    network: Arc<Network>,
    settings: Settings,
    name: &'static str,
    /// Another place to run than the processor, where there is one.
    backend: Option<Arc<dyn Backend>>,
}

impl DeepFaces {
    /// The detector with the network that this crate carries.
    ///
    /// # Errors
    /// [`Error::Algorithm`] where the network does not load.
    pub fn new() -> Result<Self> {
        Self::from_model(STUDENT)
    }

    /// The same network in 8-bit integers: about a third of the time; the model's card states the loss.
    ///
    /// # Errors
    /// [`Error::Algorithm`] where the network does not load.
    pub fn int8() -> Result<Self> {
        Self::load(STUDENT, "deep-int8", Precision::Int8)
    }

    /// A smaller network in 8-bit integers, for runs in the background: a fifth of the work, and fewer of the hard faces;
    /// the model's card tells how many.
    ///
    /// # Errors
    /// [`Error::Algorithm`] where the network does not load.
    pub fn tiny() -> Result<Self> {
        Self::load(TINY, "deep-tiny", Precision::Int8)
    }

    /// The detector with another network: the bytes of a model file with an `ocelli.detector` entry.
    ///
    /// # Errors
    /// [`Error::Algorithm`] for a damaged or unfit model, [`Error::Parameter`] for bad detector settings.
    pub fn from_model(bytes: &[u8]) -> Result<Self> {
        Self::load(bytes, "deep", Precision::F32)
    }

    fn load(bytes: &[u8], name: &'static str, precision: Precision) -> Result<Self> {
        let model = Model::from_bytes(bytes, &ModelLimits::default()).map_err(failed)?;
        let settings = Settings::parse(model.metadata("ocelli.detector"))?;
        let options = NetworkOptions::default().with_precision(precision);
        let network = Network::with_options(&model, &options).map_err(failed)?;
        Ok(Self { network, settings, name, backend: None })
    }

    /// The views of the levels, largest first.
    fn levels(&self, request: &DetectFaces, image: Size) -> Vec<ViewSpec> {
        let region = request.options.region.map(|r| r.to_pixels(image));
        let part = region.map_or(image, |r| r.size());
        let levels = pyramid(part, request.min_size, request.max_size, self.settings.octave());
        // Twice the pixels both ways: the network's stride is half as long beside every face.
        let finer = request.fine.then(|| levels[0].saturating_mul(2));
        finer
            .into_iter()
            .chain(levels)
            .map(|longer| ViewSpec::scaled(ViewKind::Rgb8, longer).in_region(region, image))
            .collect()
    }

    /// The joint plan for pictures of these sizes, its work in `share` parts (0: one a thread).
    fn plan(&self, sizes: impl IntoIterator<Item = Size>, share: usize) -> Result<Arc<JointPlan>> {
        let shapes: Vec<_> =
            sizes.into_iter().map(|size| ImageShape::new(size.height as usize, size.width as usize)).collect();
        self.network.plan(&shapes, &PlanOptions::default().with_workers(share)).map_err(failed)
    }

    /// All candidates for the request; `specs` are its levels.
    fn scan(
        &self,
        request: &DetectFaces,
        specs: &[ViewSpec],
        threshold: f32,
        input: &Input<'_>,
    ) -> Result<Vec<Candidate>> {
        let image = input.image.size;
        let backend = self.device_of_run(request, specs, input)?;
        // A device makes the smaller levels itself.
        let given = if backend.is_some() { &specs[..1] } else { specs };
        let views = given.iter().map(|spec| input.views.get(spec).cloned()).collect::<Result<Vec<_>>>()?;
        let look = |views: &[View], specs: &[ViewSpec], image: Size| match backend {
            Some(backend) => self.scan_on(&**backend, &views[0], specs, image, threshold, input.control),
            None => self.scan_here(views, image, threshold, input.control),
        };
        let mut candidates = look(&views, specs, image)?;
        // One orientation after the other: working memory stays that of one.
        for turn in if request.any_orientation { &TURNS[..] } else { &[] } {
            let turned: Vec<_> = views.iter().map(|view| turned_view(view, image, *turn)).collect();
            let specs: Vec<_> = specs.iter().map(|spec| turned_spec(spec, image, *turn)).collect();
            let found = look(&turned, &specs, turn.upright_size(image))?;
            candidates.extend(found.into_iter().map(|candidate| turned_back(candidate, *turn)));
        }
        Ok(candidates)
    }

    /// Runs all levels of a picture of size `image` as one joint plan on the processor and collects candidates.
    fn scan_here(&self, views: &[View], image: Size, threshold: f32, control: &Control) -> Result<Vec<Candidate>> {
        let plan = self.plan(views.iter().map(|view| view.size()), control.share())?;
        let pictures = views
            .iter()
            .map(|view| {
                let size = view.size();
                RgbImage::packed(view.as_u8(), ImageShape::new(size.height as usize, size.width as usize))
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(failed)?;
        let mut arena = plan.arena().map_err(failed)?;
        let should_stop = || control.should_stop();
        let outputs = plan.run(&mut arena, &pictures, &should_stop).map_err(|error| match error {
            ocelli_nn::Error::Cancelled => control.checkpoint().err().unwrap_or(Error::Cancelled),
            other => failed(other),
        })?;
        let mut candidates = Vec::new();
        for (level, view) in views.iter().enumerate() {
            let score = outputs.get(level, "score").map_err(failed)?;
            let boxes = outputs.get(level, "box").map_err(failed)?;
            decode::candidates(&self.settings, threshold, level, view.spec(), image, score, boxes, &mut candidates)?;
        }
        Ok(candidates)
    }
}

fn failed(error: ocelli_nn::Error) -> Error {
    Error::algorithm("deep", error)
}

/// Boxes are estimates: a face just beyond the asked sizes is kept.
const SIZE_TOLERANCE: f64 = 1.25;

/// Whether a face is of the asked size; sizes are relative to the longer side of the searched part.
fn is_wanted(candidate: &Candidate, request: &DetectFaces, part: Size, n_levels: usize) -> bool {
    let pixels = candidate.rect.to_pixels();
    let size = pixels.area().sqrt() / f64::from(part.longer_side());
    let large_enough = size * SIZE_TOLERANCE >= f64::from(request.min_size);
    // The last level answers for everything that is larger, too.
    let unbounded = request.max_size >= 1.0 && candidate.level + 1 == n_levels;
    large_enough && (unbounded || size <= f64::from(request.max_size) * SIZE_TOLERANCE)
}

impl Algorithm for DeepFaces {
    type Request = DetectFaces;

    fn name(&self) -> &str {
        self.name
    }

    fn revision(&self) -> u32 {
        self.network.revision()
    }

    fn description(&self) -> &str {
        match self.name {
            "deep-int8" => "the same network in 8-bit integers: faster, nearly as exact",
            "deep-tiny" => "a smaller network in 8-bit integers: fastest, finds fewer of the hard faces",
            _ => "small fully convolutional network over an octave pyramid",
        }
    }

    fn needs(&self, request: &DetectFaces, image: &ImageInfo) -> Result<Needs> {
        request.validate()?;
        let mut levels = self.levels(request, image.size);
        if self.device(request, &levels, image.size)?.is_some() {
            // The others are made on the device.
            levels.truncate(1);
        }
        Ok(levels.into_iter().collect())
    }

    fn run(&self, request: &DetectFaces, input: &Input<'_>) -> Result<Vec<FaceObservation>> {
        let specs = self.levels(request, input.image.size);
        let threshold = request.options.threshold.unwrap_or(self.settings.threshold);
        let scan = |levels: std::ops::Range<usize>| self.scan(request, &specs[levels], threshold, input);
        let in_parts = input.control.has_deadline() && self.device_of_run(request, &specs, input)?.is_none();
        let (mut candidates, complete) =
            if in_parts { in_time::coarse_first(specs.len(), scan)? } else { (scan(0..specs.len())?, true) };
        let part = specs[0].region_of(input.image.size).size();
        candidates.retain(|c| is_wanted(c, request, part, specs.len()));
        let faces = non_max_suppression(candidates, self.settings.nms_iou);
        let provenance = if complete { self.provenance(request, &specs, input)? } else { input.cut_short() };
        let observe = |c: Candidate| FaceObservation::new(c.rect, c.confidence, provenance.clone());
        Ok(faces.into_iter().map(observe).collect())
    }

    fn explain_miss(
        &self,
        request: &DetectFaces,
        input: &Input<'_>,
        place: NormalizedRect,
    ) -> Result<Option<MissReport>> {
        let specs = self.levels(request, input.image.size);
        miss::explain(self, request, &specs, input, place).map(Some)
    }

    fn cost(&self, request: &DetectFaces, sizes: &[Size]) -> Result<Cost> {
        let (sizes, device) = self.scanned(request, sizes)?;
        let mut cost = self.cost_of(&sizes)?;
        if request.any_orientation {
            cost.bytes += sizes.iter().map(|size| 3 * size.pixels()).sum::<u64>();
            cost.operations *= 1 + TURNS.len() as u64;
        }
        cost.device = device;
        Ok(cost)
    }

    fn tiles(&self) -> Option<&dyn TileScan<DetectFaces>> {
        Some(self)
    }

    fn release(&self) {
        self.network.release();
    }

    fn memory(&self, request: &DetectFaces, image: &ImageInfo) -> Result<Option<MemoryPlan>> {
        let plan = self.plan(self.levels(request, image.size).iter().map(|spec| spec.size(image.size)), 0)?;
        let report = plan.report();
        let figures = serde_json::to_value(&report).map_err(|e| Error::algorithm("deep", e))?;
        Ok(Some(MemoryPlan::new(report.to_string(), figures, report.svg())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_models_are_refused() {
        assert!(DeepFaces::new().is_ok());
        for length in [0, 7, 64, STUDENT.len() / 2, STUDENT.len() - 1] {
            assert!(
                matches!(DeepFaces::from_model(&STUDENT[..length]), Err(Error::Algorithm { .. })),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn needs_are_the_levels_of_the_searched_part() {
        let image = ImageInfo::new("test", Size::new(4000, 3000), Default::default(), "pixels");
        let detector = DeepFaces::new().unwrap();
        let views = detector.needs(&DetectFaces::new(), &image).unwrap().views;
        let sizes: Vec<_> = views.iter().map(|v| v.size(image.size).to_string()).collect();
        assert_eq!(sizes, ["640×480", "320×240", "160×120", "80×60", "40×30"]);
    }
}
