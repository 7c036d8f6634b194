//! Two settings of a detector over an annotated set: `cargo run --release -p ocelli-examples --example compare -- SET`.
//!
//! SET is any data set that `ocelli compare` reads; without one, the portrait of this folder is the set.

use ocelli::prelude::*;
use ocelli_eval::{Comparison, DataSet, Detection, Protocol};
use std::error::Error as StdError;

fn main() -> std::result::Result<(), Box<dyn StdError>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "examples/portrait.jsonl".into());
    let mut set = DataSet::open(path)?;
    set.keep_pictures_on_disk();
    let mut comparison = Comparison::new(vec![set]);

    let vision = Vision::new()?;
    // A low threshold shows the whole curve.
    let settings = [("as it comes", DetectFaces::new()), ("large faces only", DetectFaces::new().min_size(0.2))];
    for (name, request) in settings {
        let mut run = comparison.new_run(name);
        for (ix, picture) in comparison.pictures() {
            let Some(path) = &picture.path else { continue };
            let (faces,) = vision.open(path)?.perform((request.clone().threshold(0.02),))?;
            let detections = faces.iter().map(|f| Detection::new(f.rect.to_pixels(), f.confidence.into())).collect();
            run.detected(ix, detections, None);
        }
        comparison.add_run(run);
    }
    print!("{}", comparison.evaluate(&Protocol::default()).table());
    Ok(())
}
