//! Other light on a window: what prints, television and poor cameras do to a picture.

use super::config::Light;
use ocelli_core::Size;

/// Changes the light of a window by amounts drawn from `rng`, at most those of `light`.
pub(super) fn relight(patch: &mut [u8], window: Size, light: &Light, rng: &mut fastrand::Rng) {
    let mut values: Vec<f32> = patch.iter().map(|v| f32::from(*v)).collect();
    bend(&mut values, signed(rng) * light.gamma);
    let deviation = deviation(&values);
    slope(&mut values, window, [signed(rng), signed(rng)].map(|v| v * light.slope * deviation));
    // Drawn evenly by variance: most copies are nearly sharp.
    blur(&mut values, window, light.blur * rng.f32() * rng.f32());
    let noise = light.noise * rng.f32() * rng.f32() * deviation;
    for (value, out) in values.iter().zip(patch) {
        *out = (value + noise * normal(rng)).round().clamp(0.0, 255.0) as u8;
    }
}

/// From −1 to 1.
fn signed(rng: &mut fastrand::Rng) -> f32 {
    rng.f32() * 2.0 - 1.0
}

/// A normal deviate, by the sum of twelve even ones.
fn normal(rng: &mut fastrand::Rng) -> f32 {
    (0..12).map(|_| rng.f32()).sum::<f32>() - 6.0
}

fn deviation(values: &[f32]) -> f32 {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    (values.iter().map(|v| (v - mean).powi(2)).sum::<f32>() / count).sqrt()
}

/// Lays a power curve over the range of levels that the window has.
fn bend(values: &mut [f32], octaves: f32) {
    let (low, high) = values.iter().fold((f32::MAX, f32::MIN), |(l, h), v| (l.min(*v), h.max(*v)));
    if high > low {
        let exponent = octaves.exp2();
        values.iter_mut().for_each(|v| *v = low + (high - low) * ((*v - low) / (high - low)).powf(exponent));
    }
}

/// Adds light that grows over the window; the amounts are those at its right and lower edges.
fn slope(values: &mut [f32], window: Size, [right, down]: [f32; 2]) {
    let centred = |at: usize, side: u32| (at as f32 + 0.5) / side as f32 * 2.0 - 1.0;
    for (y, row) in values.chunks_exact_mut(window.width as usize).enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            *value += right * centred(x, window.width) + down * centred(y, window.height);
        }
    }
}

/// Three taps in both directions with this standard deviation, as far as three taps reach (0.8).
fn blur(values: &mut [f32], window: Size, deviation: f32) {
    let side = (deviation.powi(2) / 2.0).min(1.0 / 3.0);
    let (width, height) = (window.width as usize, window.height as usize);
    let mut pass = |step: usize, along: usize, index: &dyn Fn(usize) -> usize| {
        let before = values.to_vec();
        for (ix, value) in values.iter_mut().enumerate() {
            let at = index(ix);
            let previous = if at > 0 { before[ix - step] } else { before[ix] };
            let next = if at + 1 < along { before[ix + step] } else { before[ix] };
            *value = before[ix] * (1.0 - 2.0 * side) + (previous + next) * side;
        }
    };
    pass(1, width, &|ix| ix % width);
    pass(width, height, &|ix| ix / width);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_light_changes_nothing_and_much_light_keeps_the_object() {
        let window = Size::new(8, 8);
        let picture: Vec<u8> = (0..64).map(|ix| if ix % 8 < 4 { 40 } else { 200 }).collect();
        let mut rng = fastrand::Rng::with_seed(5);
        let mut copy = picture.clone();
        relight(&mut copy, window, &Light::default(), &mut rng);
        assert_eq!(copy, picture);
        let strong = Light { blur: 1.0, noise: 0.3, gamma: 0.5, slope: 0.3, aliased: 0.0 };
        for _ in 0..20 {
            relight(&mut copy, window, &strong, &mut rng);
            let half = |right: bool| -> u32 {
                copy.iter().enumerate().filter(|(ix, _)| (ix % 8 >= 4) == right).map(|(_, v)| u32::from(*v)).sum()
            };
            assert!(half(true) > half(false) + 32 * 60, "{copy:?}");
            copy.clone_from(&picture);
        }
    }
}
