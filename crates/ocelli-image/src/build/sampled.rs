//! Bilinear sampling without antialiasing, in fixed point.
//!
//! Detectors that were trained on levels made this way want exactly them. The arithmetic is that of OpenCV's
//! `INTER_LINEAR_EXACT` (its documentation calls it bit-exact): weights rounded to 1/256, rows kept in 8.8 fixed
//! point, one rounding at the end. Written from that description and checked against recorded output.

use ocelli_core::Size;

/// One output position: the first of two neighbouring source positions, and the weight of the second in 1/256.
struct Tap {
    first: usize,
    second: usize,
    weight: u32,
}

/// Positions along one axis, pixel centres at +0.5.
fn taps(from: u32, to: u32) -> Vec<Tap> {
    // Division twice, as the reference does it: the rounding of both is part of the result.
    let scale = 1.0 / (f64::from(to) / f64::from(from));
    let last = from as usize - 1;
    (0..to)
        .map(|out| {
            let place = scale * (f64::from(out) + 0.5) - 0.5;
            let first = place.floor();
            if first < 0.0 || last == 0 {
                Tap { first: 0, second: 0, weight: 0 }
            } else if first as usize >= last {
                Tap { first: last, second: last, weight: 0 }
            } else {
                let weight = ((place - first) * 256.0).round_ties_even() as u32;
                Tap { first: first as usize, second: first as usize + 1, weight }
            }
        })
        .collect()
}

/// Samples a picture of `channels` bytes a pixel at the size `to`.
pub(crate) fn sampled(data: &[u8], from: Size, channels: usize, to: Size) -> Vec<u8> {
    let columns = taps(from.width, to.width);
    let pitch = from.width as usize * channels;
    let width = to.width as usize * channels;
    // The two source rows of the current output row, already sampled along x.
    let mut upper: (Option<usize>, Vec<u32>) = (None, vec![0; width]);
    let mut lower: (Option<usize>, Vec<u32>) = (None, vec![0; width]);
    let mut out = Vec::with_capacity(width * to.height as usize);
    for tap in taps(from.height, to.height) {
        if lower.0 == Some(tap.first) && upper.0 != Some(tap.first) {
            std::mem::swap(&mut upper, &mut lower);
        }
        for (row, wanted) in [(&mut upper, tap.first), (&mut lower, tap.second)] {
            if row.0 != Some(wanted) {
                sample_row(&data[wanted * pitch..(wanted + 1) * pitch], channels, &columns, &mut row.1);
                row.0 = Some(wanted);
            }
        }
        let rounded = |(&a, &b): (&u32, &u32)| ((a * (256 - tap.weight) + b * tap.weight + (1 << 15)) >> 16) as u8;
        out.extend(upper.1.iter().zip(&lower.1).map(rounded));
    }
    out
}

/// One row along x, values times 256.
fn sample_row(row: &[u8], channels: usize, columns: &[Tap], out: &mut [u32]) {
    for (tap, out) in columns.iter().zip(out.chunks_exact_mut(channels)) {
        for (c, out) in out.iter_mut().enumerate() {
            let (a, b) = (u32::from(row[tap.first * channels + c]), u32::from(row[tap.second * channels + c]));
            *out = a * (256 - tap.weight) + b * tap.weight;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(size: Size, channels: usize) -> Vec<u8> {
        (0..size.pixels() as usize * channels).map(|i| (i * 7919 % 65_521 % 256) as u8).collect()
    }

    /// FNV-1a over the bytes.
    fn hash(bytes: &[u8]) -> u64 {
        bytes.iter().fold(0xcbf2_9ce4_8422_2325, |h, &b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01b3))
    }

    /// Hashes of `cv2.resize(…, interpolation=cv2.INTER_LINEAR_EXACT)` of OpenCV 5.0.0 on the same pattern.
    #[test]
    fn agrees_with_the_recorded_reference_bit_for_bit() {
        let cases: [(u32, u32, usize, u32, u32, u64); 8] = include!("sampled_reference.in");
        for (w, h, channels, to_w, to_h, expected) in cases {
            let (from, to) = (Size::new(w, h), Size::new(to_w, to_h));
            let got = sampled(&pattern(from, channels), from, channels, to);
            assert_eq!(hash(&got), expected, "{w}×{h}×{channels} to {to_w}×{to_h}");
        }
    }

    #[test]
    fn own_size_is_a_copy() {
        let size = Size::new(13, 7);
        assert_eq!(sampled(&pattern(size, 3), size, 3, size), pattern(size, 3));
    }
}
