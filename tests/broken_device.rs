//! A device that promises everything and breaks at every job: no adapter takes part.

use ocelli::face_deep::DeepFaces;
use ocelli::prelude::*;
use ocelli_nn::backend::{Answer, Backend, Job};
use ocelli_nn::{ImageShape, Network};
use std::sync::Arc;

#[derive(Debug)]
struct Broken;

impl Backend for Broken {
    fn name(&self) -> String {
        "a broken device".into()
    }
    fn ready(&self) -> std::result::Result<(), ocelli_nn::Error> {
        Ok(())
    }
    fn is_faster(&self, _: &Arc<Network>, _: &[ImageShape]) -> bool {
        true
    }
    fn run(&self, _: &Job<'_>) -> std::result::Result<Answer, ocelli_nn::Error> {
        Err(ocelli_nn::Error::Device { device: self.name(), reason: "broke".into() })
    }
}

fn answers(device: Device) -> Result<Vec<FaceObservation>> {
    let detector = DeepFaces::new()?.with_backend(Arc::new(Broken));
    let vision = Vision::builder().replace(detector).build()?;
    vision.open(super::portrait())?.perform_one(DetectFaces::new().device(device))
}

pub fn leaves_it_to_the_processor() {
    let (open, processor) = (answers(Device::Auto).unwrap(), answers(Device::Cpu).unwrap());
    assert_eq!(open.len(), processor.len());
    for (a, b) in open.iter().zip(&processor) {
        assert_eq!((a.rect, a.confidence), (b.rect, b.confidence));
        assert_eq!(a.provenance.device, Device::Cpu);
        assert_eq!(a.provenance.warnings, ["ran on the processor: a broken device: broke"]);
        assert!(b.provenance.warnings.is_empty());
    }
}

pub fn is_an_error_to_who_insists() {
    let error = answers(Device::Gpu).unwrap_err();
    assert!(matches!(error, Error::Device { .. }), "{error}");
}
