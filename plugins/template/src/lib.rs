//! Finds the brightest spot of a picture: the plugin to copy, and small enough to read at one glance.
//!
//! What each part is for is told in `docs/writing-plugins.md`.

use ocelli_core::{
    Algorithm, ImageInfo, Input, Needs, NormalizedRect, PixelRect, Provenance, RequestOptions, Result, ViewKind,
    ViewSpec, impl_observation, impl_request,
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Asks for the brightest spot of a picture: one answer, as sure as the spot is bright.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct DetectTemplate {
    /// What every request has.
    #[serde(flatten)]
    pub options: RequestOptions,
}
impl_request!(DetectTemplate => TemplateObservation, "template");

/// The brightest spot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemplateObservation {
    /// Where it is: a cell of a 32nd of the picture's longer side.
    pub rect: NormalizedRect,
    /// Its luma, 0 to 1.
    pub confidence: f32,
    /// Who made it, and how.
    pub provenance: Arc<Provenance>,
}
impl_observation!(TemplateObservation, "template", rect);

/// The algorithm; answers [`DetectTemplate`] under the name `brightest`.
#[derive(Debug, Default)]
pub struct Template;

impl Template {
    fn view(request: &DetectTemplate, image: &ImageInfo) -> ViewSpec {
        let region = request.options.region.map(|r| r.to_pixels(image.size));
        ViewSpec::scaled(ViewKind::Luma8, 32).in_region(region, image.size)
    }
}

impl Algorithm for Template {
    type Request = DetectTemplate;

    fn name(&self) -> &str {
        "brightest"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn needs(&self, request: &DetectTemplate, image: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new().view(Self::view(request, image)))
    }

    fn run(&self, request: &DetectTemplate, input: &Input<'_>) -> Result<Vec<TemplateObservation>> {
        input.control.checkpoint()?;
        let view = input.views.get(&Self::view(request, input.image))?;
        let brightest = view.as_u8().iter().enumerate().max_by_key(|&(ix, &luma)| (luma, std::cmp::Reverse(ix)));
        let spot = brightest.map(|(ix, &luma)| {
            let (x, y) = (ix as u32 % view.size().width, ix as u32 / view.size().width);
            let rect = view.to_image(PixelRect::new(x.into(), y.into(), 1.0, 1.0));
            TemplateObservation { rect, confidence: f32::from(luma) / 255.0, provenance: input.provenance.clone() }
        });
        let least = request.options.threshold.unwrap_or(0.0);
        Ok(spot.into_iter().filter(|spot| spot.confidence >= least).collect())
    }
}
