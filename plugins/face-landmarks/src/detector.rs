//! The algorithm: faces to crops, crops through the network, outputs to points.

use crate::crop::{Square, cut, normalized};
use crate::pose::pose;
use crate::request::refuse_gpu;
use crate::settings::Settings;
use crate::{DetectFaceLandmarks, FaceLandmarks, N_POINTS};
use ocelli_core::{
    Algorithm, AnyRequest, Cost, DetectFaces, Error, FaceObservation, ImageInfo, Input, MemoryPlan, Needs, PixelPoint,
    Result, Size, ViewKind, ViewSpec,
};
use ocelli_nn::{ImageShape, Model, ModelLimits, Network, Outputs, PlanOptions, RgbImage};
use std::sync::Arc;

/// The network that this crate carries; its card is `models/face-landmarks.md`.
const NETWORK: &[u8] = include_bytes!("../../../models/face-landmarks.safetensors");
const NAME: &str = "landmark-net";
/// Faces that run as one joint plan: enough to keep every thread busy, few enough to bound the arena.
const BATCH: usize = 16;
/// Longest view that is read where the faces are given: what the default face request reads.
const LONGEST_VIEW: u32 = 640;
/// Smallest octave of the views that are read where the faces are given.
const SHORTEST_VIEW: u32 = 40;

/// Landmarks by a small network on crops of faces; answers [`DetectFaceLandmarks`] under the name `landmark-net`.
///
/// It reads the views of the face request that the plan runs first, or for given faces octave levels of at most 640
/// pixels. Tiny faces are grown to the network's size: they have answers, of low confidence.
#[derive(Debug)]
pub struct LandmarkNet {
    network: Arc<Network>,
    settings: Settings,
}

impl LandmarkNet {
    /// The network that this crate carries.
    ///
    /// # Errors
    /// [`Error::Algorithm`] where the network does not load.
    pub fn new() -> Result<Self> {
        Self::from_model(NETWORK)
    }

    /// Another network: the bytes of a model file with an `ocelli.landmarks` entry.
    ///
    /// # Errors
    /// [`Error::Algorithm`] for a damaged or unfit model, [`Error::Parameter`] for bad settings in it.
    pub fn from_model(bytes: &[u8]) -> Result<Self> {
        let model = Model::from_bytes(bytes, &ModelLimits::default()).map_err(failed)?;
        let settings = Settings::parse(model.metadata("ocelli.landmarks"))?;
        Ok(Self { network: Network::new(&model).map_err(failed)?, settings })
    }

    /// Levels for faces that nobody else reads views for: octaves, as the default face request reads them.
    fn ladder(request: &DetectFaceLandmarks, image: &ImageInfo) -> Vec<ViewSpec> {
        let region = request.face_request().options.region.map(|r| r.to_pixels(image.size));
        let part = region.map_or(image.size, |r| r.size());
        let top = LONGEST_VIEW.min(part.longer_side());
        let octaves = (0..u32::BITS).map(|k| (f64::from(top) / f64::from(1u32 << k.min(31))).round() as u32);
        let levels = octaves.enumerate().take_while(|&(k, longer)| k == 0 || longer >= SHORTEST_VIEW);
        levels.map(|(_, longer)| ViewSpec::scaled(ViewKind::Rgb8, longer).in_region(region, image.size)).collect()
    }

    /// The finer view that the caller pays for, never larger than the searched part.
    fn finer(request: &DetectFaceLandmarks, image: &ImageInfo) -> Option<ViewSpec> {
        let region = request.face_request().options.region.map(|r| r.to_pixels(image.size));
        let part = region.map_or(image.size, |r| r.size());
        let longer = request.resolution?.min(part.longer_side());
        Some(ViewSpec::scaled(ViewKind::Rgb8, longer).in_region(region, image.size))
    }

    /// Runs up to [`BATCH`] faces as one joint plan.
    fn look(&self, faces: &[&FaceObservation], input: &Input<'_>) -> Result<Vec<FaceLandmarks>> {
        let Settings { side, crop, .. } = self.settings;
        let squares: Vec<_> = faces.iter().map(|face| Square::about(face.rect, crop)).collect();
        let crop_bytes = (side * side * 3) as usize;
        let mut pixels = Vec::with_capacity(crop_bytes * faces.len());
        for square in &squares {
            cut(input.views, *square, input.image.size, side, &mut pixels)?;
        }
        let shape = ImageShape::new(side as usize, side as usize);
        let options = PlanOptions::default().with_workers(input.control.share());
        let plan = self.network.plan(&vec![shape; faces.len()], &options).map_err(failed)?;
        let pictures: Vec<_> = pixels
            .chunks_exact(crop_bytes)
            .map(|crop| RgbImage::packed(crop, shape))
            .collect::<std::result::Result<_, _>>()
            .map_err(failed)?;
        let mut arena = plan.arena().map_err(failed)?;
        let should_stop = || input.control.should_stop();
        let outputs = plan.run(&mut arena, &pictures, &should_stop).map_err(|error| match error {
            ocelli_nn::Error::Cancelled => input.control.checkpoint().err().unwrap_or(Error::Cancelled),
            other => failed(other),
        })?;
        let read = |(ix, face): (usize, &&FaceObservation)| self.read(&outputs, ix, face, squares[ix], input);
        faces.iter().enumerate().map(read).collect()
    }

    /// Reads one face's outputs: `points` `[1, 1, 136]` in parts of the crop, `spread` `[1, 1, 1]`, the logarithm of the
    /// foreseen error in the same unit.
    fn read(
        &self,
        outputs: &Outputs<'_>,
        ix: usize,
        face: &FaceObservation,
        square: Square,
        input: &Input<'_>,
    ) -> Result<FaceLandmarks> {
        let raw = outputs.get(ix, "points").map_err(failed)?;
        let spread = outputs.get(ix, "spread").map_err(failed)?;
        if raw.dim() != (1, 1, 2 * N_POINTS) || spread.dim() != (1, 1, 1) {
            let reason = format!("outputs have shapes {:?} and {:?}", raw.dim(), spread.dim());
            return Err(Error::Contract { algorithm: NAME.into(), reason });
        }
        if !raw.iter().all(|v| v.is_finite()) {
            let reason = "the network answered with numbers that are none".into();
            return Err(Error::Contract { algorithm: NAME.into(), reason });
        }
        let points: Vec<_> = (0..N_POINTS).map(|k| square.point(raw[[0, 0, 2 * k]], raw[[0, 0, 2 * k + 1]])).collect();
        let foreseen = f64::from(spread[[0, 0, 0]].exp()) * square.side / between_eyes(&points).max(1e-6);
        Ok(FaceLandmarks {
            face: face.clone(),
            pose: pose(&self.settings.mean_shape, &points),
            points: normalized(&points, input.image.size),
            confidence: self.settings.confidence(foreseen as f32),
            provenance: input.provenance.clone(),
        })
    }
}

/// The distance of the outer corners of the eyes, in pixels.
pub(crate) fn between_eyes(points: &[PixelPoint]) -> f64 {
    match (points.get(36), points.get(45)) {
        (Some(a), Some(b)) => (a.x - b.x).hypot(a.y - b.y),
        _ => 0.0,
    }
}

fn failed(error: ocelli_nn::Error) -> Error {
    Error::algorithm(NAME, error)
}

impl Algorithm for LandmarkNet {
    type Request = DetectFaceLandmarks;

    fn name(&self) -> &str {
        NAME
    }

    fn revision(&self) -> u32 {
        self.network.revision()
    }

    fn description(&self) -> &str {
        "68 points a face by a small network on crops of the shared views"
    }

    fn requires(&self, request: &DetectFaceLandmarks) -> Vec<AnyRequest> {
        match request.faces {
            Some(_) => Vec::new(),
            None => vec![AnyRequest::new(request.face_request())],
        }
    }

    fn needs(&self, request: &DetectFaceLandmarks, image: &ImageInfo) -> Result<Needs> {
        refuse_gpu(&request.options, NAME)?;
        request.check_faces(image)?;
        if request.faces.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Needs::new());
        }
        let needs: Needs = Self::finer(request, image).into_iter().collect();
        Ok(needs.of_required(ViewKind::Rgb8, Self::ladder(request, image)))
    }

    fn run(&self, request: &DetectFaceLandmarks, input: &Input<'_>) -> Result<Vec<FaceLandmarks>> {
        let found = request.faces.as_deref().or(input.observations::<DetectFaces>()).unwrap_or_default();
        let region = request.options.region.map(|r| r.to_pixels(input.image.size));
        let is_inside = |face: &&FaceObservation| {
            let centre = face.rect.center().to_pixels();
            region.is_none_or(|r| {
                let within =
                    |at: f64, from: u32, length: u32| (f64::from(from)..f64::from(from + length)).contains(&at);
                within(centre.x, r.x, r.width) && within(centre.y, r.y, r.height)
            })
        };
        let faces: Vec<_> = found.iter().filter(is_inside).collect();
        let threshold = request.options.threshold.unwrap_or(0.0);
        let mut answers = Vec::new();
        for (done, batch) in faces.chunks(BATCH).enumerate() {
            input.control.checkpoint()?;
            answers.extend(self.look(batch, input)?);
            input.control.progress((done + 1) as f32 * BATCH as f32 / faces.len() as f32);
        }
        answers.retain(|answer| answer.confidence >= threshold);
        Ok(answers)
    }

    fn cost(&self, request: &DetectFaceLandmarks, _sizes: &[Size]) -> Result<Cost> {
        // How many faces will be found is not known; a batch is the most that runs at a time.
        let n = request.faces.as_ref().map_or(BATCH, Vec::len).min(BATCH);
        if n == 0 {
            return Ok(Cost::default());
        }
        let shape = ImageShape::new(self.settings.side as usize, self.settings.side as usize);
        let plan = self.network.plan(&vec![shape; n], &PlanOptions::default()).map_err(failed)?;
        let crops = u64::from(self.settings.side).pow(2) * 3 * n as u64;
        Ok(Cost::on_cpu(plan.arena_bytes() as u64 + crops, plan.operations()))
    }

    fn release(&self) {
        self.network.release();
    }

    fn memory(&self, request: &DetectFaceLandmarks, _image: &ImageInfo) -> Result<Option<MemoryPlan>> {
        let n = request.faces.as_ref().map_or(1, Vec::len).clamp(1, BATCH);
        let shape = ImageShape::new(self.settings.side as usize, self.settings.side as usize);
        let report = self.network.plan(&vec![shape; n], &PlanOptions::default()).map_err(failed)?.report();
        let figures = serde_json::to_value(&report).map_err(|e| Error::algorithm(NAME, e))?;
        Ok(Some(MemoryPlan::new(report.to_string(), figures, report.svg())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{NormalizedRect, PixelRect, Provenance};

    fn info(width: u32, height: u32) -> ImageInfo {
        ImageInfo::new("test", Size::new(width, height), Default::default(), "pixels")
    }

    #[test]
    fn damaged_models_are_refused() {
        assert!(LandmarkNet::new().is_ok());
        for length in [0, 7, 64, NETWORK.len() / 2, NETWORK.len() - 1] {
            assert!(matches!(LandmarkNet::from_model(&NETWORK[..length]), Err(Error::Algorithm { .. })), "{length}");
        }
        let detector = include_bytes!("../../../models/face-student.safetensors");
        let refused = LandmarkNet::from_model(detector).unwrap_err().to_string();
        assert!(refused.contains("ocelli.landmarks"), "{refused}");
    }

    #[test]
    fn given_faces_read_the_octaves_of_the_default_detector() {
        let net = LandmarkNet::new().unwrap();
        let image = info(4000, 3000);
        let rect = NormalizedRect::from_pixels(PixelRect::new(9.0, 9.0, 50.0, 50.0), image.size);
        let face = FaceObservation::new(rect, 1.0, Arc::new(Provenance::new("deep", 1)));
        let request = DetectFaceLandmarks::new().faces(&[face]);
        let views = |request: &DetectFaceLandmarks| {
            let views = net.needs(request, &image).unwrap().settled([]).views;
            views.iter().map(|v| v.size(image.size).longer_side()).collect::<Vec<_>>()
        };
        assert_eq!(views(&request), [40, 80, 160, 320, 640]);
        assert_eq!(views(&request.clone().resolution(9000)), [40, 80, 160, 320, 640, 4000]);
        assert!(net.requires(&request).is_empty());
        assert_eq!(views(&DetectFaceLandmarks::new().faces(&[])), [] as [u32; 0]);
        assert_eq!(LandmarkNet::ladder(&request, &info(30, 1)).len(), 1, "a small picture is not grown");
    }

    #[test]
    fn faces_to_be_found_bring_their_views() {
        let net = LandmarkNet::new().unwrap();
        let required = net.requires(&DetectFaceLandmarks::new());
        assert_eq!(required[0].kind(), "faces");
        let theirs = ViewSpec::scaled(ViewKind::Rgb8, 123);
        let needs = net.needs(&DetectFaceLandmarks::new(), &info(400, 300)).unwrap();
        assert_eq!(needs.clone().settled([theirs]).views, [theirs]);
        assert_eq!(needs.settled([theirs.of_kind(ViewKind::Luma8)]).views.len(), 4);
    }
}
