//! HEIC by heifer, pure Rust: the frame in one piece.

use super::{SourceRef, feed_frame, heif};
use crate::colour::{Samples, ToCanon};
use crate::sink::Sink;
use heifer::Options;
use ocelli_core::{Error, Result, Size};

pub(super) use super::heif::head;

pub(super) fn frame(source: SourceRef<'_>, stored: Size, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let bytes = heif::load(source)?;
    let (size, rgba) = if source.frame == 0 {
        // One thread: pictures are what runs in parallel here.
        let options = Options { max_threads: 1, max_pixels: source.limits.max_pixels };
        let picture = heifer::decode_rgba8(&bytes, &options).map_err(|e| error(source, e))?;
        (Size::new(picture.width, picture.height), picture.data)
    } else {
        let file = heif::parsed(source, &bytes)?;
        let picture = heifer::decode_item(&file, heif::item(source, &file)?, 0).map_err(|e| error(source, e))?;
        (Size::new(picture.width, picture.height), picture.to_rgba8())
    };
    if size != stored {
        return Err(source.damaged("a picture of another size than its header says"));
    }
    feed_frame(Samples::U8(&rgba), stored.width, canon, sink)
}

fn error(source: SourceRef<'_>, error: heifer::Error) -> Error {
    match error {
        heifer::Error::Unsupported(what) => source.unsupported(what),
        other => source.damaged(other),
    }
}
