//! The time that landmarks take a face, on one thread, beside the face detector at VGA: best of many, side by side.

use anyhow::{Context, ensure};
use image::imageops::FilterType;
use ocelli::prelude::*;
use std::time::{Duration, Instant};

/// Rounds; the fastest of each side counts.
const ROUNDS: usize = 60;
/// Faces a picture: the time of many, divided, and of one alone.
const FACES: usize = 16;

fn main() -> anyhow::Result<()> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/astronaut.png");
    let picture = image::open(path).context("the portrait")?.resize_exact(640, 480, FilterType::Triangle).to_rgb8();
    let vision = Vision::builder().threads(1).build()?;
    let handler = vision.open(picture.clone())?;
    let (faces,) = handler.perform((DetectFaces::new(),))?;
    ensure!(faces.len() == 1, "the portrait shows one face, not {}", faces.len());
    let one = DetectFaceLandmarks::new().faces(&faces);
    let many = DetectFaceLandmarks::new().faces(&vec![faces[0].clone(); FACES]);
    let quality = FaceQuality::new().landmarks(one.clone());
    let mut best = [Duration::MAX; 4];
    for _ in 0..ROUNDS {
        // A picture not seen before: its levels are built, as for a first request.
        let fresh = vision.open(picture.clone())?;
        let spent = [
            timed(|| fresh.perform((DetectFaces::new(),)).map(drop))?,
            timed(|| handler.perform((one.clone(),)).map(drop))?,
            timed(|| handler.perform((many.clone(),)).map(drop))? / FACES as u32,
            timed(|| handler.perform((quality.clone(),)).map(drop))?,
        ];
        best.iter_mut().zip(spent).for_each(|(best, spent)| *best = spent.min(*best));
    }
    let [detector, one, of_many, quality] = best;
    let line = |what: &str, time: Duration| {
        let ratio = time.as_secs_f64() / detector.as_secs_f64();
        println!("{what:40} {:8.3} ms   {ratio:6.3} of the detector's time at VGA", time.as_secs_f64() * 1e3);
    };
    line("faces at 640×480, pixels in memory", detector);
    line("landmarks of one face", one);
    line("landmarks a face, of sixteen", of_many);
    line("landmarks and quality of one face", quality);
    Ok(())
}

/// The wall time of a call.
fn timed(call: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let start = Instant::now();
    call()?;
    Ok(start.elapsed())
}
