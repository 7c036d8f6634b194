//! What the benches and the peers script share: pictures, pyramids, the machine's peak.

pub mod peak;

use ocelli_nn::ImageShape;

/// Sides of the pyramid below `shape`, each half of the one above, `n` in all.
#[must_use]
pub fn octaves(shape: ImageShape, n: usize) -> Vec<ImageShape> {
    let side = |side: usize, level: usize| (side >> level).max(1);
    (0..n).map(|level| ImageShape::new(side(shape.height, level), side(shape.width, level))).collect()
}

/// A picture of noise over a slope: packed RGB, the same for every call.
#[must_use]
pub fn picture(shape: ImageShape) -> Vec<u8> {
    let mut state = 0x9e37_79b9_u32;
    (0..shape.height * shape.width * 3)
        .map(|ix| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            let slope = ix / 3 % shape.width * 200 / shape.width;
            (slope as u32 + state % 56) as u8
        })
        .collect()
}
