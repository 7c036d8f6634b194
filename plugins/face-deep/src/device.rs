//! The detector on another device than the processor: which, and how its cells become candidates.

use crate::merge::Candidate;
use crate::{DeepFaces, decode, failed};
use ocelli_core::{Control, DetectFaces, Device, Error, Input, Priority, Provenance, Result, Size, View, ViewSpec};
use ocelli_nn::backend::{Backend, Cell, Job, Level, Urgency, Want};
use ocelli_nn::{ImageShape, Precision, RgbImage};
use std::sync::Arc;

impl DeepFaces {
    /// Lets requests run on `backend`: those that ask for a graphics device, and those that leave the choice open where
    /// it is faster. The detector in 8-bit integers stays on the processor.
    #[must_use]
    pub fn with_backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Where a request should run; `None` is the processor.
    ///
    /// # Errors
    /// For requests that insist on a device: [`Error::Unsupported`] and [`Error::Device`].
    pub(crate) fn device(
        &self,
        request: &DetectFaces,
        specs: &[ViewSpec],
        image: Size,
    ) -> Result<Option<&Arc<dyn Backend>>> {
        let in_floats = self.network.precision() == Precision::F32;
        match request.options.device {
            Device::Gpu => {
                let unsupported = |what: &str, hint: &str| Error::Unsupported { what: what.into(), hint: hint.into() };
                if !in_floats {
                    return Err(unsupported(
                        "the device gpu by this detector",
                        "use the detector `deep`, or the device cpu",
                    ));
                }
                let missing = || unsupported("the device gpu", "build with the feature `gpu`, or use the device cpu");
                let backend = self.backend.as_ref().ok_or_else(missing)?;
                backend.ready().map_err(on_device)?;
                Ok(Some(backend))
            }
            Device::Auto if in_floats => {
                let shapes: Vec<_> = specs.iter().map(|spec| shape(spec.size(image))).collect();
                Ok(self.backend.as_ref().filter(|backend| backend.is_faster(&self.network, &shapes)))
            }
            _ => Ok(None),
        }
    }

    /// Where the run is: its views were declared for one place, and tell which.
    pub(crate) fn device_of_run(
        &self,
        request: &DetectFaces,
        specs: &[ViewSpec],
        input: &Input<'_>,
    ) -> Result<Option<&Arc<dyn Backend>>> {
        match specs.len() {
            1 => self.device(request, specs, input.image.size),
            n if input.views.len() < n => Ok(self.backend.as_ref()),
            _ => Ok(None),
        }
    }

    /// The sizes of all levels of a run that declares views of these sizes, and where it is: on a graphics device all levels but
    /// the largest are made there.
    pub(crate) fn scanned(&self, request: &DetectFaces, views: &[Size]) -> Result<(Vec<Size>, Device)> {
        let here = (views.to_vec(), Device::Cpu);
        let [largest] = views else { return Ok(here) };
        // The levels of a picture that is no larger than its largest level.
        let image =
            if request.fine { Size::new(largest.width.div_ceil(2), largest.height.div_ceil(2)) } else { *largest };
        let mut whole = request.clone();
        whole.options.region = None;
        let specs = self.levels(&whole, image);
        Ok(match self.device(request, &specs, image)? {
            Some(_) => (specs.iter().map(|spec| spec.size(image)).collect(), Device::Gpu),
            None => here,
        })
    }

    /// The provenance of the answers: it names the device.
    pub(crate) fn provenance(
        &self,
        request: &DetectFaces,
        specs: &[ViewSpec],
        input: &Input<'_>,
    ) -> Result<Arc<Provenance>> {
        if self.device_of_run(request, specs, input)?.is_none() {
            return Ok(input.provenance.clone());
        }
        let mut provenance = Provenance::clone(input.provenance);
        provenance.device = Device::Gpu;
        Ok(Arc::new(provenance))
    }

    /// Runs all levels of a picture of size `image` on `backend`: the largest, `view`, goes up, the others are made there,
    /// candidates come back.
    pub(crate) fn scan_on(
        &self,
        backend: &dyn Backend,
        view: &View,
        specs: &[ViewSpec],
        image: Size,
        threshold: f32,
        control: &Control,
    ) -> Result<Vec<Candidate>> {
        let levels: Vec<Level> = specs.iter().map(|spec| level(spec, &specs[0], image)).collect();
        let job = Job {
            network: &self.network,
            picture: RgbImage::packed(view.as_u8(), shape(view.size())).map_err(failed)?,
            levels: &levels,
            want: Want::Cells {
                score: "score",
                at_least: decode::least_score(&self.settings, threshold),
                read: &["box"],
            },
            urgency: urgency(control.priority()),
            should_stop: &|| control.should_stop(),
        };
        let answer = backend.run(&job).map_err(|error| match error {
            ocelli_nn::Error::Cancelled => control.checkpoint().err().unwrap_or(Error::Cancelled),
            other => on_device(other),
        })?;
        let candidate = |Cell { level_ix, y, x, score, values }: &Cell| {
            let raw = values[..].try_into().ok()?;
            let spec = &specs[*level_ix];
            decode::candidate(&self.settings, threshold, *level_ix, spec, image, [*x, *y], *score, raw)
        };
        Ok(answer.cells.iter().filter_map(candidate).collect())
    }
}

/// What a failing device means for the request: the processor could still answer it.
fn on_device(error: ocelli_nn::Error) -> Error {
    use ocelli_nn::Error as Nn;
    match error {
        Nn::Device { device, reason } => Error::Device { device, reason },
        Nn::OutOfMemory { .. } | Nn::MemoryLimit { .. } => {
            Error::Device { device: "graphics device".into(), reason: format!("{error}; use the device cpu") }
        }
        other => failed(other),
    }
}

fn shape(size: Size) -> ImageShape {
    ImageShape::new(size.height as usize, size.width as usize)
}

/// A level, made as the intake makes it; what the intake would make from more than `largest`, the level that went up, is
/// made from that.
fn level(spec: &ViewSpec, largest: &ViewSpec, image: Size) -> Level {
    let longer = |spec: &ViewSpec| spec.size(image).longer_side();
    let above = |spec: &ViewSpec| spec.halved_from(image).filter(|above| longer(above) < longer(largest));
    let way = std::iter::successors(above(spec), above);
    let mut through: Vec<_> = way.map(|spec| shape(spec.size(image))).collect();
    through.reverse();
    Level { shape: shape(spec.size(image)), through }
}

fn urgency(priority: Priority) -> Urgency {
    match priority {
        Priority::Background => Urgency::Background,
        Priority::Default => Urgency::Default,
        Priority::Interactive => Urgency::Interactive,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{Algorithm, ImageInfo, RequestExt as _};
    use ocelli_nn::Network;
    use ocelli_nn::backend::Answer;

    /// A device that is there, is always faster, and always fails.
    #[derive(Debug)]
    struct Broken;

    impl Backend for Broken {
        fn name(&self) -> String {
            "broken".into()
        }
        fn ready(&self) -> std::result::Result<(), ocelli_nn::Error> {
            Ok(())
        }
        fn is_faster(&self, _: &Arc<Network>, levels: &[ImageShape]) -> bool {
            levels.len() > 2
        }
        fn run(&self, _: &Job<'_>) -> std::result::Result<Answer, ocelli_nn::Error> {
            Err(ocelli_nn::Error::OutOfMemory { bytes: 1 })
        }
    }

    fn n_views(detector: &DeepFaces, request: DetectFaces) -> Result<usize> {
        let image = ImageInfo::new("test", Size::new(4000, 3000), Default::default(), "pixels");
        detector.needs(&request, &image).map(|needs| needs.views.len())
    }

    #[test]
    fn a_device_needs_the_largest_level_alone() {
        let detector = DeepFaces::new().unwrap().with_backend(Arc::new(Broken));
        assert_eq!(n_views(&detector, DetectFaces::new()).unwrap(), 1);
        assert_eq!(n_views(&detector, DetectFaces::new().min_size(0.3)).unwrap(), 2);
        assert_eq!(n_views(&detector, DetectFaces::new().device(Device::Cpu)).unwrap(), 5);
        assert_eq!(n_views(&detector, DetectFaces::new().device(Device::Gpu)).unwrap(), 1);
    }

    #[test]
    fn levels_go_the_way_of_the_intake() {
        let image = Size::new(228, 253);
        let specs = DeepFaces::new().unwrap().levels(&DetectFaces::new(), image);
        let way = |spec: &ViewSpec| {
            let Level { shape, through } = level(spec, &specs[0], image);
            through.iter().chain([&shape]).map(|shape| shape.height).collect::<Vec<_>>()
        };
        assert_eq!(
            specs.iter().map(way).collect::<Vec<_>>(),
            [vec![253], vec![127], vec![252, 126, 63], vec![128, 64, 32]]
        );
    }

    #[test]
    fn the_cost_of_a_device_is_that_of_all_levels() {
        let detector = DeepFaces::new().unwrap().with_backend(Arc::new(Broken));
        let cost = |request: DetectFaces| {
            let image = ImageInfo::new("test", Size::new(500, 375), Default::default(), "pixels");
            let needs = detector.needs(&request, &image).unwrap();
            let sizes: Vec<Size> = needs.views.iter().map(|spec| spec.size(image.size)).collect();
            detector.cost(&request, &sizes).unwrap()
        };
        for request in [DetectFaces::new(), DetectFaces::new().fine(true), DetectFaces::new().any_orientation(true)] {
            let [gpu, cpu] = [Device::Gpu, Device::Cpu].map(|device| cost(request.clone().device(device)));
            assert_eq!((gpu.device, cpu.device), (Device::Gpu, Device::Cpu));
            assert_eq!(gpu.operations, cpu.operations);
        }
    }

    #[test]
    fn who_insists_on_a_device_is_told_why_there_is_none() {
        let gpu = || DetectFaces::new().device(Device::Gpu);
        let error = n_views(&DeepFaces::new().unwrap(), gpu()).unwrap_err().to_string();
        assert!(error.contains("feature `gpu`"), "{error}");
        let whole_numbers = DeepFaces::int8().unwrap().with_backend(Arc::new(Broken));
        let error = n_views(&whole_numbers, gpu()).unwrap_err().to_string();
        assert!(error.contains("`deep`"), "{error}");
        assert_eq!(n_views(&whole_numbers, DetectFaces::new()).unwrap(), 5);
    }

    #[test]
    fn failures_of_the_device_leave_the_job_to_the_processor() {
        let error = on_device(ocelli_nn::Error::MemoryLimit { needed: 2, limit: 1 });
        assert!(matches!(error, Error::Device { .. }), "{error}");
    }
}
