//! What HEIC and AVIF share: the HEIF container, read by heifer's parser.

use super::whole::icc_meaning;
use super::{Body, Head, SourceRef};
use crate::colour::{Channels, Depth, Meaning, PixelType, SourceColour};
use heifer::heifer_isobmff::boxes::{ColorInfo, Property};
use heifer::heifer_isobmff::{HeifFile, ItemId};
use ocelli_core::{Result, Size};
use std::io::Read;

/// What comes out of both decoders: 8 bits, with alpha.
pub(super) const PIXEL: PixelType = PixelType::new(Channels::Rgba, Depth::Eight);

/// The bytes of the file; the parser wants all of them.
pub(super) fn load(source: SourceRef<'_>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut input = source.open()?.take(source.limits.max_file_bytes);
    input.read_to_end(&mut bytes).map_err(|e| source.io(e))?;
    Ok(bytes)
}

pub(super) fn parsed<'a>(source: SourceRef<'_>, bytes: &'a [u8]) -> Result<HeifFile<'a>> {
    HeifFile::parse(bytes).map_err(|e| source.damaged(e))
}

/// Frame `n` is the `n`th picture that a viewer would show; 0 is the primary one.
pub(super) fn item(source: SourceRef<'_>, file: &HeifFile<'_>) -> Result<ItemId> {
    if source.frame == 0 {
        return Ok(file.primary_id);
    }
    super::frames::check_number(source)?;
    let mut others = file.top_level_image_ids().into_iter().filter(|id| *id != file.primary_id);
    others.nth(source.frame as usize - 1).ok_or_else(|| super::frames::missing(source))
}

/// Size, colour and turn of the picture. The container's own turns are applied by the decoders; that is why an EXIF
/// orientation beside them says nothing more (ISO/IEC 23008-12, 6.5.10).
pub(super) fn head(source: SourceRef<'_>) -> Result<Head> {
    let bytes = load(source)?;
    let file = parsed(source, &bytes)?;
    let id = item(source, &file)?;
    let Some((width, height)) = file.image_size(id).map_err(|e| source.damaged(e))? else {
        return Err(source.damaged("no size of the picture"));
    };
    let mut size = Size::new(width, height);
    let (mut icc, mut code_points) = (None, None);
    for property in file.item_properties(id).map_err(|e| source.damaged(e))? {
        match property {
            Property::CleanAperture { width, height, .. } => {
                let side =
                    |(value, unit): (u32, u32), whole: u32| value.checked_div(unit).unwrap_or(0).clamp(1, whole.max(1));
                size = Size::new(side(*width, size.width), side(*height, size.height));
            }
            Property::Rotation(quarters) if quarters % 2 == 1 => size = size.transposed(),
            Property::Color(ColorInfo::Icc(profile)) => icc = Some(profile.clone()),
            Property::Color(ColorInfo::Nclx { primaries, transfer, .. }) => code_points = Some((*primaries, *transfer)),
            _ => {}
        }
    }
    let mut warnings = Vec::new();
    let meaning = match (icc, code_points) {
        (Some(icc), _) => icc_meaning(icc, source.limits.max_profile_bytes, &mut warnings),
        (None, Some((primaries, transfer))) => code_point_meaning(primaries, transfer),
        (None, None) => Meaning::Srgb,
    };
    let colour = SourceColour { meaning, pixel: PIXEL };
    Ok(Head { stored: size, orientation: None, colour, body: Body::Whole, warnings })
}

/// Code points; those that mean "unspecified" (2) or sRGB mean sRGB.
fn code_point_meaning(primaries: u16, transfer: u16) -> Meaning {
    match (u8::try_from(primaries), u8::try_from(transfer)) {
        (Ok(1 | 2), Ok(1 | 2 | 6 | 13)) | (Err(_), _) | (_, Err(_)) => Meaning::Srgb,
        // The curves of BT.709 and BT.601 are those of cameras; pictures that declare them are shown by sRGB's.
        (Ok(primaries), Ok(1 | 2 | 6)) => Meaning::CodePoints { primaries, transfer: 13 },
        (Ok(primaries), Ok(transfer)) => Meaning::CodePoints { primaries, transfer },
    }
}
