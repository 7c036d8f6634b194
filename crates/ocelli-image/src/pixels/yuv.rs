//! Luma and chroma buffers of cameras and video decoders.

use crate::colour::{Channels, Depth, Meaning, PixelType, Samples, SourceColour};
use crate::raster::Raster;
use ocelli_core::{Error, PixelRegion, Result, Size};

/// How the samples of a [`YuvBuffer`] are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum YuvLayout {
    /// 4:2:0 in two planes: Y, then U and V in turns.
    Nv12,
    /// 4:2:0 in two planes: Y, then V and U in turns.
    Nv21,
    /// 4:2:0 in three planes: Y, U, V.
    I420,
    /// 4:2:2 in one plane: Y, U, Y, V.
    Yuyv,
    /// 4:2:2 in one plane: U, Y, V, Y.
    Uyvy,
    /// 4:2:0 in two planes of 16-bit little-endian words, the value in the upper 10 bits: Y, then U and V in turns.
    P010,
}

/// Which weights of red, green and blue made the luma.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum YuvMatrix {
    /// Rec. ITU-R BT.601: standard definition, and JPEG.
    Bt601,
    /// Rec. ITU-R BT.709: high definition.
    #[default]
    Bt709,
    /// Rec. ITU-R BT.2020: its wider primaries are brought to sRGB's too.
    Bt2020,
}

/// Which codes stand for black and white.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum YuvRange {
    /// 16 to 235 for luma, 16 to 240 for chroma (times 4 at 10 bits).
    #[default]
    Video,
    /// 0 to 255 (0 to 1023 at 10 bits).
    Full,
}

/// One plane of a [`YuvBuffer`].
#[derive(Clone, Copy, Debug)]
pub struct YuvPlane<'a> {
    /// The bytes; the last row may lack its padding.
    pub data: &'a [u8],
    /// Bytes from the start of a row to the start of the next.
    pub row_pitch: usize,
}

/// A video or camera frame in luma and chroma that belongs to somebody else.
///
/// Values are taken for sRGB-like encoded ones of a display (BT.1886 is close enough to see faces by). A chroma sample
/// serves all pixels that it covers; nothing is interpolated.
#[derive(Clone, Copy, Debug)]
pub struct YuvBuffer<'a> {
    /// The planes in the order that [`YuvLayout`] names; further ones are ignored.
    pub planes: &'a [YuvPlane<'a>],
    /// Width and height of the luma, in pixels; odd sizes have their last chroma sample to themselves.
    pub size: Size,
    /// How samples are stored.
    pub layout: YuvLayout,
    /// Which weights made the luma.
    pub matrix: YuvMatrix,
    /// Which codes stand for black and white.
    pub range: YuvRange,
    /// The part that counts; `None` is all.
    pub crop: Option<PixelRegion>,
}

/// Where the samples of a pixel lie: plane, bytes from a column to the next, first byte, and columns and rows that share
/// a sample as shifts.
struct Site {
    plane: usize,
    step: usize,
    start: usize,
    shift: [u32; 2],
}

impl YuvLayout {
    /// Sites of Y, U and V.
    fn sites(self) -> [Site; 3] {
        let site = |plane, step, start, shift| Site { plane, step, start, shift };
        match self {
            Self::Nv12 => [site(0, 1, 0, [0, 0]), site(1, 2, 0, [1, 1]), site(1, 2, 1, [1, 1])],
            Self::Nv21 => [site(0, 1, 0, [0, 0]), site(1, 2, 1, [1, 1]), site(1, 2, 0, [1, 1])],
            Self::I420 => [site(0, 1, 0, [0, 0]), site(1, 1, 0, [1, 1]), site(2, 1, 0, [1, 1])],
            Self::Yuyv => [site(0, 2, 0, [0, 0]), site(0, 4, 1, [1, 0]), site(0, 4, 3, [1, 0])],
            Self::Uyvy => [site(0, 2, 1, [0, 0]), site(0, 4, 0, [1, 0]), site(0, 4, 2, [1, 0])],
            Self::P010 => [site(0, 2, 0, [0, 0]), site(1, 4, 0, [1, 1]), site(1, 4, 2, [1, 1])],
        }
    }

    const fn sample_bytes(self) -> usize {
        if matches!(self, Self::P010) { 2 } else { 1 }
    }
}

impl YuvMatrix {
    /// Weights of red and blue.
    const fn weights(self) -> [f32; 2] {
        match self {
            Self::Bt601 => [0.299, 0.114],
            Self::Bt709 => [0.2126, 0.0722],
            Self::Bt2020 => [0.2627, 0.0593],
        }
    }
}

impl YuvBuffer<'_> {
    /// Converts to canonical colour.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an empty size, a crop outside, missing planes, pitches or planes too short.
    pub(crate) fn to_raster(self) -> Result<Raster> {
        let crop = self.checked_crop()?;
        let sites = self.layout.sites();
        sites.iter().try_for_each(|site| self.check_plane(site))?;
        let to_rgb = Weights::new(self.matrix, self.range, self.layout);
        let mut rgb = Vec::with_capacity(crop.size().pixels() as usize * 3);
        for y in crop.y..crop.y + crop.height {
            for x in crop.x..crop.x + crop.width {
                rgb.extend(to_rgb.pixel([0, 1, 2].map(|i| self.sample(&sites[i], x, y))));
            }
        }
        if self.matrix == YuvMatrix::Bt2020 {
            rgb = narrowed(&rgb);
        }
        Ok(Raster::new(crop.size(), rgb))
    }

    fn checked_crop(&self) -> Result<PixelRegion> {
        let whole = PixelRegion::whole(self.size);
        let crop = self.crop.unwrap_or(whole);
        let ends = |start: u32, length: u32, all: u32| start.checked_add(length).is_some_and(|end| end <= all);
        let inside = ends(crop.x, crop.width, self.size.width) && ends(crop.y, crop.height, self.size.height);
        if crop.size().pixels() == 0 || !inside {
            let value = format!("{},{} {}", crop.x, crop.y, crop.size());
            return Err(Error::parameter("crop", value, format!("at least one pixel of the {} frame", self.size)));
        }
        Ok(crop)
    }

    fn check_plane(&self, site: &Site) -> Result<()> {
        let count = self.planes.len();
        let Some(plane) = self.planes.get(site.plane) else {
            return Err(Error::parameter("number of planes", count, format!("at least {}", site.plane + 1)));
        };
        let columns = self.size.width.div_ceil(1 << site.shift[0]) as usize;
        let rows = self.size.height.div_ceil(1 << site.shift[1]) as usize;
        let row = (columns - 1).checked_mul(site.step).map(|last| last + site.start + self.layout.sample_bytes());
        let Some(row) = row.filter(|&row| row <= plane.row_pitch) else {
            return Err(Error::parameter("row_pitch", plane.row_pitch, format!("room for {columns} samples")));
        };
        let needed = (rows as u128 - 1) * plane.row_pitch as u128 + row as u128;
        if (plane.data.len() as u128) < needed {
            return Err(Error::parameter("data length", plane.data.len(), format!("at least {needed} bytes")));
        }
        Ok(())
    }

    fn sample(&self, site: &Site, x: u32, y: u32) -> f32 {
        let plane = &self.planes[site.plane];
        let column = (x >> site.shift[0]) as usize;
        let at = (y >> site.shift[1]) as usize * plane.row_pitch + column * site.step + site.start;
        match self.layout {
            YuvLayout::P010 => f32::from(u16::from_le_bytes([plane.data[at], plane.data[at + 1]]) >> 6),
            _ => f32::from(plane.data[at]),
        }
    }
}

/// From codes to RGB bytes.
struct Weights {
    /// Black, and white above black.
    luma: [f32; 2],
    /// No colour, and the extent of colour from end to end.
    chroma: [f32; 2],
    red: f32,
    green: [f32; 2],
    blue: f32,
}

impl Weights {
    fn new(matrix: YuvMatrix, range: YuvRange, layout: YuvLayout) -> Self {
        let (unit, full) = if layout == YuvLayout::P010 { (4.0, 1023.0) } else { (1.0, 255.0) };
        let [kr, kb] = matrix.weights();
        let kg = 1.0 - kr - kb;
        let (luma, extent) = match range {
            YuvRange::Video => ([16.0 * unit, 219.0 * unit], 224.0 * unit),
            YuvRange::Full => ([0.0, full], full),
        };
        let (red, blue) = (2.0 * (1.0 - kr), 2.0 * (1.0 - kb));
        Self { luma, chroma: [128.0 * unit, extent], red, green: [kb / kg * blue, kr / kg * red], blue }
    }

    fn pixel(&self, [y, u, v]: [f32; 3]) -> [u8; 3] {
        let y = (y - self.luma[0]) / self.luma[1];
        let (u, v) = ((u - self.chroma[0]) / self.chroma[1], (v - self.chroma[0]) / self.chroma[1]);
        let rgb = [y + self.red * v, y - self.green[0] * u - self.green[1] * v, y + self.blue * u];
        rgb.map(|c| (c * 255.0).round().clamp(0.0, 255.0) as u8)
    }
}

/// BT.2020 primaries to sRGB's.
fn narrowed(rgb: &[u8]) -> Vec<u8> {
    let meaning = Meaning::CodePoints { primaries: 9, transfer: 13 };
    let (canon, _) = SourceColour { meaning, pixel: PixelType::new(Channels::Rgb, Depth::Eight) }.to_canon();
    let mut out = Vec::with_capacity(rgb.len());
    canon.append(Samples::U8(rgb), &mut out);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIZE: Size = Size::new(3, 3);

    fn frame(layout: YuvLayout, planes: &[(&[u8], usize)]) -> Result<Vec<u8>> {
        let planes: Vec<_> = planes.iter().map(|&(data, row_pitch)| YuvPlane { data, row_pitch }).collect();
        let (matrix, range) = (YuvMatrix::Bt601, YuvRange::Full);
        YuvBuffer { planes: &planes, size: SIZE, layout, matrix, range, crop: None }.to_raster().map(|r| r.rgb)
    }

    #[test]
    fn layouts_of_the_same_frame_agree() {
        let luma: [u8; 9] = [10, 60, 110, 20, 70, 120, 30, 80, 130];
        let (u, v): ([u8; 4], [u8; 4]) = ([100, 120, 140, 160], [90, 110, 130, 150]);
        let uv = [100, 90, 120, 110, 140, 130, 160, 150];
        let vu = [90, 100, 110, 120, 130, 140, 150, 160];
        let expected = frame(YuvLayout::I420, &[(&luma, 3), (&u, 2), (&v, 2)]).unwrap();
        assert_eq!(frame(YuvLayout::Nv12, &[(&luma, 3), (&uv, 4)]).unwrap(), expected);
        assert_eq!(frame(YuvLayout::Nv21, &[(&luma, 3), (&vu, 4)]).unwrap(), expected);
        // 4:2:2 has chroma for every row: repeat the rows that 4:2:0 shares.
        let row = |y: [u8; 3], c: usize| [y[0], u[c], y[1], v[c], y[2], u[c + 1], 0, v[c + 1]];
        let packed = [row([10, 60, 110], 0), row([20, 70, 120], 0), row([30, 80, 130], 2)].concat();
        assert_eq!(frame(YuvLayout::Yuyv, &[(&packed, 8)]).unwrap(), expected);
        let swapped: Vec<u8> = packed.as_chunks::<2>().0.iter().flat_map(|&[a, b]| [b, a]).collect();
        assert_eq!(frame(YuvLayout::Uyvy, &[(&swapped, 8)]).unwrap(), expected);
    }

    #[test]
    fn published_codes_give_published_colours() {
        let pixel = |matrix, range, codes: [f32; 3]| Weights::new(matrix, range, YuvLayout::Nv12).pixel(codes);
        for matrix in [YuvMatrix::Bt601, YuvMatrix::Bt709, YuvMatrix::Bt2020] {
            assert_eq!(pixel(matrix, YuvRange::Video, [16.0, 128.0, 128.0]), [0; 3]);
            assert_eq!(pixel(matrix, YuvRange::Video, [235.0, 128.0, 128.0]), [255; 3]);
            assert_eq!(pixel(matrix, YuvRange::Full, [77.0, 128.0, 128.0]), [77; 3]);
        }
        // 100 % red in video range: BT.601 (81, 90, 240), BT.709 (63, 102, 240).
        let near = |got: [u8; 3]| got[0] >= 253 && got[1] <= 2 && got[2] <= 2;
        assert!(near(pixel(YuvMatrix::Bt601, YuvRange::Video, [81.0, 90.0, 240.0])));
        assert!(near(pixel(YuvMatrix::Bt709, YuvRange::Video, [63.0, 102.0, 240.0])));
        let ten = Weights::new(YuvMatrix::Bt709, YuvRange::Video, YuvLayout::P010);
        assert_eq!(ten.pixel([940.0, 512.0, 512.0]), [255; 3]);
    }

    #[test]
    fn ten_bits_and_crop_are_read_where_they_lie() {
        let word = |v: u16| (v << 6).to_le_bytes();
        let luma = [64, 940, 502, 64].map(word).concat();
        let chroma = [word(512), word(512)].concat();
        let planes = [YuvPlane { data: &luma, row_pitch: 4 }, YuvPlane { data: &chroma, row_pitch: 4 }];
        let size = Size::new(2, 2);
        let (layout, matrix, range) = (YuvLayout::P010, YuvMatrix::Bt2020, YuvRange::Video);
        let crop = Some(PixelRegion { x: 1, y: 0, width: 1, height: 2 });
        let cut = YuvBuffer { planes: &planes, size, layout, matrix, range, crop }.to_raster().unwrap();
        assert_eq!((cut.size, cut.rgb), (Size::new(1, 2), vec![255, 255, 255, 0, 0, 0]));
    }

    #[test]
    fn impossible_frames_are_refused() {
        let (luma, chroma) = ([0u8; 9], [0u8; 8]);
        assert!(frame(YuvLayout::Nv12, &[(&luma, 3)]).is_err());
        assert!(frame(YuvLayout::Nv12, &[(&luma, 2), (&chroma, 4)]).is_err());
        assert!(frame(YuvLayout::Nv12, &[(&luma[..8], 3), (&chroma, 4)]).is_err());
        assert!(frame(YuvLayout::Nv12, &[(&luma, 3), (&chroma[..7], 4)]).is_err());
        assert!(frame(YuvLayout::Nv12, &[(&luma, 3), (&chroma, 4)]).is_ok());
        let planes = [YuvPlane { data: &luma, row_pitch: usize::MAX }; 3];
        let (layout, matrix, range) = (YuvLayout::I420, YuvMatrix::Bt601, YuvRange::Full);
        let buffer = |size, crop| YuvBuffer { planes: &planes, size, layout, matrix, range, crop }.to_raster();
        assert!(buffer(Size::new(2, 2), None).is_err());
        assert!(buffer(Size::new(0, 2), None).is_err());
        assert!(buffer(SIZE, Some(PixelRegion { x: 2, y: 0, width: 2, height: 1 })).is_err());
        assert!(buffer(SIZE, Some(PixelRegion { x: u32::MAX, y: 0, width: 2, height: 1 })).is_err());
    }
}
