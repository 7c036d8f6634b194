//! The pictures on which our boxes are compared with OpenCV's: made by whole-number arithmetic from pictures without
//! loss, so that both sides see the same bytes.

use ocelli_core::Size;
use std::path::Path;

/// A grey picture.
#[derive(Clone)]
pub struct Gray {
    pub size: Size,
    pub pixels: Vec<u8>,
}

/// Number of pictures of faces from the photographs.
pub const PHOTOGRAPHS: usize = 100;
/// Side of a face in the mosaic of faces, and faces in a row.
const TILE: u32 = 36;
const TILES: u32 = 100;
/// Faces along a side of a picture.
const FACES: u32 = 2;

impl Gray {
    /// Reads a file, colours weighed as in BT.601.
    pub fn open(path: &Path) -> Self {
        let picture = image::open(path).unwrap();
        let size = Size::new(picture.width(), picture.height());
        let luma = |p: &[u8]| ((u32::from(p[0]) * 77 + u32::from(p[1]) * 150 + u32::from(p[2]) * 29 + 128) >> 8) as u8;
        let pixels = match picture {
            image::DynamicImage::ImageLuma8(gray) => gray.into_raw(),
            other => other.to_rgb8().as_raw().chunks_exact(3).map(luma).collect(),
        };
        Self { size, pixels }
    }

    fn from_fn(size: Size, mut value: impl FnMut(u32, u32) -> u8) -> Self {
        let pixels =
            (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y))).map(|(x, y)| value(x, y)).collect();
        Self { size, pixels }
    }

    fn at(&self, x: u32, y: u32) -> u8 {
        self.pixels[(y * self.size.width + x) as usize]
    }

    fn cut(&self, left: u32, top: u32, width: u32, height: u32) -> Self {
        Self::from_fn(Size::new(width, height), |x, y| self.at(left + x, top + y))
    }

    fn mirrored(&self) -> Self {
        Self::from_fn(self.size, |x, y| self.at(self.size.width - 1 - x, y))
    }

    fn transposed(&self) -> Self {
        Self::from_fn(self.size.transposed(), |x, y| self.at(y, x))
    }

    fn mapped(&self, value: impl Fn(u32) -> u32) -> Self {
        Self::from_fn(self.size, |x, y| value(u32::from(self.at(x, y))) as u8)
    }

    /// Means of `by` × `by` pixels.
    fn shrunk(&self, by: u32) -> Self {
        Self::from_fn(Size::new(self.size.width / by, self.size.height / by), |x, y| {
            let sum: u32 = (0..by * by).map(|k| u32::from(self.at(x * by + k % by, y * by + k / by))).sum();
            ((sum + by * by / 2) / (by * by)) as u8
        })
    }

    /// Every pixel `by` × `by` times.
    fn grown(&self, by: u32) -> Self {
        let size = Size::new(self.size.width * by, self.size.height * by);
        Self::from_fn(size, |x, y| self.at(x / by, y / by))
    }

    /// Noise of up to `amount` levels in both directions.
    fn noisy(&self, amount: u32, seed: u32) -> Self {
        let mut state = seed;
        Self::from_fn(self.size, |x, y| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let value = u32::from(self.at(x, y)) + (state >> 16) % (2 * amount + 1);
            value.saturating_sub(amount).min(255) as u8
        })
    }
}

/// Pictures made from the portrait that the repository carries.
pub fn portraits(root: &Path) -> Vec<(String, Gray)> {
    let whole = Gray::open(&root.join("examples/astronaut.png"));
    let mut scenes = vec![("whole".to_owned(), whole.clone())];
    for by in [2, 3, 4] {
        scenes.push((format!("shrunk by {by}"), whole.shrunk(by)));
        scenes.push((format!("shrunk by {by}, mirrored"), whole.shrunk(by).mirrored()));
    }
    scenes.push(("transposed".into(), whole.shrunk(2).transposed()));
    let face = whole.cut(150, 30, 150, 190);
    scenes.push(("face".into(), face.clone()));
    for shift in 1..6 {
        scenes.push((format!("face, shifted by {shift}"), whole.cut(150 - 7 * shift, 30 - 3 * shift, 150, 190)));
    }
    scenes.push(("face, dark".into(), face.mapped(|v| v * v / 255)));
    scenes.push(("face, bright".into(), face.mapped(|v| 255 - (255 - v) * (255 - v) / 255)));
    scenes.push(("face, low contrast".into(), face.mapped(|v| 100 + v / 4)));
    scenes.push(("face, inverted".into(), face.mapped(|v| 255 - v)));
    scenes.push(("face, grown".into(), face.grown(2)));
    for amount in [5, 15, 40] {
        scenes.push((format!("face, noise {amount}"), face.noisy(amount, amount)));
    }
    scenes
}

/// Four faces a picture from the mosaic of photographs.
pub fn photographs(mosaic: &Path) -> Vec<(String, Gray)> {
    let mosaic = Gray::open(mosaic);
    let picture = |number: usize| {
        let side = FACES * TILE;
        Gray::from_fn(Size::new(side, side), |x, y| {
            let tile = number as u32 * FACES * FACES + y / TILE * FACES + x / TILE;
            mosaic.at(tile % TILES * TILE + x % TILE, tile / TILES * TILE + y % TILE)
        })
    };
    (0..PHOTOGRAPHS).map(|number| (format!("photographs {number:02}"), picture(number))).collect()
}

/// FNV-1a over bytes: says whether two sides saw the same.
pub fn hash(bytes: &[u8]) -> String {
    let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3));
    format!("{hash:016x}")
}
