//! AVIF: the container by heifer's parser, the AV1 picture by re_rav1d, a port of dav1d to Rust without its assembly.
//!
//! Single pictures, 4:2:0, 4:2:2, 4:4:4 or grey, 8 to 12 bits; grids of pictures are refused. Alpha is left out.

use super::{SourceRef, feed_frame, heif};
use crate::colour::{Samples, ToCanon};
use crate::raster::Raster;
use crate::sink::Sink;
use heifer::heifer_isobmff::boxes::{ColorInfo, Property};
use heifer::heifer_isobmff::{HeifFile, ItemId};
use ocelli_core::{Orientation, Result, Size};
use re_rav1d::dav1d::{Decoder, Error, Picture, PixelLayout, PlanarImageComponent as Plane, Settings};

pub(super) use super::heif::head;

pub(super) fn frame(source: SourceRef<'_>, stored: Size, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let bytes = heif::load(source)?;
    let file = heif::parsed(source, &bytes)?;
    let id = heif::item(source, &file)?;
    let item = file.item(id).map_err(|e| source.damaged(e))?;
    if item.item_type.0 != *b"av01" {
        return Err(source.unsupported(format!("a picture made of others ({})", item.item_type)));
    }
    let data = file.item_data(id).map_err(|e| source.damaged(e))?.into_owned();
    if data.is_empty() {
        return Err(source.damaged("a picture of no bytes"));
    }
    let picture = decoded(source, data)?;
    let raster = turned(rgb(source, &picture, Codes::of(&file, id, &picture))?, &file, id);
    if raster.size != stored {
        return Err(source.damaged("a picture of another size than its header says"));
    }
    let rgba: Vec<u8> = raster.rgb.as_chunks::<3>().0.iter().flat_map(|&[r, g, b]| [r, g, b, 255]).collect();
    feed_frame(Samples::U8(&rgba), stored.width, canon, sink)
}

/// The first picture of the stream.
fn decoded(source: SourceRef<'_>, data: Vec<u8>) -> Result<Picture> {
    let mut settings = Settings::new();
    settings.set_n_threads(1);
    settings.set_max_frame_delay(1);
    settings.set_frame_size_limit(u32::try_from(source.limits.max_pixels).unwrap_or(u32::MAX));
    let failed = |e: Error| source.damaged(e);
    let mut decoder = Decoder::with_settings(&settings).map_err(failed)?;
    match decoder.send_data(data, None, None, None) {
        Ok(()) | Err(Error::Again) => {}
        Err(error) => return Err(failed(error)),
    }
    // The decoder may want to be asked again, but never more often than there are pieces of data.
    for _ in 0..16 {
        match decoder.get_picture() {
            Ok(picture) => return Ok(picture),
            Err(Error::Again) => decoder
                .send_pending_data()
                .or_else(|e| if e == Error::Again { Ok(()) } else { Err(e) })
                .map_err(failed)?,
            Err(error) => return Err(failed(error)),
        }
    }
    Err(source.damaged("no picture in the stream"))
}

/// What codes of luma and chroma mean.
struct Codes {
    /// Weights of red and blue; `None` where the planes are green, blue and red.
    weights: Option<[f32; 2]>,
    full_range: bool,
}

impl Codes {
    /// The container's word, else the stream's.
    fn of(file: &HeifFile<'_>, id: ItemId, picture: &Picture) -> Self {
        let declared = file.item_properties(id).ok().and_then(|mut all| {
            all.find_map(|property| match property {
                Property::Color(ColorInfo::Nclx { matrix, full_range, .. }) => Some((*matrix, *full_range)),
                _ => None,
            })
        });
        let (matrix, full_range) = declared.unwrap_or_else(|| {
            let full = picture.color_range() == re_rav1d::dav1d::pixel::YUVRange::Full;
            (picture.matrix_coefficients() as u16, full)
        });
        let weights = match matrix {
            0 => None,
            1 => Some([0.2126, 0.0722]),
            9 | 10 => Some([0.2627, 0.0593]),
            // BT.601, and what says nothing.
            _ => Some([0.299, 0.114]),
        };
        Self { weights, full_range }
    }
}

/// Planes to RGB; a chroma sample serves every pixel that it covers.
fn rgb(source: SourceRef<'_>, picture: &Picture, codes: Codes) -> Result<Raster> {
    let size = Size::new(picture.width(), picture.height());
    let depth = picture.bit_depth();
    let shift = match picture.pixel_layout() {
        PixelLayout::I420 => [1, 1],
        PixelLayout::I422 => [1, 0],
        PixelLayout::I400 | PixelLayout::I444 => [0, 0],
    };
    let grey = picture.pixel_layout() == PixelLayout::I400;
    let planes = [Plane::Y, Plane::U, Plane::V]
        .map(|plane| (!grey || plane == Plane::Y).then(|| (picture.plane(plane), picture.stride(plane) as usize)));
    let sample = |plane: usize, x: u32, y: u32| -> Option<f32> {
        let (data, pitch) = planes[plane].as_ref()?;
        let [dx, dy] = if plane == 0 { [0, 0] } else { shift };
        let (x, y) = ((x >> dx) as usize, (y >> dy) as usize);
        Some(if depth > 8 {
            let at = y * pitch + x * 2;
            f32::from(u16::from_ne_bytes(*data.get(at..at + 2)?.first_chunk()?))
        } else {
            f32::from(*data.get(y * pitch + x)?)
        })
    };
    let unit = f32::from(1u16 << (depth - 8));
    let full = unit * 256.0 - 1.0;
    let ((black, white), extent) =
        if codes.full_range { ((0.0, full), full) } else { ((16.0 * unit, 219.0 * unit), 224.0 * unit) };
    let middle = 128.0 * unit;
    let mut out = Vec::with_capacity(size.pixels() as usize * 3);
    for y in 0..size.height {
        for x in 0..size.width {
            let luma = sample(0, x, y).ok_or_else(|| source.damaged("a plane that is too short"))?;
            let chroma = |plane| sample(plane, x, y).unwrap_or(middle);
            let pixel = match codes.weights {
                None if !grey => [chroma(2), luma, chroma(1)].map(|v| (v - black) / white),
                weights => {
                    let [kr, kb] = weights.unwrap_or([0.299, 0.114]);
                    let (l, u, v) =
                        ((luma - black) / white, (chroma(1) - middle) / extent, (chroma(2) - middle) / extent);
                    let (r, b) = (l + 2.0 * (1.0 - kr) * v, l + 2.0 * (1.0 - kb) * u);
                    [r, (l - kr * r - kb * b) / (1.0 - kr - kb), b]
                }
            };
            out.extend(pixel.map(|v| (v * 255.0).round().clamp(0.0, 255.0) as u8));
        }
    }
    Ok(Raster::new(size, out))
}

/// Applies the container's turns, in their order.
fn turned(mut raster: Raster, file: &HeifFile<'_>, id: ItemId) -> Raster {
    let Ok(properties) = file.item_properties(id) else { return raster };
    for property in properties {
        raster = match property {
            Property::Rotation(1) => raster.upright(Orientation::Rotate270),
            Property::Rotation(2) => raster.upright(Orientation::Rotate180),
            Property::Rotation(3) => raster.upright(Orientation::Rotate90),
            Property::Mirror(true) => raster.upright(Orientation::FlipVertical),
            Property::Mirror(false) => raster.upright(Orientation::FlipHorizontal),
            _ => raster,
        };
    }
    raster
}
