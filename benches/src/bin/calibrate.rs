//! Writes a copy of a model that carries the ranges of its values, so that it can run in int8, and
//! says how far int8 then lies from f32 on pictures that were not used.
//!
//! `cargo run --release -p ocelli-benches --bin calibrate -- MODEL OUT PICTURES…`
//!
//! Every fourth picture is held out. Each picture is taken as it is and at two halvings.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::Parser;
use ocelli_nn::{
    Calibration, ImageShape, Model, ModelLimits, Network, NetworkOptions, PlanOptions, Precision, RgbImage,
};

#[derive(Parser)]
struct Flags {
    /// The model file, in f32.
    model: PathBuf,
    /// Where the copy goes.
    out: PathBuf,
    /// Pictures of the kind the model will see.
    #[arg(required = true)]
    pictures: Vec<PathBuf>,
}

/// Halvings of each picture.
const LEVELS: u32 = 3;

fn main() -> anyhow::Result<()> {
    let flags = Flags::parse();
    let bytes = std::fs::read(&flags.model).with_context(|| format!("cannot read {}", flags.model.display()))?;
    let limits = ModelLimits::default();
    let model = Model::from_bytes(&bytes, &limits)?;
    let floats = Network::new(&model)?;
    let (mut seen, mut held_out) = (Vec::new(), Vec::new());
    for (ix, path) in flags.pictures.iter().enumerate() {
        let part = if ix % 4 == 3 { &mut held_out } else { &mut seen };
        part.extend(levels(path)?);
    }
    let views: Vec<RgbImage<'_>> = seen.iter().map(view).collect::<Result<_, _>>()?;
    let calibration = Calibration::measure(&floats, &views)?;
    let with_ranges = calibration.write_into(&bytes)?;
    let model = Model::from_bytes(&with_ranges, &limits)?;
    let options = NetworkOptions::default().with_precision(Precision::Int8);
    let quantized = Network::with_options(&model, &options)?;
    std::fs::write(&flags.out, with_ranges).with_context(|| format!("cannot write {}", flags.out.display()))?;
    ensure!(!held_out.is_empty(), "give at least four pictures to compare int8 with f32");
    for name in floats.graph().output_names() {
        let (mut worst, mut sum, mut n) = (0.0_f32, 0.0_f64, 0_usize);
        for picture in &held_out {
            let (a, b) = (run(&floats, picture, name)?, run(&quantized, picture, name)?);
            for (a, b) in a.iter().zip(&b) {
                worst = worst.max((a - b).abs());
                sum += f64::from((a - b).abs());
                n += 1;
            }
        }
        println!("{name}: int8 differs from f32 by {:.4} on average, {worst:.3} at most", sum / n.max(1) as f64);
    }
    Ok(())
}

/// A picture and its halvings.
fn levels(path: &Path) -> anyhow::Result<Vec<image::RgbImage>> {
    let picture = image::open(path).with_context(|| format!("cannot read {}", path.display()))?.into_rgb8();
    let halved = |level: u32| {
        let side = |side: u32| (side >> level).max(1);
        image::imageops::thumbnail(&picture, side(picture.width()), side(picture.height()))
    };
    Ok((0..LEVELS).map(halved).collect())
}

fn view(picture: &image::RgbImage) -> Result<RgbImage<'_>, ocelli_nn::Error> {
    RgbImage::packed(picture.as_raw(), ImageShape::new(picture.height() as usize, picture.width() as usize))
}

fn run(network: &std::sync::Arc<Network>, picture: &image::RgbImage, name: &str) -> anyhow::Result<Vec<f32>> {
    let picture = view(picture)?;
    let plan = network.plan(&[picture.shape()], &PlanOptions::default())?;
    let mut arena = plan.arena()?;
    let outputs = plan.run(&mut arena, &[picture], &|| false)?;
    Ok(outputs.get(0, name)?.iter().copied().collect())
}
