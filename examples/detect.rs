//! Faces in one picture: `cargo run --release -p ocelli-examples --example detect -- PICTURE`.

use ocelli::prelude::*;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "examples/astronaut.png".into());
    let vision = Vision::new()?; // built-in algorithms, all cores
    let picture = vision.open(path)?; // the header only
    let (faces,) = picture.perform((DetectFaces::new().min_size(0.05),))?;
    for face in &faces {
        // Pixels of the upright original, origin top-left.
        println!("{:.2} {:?}", face.confidence, face.rect.to_pixels());
    }
    Ok(())
}
