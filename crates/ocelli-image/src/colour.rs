//! Pixels of any type and colour space to the canon: sRGB-encoded RGB, 8 bits, without alpha.
//!
//! ICC profiles and their mathematics are moxcms'; what is here chooses the space that a file means, keeps alpha apart,
//! and maps high dynamic range to the canon. `docs/colour.md` states what is promised and measured.

mod hdr;
mod profile;

pub(crate) use profile::{Meaning, Primaries, SourceColour};

use crate::raster::Raster;
use hdr::HdrMap;
use image::{ColorType, DynamicImage};
use moxcms::{Transform8BitExecutor, Transform16BitExecutor};
use ocelli_core::Size;
use palette::encoding::{FromLinear, Srgb};
use std::sync::Arc;

/// What lies behind transparent pixels: white, as on paper and on most web pages.
const BACKGROUND: u8 = 255;

/// Samples of a row or of many, channels together.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Samples<'a> {
    U8(&'a [u8]),
    U16(&'a [u16]),
    F32(&'a [f32]),
}

/// What the samples of a pixel stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channels {
    Gray,
    GrayAlpha,
    Rgb,
    Rgba,
    /// Amounts of ink: the largest value is full ink.
    Cmyk,
}

impl Channels {
    pub(crate) const fn count(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    const fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }

    const fn colours(self) -> usize {
        self.count() - self.has_alpha() as usize
    }
}

/// Numeric type of the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Depth {
    Eight,
    Sixteen,
    Float,
}

impl Depth {
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Self::Eight => 1,
            Self::Sixteen => 2,
            Self::Float => 4,
        }
    }
}

/// Layout of the samples that a decoder delivers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PixelType {
    pub(crate) channels: Channels,
    pub(crate) depth: Depth,
}

impl PixelType {
    pub(crate) const fn new(channels: Channels, depth: Depth) -> Self {
        Self { channels, depth }
    }

    pub(crate) const fn bytes(self) -> usize {
        self.channels.count() * self.depth.bytes()
    }

    /// The type that the `image` crate delivers.
    pub(crate) fn of(colour: ColorType) -> Self {
        let (channels, depth) = match colour {
            ColorType::L8 => (Channels::Gray, Depth::Eight),
            ColorType::La8 => (Channels::GrayAlpha, Depth::Eight),
            ColorType::Rgb8 => (Channels::Rgb, Depth::Eight),
            ColorType::L16 => (Channels::Gray, Depth::Sixteen),
            ColorType::La16 => (Channels::GrayAlpha, Depth::Sixteen),
            ColorType::Rgb16 => (Channels::Rgb, Depth::Sixteen),
            ColorType::Rgba16 => (Channels::Rgba, Depth::Sixteen),
            ColorType::Rgb32F => (Channels::Rgb, Depth::Float),
            ColorType::Rgba32F => (Channels::Rgba, Depth::Float),
            // Rgba8, and whatever the crate may add: `samples` converts to it.
            _ => (Channels::Rgba, Depth::Eight),
        };
        Self::new(channels, depth)
    }
}

/// How colours change on their way to sRGB.
#[derive(Clone)]
enum Map {
    /// They are sRGB already.
    Same,
    /// Through a profile; `grey_as_rgb` where a grey picture carries a profile for RGB.
    Profile8 { transform: Arc<Transform8BitExecutor>, grey_as_rgb: bool },
    /// The same for 16 bits.
    Profile16 { transform: Arc<Transform16BitExecutor>, grey_as_rgb: bool },
    /// PQ or HLG.
    Hdr(Arc<HdrMap>),
}

/// A way from one kind of pixel to the canon; made once for a picture.
#[derive(Clone)]
pub(crate) struct ToCanon {
    pixel: PixelType,
    map: Map,
}

impl ToCanon {
    /// For samples that are sRGB-encoded (floats: linear), or plain ink.
    pub(crate) fn srgb(pixel: PixelType) -> Self {
        Self { pixel, map: Map::Same }
    }

    pub(crate) fn pixel(&self) -> PixelType {
        self.pixel
    }

    /// Whether canonical bytes are the samples themselves.
    pub(crate) fn is_identity(&self) -> bool {
        self.pixel == PixelType::new(Channels::Rgb, Depth::Eight) && matches!(self.map, Map::Same)
    }

    /// Appends the canonical bytes of whole pixels. Samples of another type than declared give black: a bug of a decoder.
    pub(crate) fn append(&self, samples: Samples<'_>, out: &mut Vec<u8>) {
        let start = out.len();
        let channels = self.pixel.channels;
        match (&self.map, samples) {
            (Map::Profile8 { transform, grey_as_rgb }, Samples::U8(data)) => {
                let colours = colours_of(data, channels, *grey_as_rgb);
                out.resize(start + data.len() / channels.count() * 3, 0);
                // Lengths agree by construction; an error would leave the row black.
                let _ = transform.transform(&colours, &mut out[start..]);
            }
            (Map::Profile16 { transform, grey_as_rgb }, Samples::U16(data)) => {
                let colours = colours_of(data, channels, *grey_as_rgb);
                let mut wide = vec![0u16; data.len() / channels.count() * 3];
                let _ = transform.transform(&colours, &mut wide);
                out.extend(wide.into_iter().map(eight_bits));
            }
            (Map::Hdr(map), Samples::U8(data)) => {
                map.append(&colours_of(data, channels, true), |v| v.into(), 255.0, out)
            }
            (Map::Hdr(map), Samples::U16(data)) => {
                map.append(&colours_of(data, channels, true), |v| v.into(), 65_535.0, out);
            }
            (_, Samples::U8(data)) => plain(data, channels, |v| v, out),
            (_, Samples::U16(data)) => plain(data, channels, eight_bits, out),
            (_, Samples::F32(data)) => plain(data, channels, srgb_from_linear, out),
        }
        if channels.has_alpha() {
            let rgb = out[start..].as_chunks_mut::<3>().0;
            match samples {
                Samples::U8(data) => composite(rgb, data, channels, |v| v),
                Samples::U16(data) => composite(rgb, data, channels, eight_bits),
                Samples::F32(data) => composite(rgb, data, channels, |v| (unit(v) * 255.0).round() as u8),
            }
        }
    }
}

/// The colour samples without alpha; a grey one three times where `expand` says so.
fn colours_of<T: Copy>(data: &[T], channels: Channels, expand: bool) -> Vec<T> {
    let pixels = data.chunks_exact(channels.count());
    if expand && channels.colours() == 1 {
        return pixels.flat_map(|p| [p[0]; 3]).collect();
    }
    if !channels.has_alpha() {
        return data.to_vec();
    }
    pixels.flat_map(|p| &p[..channels.colours()]).copied().collect()
}

/// Colours that need no profile: grey three times, RGB as it is, ink by the plain product.
fn plain<T: Copy>(data: &[T], channels: Channels, byte: impl Fn(T) -> u8, out: &mut Vec<u8>) {
    let pixels = data.chunks_exact(channels.count());
    match channels {
        Channels::Gray | Channels::GrayAlpha => out.extend(pixels.flat_map(|p| [byte(p[0]); 3])),
        Channels::Rgb => out.extend(data.iter().map(|&v| byte(v))),
        Channels::Rgba => out.extend(pixels.flat_map(|p| [byte(p[0]), byte(p[1]), byte(p[2])])),
        Channels::Cmyk => out.extend(pixels.flat_map(|p| {
            let paper = |ink: T| 255 - u32::from(byte(ink));
            [p[0], p[1], p[2]].map(|ink| ((paper(ink) * paper(p[3]) + 127) / 255) as u8)
        })),
    }
}

/// Composites straight alpha over the background, on encoded values.
fn composite<T: Copy>(rgb: &mut [[u8; 3]], data: &[T], channels: Channels, byte: impl Fn(T) -> u8) {
    for (colour, pixel) in rgb.iter_mut().zip(data.chunks_exact(channels.count())) {
        *colour = over((*colour, byte(pixel[channels.colours()])));
    }
}

/// One straight-alpha pixel over the background.
pub(crate) fn over((colour, alpha): ([u8; 3], u8)) -> [u8; 3] {
    let alpha = u32::from(alpha);
    colour.map(|v| ((u32::from(v) * alpha + u32::from(BACKGROUND) * (255 - alpha) + 127) / 255) as u8)
}

/// One pixel whose colours are multiplied by alpha, over the background.
pub(crate) fn over_premultiplied(colour: [u8; 3], alpha: u8) -> [u8; 3] {
    let background = (u32::from(BACKGROUND) * u32::from(255 - alpha) + 127) / 255;
    colour.map(|v| (u32::from(v) + background).min(255) as u8)
}

/// A sample that alpha is measured in.
pub(crate) trait Sample: Copy {
    /// `self` divided by `alpha`, which counts as 1 where it is the largest value.
    fn divided_by(self, alpha: Self) -> Self;
}

macro_rules! integer_sample {
    ($type:ty) => {
        impl Sample for $type {
            fn divided_by(self, alpha: Self) -> Self {
                let full = u64::from(Self::MAX);
                let half = u64::from(alpha / 2);
                let colour = (u64::from(self) * full + half).checked_div(u64::from(alpha)).unwrap_or(0);
                colour.min(full) as Self
            }
        }
    };
}
integer_sample!(u8);
integer_sample!(u16);

impl Sample for f32 {
    fn divided_by(self, alpha: Self) -> Self {
        if alpha > 0.0 { self / alpha } else { 0.0 }
    }
}

/// A pixel whose colours are multiplied by its alpha, the last of its samples, with colours that are not.
pub(crate) fn straight<T: Sample, const N: usize>(mut pixel: [T; N]) -> [T; N] {
    let alpha = pixel[N - 1];
    pixel[..N - 1].iter_mut().for_each(|colour| *colour = colour.divided_by(alpha));
    pixel
}

/// The nearest 8-bit value of a 16-bit one.
fn eight_bits(value: u16) -> u8 {
    ((u32::from(value) * 255 + 32_767) / 65_535) as u8
}

/// The 8-bit sRGB-encoded value of a linear one; NaN counts as 0.
pub(crate) fn srgb_from_linear(value: f32) -> u8 {
    <Srgb as FromLinear<f32, u8>>::from_linear(unit(value))
}

fn unit(value: f32) -> f32 {
    if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) }
}

/// Brings a picture of the `image` crate to the canon; integer samples count as sRGB-encoded, floats as linear.
pub(crate) fn canonical(picture: DynamicImage) -> Raster {
    let size = Size::new(picture.width(), picture.height());
    if let DynamicImage::ImageRgb8(picture) = picture {
        return Raster::new(size, picture.into_raw());
    }
    let canon = ToCanon::srgb(PixelType::of(picture.color()));
    let mut rgb = Vec::with_capacity(size.pixels() as usize * 3);
    with_samples(&picture, |samples| canon.append(samples, &mut rgb));
    Raster::new(size, rgb)
}

/// The samples of a picture of the `image` crate, in the type that [`PixelType::of`] names.
pub(crate) fn with_samples<R>(picture: &DynamicImage, read: impl FnOnce(Samples<'_>) -> R) -> R {
    match picture {
        DynamicImage::ImageLuma8(p) => read(Samples::U8(p)),
        DynamicImage::ImageLumaA8(p) => read(Samples::U8(p)),
        DynamicImage::ImageRgb8(p) => read(Samples::U8(p)),
        DynamicImage::ImageRgba8(p) => read(Samples::U8(p)),
        DynamicImage::ImageLuma16(p) => read(Samples::U16(p)),
        DynamicImage::ImageLumaA16(p) => read(Samples::U16(p)),
        DynamicImage::ImageRgb16(p) => read(Samples::U16(p)),
        DynamicImage::ImageRgba16(p) => read(Samples::U16(p)),
        DynamicImage::ImageRgb32F(p) => read(Samples::F32(p)),
        DynamicImage::ImageRgba32F(p) => read(Samples::F32(p)),
        other => read(Samples::U8(&other.to_rgba8())),
    }
}

#[cfg(test)]
mod tests;
