//! Kinds of files, told by their first bytes.

use image::ImageFormat;

/// A kind of file that is known, whether this build reads it or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One that the `image` crate names.
    Image(ImageFormat),
    /// HEVC in a HEIF container.
    Heic,
    /// AV1 in a HEIF container.
    Avif,
    /// JPEG XL, bare or in its container.
    JpegXl,
}

/// Built in beside those that every build reads.
const OPTIONAL: [Format; 7] = [
    Format::Image(ImageFormat::Qoi),
    Format::Image(ImageFormat::Tga),
    Format::Image(ImageFormat::Hdr),
    Format::Image(ImageFormat::OpenExr),
    Format::Heic,
    Format::Avif,
    Format::JpegXl,
];

/// What this build reads, for messages.
pub(crate) fn readable() -> String {
    let more: String = OPTIONAL.iter().filter(|f| f.is_built_in()).map(|f| format!(", {}", f.name())).collect();
    format!("JPEG, PNG, WebP, GIF, BMP, TIFF{more} and PNM")
}

/// Endings of file names, in lower case, that pictures which this build reads usually have.
pub fn picture_endings() -> Vec<&'static str> {
    let mut endings =
        vec!["jpg", "jpeg", "jpe", "png", "webp", "gif", "bmp", "tif", "tiff", "pnm", "pbm", "pgm", "ppm", "pam"];
    let optional: [(Format, &[&str]); 7] = [
        (Format::Heic, &["heic", "heif", "hif"]),
        (Format::Avif, &["avif"]),
        (Format::JpegXl, &["jxl"]),
        (Format::Image(ImageFormat::Qoi), &["qoi"]),
        (Format::Image(ImageFormat::Tga), &["tga"]),
        (Format::Image(ImageFormat::Hdr), &["hdr"]),
        (Format::Image(ImageFormat::OpenExr), &["exr"]),
    ];
    optional.iter().filter(|(format, _)| format.is_built_in()).for_each(|(_, more)| endings.extend(*more));
    endings
}

impl Format {
    /// The kind of a file that begins so; `None` where nothing known does.
    pub(crate) fn of(head: &[u8]) -> Option<Self> {
        const JXL_CONTAINER: &[u8] = b"\0\0\0\x0cJXL \r\n\x87\n";
        if head.starts_with(&[0xff, 0x0a]) || head.starts_with(JXL_CONTAINER) {
            return Some(Self::JpegXl);
        }
        if let Some(format) = heif(head) {
            return Some(format);
        }
        image::guess_format(head).ok().map(|format| match format {
            ImageFormat::Avif => Self::Avif,
            other => Self::Image(other),
        })
    }

    /// Whether this build reads it.
    pub(crate) fn is_built_in(self) -> bool {
        match self {
            Self::Image(format) => format.reading_enabled(),
            Self::Heic => cfg!(feature = "heic"),
            Self::Avif => cfg!(feature = "avif"),
            Self::JpegXl => cfg!(feature = "jxl"),
        }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Heic => "HEIC",
            Self::Avif => "AVIF",
            Self::JpegXl => "JPEG XL",
            Self::Image(format) => match format {
                ImageFormat::Png => "PNG",
                ImageFormat::Jpeg => "JPEG",
                ImageFormat::Gif => "GIF",
                ImageFormat::WebP => "WebP",
                ImageFormat::Pnm => "PNM",
                ImageFormat::Tiff => "TIFF",
                ImageFormat::Tga => "TGA",
                ImageFormat::Dds => "DDS",
                ImageFormat::Bmp => "BMP",
                ImageFormat::Ico => "ICO",
                ImageFormat::Hdr => "HDR",
                ImageFormat::OpenExr => "OpenEXR",
                ImageFormat::Farbfeld => "farbfeld",
                ImageFormat::Qoi => "QOI",
                _ => "unnamed",
            },
        }
    }

    /// The Cargo feature that builds it in, where it takes one.
    pub(crate) fn feature(self) -> Option<&'static str> {
        match self {
            Self::Heic => Some("heic"),
            Self::Avif => Some("avif"),
            Self::JpegXl => Some("jxl"),
            Self::Image(ImageFormat::Qoi) => Some("qoi"),
            Self::Image(ImageFormat::Tga) => Some("tga"),
            Self::Image(ImageFormat::Hdr) => Some("hdr"),
            Self::Image(ImageFormat::OpenExr) => Some("exr"),
            Self::Image(_) => None,
        }
    }
}

/// HEIF by its brands: the major one, or the first compatible one that names a codec.
fn heif(head: &[u8]) -> Option<Format> {
    let (size, kind) = (head.first_chunk::<4>()?, head.get(4..8)?);
    if kind != b"ftyp" {
        return None;
    }
    let end = (u32::from_be_bytes(*size) as usize).min(head.len());
    let major = head.get(8..12)?;
    let compatible = head.get(16..end).unwrap_or(&[]).chunks_exact(4);
    std::iter::once(major).chain(compatible).find_map(|brand| match brand {
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" => Some(Format::Heic),
        b"avif" | b"avis" => Some(Format::Avif),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_told_by_their_first_bytes() {
        assert_eq!(Format::of(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"), Some(Format::Heic));
        assert_eq!(Format::of(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf"), Some(Format::Avif));
        assert_eq!(Format::of(b"\0\0\0\x14ftypmp42\0\0\0\0isom"), None);
        assert_eq!(Format::of(&[0xff, 0x0a, 0, 0]), Some(Format::JpegXl));
        assert_eq!(Format::of(b"\xff\xd8\xff\xe0"), Some(Format::Image(ImageFormat::Jpeg)));
        assert_eq!(Format::of(b"\0\0\0\x18ftyp"), None);
    }
}
