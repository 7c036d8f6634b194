//! Annotated copies: what was found, drawn on the upright picture.

use crate::inputs::Found;
use anyhow::{Context, Result, bail};
use image::{ImageFormat, Rgb, RgbImage};
use ocelli::prelude::*;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

/// Where annotated copies go.
#[derive(Debug)]
pub enum Target {
    /// One picture, one file.
    File(PathBuf),
    /// Copies below a folder, named as the pictures are below theirs.
    Folder(PathBuf),
}

/// Endings that the `image` crate writes here; a copy of anything else becomes a PNG.
const WRITABLE: [&str; 7] = ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff"];

impl Target {
    /// A file where one picture is annotated and the path ends like one, else a folder.
    ///
    /// # Errors
    /// Where several pictures would end up in one file.
    pub fn new(path: &Path, pictures: usize) -> Result<Self> {
        let is_file = !path.is_dir() && ending(path).is_some();
        match (is_file, pictures) {
            (true, 1) => Ok(Self::File(path.into())),
            (true, n) => {
                let expected = format!("a folder for {n} pictures");
                Err(Error::parameter("--annotate", path.display(), expected).into())
            }
            (false, _) => Ok(Self::Folder(path.into())),
        }
    }

    fn path_for(&self, found: &Found) -> PathBuf {
        match self {
            Self::File(path) => path.clone(),
            Self::Folder(folder) => {
                let path = folder.join(&found.relative);
                let known = ending(&path).is_some_and(|e| WRITABLE.contains(&e.as_str()));
                if known { path } else { path.with_added_extension("png") }
            }
        }
    }

    /// Writes an annotated copy of one picture.
    ///
    /// # Errors
    /// Where the picture cannot be decoded at full size or the copy cannot be written.
    pub fn write(&self, handler: &Handler, found: &Found, answers: &[AnyObservations]) -> Result<()> {
        let mut picture = handler.to_rgb()?;
        for (confidence, shapes) in answers.iter().flat_map(AnyObservations::shapes) {
            shapes.iter().for_each(|shape| draw(&mut picture, shape, confidence));
        }
        let path = self.path_for(found);
        let is_original = match (path.canonicalize(), found.path.canonicalize()) {
            (Ok(a), Ok(b)) => a == b,
            _ => false,
        };
        if is_original {
            bail!("--annotate {} would overwrite the picture itself; name another place", path.display());
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make folder {}", folder.display()))?;
        }
        save(&picture, &path).with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Writes the whole picture or nothing: half a copy looks like a whole one.
fn save(picture: &RgbImage, path: &Path) -> Result<()> {
    // Encoded in memory first: an encoder that writes to a full disk by itself may not tell.
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::from_path(path)?)?;
    let written = fs::write(path, bytes.into_inner());
    if written.is_err() && path.is_file() {
        // What it says about the first error is what counts.
        let _ = fs::remove_file(path);
    }
    Ok(written?)
}

fn ending(path: &Path) -> Option<String> {
    path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase)
}

/// Draws one shape: green where the algorithm is sure, through yellow to red where it is not.
fn draw(picture: &mut RgbImage, shape: &Shape, confidence: f32) {
    let unsure = (255.0 * (2.0 - 2.0 * confidence).clamp(0.0, 1.0)) as u8;
    let sure = (255.0 * (2.0 * confidence).clamp(0.0, 1.0)) as u8;
    let colour = Rgb([unsure, sure, 40]);
    // Thick enough to see when the picture is shown on a screen.
    let line = (picture.width().max(picture.height()) / 300).max(2) as i64;
    match shape {
        Shape::Rect(rect) => draw_box(picture, rect.to_pixels(), line, colour),
        Shape::Points(points) => {
            for point in points {
                let p = point.to_pixels();
                let half = (line / 2).max(1);
                fill(
                    picture,
                    [p.x as i64 - half, p.y as i64 - half, p.x as i64 + half + 1, p.y as i64 + half + 1],
                    colour,
                );
            }
        }
        _ => {}
    }
}

/// A frame of `line` pixels inside the box, with a thin dark edge outside so that it shows on any ground.
fn draw_box(picture: &mut RgbImage, rect: PixelRect, line: i64, colour: Rgb<u8>) {
    let (left, top) = (rect.x.round() as i64, rect.y.round() as i64);
    let (right, bottom) = ((rect.x + rect.width).round() as i64, (rect.y + rect.height).round() as i64);
    for (grow, width, colour) in [(1, 1, Rgb([0, 0, 0])), (0, line, colour)] {
        let [l, t, r, b] = [left - grow, top - grow, right + grow, bottom + grow];
        fill(picture, [l, t, r, t + width], colour);
        fill(picture, [l, b - width, r, b], colour);
        fill(picture, [l, t, l + width, b], colour);
        fill(picture, [r - width, t, r, b], colour);
    }
}

/// Fills left, top, right, bottom (exclusive), as far as it lies inside the picture.
fn fill(picture: &mut RgbImage, [left, top, right, bottom]: [i64; 4], colour: Rgb<u8>) {
    let (width, height) = (i64::from(picture.width()), i64::from(picture.height()));
    for y in top.clamp(0, height)..bottom.clamp(0, height) {
        for x in left.clamp(0, width)..right.clamp(0, width) {
            picture.put_pixel(x as u32, y as u32, colour);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boxes_over_the_border_are_cut_not_wrapped() {
        let mut picture = RgbImage::new(20, 20);
        draw_box(&mut picture, PixelRect::new(-5.0, -5.0, 15.0, 15.0), 2, Rgb([255, 0, 0]));
        assert_eq!(picture.get_pixel(9, 3), &Rgb([255, 0, 0]));
        assert_eq!(picture.get_pixel(0, 0), &Rgb([0, 0, 0]));
        assert_eq!(picture.get_pixel(19, 19), &Rgb([0, 0, 0]));
    }

    #[test]
    fn copies_keep_their_place_below_the_folder() {
        let found = |relative: &str| Found { path: relative.into(), relative: relative.into() };
        let target = Target::new(Path::new("out"), 2).unwrap();
        assert_eq!(target.path_for(&found("a/b.jpg")), Path::new("out/a/b.jpg"));
        assert_eq!(target.path_for(&found("c.gif")), Path::new("out/c.gif.png"));
        assert!(Target::new(Path::new("one.png"), 2).is_err());
    }
}
