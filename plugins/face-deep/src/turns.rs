//! Faces that lie on a side or stand on their head: the views are turned and scanned, the answers turned back.

use crate::merge::Candidate;
use ocelli_core::{NormalizedRect, Orientation, PixelRegion, Size, View, ViewData, ViewSpec};

/// What is searched beside the picture as it stands.
pub(crate) const TURNS: [Orientation; 3] = [Orientation::Rotate90, Orientation::Rotate180, Orientation::Rotate270];

/// The same view of the picture as `turn` turns it; `image` is the size of the picture as it stands.
pub(crate) fn turned_view(view: &View, image: Size, turn: Orientation) -> View {
    let spec = turned_spec(view.spec(), image, turn);
    View::new(spec, turn.upright_size(image), ViewData::U8(turned_pixels(view.as_u8(), view.size(), turn)))
}

/// The view's name in the picture as `turn` turns it.
pub(crate) fn turned_spec(spec: &ViewSpec, image: Size, turn: Orientation) -> ViewSpec {
    ViewSpec { region: spec.region.map(|region| turned_region(region, image, turn)), ..*spec }
}

/// Where a part of a picture of size `image` lies after the turn.
fn turned_region(PixelRegion { x, y, width, height }: PixelRegion, image: Size, turn: Orientation) -> PixelRegion {
    let (right, below) = (image.width - x - width, image.height - y - height);
    match turn {
        Orientation::Rotate90 => PixelRegion { x: below, y: x, width: height, height: width },
        Orientation::Rotate180 => PixelRegion { x: right, y: below, width, height },
        Orientation::Rotate270 => PixelRegion { x: y, y: right, width: height, height: width },
        _ => PixelRegion { x, y, width, height },
    }
}

/// Moves pixels of three bytes from a picture of `size` to where the turn puts them.
fn turned_pixels(rgb: &[u8], size: Size, turn: Orientation) -> Vec<u8> {
    let Size { width, height } = turn.upright_size(size);
    let source = |x: u32, y: u32| match turn {
        Orientation::Rotate90 => (y, size.height - 1 - x),
        Orientation::Rotate180 => (size.width - 1 - x, size.height - 1 - y),
        Orientation::Rotate270 => (size.width - 1 - y, x),
        _ => (x, y),
    };
    let mut turned = Vec::with_capacity(rgb.len());
    for y in 0..height {
        for x in 0..width {
            let (x, y) = source(x, y);
            let at = 3 * (y as usize * size.width as usize + x as usize);
            turned.extend_from_slice(&rgb[at..at + 3]);
        }
    }
    turned
}

/// The candidate, found in the picture as `turn` turns it, in the picture as it stands.
pub(crate) fn turned_back(candidate: Candidate, turn: Orientation) -> Candidate {
    let stored = candidate.rect.to_stored(turn);
    let rect = NormalizedRect::new(stored.x(), stored.y(), stored.width(), stored.height(), stored.frame());
    Candidate { rect, ..candidate }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{PixelRect, ViewKind};

    const IMAGE: Size = Size::new(40, 20);
    const PART: PixelRegion = PixelRegion { x: 4, y: 2, width: 20, height: 12 };

    /// A view of half the size of `PART` in which every pixel is its own number.
    fn view() -> View {
        let spec = ViewSpec::scaled(ViewKind::Rgb8, 10).in_region(Some(PART), IMAGE);
        View::new(spec, IMAGE, ViewData::U8((0..10 * 6 * 3).collect()))
    }

    #[test]
    fn pixels_go_where_boxes_say_that_they_come_from() {
        let upright = view();
        for turn in TURNS {
            let turned = turned_view(&upright, IMAGE, turn);
            assert_eq!(turned.size(), turn.upright_size(upright.size()));
            let size = turned.size();
            for y in 0..size.height {
                for x in 0..size.width {
                    let rect = turned.to_image(PixelRect::new(x.into(), y.into(), 1.0, 1.0));
                    let back = turned_back(Candidate { rect, confidence: 0.5, level: 0, cell: [0; 2] }, turn).rect;
                    let place = back.to_pixels();
                    assert_eq!(back.frame(), IMAGE);
                    // The part starts at (4, 2), and each of its pixels is two of the picture's.
                    let (u, v) = (((place.x - 4.0) / 2.0).round() as usize, ((place.y - 2.0) / 2.0).round() as usize);
                    let expected = PixelRect::new(4.0 + 2.0 * u as f64, 2.0 + 2.0 * v as f64, 2.0, 2.0);
                    assert!((place.iou(expected) - 1.0).abs() < 1e-9, "{turn:?}: {place:?}");
                    let value = turned.as_u8()[3 * (y * size.width + x) as usize];
                    assert_eq!(usize::from(value), 3 * (v * 10 + u), "{turn:?} ({x}, {y})");
                }
            }
        }
    }

    #[test]
    fn four_quarter_turns_are_none() {
        let upright = view();
        let (mut turned, mut image) = (upright.clone(), IMAGE);
        for _ in 0..4 {
            turned = turned_view(&turned, image, Orientation::Rotate90);
            image = image.transposed();
        }
        assert_eq!((turned.spec(), turned.data()), (upright.spec(), upright.data()));
        let twice = turned_view(&turned_view(&upright, IMAGE, Orientation::Rotate180), IMAGE, Orientation::Rotate180);
        assert_eq!((twice.spec(), twice.data()), (upright.spec(), upright.data()));
    }
}
