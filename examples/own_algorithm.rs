//! A request and an algorithm of one's own, registered beside the built-in ones: how bright is a picture?

use ocelli::prelude::*;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct MeasureBrightness {
    #[serde(flatten)]
    options: RequestOptions,
}

impl_request!(MeasureBrightness => Brightness, "brightness");

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Brightness {
    mean: f32,
    provenance: Arc<Provenance>,
}

impl Observation for Brightness {
    const KIND: &'static str = "brightness";
    fn confidence(&self) -> f32 {
        1.0
    }
    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }
}

struct MeanLuma;
const SMALL: ViewSpec = ViewSpec::scaled(ViewKind::Luma8, 64);

impl Algorithm for MeanLuma {
    type Request = MeasureBrightness;
    fn name(&self) -> &str {
        "mean-luma"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, _: &MeasureBrightness, _: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new().view(SMALL)) // shared with everyone who wants the same level
    }
    fn run(&self, _: &MeasureBrightness, input: &Input<'_>) -> Result<Vec<Brightness>> {
        let luma = input.views.get(&SMALL)?.as_u8();
        let mean = luma.iter().map(|&v| f32::from(v)).sum::<f32>() / luma.len() as f32;
        Ok(vec![Brightness { mean, provenance: input.provenance.clone() }])
    }
}

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "examples/astronaut.png".into());
    let vision = Vision::builder().register(MeanLuma).build()?;
    let (brightness, faces) = vision.open(path)?.perform((MeasureBrightness::default(), DetectFaces::new()))?;
    println!("mean luma {:.1}, {} faces", brightness[0].mean, faces.len());
    Ok(())
}
