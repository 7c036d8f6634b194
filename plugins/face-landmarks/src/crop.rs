//! From the shared views to crops: which view shows a face best, and the square that the network sees.

use ocelli_core::{Error, NormalizedPoint, NormalizedRect, PixelPoint, PixelRect, Result, Size, View, ViewKind, Views};

/// Beyond the border a crop is mid-grey, as in training.
const OUTSIDE: f32 = 128.0;

/// A square of the upright picture, in its pixels, to be seen at `pixels` × `pixels`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Square {
    pub left: f64,
    pub top: f64,
    pub side: f64,
}

impl Square {
    /// The square about the middle of a face, `times` its longer side.
    pub fn about(face: NormalizedRect, times: f64) -> Self {
        let p = face.to_pixels();
        let side = p.width.max(p.height) * times;
        Self { left: p.x + (p.width - side) / 2.0, top: p.y + (p.height - side) / 2.0, side }
    }

    /// The place of a point given in parts of the square, -0.5 to 0.5.
    pub fn point(self, x: f32, y: f32) -> PixelPoint {
        PixelPoint::new(self.left + (f64::from(x) + 0.5) * self.side, self.top + (f64::from(y) + 0.5) * self.side)
    }

    fn rect(self, frame: Size) -> NormalizedRect {
        NormalizedRect::from_pixels(PixelRect::new(self.left, self.top, self.side, self.side), frame)
    }
}

/// The smallest view on which the square has at least `pixels` a side, else the largest one.
///
/// # Errors
/// [`Error::Contract`] where there is no colour view at all.
pub(crate) fn best_view(views: &Views, square: NormalizedRect, pixels: u32) -> Result<&View> {
    let mut colour: Vec<&View> = views.iter().filter(|view| is_whole(view)).collect();
    colour.sort_by_key(|view| view.size().longer_side());
    let wide_enough = |view: &&&View| view.from_image(square).width >= f64::from(pixels);
    colour.iter().find(wide_enough).or(colour.last()).copied().ok_or_else(|| Error::Contract {
        algorithm: String::new(),
        reason: "was given no colour view to cut faces from".into(),
    })
}

/// A colour view, and not the part of one that a tile reads.
fn is_whole(view: &View) -> bool {
    view.spec().kind == ViewKind::Rgb8 && view.spec().scale.part().is_none()
}

/// Cuts `square` out of the best view, `pixels` × `pixels`, HWC, appended to `crop`.
///
/// # Errors
/// As [`best_view`].
pub(crate) fn cut(views: &Views, square: Square, frame: Size, pixels: u32, crop: &mut Vec<u8>) -> Result<()> {
    let rect = square.rect(frame);
    let view = best_view(views, rect, pixels)?;
    let (inside, size) = (view.from_image(rect), view.size());
    // Where the view is more than twice as fine, as where it is the only one, a pixel is the mean of several samples.
    let per_pixel = (inside.width / f64::from(pixels) / 2.0).ceil().clamp(1.0, MOST_SAMPLES) as u32;
    let step = |length: f64| length / f64::from(pixels * per_pixel);
    let columns: Vec<Tap> =
        (0..pixels * per_pixel).map(|ix| Tap::at(inside.x, step(inside.width), ix, size.width)).collect();
    let samples = (per_pixel * per_pixel) as f32;
    let mut sums = vec![0.0_f32; pixels as usize * 3];
    for iy in 0..pixels {
        sums.fill(0.0);
        for ix in iy * per_pixel..(iy + 1) * per_pixel {
            add_row(view, &columns, Tap::at(inside.y, step(inside.height), ix, size.height), &mut sums);
        }
        crop.extend(sums.iter().map(|sum| (sum / samples + 0.5) as u8));
    }
    Ok(())
}

/// Samples along one axis of a crop's pixel: beyond this a huge face on a huge view is sampled with gaps.
const MOST_SAMPLES: f64 = 16.0;

/// Two neighbours along one axis and the weight of the second; none outside the view.
#[derive(Clone, Copy)]
struct Tap {
    neighbours: Option<[usize; 2]>,
    weight: f32,
}

impl Tap {
    /// The sample `ix` of a row of samples `step` view pixels apart that starts at `start`.
    fn at(start: f64, step: f64, ix: u32, length: u32) -> Self {
        let place = start + (f64::from(ix) + 0.5) * step;
        if !(0.0..f64::from(length)).contains(&place) {
            return Self { neighbours: None, weight: 0.0 };
        }
        let from_centre = (place - 0.5).max(0.0);
        let first = from_centre.floor();
        let last = length as usize - 1;
        let neighbours = [(first as usize).min(last), (first as usize + 1).min(last)];
        Self { neighbours: Some(neighbours), weight: (from_centre - first) as f32 }
    }
}

/// Adds the samples of one row to a row of pixels, HWC; each pixel has equally many of the columns.
fn add_row(view: &View, columns: &[Tap], row: Tap, sums: &mut [f32]) {
    let per_pixel = columns.len() * 3 / sums.len();
    let Some(ys) = row.neighbours else {
        return sums.iter_mut().for_each(|sum| *sum += OUTSIDE * per_pixel as f32);
    };
    let n = view.size().width as usize * 3;
    let [above, below] = ys.map(|y| &view.as_u8()[y * n..][..n]);
    for (sum, columns) in sums.chunks_exact_mut(3).zip(columns.chunks_exact(per_pixel)) {
        for column in columns {
            let sample = sample(above, below, *column, row.weight);
            (0..3).for_each(|c| sum[c] += sample[c]);
        }
    }
}

/// The bilinear sample at a column, between two rows of pixels.
fn sample(above: &[u8], below: &[u8], column: Tap, weight: f32) -> [f32; 3] {
    let Some(xs) = column.neighbours else { return [OUTSIDE; 3] };
    let along = |row: &[u8]| {
        let [a, b] = xs.map(|x| &row[x * 3..x * 3 + 3]);
        [0, 1, 2].map(|c| f32::from(a[c]) + (f32::from(b[c]) - f32::from(a[c])) * column.weight)
    };
    let (above, below) = (along(above), along(below));
    [0, 1, 2].map(|c| above[c] + (below[c] - above[c]) * weight)
}

/// Normalized points of a picture of size `frame`.
pub(crate) fn normalized(points: &[PixelPoint], frame: Size) -> Vec<NormalizedPoint> {
    points.iter().map(|&p| NormalizedPoint::from_pixels(p, frame)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{ViewData, ViewSpec};
    use std::sync::Arc;

    const IMAGE: Size = Size::new(160, 80);

    /// Views of a picture that grows brighter to the right (red) and down (green).
    fn views(longer_sides: &[u32]) -> Views {
        let build = |&longer: &u32| {
            let spec = ViewSpec::scaled(ViewKind::Rgb8, longer);
            let Size { width, height } = spec.size(IMAGE);
            let shade = |i: u32, n: u32| ((f64::from(i) + 0.5) * 255.0 / f64::from(n)) as u8;
            let pixels = (0..height).flat_map(|y| (0..width).flat_map(move |x| [shade(x, width), shade(y, height), 9]));
            Arc::new(View::new(spec, IMAGE, ViewData::U8(pixels.collect())))
        };
        longer_sides.iter().map(build).collect()
    }

    fn square(left: f64, top: f64, side: f64) -> Square {
        Square { left, top, side }
    }

    #[test]
    fn the_square_is_about_the_middle_of_the_longer_side() {
        let face = NormalizedRect::from_pixels(PixelRect::new(20.0, 10.0, 20.0, 40.0), IMAGE);
        assert_eq!(Square::about(face, 1.5), square(0.0, 0.0, 60.0));
        assert_eq!(square(10.0, 20.0, 40.0).point(-0.25, 0.5), PixelPoint::new(20.0, 60.0));
    }

    #[test]
    fn the_smallest_view_with_enough_pixels_is_read() {
        let views = views(&[160, 80, 40]);
        let longer =
            |side: f64| best_view(&views, square(0.0, 0.0, side).rect(IMAGE), 20).unwrap().size().longer_side();
        assert_eq!([longer(80.0), longer(40.0), longer(20.0), longer(2.0)], [40, 80, 160, 160]);
        assert!(best_view(&Views::default(), square(0.0, 0.0, 9.0).rect(IMAGE), 20).is_err());
    }

    #[test]
    fn every_view_shows_the_same_crop() {
        // Three times too fine, twice, and as it should be.
        let crops = [[480], [160], [80]].map(|longer| {
            let mut crop = Vec::new();
            cut(&views(&longer), square(20.0, 10.0, 48.0), IMAGE, 16, &mut crop).unwrap();
            crop
        });
        for other in &crops[1..] {
            let off = crops[0].iter().zip(other).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(off <= 3, "{off}");
        }
        // The first pixel's centre lies at (21.5, 11.5).
        let expected = [21.5 * 255.0 / 160.0, 11.5 * 255.0 / 80.0];
        let near = |k: usize| (f64::from(crops[0][k]) - expected[k]).abs() < 2.0;
        assert!(near(0) && near(1), "{:?}", &crops[0][..3]);
    }

    #[test]
    fn beyond_the_border_it_is_grey() {
        let mut crop = Vec::new();
        cut(&views(&[160]), square(-20.0, -20.0, 40.0), IMAGE, 8, &mut crop).unwrap();
        assert_eq!(crop.len(), 8 * 8 * 3);
        assert_eq!(crop[..3], [128; 3]);
        assert_eq!(crop[(8 * 4 + 3) * 3..][..3], [128; 3], "left of the border");
        assert_eq!(crop[(8 * 4 + 4) * 3 + 2], 9);
    }
}
