//! Damaged files: a typed error, or a picture as far as it goes; never a panic.

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use ocelli_core::{Control, Error, Limits, Result, ViewKind, ViewSpec};
use ocelli_image::{Picture, Source, ViewCache};
use std::io::Cursor;
use std::path::Path;

const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::WebP,
    ImageFormat::Gif,
    ImageFormat::Bmp,
    ImageFormat::Tiff,
    ImageFormat::Pnm,
];

fn picture() -> RgbImage {
    RgbImage::from_fn(61, 47, |x, y| Rgb([(x * 4) as u8, (y * 5) as u8, (x * y % 251) as u8]))
}

fn encoded(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A small file, and the name that it needs to be known.
struct Small {
    format: String,
    bytes: Vec<u8>,
    /// The ending of files that nothing but their name tells.
    ending: Option<&'static str>,
}

impl Small {
    fn new(format: &str, bytes: Vec<u8>) -> Self {
        Self { format: format.to_owned(), bytes, ending: None }
    }

    /// A source of other bytes under the same kind of name.
    fn source(&self, bytes: Vec<u8>, folder: &Path) -> Source {
        let Some(ending) = self.ending else { return Source::from(bytes) };
        let path = folder.join(format!("small.{ending}"));
        std::fs::write(&path, bytes).unwrap();
        Source::path(path)
    }
}

/// One small file of every format that this build reads.
fn files() -> Vec<Small> {
    #[allow(unused_mut, reason = "more formats behind features")]
    let mut files: Vec<_> = FORMATS.iter().map(|&format| Small::new(&format!("{format:?}"), encoded(format))).collect();
    #[cfg(feature = "qoi")]
    files.push(Small::new("QOI", encoded(ImageFormat::Qoi)));
    #[cfg(feature = "tga")]
    files.push(Small { ending: Some("tga"), ..Small::new("TGA", encoded(ImageFormat::Tga)) });
    #[cfg(feature = "hdr")]
    files.push(Small::new("HDR", floats(ImageFormat::Hdr)));
    #[cfg(feature = "exr")]
    files.push(Small::new("OpenEXR", floats(ImageFormat::OpenExr)));
    #[cfg(feature = "heic")]
    files.push(Small::new("HEIC", heifer::encode_rgb8(61, 47, &picture(), &Default::default()).unwrap()));
    #[cfg(feature = "avif")]
    files.push(Small::new("AVIF", include_bytes!("fixtures/gradient-420.avif").to_vec()));
    #[cfg(feature = "jxl")]
    files.push(Small::new("JPEG XL", include_bytes!("fixtures/gradient.jxl").to_vec()));
    files
}

#[cfg(any(feature = "hdr", feature = "exr"))]
fn floats(format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(DynamicImage::from(picture()).to_rgb32f()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// Everything that intake does with a file: header, plan, views.
fn read(source: Source) -> Result<()> {
    let mut limits = Limits::default();
    limits.max_pixels = 1 << 22;
    limits.max_decode_bytes = 64 << 20;
    let picture = Picture::open(source, &limits)?;
    let specs = [ViewSpec::native(ViewKind::Rgb8), ViewSpec::scaled(ViewKind::Integral, 20)];
    picture.plan(&specs)?;
    picture.views(&specs, &specs, &ViewCache::new(1 << 20), &Control::default())?;
    Ok(())
}

fn check(what: &str, outcome: Result<()>) {
    match outcome {
        Ok(()) | Err(Error::Decoding { .. } | Error::Limits { .. } | Error::Unsupported { .. }) => {}
        Err(other) => panic!("{what}: {other:?}"),
    }
}

#[test]
fn every_truncation_is_an_error_or_a_picture() {
    let folder = tempfile::tempdir().unwrap();
    for file in files() {
        let Small { format, bytes: whole, .. } = &file;
        read(file.source(whole.clone(), folder.path())).unwrap_or_else(|e| panic!("{format}: {e}"));
        let mut refused = 0;
        for part in 0..64 {
            let cut = whole[..whole.len() * part / 64].to_vec();
            let outcome = read(file.source(cut, folder.path()));
            refused += usize::from(outcome.is_err());
            check(&format!("{format} cut at {part}/64"), outcome);
        }
        assert!(refused > 0, "{format}: some truncations hold no picture at all");
    }
}

#[test]
fn flipped_bits_are_an_error_or_a_picture() {
    // A small generator of our own keeps the cases the same for ever (Marsaglia's xorshift).
    let mut state = 0x9e37_79b9_u32;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize
    };
    let folder = tempfile::tempdir().unwrap();
    for file in files() {
        for case in 0..150 {
            let mut bytes = file.bytes.clone();
            for _ in 0..=case % 4 {
                // Headers deserve most of the attention.
                let reach = if case % 2 == 0 { bytes.len().min(128) } else { bytes.len() };
                let at = next() % reach;
                bytes[at] ^= 1 << (next() % 8);
            }
            check(&format!("{} case {case}", file.format), read(file.source(bytes, folder.path())));
        }
    }
}

/// The content decides what a file is, whatever its name says; only what has no mark needs its name.
#[test]
fn wrong_extensions_do_not_matter() {
    let folder = tempfile::tempdir().unwrap();
    for Small { format, bytes, ending: named } in files() {
        for ending in ["jpg", "png", "tiff", "tga", "txt"] {
            let path = folder.path().join(format!("wrong.{ending}"));
            std::fs::write(&path, &bytes).unwrap();
            let opened = Picture::open(&path, &Limits::default());
            if named.is_some_and(|named| named != ending) {
                assert!(matches!(opened, Err(Error::Decoding { .. })), "{format} named .{ending}: {opened:?}");
                continue;
            }
            let picture = opened.unwrap_or_else(|e| panic!("{format}: {e}"));
            assert_eq!(picture.info().size.to_string(), "61×47", "{format} named .{ending}");
        }
    }
}

#[test]
fn an_absurd_header_is_refused_from_the_header() {
    // A PNG of 33 bytes that declares 65,535 × 65,535 pixels of 16-bit RGBA, with a correct checksum.
    let mut header = Vec::from(*b"IHDR");
    header.extend([0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 16, 6, 0, 0, 0]);
    let mut png = Vec::from(*b"\x89PNG\r\n\x1a\n\0\0\0\x0d");
    png.extend(&header);
    png.extend(crc32(&header).to_be_bytes());
    png.extend(b"\0\0\0\0IDAT");
    png.extend(crc32(b"IDAT").to_be_bytes());
    assert!(png.len() <= 100);
    let error = Picture::open(png, &Limits::default()).unwrap_err();
    assert!(matches!(error, Error::Limits { value: 4_294_836_225, .. }), "{error}");
}

/// The checksum of PNG chunks (ISO 3309).
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0u32, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 })
    })
}
