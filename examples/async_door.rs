//! Requests as futures, on an executor of a few lines: `cargo run --release -p ocelli-examples --example async_door`.

use ocelli::prelude::*;
use std::time::Duration;

fn main() -> Result<()> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "examples/astronaut.png".into());
    let vision = Vision::new()?;
    // Any executor does: tokio's, smol's, one of your own. The work is done on the framework's own threads.
    pollster::block_on(async {
        let picture = vision.open_async(path).await?;
        let urgent = DetectFaces::new().priority(Priority::Interactive).deadline(Duration::from_secs(2));
        let (faces, legacy) = picture.perform_async((urgent, DetectFaces::new().algorithm("viola-jones"))).await?;
        println!("deep: {} faces, viola-jones: {} faces", faces.len(), legacy.len());
        // Dropped before it is done: cancelled.
        drop(picture.perform_async((DetectFaces::new().min_size(0.005),)));
        Ok(())
    })
}
