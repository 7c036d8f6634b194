//! Finds the brightest spot of a picture: what `docs/writing-plugins.md` leads to, word for word.

use ocelli_core::{
    Algorithm, ImageInfo, Input, Needs, NormalizedRect, PixelRect, Provenance, RequestOptions, Result, ViewKind,
    ViewSpec, impl_observation, impl_request,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Asks for the brightest spot of a picture.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)] // every parameter may be left out
pub struct DetectSpot {
    #[serde(flatten)] // region, threshold, deadline, … beside your own
    pub options: RequestOptions,
}
impl_request!(DetectSpot => Spot, "spots"); // its answers' type, its name in JSON and on the command line

/// The brightest spot.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Spot {
    pub rect: NormalizedRect,
    pub confidence: f32,             // 0 to 1; answers are sorted by it
    pub provenance: Arc<Provenance>, // who made it: algorithm, revision, device, warnings
}
impl_observation!(Spot, "spot", rect); // its kind in records, and what to draw

/// Answers `DetectSpot` under the name `brightest`.
pub struct Brightest;

impl Brightest {
    fn view(request: &DetectSpot, image: &ImageInfo) -> ViewSpec {
        let region = request.options.region.map(|r| r.to_pixels(image.size));
        ViewSpec::scaled(ViewKind::Luma8, 32).in_region(region, image.size)
    }
}

impl Algorithm for Brightest {
    type Request = DetectSpot;

    fn name(&self) -> &str {
        "brightest"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn needs(&self, request: &DetectSpot, image: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new().view(Self::view(request, image)))
    }

    fn run(&self, request: &DetectSpot, input: &Input<'_>) -> Result<Vec<Spot>> {
        input.control.checkpoint()?;
        let view = input.views.get(&Self::view(request, input.image))?;
        let brightest = view.as_u8().iter().enumerate().max_by_key(|&(ix, &luma)| (luma, std::cmp::Reverse(ix)));
        let spot = brightest.map(|(ix, &luma)| {
            let (x, y) = (ix as u32 % view.size().width, ix as u32 / view.size().width);
            let rect = view.to_image(PixelRect::new(x.into(), y.into(), 1.0, 1.0));
            Spot { rect, confidence: f32::from(luma) / 255.0, provenance: input.provenance.clone() }
        });
        let least = request.options.threshold.unwrap_or(0.0);
        Ok(spot.into_iter().filter(|spot| spot.confidence >= least).collect())
    }
}
