//! Small pictures for tests: made by code, the same on every machine.

use crate::data::workspace_root;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use std::io::Cursor;
use std::path::PathBuf;

/// The portrait that the repository carries (`examples/README.md` tells its origin): 512×512, one face.
pub fn portrait() -> PathBuf {
    workspace_root().join("examples/astronaut.png")
}

/// A colourful picture without symmetry: gradients, so that every orientation and channel order looks different.
pub fn gradient(width: u32, height: u32) -> RgbImage {
    let scaled = |value: u32, side: u32| (255 * value / side.max(1)) as u8;
    RgbImage::from_fn(width, height, |x, y| {
        Rgb([scaled(x, width), scaled(y, height), scaled(x * y / 7 % width.max(1), width)])
    })
}

/// Noise by a fixed seed: the hardest picture to compress and the least likely to look like anything.
pub fn noise(width: u32, height: u32, seed: u32) -> RgbImage {
    // Marsaglia's xorshift: a few bits of quality are enough here.
    let mut state = seed.wrapping_mul(0x9E37_79B9) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    RgbImage::from_fn(width, height, |_, _| Rgb([next(), next(), next()]))
}

/// A picture as an encoded file.
///
/// # Panics
/// Where the format cannot be written by this build.
pub fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture.clone()).write_to(&mut bytes, format).expect("an encoder for this format");
    bytes.into_inner()
}
