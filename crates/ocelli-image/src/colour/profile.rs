//! Which colour space a file means, and the way from there.

use super::hdr::{HdrCurve, HdrMap};
use super::{Channels, Depth, Map, PixelType, ToCanon};
use moxcms::{
    Chromaticity, CicpColorPrimaries, CicpProfile, CmsError, ColorPrimaries, ColorProfile, DataColorSpace, Layout,
    MatrixCoefficients, ToneReprCurve, TransferCharacteristics, TransformOptions,
};
use std::sync::Arc;

/// Chromaticities (x, y) of white, red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Primaries(pub(crate) [[f32; 2]; 4]);

impl Primaries {
    /// Rec. ITU-R BT.709, which sRGB shares.
    const SRGB: Self = Self([[0.3127, 0.329], [0.64, 0.33], [0.3, 0.6], [0.15, 0.06]]);

    /// Whether these are sRGB's to the precision at which files state them.
    fn is_srgb(&self) -> bool {
        const PRECISION: f32 = 0.002;
        self.0.as_flattened().iter().zip(Self::SRGB.0.as_flattened()).all(|(a, b)| (a - b).abs() < PRECISION)
    }
}

/// What a file says about its colours.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Meaning {
    /// sRGB, or nothing, which counts as sRGB.
    Srgb,
    /// An ICC profile.
    Icc(Vec<u8>),
    /// Code points of Rec. ITU-T H.273.
    CodePoints { primaries: u8, transfer: u8 },
    /// Light is the value to the power of `exponent`; `None` where the primaries are sRGB's.
    Gamma { exponent: f32, primaries: Option<Primaries> },
    /// sRGB's curve with other primaries.
    Primaries(Primaries),
}

/// What a file says about its colours, and the pixels that it says it of.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct SourceColour {
    pub(crate) meaning: Meaning,
    pub(crate) pixel: PixelType,
}

impl SourceColour {
    /// The way to the canon. What cannot be honoured counts as sRGB, with a warning that says why.
    pub(crate) fn to_canon(&self) -> (ToCanon, Option<String>) {
        let assumed = |what: String| (ToCanon::srgb(self.pixel), Some(format!("{what}: sRGB assumed")));
        match self.map() {
            Ok(map) => (ToCanon { pixel: self.pixel, map }, None),
            Err(Failure::Profile(e)) => assumed(format!("the colour profile cannot be used ({e:?})")),
            Err(Failure::Mismatch(what)) => assumed(what),
        }
    }

    /// What the way to the canon is called in plans; `None` where there is nothing to do.
    pub(crate) fn step(&self) -> Option<&'static str> {
        match self.meaning {
            Meaning::Srgb if self.pixel.channels == Channels::Cmyk => Some("plain ink to sRGB"),
            Meaning::Srgb => None,
            Meaning::Icc(_) => Some("ICC profile to sRGB"),
            Meaning::CodePoints { transfer: 16, .. } => Some("PQ to sRGB"),
            Meaning::CodePoints { transfer: 18, .. } => Some("HLG to sRGB"),
            Meaning::CodePoints { .. } => Some("code points to sRGB"),
            Meaning::Gamma { .. } | Meaning::Primaries(_) => Some("gamma and primaries to sRGB"),
        }
    }

    fn map(&self) -> Result<Map, Failure> {
        if self.pixel.depth == Depth::Float {
            // Float samples are linear by the convention of the formats that carry them.
            return match self.meaning {
                Meaning::Srgb => Ok(Map::Same),
                _ => Err(Failure::Mismatch("profiles of float samples are not applied".into())),
            };
        }
        match &self.meaning {
            Meaning::Srgb => Ok(Map::Same),
            Meaning::Icc(bytes) => self.through(&ColorProfile::new_from_slice(bytes)?),
            Meaning::CodePoints { primaries, transfer } => self.code_point_map(*primaries, *transfer),
            Meaning::Gamma { exponent, primaries } => {
                if !(0.1..=10.0).contains(exponent) {
                    return Err(Failure::Mismatch(format!("a gamma of {exponent} is no picture's")));
                }
                self.through(&rgb_profile(Some(*exponent), primaries.unwrap_or(Primaries::SRGB)))
            }
            Meaning::Primaries(primaries) => self.through(&rgb_profile(None, *primaries)),
        }
    }

    fn code_point_map(&self, primaries: u8, transfer: u8) -> Result<Map, Failure> {
        let unknown = |what, code| Failure::Mismatch(format!("unknown code point {code} for {what}"));
        let primaries = CicpColorPrimaries::try_from(primaries).map_err(|_| unknown("primaries", primaries))?;
        let transfer = TransferCharacteristics::try_from(transfer).map_err(|_| unknown("transfer", transfer))?;
        let curve = match transfer {
            TransferCharacteristics::Smpte2084 => Some(HdrCurve::Pq),
            TransferCharacteristics::Hlg => Some(HdrCurve::Hlg),
            _ => None,
        };
        let profile = |transfer_characteristics| {
            ColorProfile::new_from_cicp(CicpProfile {
                color_primaries: primaries,
                transfer_characteristics,
                matrix_coefficients: MatrixCoefficients::Identity,
                full_range: true,
            })
        };
        match curve {
            Some(curve) => {
                let linear = profile(TransferCharacteristics::Linear);
                let matrix = linear.transform_matrix(&ColorProfile::new_srgb()).to_f32().v;
                Ok(Map::Hdr(Arc::new(HdrMap::new(curve, matrix))))
            }
            None => self.through(&profile(transfer)),
        }
    }

    /// Through a profile; where it does nothing to 8-bit values it is left out.
    fn through(&self, profile: &ColorProfile) -> Result<Map, Failure> {
        let (layout, grey_as_rgb) = match (self.pixel.channels, profile.color_space) {
            (Channels::Gray | Channels::GrayAlpha, DataColorSpace::Gray) => (Layout::Gray, false),
            (Channels::Gray | Channels::GrayAlpha, DataColorSpace::Rgb) => (Layout::Rgb, true),
            (Channels::Rgb | Channels::Rgba, DataColorSpace::Rgb) => (Layout::Rgb, false),
            (Channels::Cmyk, DataColorSpace::Cmyk) => (Layout::Rgba, false),
            (channels, space) => {
                return Err(Failure::Mismatch(format!("a profile for {space:?} does not fit {channels:?} pixels")));
            }
        };
        let srgb = ColorProfile::new_srgb();
        let eight = profile.create_transform_8bit(layout, &srgb, Layout::Rgb, TransformOptions::default())?;
        let mut out = vec![0; PROBES.len() * 3];
        if self.pixel.channels != Channels::Cmyk {
            let grey = layout == Layout::Gray;
            let probes: Vec<u8> = PROBES.iter().flat_map(|p| if grey { vec![p[1]] } else { p.to_vec() }).collect();
            let expected: Vec<u8> = PROBES.iter().flat_map(|p| if grey { [p[1]; 3] } else { *p }).collect();
            eight.transform(&probes, &mut out)?;
            if out.iter().zip(&expected).all(|(a, b)| a.abs_diff(*b) <= 1) {
                return Ok(Map::Same);
            }
        }
        if self.pixel.depth == Depth::Eight {
            return Ok(Map::Profile8 { transform: eight, grey_as_rgb });
        }
        let transform = profile.create_transform_16bit(layout, &srgb, Layout::Rgb, TransformOptions::default())?;
        Ok(Map::Profile16 { transform, grey_as_rgb })
    }
}

/// Colours that tell whether a profile is sRGB: a grey ramp, and saturated colours at two strengths.
const PROBES: [[u8; 3]; 23] = {
    let mut probes = [[0; 3]; 23];
    let mut i = 0;
    while i < 11 {
        probes[i] = [(i * 25) as u8 + 5; 3];
        i += 1;
    }
    let strong = [[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [0, 255, 255], [255, 0, 255]];
    let mut i = 0;
    while i < 6 {
        probes[11 + i] = strong[i];
        probes[17 + i] = [strong[i][0] / 2 + 40, strong[i][1] / 3 + 30, strong[i][2] / 4 + 20];
        i += 1;
    }
    probes
};

/// A profile of an RGB space: a power curve, or sRGB's own where `exponent` is `None`.
fn rgb_profile(exponent: Option<f32>, primaries: Primaries) -> ColorProfile {
    let mut profile = ColorProfile::new_srgb();
    if !primaries.is_srgb() {
        let [white, red, green, blue] = primaries.0.map(|[x, y]| Chromaticity { x, y });
        profile.update_rgb_colorimetry(white.to_xyyb(), ColorPrimaries { red, green, blue });
    }
    profile.cicp = None;
    if let Some(exponent) = exponent {
        let curve = ToneReprCurve::Parametric(vec![exponent]);
        profile.red_trc = Some(curve.clone());
        profile.green_trc = Some(curve.clone());
        profile.blue_trc = Some(curve);
    }
    profile
}

enum Failure {
    Profile(CmsError),
    Mismatch(String),
}

impl From<CmsError> for Failure {
    fn from(error: CmsError) -> Self {
        Self::Profile(error)
    }
}
