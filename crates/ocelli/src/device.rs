//! Devices beside the processor, and what becomes of a request whose device fails.

use ocelli_core::{AnyRequest, Device, Error, Registry, Result};
use serde_json::json;
#[cfg(feature = "gpu")]
use {ocelli_gpu::Backend as _, std::sync::Arc};

/// The devices that requests may run on, shared by all algorithms of a [`Vision`](crate::Vision).
///
/// Without the feature `gpu` there are none: requests run on the processor.
#[derive(Clone, Debug, Default)]
pub struct Devices {
    #[cfg(feature = "gpu")]
    gpu: Arc<ocelli_gpu::GpuBackend>,
}

impl Devices {
    /// Opens the graphics device that requests would run on.
    ///
    /// # Errors
    /// [`Error::Device`] saying why there is none; [`Error::Unsupported`] in a build without the feature `gpu`.
    pub fn gpu_ready(&self) -> Result<()> {
        #[cfg(feature = "gpu")]
        return self.gpu.ready().map_err(not_ready);
        #[cfg(not(feature = "gpu"))]
        Err(Error::Unsupported {
            what: "the device gpu".into(),
            hint: "build with the feature `gpu`, or use the device cpu".into(),
        })
    }

    /// What the graphics device did so far: slices by their time, traffic; `None` where it was never opened.
    #[cfg(feature = "gpu")]
    pub fn gpu_report(&self) -> Option<ocelli_gpu::GpuReport> {
        self.gpu.report()
    }

    /// The graphics device itself, for tests that break it.
    #[cfg(feature = "gpu")]
    #[doc(hidden)]
    pub fn gpu_backend(&self) -> &ocelli_gpu::GpuBackend {
        &self.gpu
    }

    #[cfg(feature = "gpu")]
    pub(crate) fn configure(&self, options: ocelli_gpu::GpuOptions) {
        self.gpu.configure(options);
    }

    /// The detector, able to run on these devices.
    #[cfg(feature = "face-deep")]
    pub(crate) fn attach(&self, detector: ocelli_face_deep::DeepFaces) -> ocelli_face_deep::DeepFaces {
        #[cfg(feature = "gpu")]
        return detector.with_backend(self.gpu.clone());
        #[cfg(not(feature = "gpu"))]
        detector
    }
}

#[cfg(feature = "gpu")]
fn not_ready(error: ocelli_gpu::Error) -> Error {
    match error {
        ocelli_gpu::Error::Device { device, reason } => Error::Device { device, reason },
        other => Error::Device { device: "graphics device".into(), reason: other.to_string() },
    }
}

/// A request for the processor in the place of one whose device failed, and the warning that its answers carry.
///
/// `None` where the failure was of another kind, or the caller insisted on the device.
pub(crate) fn on_processor(registry: &Registry, request: &AnyRequest, error: &Error) -> Option<(AnyRequest, String)> {
    let Error::Device { device, reason } = error else { return None };
    if request.options().device != Device::Auto {
        return None;
    }
    let mut parameters = request.to_json();
    parameters["device"] = json!(Device::Cpu);
    let again = registry.request(request.kind(), &parameters).ok()?;
    Some((again, format!("ran on the processor: {device}: {reason}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{DetectFaces, RequestExt as _};

    fn lost() -> Error {
        Error::Device { device: "a device".into(), reason: "lost".into() }
    }

    #[test]
    fn a_failed_device_leaves_the_request_to_the_processor() {
        let registry = crate::builtin::registry(&Devices::default()).unwrap();
        let request = AnyRequest::new(DetectFaces::new().min_size(0.25).max_count(3));
        let (again, warning) = on_processor(&registry, &request, &lost()).unwrap();
        let mut expected = request.to_json();
        expected["device"] = json!("cpu");
        assert_eq!(again.to_json(), expected);
        assert_eq!(warning, "ran on the processor: a device: lost");
    }

    #[test]
    fn who_insists_gets_the_error_and_other_failures_stay() {
        let registry = crate::builtin::registry(&Devices::default()).unwrap();
        let insisting = AnyRequest::new(DetectFaces::new().device(Device::Gpu));
        assert!(on_processor(&registry, &insisting, &lost()).is_none());
        let open = AnyRequest::new(DetectFaces::new());
        assert!(on_processor(&registry, &open, &Error::Cancelled).is_none());
    }
}
