//! High dynamic range to the canon: PQ (SMPTE ST 2084) and HLG (Rec. ITU-R BT.2100).

use super::srgb_from_linear;

/// Luminance of a sheet of paper in a picture of high dynamic range, in cd/m²: Report ITU-R BT.2408.
const REFERENCE_WHITE: f32 = 203.0;

/// Peak of the display for which HLG is rendered, in cd/m²: BT.2100, where its system gamma is 1.2.
const HLG_PEAK: f32 = 1000.0;

/// Up to this fraction of reference white light passes unchanged; above it a shoulder leads to 1.
const KNEE: f32 = 0.5;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum HdrCurve {
    Pq,
    Hlg,
}

/// Encoded HDR values to sRGB: curve, primaries, shoulder, encoding.
#[derive(Debug)]
pub(super) struct HdrMap {
    curve: HdrCurve,
    /// Linear source RGB to linear sRGB.
    matrix: [[f32; 3]; 3],
}

impl HdrMap {
    pub(super) fn new(curve: HdrCurve, matrix: [[f32; 3]; 3]) -> Self {
        Self { curve, matrix }
    }

    /// Appends the canonical bytes of RGB samples from 0 to `full`.
    pub(super) fn append<T: Copy>(&self, rgb: &[T], float: impl Fn(T) -> f32, full: f32, out: &mut Vec<u8>) {
        for pixel in rgb.as_chunks::<3>().0 {
            out.extend(self.pixel(pixel.map(|v| float(v) / full)));
        }
    }

    fn pixel(&self, encoded: [f32; 3]) -> [u8; 3] {
        let light = match self.curve {
            HdrCurve::Pq => encoded.map(|v| pq_luminance(v) / REFERENCE_WHITE),
            HdrCurve::Hlg => hlg_luminance(encoded).map(|v| v / REFERENCE_WHITE),
        };
        let [r, g, b] = light;
        let linear = self.matrix.map(|row| (row[0] * r + row[1] * g + row[2] * b).max(0.0));
        let peak = linear[0].max(linear[1]).max(linear[2]);
        let gain = if peak > KNEE { shoulder(peak) / peak } else { 1.0 };
        linear.map(|v| srgb_from_linear(v * gain))
    }
}

/// Unchanged up to the knee, then an exponential approach to 1 that leaves it with the same slope.
fn shoulder(light: f32) -> f32 {
    if light <= KNEE { light } else { 1.0 - (1.0 - KNEE) * (-(light - KNEE) / (1.0 - KNEE)).exp() }
}

/// The electro-optical transfer function of ST 2084, in cd/m².
fn pq_luminance(encoded: f32) -> f32 {
    const M1: f32 = 2610.0 / 16_384.0;
    const M2: f32 = 2523.0 / 4096.0 * 128.0;
    const C1: f32 = 3424.0 / 4096.0;
    const C2: f32 = 2413.0 / 4096.0 * 32.0;
    const C3: f32 = 2392.0 / 4096.0 * 32.0;
    let v = encoded.clamp(0.0, 1.0).powf(1.0 / M2);
    10_000.0 * ((v - C1).max(0.0) / (C2 - C3 * v)).powf(1.0 / M1)
}

/// The inverse of HLG's camera curve, then its system gamma on luminance, in cd/m².
fn hlg_luminance(encoded: [f32; 3]) -> [f32; 3] {
    const A: f32 = 0.178_832_77;
    const B: f32 = 0.284_668_92;
    const C: f32 = 0.559_910_7;
    let scene = encoded.map(|v| {
        let v = v.clamp(0.0, 1.0);
        if v <= 0.5 { v * v / 3.0 } else { (((v - C) / A).exp() + B) / 12.0 }
    });
    let luminance = 0.2627 * scene[0] + 0.678 * scene[1] + 0.0593 * scene[2];
    scene.map(|v| HLG_PEAK * luminance.max(1e-6).powf(0.2) * v)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAME: [[f32; 3]; 3] = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

    #[test]
    fn curves_meet_their_published_points() {
        // BT.2408, table 1: reference white is 58 % PQ and 75 % HLG; full scale is the peak.
        assert!((pq_luminance(0.58) - 203.0).abs() < 3.0, "{}", pq_luminance(0.58));
        assert!((pq_luminance(1.0) - 10_000.0).abs() < 1.0 && pq_luminance(0.0) < 1e-3);
        assert!((hlg_luminance([0.75; 3])[0] - 203.0).abs() < 3.0, "{:?}", hlg_luminance([0.75; 3]));
        assert!((hlg_luminance([1.0; 3])[0] - 1000.0).abs() < 2.0);
    }

    #[test]
    fn tones_rise_and_shadows_keep_their_light() {
        for curve in [HdrCurve::Pq, HdrCurve::Hlg] {
            let map = HdrMap::new(curve, SAME);
            let ramp: Vec<u8> = (0..=100).map(|i| map.pixel([i as f32 / 100.0; 3])[0]).collect();
            assert!(ramp.is_sorted(), "{curve:?} {ramp:?}");
            assert!(ramp[0] == 0 && ramp[100] >= 250, "{curve:?} {ramp:?}");
        }
        assert_eq!(shoulder(0.3), 0.3);
        assert!(shoulder(1.0) > 0.8 && shoulder(50.0) <= 1.0);
    }

    #[test]
    fn nonsense_values_stay_in_range() {
        for curve in [HdrCurve::Pq, HdrCurve::Hlg] {
            let map = HdrMap::new(curve, [[9.0, -9.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]);
            let mut out = Vec::new();
            map.append(&[0u16, 65_535, 1, 65_535, 0, 7], |v| v.into(), 65_535.0, &mut out);
            assert_eq!(out.len(), 6);
        }
    }
}
