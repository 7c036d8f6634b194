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

/// The smallest rungs of the ladder of shared resolutions; all others are these, doubled. Two to an octave: a request
/// pays for at most 1.4 times the side that it needs, and requests for different sizes meet on the same levels.
const RUNGS: [u32; 2] = [40, 56];

/// The network still sees faces a little smaller than its octave, so a rung this much below the wanted side serves.
const RUNG_TOLERANCE: f32 = 0.9;

/// Longer sides of the levels, largest first, that find faces from `min_size` to `max_size` (fractions of the
/// longer side) in a part of a picture of `part` pixels.
///
/// Each level is half the one above. The first is the lowest rung of the ladder of shared resolutions that shows the
/// smallest faces at the smallest size that the network knows, but never larger than the part itself: growing adds
/// cost, not detail. The last is the first on which the largest faces fit the network.
pub fn pyramid(part: Size, min_size: f32, max_size: f32, octave: FaceOctave) -> Vec<u32> {
    let top = lowest_rung(octave.smallest / min_size).min(part.longer_side()).max(1);
    let largest_face = |longer: u32| octave.largest / longer as f32;
    let mut levels = vec![top];
    for k in 1..u32::BITS {
        let last = levels[levels.len() - 1];
        if largest_face(last) >= max_size || last <= SMALLEST_LEVEL {
            break;
        }
        levels.push((f64::from(top) / f64::from(1u32 << k)).round() as u32);
    }
    levels
}

/// The lowest rung that is (nearly) as long as the `wanted` side.
fn lowest_rung(wanted: f32) -> u32 {
    let tall_enough = |rung: &u32| *rung as f32 >= wanted * RUNG_TOLERANCE;
    // A rung beyond 2³⁰ pixels is larger than any picture.
    (0..24).flat_map(|k| RUNGS.map(|rung| rung << k)).find(tall_enough).unwrap_or(u32::MAX)
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
        assert_eq!(pyramid(Size::new(4000, 3000), 0.1, 1.0, OCTAVE), [224, 112, 56, 28]);
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
