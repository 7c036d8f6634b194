//! JPEG rows at any of its scales, by mozjpeg: a C library behind the feature `mozjpeg`.
//!
//! Its errors arrive as unwinding, which ends here.

use crate::colour::{Channels, Samples, ToCanon};
use crate::decode::{SourceRef, feed_frame};
use crate::sink::{PORTION, Sink};
use mozjpeg::{ColorSpace, Decompress};
use ocelli_core::{Result, Size};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// Decodes rows at one part in `denominator` of the size.
pub(super) fn rows(
    source: SourceRef<'_>,
    denominator: u8,
    expected: Size,
    canon: &ToCanon,
    sink: &mut dyn Sink,
) -> Result<()> {
    // After a failure the collectors are dropped, so no half-written state is ever seen.
    let decode = AssertUnwindSafe(|| decode(source, denominator, expected, canon, sink));
    catch_unwind(decode).unwrap_or_else(|cause| match cause.downcast::<String>() {
        Ok(message) if message.starts_with("libjpeg") => Err(source.damaged(message)),
        Ok(message) => resume_unwind(message),
        Err(other) => resume_unwind(other),
    })
}

fn decode(source: SourceRef<'_>, denominator: u8, expected: Size, canon: &ToCanon, sink: &mut dyn Sink) -> Result<()> {
    let mut decoder = Decompress::new_reader(source.open()?).map_err(|e| source.io(e))?;
    decoder.scale(8 / denominator);
    let channels = canon.pixel().channels;
    let space = if channels == Channels::Gray { ColorSpace::JCS_GRAYSCALE } else { ColorSpace::JCS_RGB };
    let mut started = decoder.to_colorspace(space).map_err(|e| source.io(e))?;
    if (started.width(), started.height()) != (expected.width as usize, expected.height as usize) {
        return Err(source.changed());
    }
    let pitch = started.width() * channels.count();
    let mut rows = vec![0u8; pitch * PORTION.min(started.height())];
    let mut left = started.height();
    while left > 0 && !sink.is_full() {
        let count = left.min(PORTION);
        let portion = started.read_scanlines_into(&mut rows[..count * pitch]).map_err(|e| source.io(e))?;
        left -= count;
        if canon.is_identity() {
            sink.rows(portion)?;
        } else {
            feed_frame(Samples::U8(portion), expected.width, canon, sink)?;
        }
    }
    Ok(())
}
