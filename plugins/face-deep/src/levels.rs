//! Scale policy: which pyramid levels find which faces.

use ocelli_core::Size;

/// The network answers for faces of one octave, in pixels of the level that it scans.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FaceOctave {
    /// Smallest face, √(width × height) in pixels.
    pub smallest: f32,
    /// Largest face.
    pub largest: f32,
}

/// Levels below this longer side show nothing that the level above does not.
const SMALLEST_LEVEL: u32 = 16;

/// Longer sides of the levels, largest first, that find faces from `min_size` to `max_size` (fractions of the
/// longer side) in a part of a picture of `part` pixels.
///
/// Each level is half the one above. The first is just large enough to show the smallest faces at the smallest
/// size that the network knows, but never larger than the part itself: growing adds cost, not detail. The last is
/// the first on which the largest faces fit the network.
pub fn pyramid(part: Size, min_size: f32, max_size: f32, octave: FaceOctave) -> Vec<u32> {
    let wanted = (octave.smallest / min_size).round().max(1.0) as u32;
    let top = wanted.min(part.longer_side()).max(1);
    let largest_face = |longer: u32| octave.largest / longer as f32;
    let mut levels = vec![top];
    for k in 1..=u32::BITS - 1 {
        let last = levels[levels.len() - 1];
        if largest_face(last) >= max_size || last <= SMALLEST_LEVEL {
            break;
        }
        levels.push((f64::from(top) / f64::from(1 << k)).round() as u32);
    }
    levels
}

#[cfg(test)]
mod tests {
    use super::*;

    const OCTAVE: FaceOctave = FaceOctave { smallest: 20.0, largest: 40.0 };

    #[test]
    fn five_octaves_by_default() {
        assert_eq!(pyramid(Size::new(4000, 3000), 1.0 / 32.0, 1.0, OCTAVE), [640, 320, 160, 80, 40]);
    }

    #[test]
    fn larger_faces_alone_need_fewer_pixels() {
        assert_eq!(pyramid(Size::new(4000, 3000), 0.25, 1.0, OCTAVE), [80, 40]);
        assert_eq!(pyramid(Size::new(4000, 3000), 0.03125, 0.05, OCTAVE), [640]);
    }

    #[test]
    fn small_pictures_are_not_grown() {
        assert_eq!(pyramid(Size::new(300, 200), 1.0 / 32.0, 1.0, OCTAVE), [300, 150, 75, 38]);
        assert_eq!(pyramid(Size::new(1, 1), 1.0 / 32.0, 1.0, OCTAVE), [1]);
        assert_eq!(pyramid(Size::new(1, 5000), 1.0 / 32.0, 1.0, OCTAVE), [640, 320, 160, 80, 40]);
    }

    #[test]
    fn every_face_size_has_a_level() {
        let levels = pyramid(Size::new(6000, 4000), 0.004, 1.0, OCTAVE);
        for thousandth in 4..=1000 {
            let size = thousandth as f32 / 1000.0;
            let shown = |&longer: &u32| (18.0..=44.0).contains(&(size * longer as f32));
            assert!(levels.iter().any(shown), "size {size} on {levels:?}");
        }
    }
}
