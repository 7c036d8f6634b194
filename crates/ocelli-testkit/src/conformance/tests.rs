//! A plugin that can break each promise on purpose, and what the suite says to it.

use super::Conformance;
use crate::pictures::gradient;
use ocelli::core::{
    Algorithm, Error, ImageInfo, Input, Needs, NormalizedRect, Observation, PixelRect, Provenance, RequestOptions,
    Result, Shape, ViewKind, ViewSpec, impl_request,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// Asks for the bright part of a picture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct FindBrightPart {
    #[serde(flatten)]
    options: RequestOptions,
}
impl_request!(FindBrightPart => BrightPart, "bright-part");

#[derive(Clone, Debug, Serialize, Deserialize)]
struct BrightPart {
    rect: NormalizedRect,
    confidence: f32,
    #[serde(skip_deserializing, skip_serializing_if = "Option::is_none")]
    secret: Option<u32>,
    provenance: Arc<Provenance>,
}

impl Observation for BrightPart {
    const KIND: &'static str = "bright_part";
    fn confidence(&self) -> f32 {
        self.confidence
    }
    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }
    fn shapes(&self) -> Vec<Shape> {
        vec![Shape::Rect(self.rect)]
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    FindsNothing,
    CountsItsRuns,
    LooksAtOrientation,
    LooksAtFormat,
    ReadsUndeclaredView,
    NeverLooksAtControl,
    SleepsOn,
    PanicsOnSlivers,
    IgnoresRegion,
    PanicsOnNoise,
    IgnoresThreshold,
    LosesAField,
    SignsAsAnother,
}

struct Finder(Fault);

const LEVEL: u32 = 32;

impl Finder {
    fn spec(&self, request: &FindBrightPart, image: &ImageInfo) -> ViewSpec {
        let region = request.options.region.filter(|_| self.0 != Fault::IgnoresRegion);
        ViewSpec::scaled(ViewKind::Luma8, LEVEL).in_region(region.map(|r| r.to_pixels(image.size)), image.size)
    }
}

impl Algorithm for Finder {
    type Request = FindBrightPart;
    fn name(&self) -> &str {
        "finder"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, request: &FindBrightPart, image: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new().view(self.spec(request, image)))
    }
    fn run(&self, request: &FindBrightPart, input: &Input<'_>) -> Result<Vec<BrightPart>> {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let fault = self.0;
        if fault == Fault::SleepsOn {
            std::thread::sleep(Duration::from_millis(60));
        }
        if fault != Fault::NeverLooksAtControl {
            input.control.checkpoint()?;
        }
        if fault == Fault::ReadsUndeclaredView {
            input.views.get(&ViewSpec::native(ViewKind::Rgb8))?;
        }
        let view = input.views.get(&self.spec(request, input.image))?;
        let (luma, size) = (view.as_u8(), view.size());
        assert!(fault != Fault::PanicsOnSlivers || size.shorter_side() > 1, "a sliver");
        let mean = luma.iter().map(|&v| f32::from(v)).sum::<f32>() / luma.len() as f32;
        // Noise is far from its neighbours; the gradient is not.
        let rough = luma.windows(2).map(|w| f32::from(w[0].abs_diff(w[1]))).sum::<f32>() / luma.len() as f32;
        assert!(fault != Fault::PanicsOnNoise || rough < 12.0 || size.shorter_side() < 2, "noise");
        let bright: Vec<usize> = (0..luma.len()).filter(|&ix| f32::from(luma[ix]) > mean).collect();
        let (Some(first), Some(last)) = (bright.first(), bright.last()) else { return Ok(Vec::new()) };
        let width = size.width as usize;
        let mut extent = (last / width - first / width + 1) as f64;
        match fault {
            Fault::FindsNothing => return Ok(Vec::new()),
            Fault::CountsItsRuns => extent += f64::from(RUNS.fetch_add(1, Ordering::Relaxed)),
            Fault::LooksAtOrientation => extent += f64::from(input.image.orientation.to_exif()),
            Fault::LooksAtFormat => extent += input.image.format.len() as f64,
            _ => {}
        }
        let rect = PixelRect::new(0.0, (first / width) as f64, f64::from(size.width), extent);
        let mut provenance = input.provenance.clone();
        if fault == Fault::SignsAsAnother {
            provenance = Arc::new(Provenance::new("somebody", 7));
        }
        let secret = (fault == Fault::LosesAField).then_some(5);
        let part = BrightPart { rect: view.to_image(rect), confidence: 0.75, secret, provenance };
        let least = request.options.threshold.filter(|_| fault != Fault::IgnoresThreshold).unwrap_or(0.0);
        Ok([part].into_iter().filter(|p| p.confidence >= least).collect())
    }
}

fn suite(fault: Fault) -> Conformance<Finder> {
    Conformance::of(move || Finder(fault), FindBrightPart::default())
        .setup(|builder| builder.without_builtin())
        .picture(gradient(160, 96))
        .stop_within(if fault == Fault::SleepsOn { Duration::from_millis(20) } else { Duration::from_secs(30) })
}

fn failed(fault: Fault) -> Vec<&'static str> {
    suite(fault).run().failures().map(|(check, _)| check).collect()
}

#[test]
fn a_plugin_that_keeps_its_promises_passes() {
    let report = suite(Fault::None).run();
    assert!(report.failures().next().is_none(), "{report}");
    assert_eq!(report.checks().count(), 12, "all but the memory check, which needs the binary's allocator");
}

#[test]
fn each_broken_promise_fails_its_check_by_name() {
    let cases = [
        (Fault::FindsNothing, "coverage"),
        (Fault::CountsItsRuns, "determinism"),
        (Fault::LooksAtOrientation, "orientation"),
        (Fault::LooksAtFormat, "source-kind"),
        (Fault::ReadsUndeclaredView, "needs"),
        (Fault::NeverLooksAtControl, "stop"),
        (Fault::SleepsOn, "stop"),
        (Fault::PanicsOnSlivers, "extreme-sizes"),
        (Fault::IgnoresRegion, "region"),
        (Fault::PanicsOnNoise, "random-pictures"),
        (Fault::IgnoresThreshold, "threshold"),
        (Fault::LosesAField, "serde"),
        (Fault::SignsAsAnother, "provenance"),
    ];
    for (fault, check) in cases {
        let failed = failed(fault);
        assert!(failed.contains(&check), "{fault:?} should fail {check}, failed {failed:?}");
    }
}

#[test]
fn the_report_lists_every_failure() {
    let report = suite(Fault::NeverLooksAtControl).run();
    let text = report.to_string();
    assert!(text.contains("1 of 12") && text.contains("stop: a cancelled run ends with 1 answers"), "{text}");
    assert!(std::panic::catch_unwind(|| suite(Fault::SignsAsAnother).assert()).is_err());
}

#[test]
fn faults_of_needs_are_told_apart_from_refusals() {
    let refused = Error::parameter("min_size", 2, "less");
    assert!(!matches!(refused, Error::Contract { .. }));
    assert!(failed(Fault::ReadsUndeclaredView).contains(&"coverage"));
}
