//! The dominant colours of a picture: a request, its answers and the algorithm, in a crate outside Ocelli's workspace.
//!
//! The pixels of a small view are grouped by k-means in Oklab, where distance is difference as people see it.

mod cluster;

use cluster::{Cluster, clusters};
use ocelli_core::{
    Algorithm, Error, ImageInfo, Input, Needs, Observation, Provenance, Request, RequestOptions, Result, ViewKind,
    ViewSpec,
};
use palette::{IntoColor, LinSrgb, Oklab, Srgb};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Asks for the dominant colours of a picture, the most frequent first.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct FindDominantColours {
    /// Most colours, 1 to 16. Default 5. Similar ones count as one.
    pub colours: usize,
    /// What every request has; the threshold is the least share of the picture.
    #[serde(flatten)]
    pub options: RequestOptions,
}

impl Default for FindDominantColours {
    fn default() -> Self {
        Self { colours: 5, options: RequestOptions::default() }
    }
}

impl Request for FindDominantColours {
    type Out = DominantColour;
    const KIND: &'static str = "dominant-colours";

    fn options(&self) -> &RequestOptions {
        &self.options
    }

    fn options_mut(&mut self) -> &mut RequestOptions {
        &mut self.options
    }

    fn validate(&self) -> Result<()> {
        self.options.validate()?;
        let fits = (1..=16).contains(&self.colours);
        if fits { Ok(()) } else { Err(Error::parameter("colours", self.colours, "a number from 1 to 16")) }
    }
}

/// A colour, and how much of the picture is like it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DominantColour {
    /// sRGB-encoded, 8 bits each.
    pub rgb: [u8; 3],
    /// Share of the pixels, 0 to 1; it serves as the confidence.
    pub share: f32,
    /// Who made it, and how.
    pub provenance: Arc<Provenance>,
}

impl Observation for DominantColour {
    const KIND: &'static str = "dominant_colour";

    fn confidence(&self) -> f32 {
        self.share
    }

    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }

    fn record(&self) -> Value {
        let [r, g, b] = self.rgb;
        let share = (self.share * 1e4).round() / 1e4;
        json!({"kind": Self::KIND, "confidence": share, "colour": format!("#{r:02x}{g:02x}{b:02x}")})
    }
}

/// The algorithm; answers [`FindDominantColours`] under the name `oklab-k-means`.
#[derive(Clone, Copy, Debug, Default)]
pub struct OklabKMeans;

impl OklabKMeans {
    fn view(request: &FindDominantColours, image: &ImageInfo) -> ViewSpec {
        let region = request.options.region.map(|r| r.to_pixels(image.size));
        // A level that face requests read too; more pixels would not tell more about colours.
        ViewSpec::scaled(ViewKind::Rgb8, 80).in_region(region, image.size)
    }
}

impl Algorithm for OklabKMeans {
    type Request = FindDominantColours;

    fn name(&self) -> &str {
        "oklab-k-means"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn description(&self) -> &str {
        "k-means over a small view in Oklab"
    }

    fn needs(&self, request: &FindDominantColours, image: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new().view(Self::view(request, image)))
    }

    fn run(&self, request: &FindDominantColours, input: &Input<'_>) -> Result<Vec<DominantColour>> {
        let view = input.views.get(&Self::view(request, input.image))?;
        let pixels: Vec<Oklab> = view
            .as_u8()
            .as_chunks::<3>()
            .0
            .iter()
            .map(|&rgb| Srgb::from(rgb).into_linear::<f32>().into_color())
            .collect();
        let found = clusters(&pixels, request.colours, || input.control.checkpoint())?;
        let least = request.options.threshold.unwrap_or(0.0);
        let colour = |cluster: &Cluster| {
            let linear: LinSrgb<f32> = cluster.centre.into_color();
            DominantColour {
                rgb: Srgb::<u8>::from_linear(linear).into(),
                share: cluster.members as f32 / pixels.len() as f32,
                provenance: input.provenance.clone(),
            }
        };
        Ok(found.iter().map(colour).filter(|colour| colour.share >= least).collect())
    }
}
