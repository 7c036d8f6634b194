//! What becomes of decoded rows: kept, or shrunk as they come.

use crate::raster::Raster;
use ocelli_core::{Control, Error, Orientation, PixelRegion, Result, Size};
use ocelli_resize::{CropBox, resize_rgb};

/// Takes the canonical rows of a decoded picture, in order from the top, in any portions of whole rows.
pub(crate) trait Sink {
    /// The next rows.
    ///
    /// # Errors
    /// The wish of the caller to stop.
    fn rows(&mut self, rgb: &[u8]) -> Result<()>;

    /// All rows at once, given away. By default they are lent to [`rows`](Self::rows).
    fn all(&mut self, rgb: Vec<u8>) -> Result<()> {
        self.rows(&rgb)
    }

    /// Whether no further row is needed.
    fn is_full(&self) -> bool;
}

/// What is wanted of a pass over a file: a part of the upright picture, at some size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Target {
    /// The part, in pixels of the upright picture.
    pub(crate) region: PixelRegion,
    /// Size of that part in the result's pixels, upright; the region's own size keeps its pixels.
    pub(crate) size: Size,
    /// What of those pixels is wanted: all of them, or a tile.
    pub(crate) part: PixelRegion,
}

impl Target {
    /// All of a region at some size.
    pub(crate) fn whole(region: PixelRegion, size: Size) -> Self {
        Self { region, size, part: PixelRegion::whole(size) }
    }
}

/// Collects one target from the rows of the stored picture, and turns it upright at the end.
pub(crate) struct Collector {
    orientation: Orientation,
    /// Size of the rows that come, as stored.
    from: Size,
    /// Size of the result, as stored.
    to: Size,
    way: Way,
    /// Rows seen so far.
    seen: u32,
    out: Vec<u8>,
}

enum Way {
    /// The pixels of a region as they are.
    Copy(PixelRegion),
    /// A part of the picture, smaller or larger.
    Resize { crop: CropBox, band: Vec<u8>, band_top: u32 },
}

/// Rows that decoders hand over at a time, tiles and strips cut up apart.
pub(crate) const PORTION: usize = 64;

/// Output rows made in one go, for a step between them in input rows: enough for the resizing to be busy, few enough
/// for the band to stay small.
fn rows_at_once(step: f64) -> u32 {
    (64.0 / step).clamp(1.0, 16.0) as u32
}

/// Input rows beside an output row that take part in it.
fn reach(step: f64) -> f64 {
    step.max(1.0) + 1.0
}

/// The most input rows that are kept.
fn band_rows(step: f64) -> u64 {
    (f64::from(rows_at_once(step)) * step + 2.0 * reach(step)).ceil() as u64 + PORTION as u64 + 2
}

impl Collector {
    /// For rows of `from` (as stored, perhaps shrunk by the decoder) of a picture of `stored` pixels.
    ///
    /// The decoder's step from stored pixels to rows is `scale` along both sides.
    pub(crate) fn new(target: Target, orientation: Orientation, stored: Size, from: Size, scale: f64) -> Self {
        let region = stored_region(target.region, orientation, stored);
        let whole = orientation.stored_size(target.size);
        let part = stored_region(target.part, orientation, whole);
        let tile = Target { region, size: whole, part };
        let way = if whole == region.size() && from == stored {
            Way::Copy(PixelRegion { x: region.x + part.x, y: region.y + part.y, ..part })
        } else {
            let [left, top] = [region.x, region.y].map(|v| f64::from(v) * scale);
            // The last row and column of a shrunk picture cover less than the others, so the part may end inside.
            let width = (f64::from(region.width) * scale).min(f64::from(from.width) - left);
            let height = (f64::from(region.height) * scale).min(f64::from(from.height) - top);
            let crop = part_of(CropBox { left, top, width, height }, tile);
            Way::Resize { crop, band: Vec::new(), band_top: 0 }
        };
        Self { orientation, from, to: part.size(), way, seen: 0, out: Vec::new() }
    }

    /// Rows of the decoder that take part in the result, first and one past the last, for an estimate of memory.
    pub(crate) fn rows_taken(&self) -> (u32, u32) {
        match &self.way {
            Way::Copy(region) => (region.y, region.y + region.height),
            Way::Resize { crop, .. } => {
                let reach = reach(crop.height / f64::from(self.to.height));
                ((crop.top - reach).max(0.0) as u32, (crop.top + crop.height + reach).ceil() as u32)
            }
        }
    }

    /// The result, upright. Rows that never came are an error of the decoder.
    pub(crate) fn finish(self) -> Result<Vec<u8>> {
        if self.out.len() as u64 != self.to.pixels() * 3 {
            return Err(Error::decoding("picture", "the decoder delivered fewer rows than the header promised"));
        }
        Ok(Raster::new(self.to, self.out).upright(self.orientation).rgb)
    }

    /// The most bytes that a collector holds at a time, its result included.
    pub(crate) fn peak_bytes(target: Target, orientation: Orientation, from: Size, scale: f64, streamed: bool) -> u64 {
        let result = target.part.size().pixels() * 3;
        // Turning by 90° needs source and result at once; the result at a single resize is made before the frame goes.
        let turned = if turns_in_place(orientation) { result } else { result * 2 };
        if !streamed || target.size == target.region.size() {
            return turned;
        }
        let part = target.region.size().longer_side();
        let step = f64::from(part) * scale / f64::from(target.size.longer_side().max(1));
        // Sides are rounded, so the step along one of them may be a little larger; half as much again is for resizing.
        turned + band_rows(step * 1.1) * u64::from(from.width) * 3 * 3 / 2
    }

    fn copy_rows(region: PixelRegion, from: Size, seen: u32, rgb: &[u8], out: &mut Vec<u8>) {
        let pitch = from.width as usize * 3;
        let (left, width) = (region.x as usize * 3, region.width as usize * 3);
        let count = (rgb.len() / pitch) as u32;
        if seen + count <= region.y || seen >= region.y + region.height {
            return;
        }
        out.reserve_exact(region.size().pixels() as usize * 3 - out.len());
        for (row, y) in rgb.chunks_exact(pitch).zip(seen..) {
            if y >= region.y && y < region.y + region.height {
                out.extend_from_slice(&row[left..left + width]);
            }
        }
    }

    /// Makes every output row whose input rows are here.
    fn drain(&mut self) -> Result<()> {
        let Self { from, to, way, seen, out, .. } = self;
        let Way::Resize { crop, band, band_top } = way else { return Ok(()) };
        let pitch = from.width as usize * 3;
        let step = crop.height / f64::from(to.height);
        let reach = reach(step);
        loop {
            let made = (out.len() / (to.width as usize * 3)) as u32;
            if made == to.height {
                band.clear();
                return Ok(());
            }
            let last = (made + rows_at_once(step)).min(to.height);
            let needed_end = (crop.top + f64::from(last) * step + reach).ceil().min(f64::from(from.height)) as u32;
            if *seen < needed_end {
                return Ok(());
            }
            let band_size = [from.width, (band.len() / pitch) as u32];
            let part = CropBox {
                left: crop.left,
                top: crop.top + f64::from(made) * step - f64::from(*band_top),
                width: crop.width,
                height: f64::from(last - made) * step,
            };
            let part = CropBox { height: part.height.min(f64::from(band_size[1]) - part.top), ..part };
            let rows = resize_rgb(band, band_size, part, [to.width, last - made]);
            out.reserve_exact(to.pixels() as usize * 3 - out.len());
            out.extend(rows.map_err(|e| Error::algorithm("intake", e))?);
            // Rows above the reach of the next output row are done with.
            let keep = (crop.top + f64::from(last) * step - reach).floor().max(0.0) as u32;
            let gone = keep.saturating_sub(*band_top).min(band_size[1]);
            band.drain(..gone as usize * pitch);
            *band_top += gone;
        }
    }
}

impl Sink for Collector {
    fn rows(&mut self, rgb: &[u8]) -> Result<()> {
        let pitch = self.from.width as usize * 3;
        let count = (rgb.len() / pitch) as u32;
        if self.seen == 0 && count == self.from.height {
            self.seen = count;
            match &self.way {
                Way::Copy(region) => Self::copy_rows(*region, self.from, 0, rgb, &mut self.out),
                Way::Resize { crop, .. } => {
                    let [from, to] = [self.from, self.to].map(|s| [s.width, s.height]);
                    self.out = resize_rgb(rgb, from, *crop, to).map_err(|e| Error::algorithm("intake", e))?;
                }
            }
            return Ok(());
        }
        match &mut self.way {
            Way::Copy(region) => {
                Self::copy_rows(*region, self.from, self.seen, rgb, &mut self.out);
                self.seen += count;
                Ok(())
            }
            Way::Resize { crop, band, band_top } => {
                // Rows above the part are never stored.
                let step = crop.height / f64::from(self.to.height);
                let first = (crop.top - reach(step)).floor().max(0.0) as u32;
                if band.is_empty() && self.seen + count <= first {
                    self.seen += count;
                    *band_top = self.seen;
                    return Ok(());
                }
                if (self.out.len() as u64) < self.to.pixels() * 3 {
                    // Exactly what is needed: growth by doubling would break the budget.
                    let rows = band_rows(step).min(u64::from(self.from.height)) as usize;
                    band.reserve_exact((rows * pitch).saturating_sub(band.len()));
                    band.extend_from_slice(rgb);
                }
                self.seen += count;
                self.drain()
            }
        }
    }

    fn all(&mut self, rgb: Vec<u8>) -> Result<()> {
        match self.way {
            Way::Copy(region) if region == PixelRegion::whole(self.from) => {
                self.out = rgb;
                Ok(())
            }
            _ => self.rows(&rgb),
        }
    }

    fn is_full(&self) -> bool {
        self.out.len() as u64 == self.to.pixels() * 3
    }
}

/// The box that the wanted part of a target is made from, inside the box that all of the target is made from.
pub(crate) fn part_of(crop: CropBox, target: Target) -> CropBox {
    let Target { size: whole, part, .. } = target;
    let step = [crop.width / f64::from(whole.width), crop.height / f64::from(whole.height)];
    let left = crop.left + f64::from(part.x) * step[0];
    let top = crop.top + f64::from(part.y) * step[1];
    // Rounding must not push the far edges out of the picture.
    let width = (f64::from(part.width) * step[0]).min(crop.left + crop.width - left);
    let height = (f64::from(part.height) * step[1]).min(crop.top + crop.height - top);
    CropBox { left, top, width, height }
}

/// Whether [`Raster::upright`] works without a second picture.
fn turns_in_place(orientation: Orientation) -> bool {
    matches!(orientation, Orientation::Upright | Orientation::FlipHorizontal | Orientation::Rotate180)
}

/// Where a part of the upright picture lies in the stored one.
fn stored_region(region: PixelRegion, orientation: Orientation, stored: Size) -> PixelRegion {
    let upright = orientation.upright_size(stored);
    let fraction = |x: u32, y: u32| {
        orientation
            .stored_from_upright(f64::from(x) / f64::from(upright.width), f64::from(y) / f64::from(upright.height))
    };
    let (a, b) = (fraction(region.x, region.y), fraction(region.x + region.width, region.y + region.height));
    let place = |v: f64, side: u32| (v * f64::from(side)).round() as u32;
    let (x, y) = (place(a.0.min(b.0), stored.width), place(a.1.min(b.1), stored.height));
    let size = orientation.stored_size(region.size());
    PixelRegion { x, y, width: size.width, height: size.height }
}

/// Hands the same rows to several collectors, and asks between portions whether to go on.
pub(crate) struct Fan<'a> {
    pub(crate) collectors: Vec<Collector>,
    pub(crate) control: &'a Control,
}

impl Sink for Fan<'_> {
    fn rows(&mut self, rgb: &[u8]) -> Result<()> {
        self.control.checkpoint()?;
        self.collectors.iter_mut().try_for_each(|c| c.rows(rgb))
    }

    fn all(&mut self, rgb: Vec<u8>) -> Result<()> {
        self.control.checkpoint()?;
        if let [only] = &mut self.collectors[..] {
            return only.all(rgb);
        }
        self.rows(&rgb)
    }

    fn is_full(&self) -> bool {
        self.collectors.iter().all(Sink::is_full)
    }
}

/// Hands every target on as soon as its rows are complete, and holds no more than the targets that are under way.
pub(crate) struct Relay<'a> {
    /// Targets still to come, with their places in the list that was asked for.
    pub(crate) waiting: Vec<(usize, Collector)>,
    pub(crate) from: Size,
    pub(crate) control: &'a Control,
    /// Takes the place of a target and its upright pixels.
    pub(crate) done: &'a mut dyn FnMut(usize, Vec<u8>) -> Result<()>,
}

impl Sink for Relay<'_> {
    fn rows(&mut self, rgb: &[u8]) -> Result<()> {
        // However many rows a decoder delivers, no more targets are under way than those that overlap.
        for rows in rgb.chunks(self.from.width as usize * 3 * PORTION) {
            self.control.checkpoint()?;
            self.waiting.iter_mut().try_for_each(|(_, collector)| collector.rows(rows))?;
            while let Some(ready) = self.waiting.iter().position(|(_, collector)| collector.is_full()) {
                let (ix, collector) = self.waiting.remove(ready);
                (self.done)(ix, collector.finish()?)?;
            }
        }
        Ok(())
    }

    fn is_full(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(size: Size) -> Vec<u8> {
        (0..size.pixels() * 3).map(|i| (i * 7919 % 65_521 % 251) as u8).collect()
    }

    fn collect(target: Target, orientation: Orientation, stored: Size, portion: usize) -> Vec<u8> {
        let mut collector = Collector::new(target, orientation, stored, stored, 1.0);
        for rows in pattern(stored).chunks(stored.width as usize * 3 * portion) {
            collector.rows(rows).unwrap();
        }
        assert!(collector.is_full());
        collector.finish().unwrap()
    }

    #[test]
    fn rows_in_portions_give_the_same_as_the_whole() {
        let stored = Size::new(97, 203);
        let part = PixelRegion { x: 11, y: 40, width: 70, height: 120 };
        for (region, size) in [
            (PixelRegion::whole(stored), Size::new(31, 65)),
            (PixelRegion::whole(stored), Size::new(150, 314)),
            (part, Size::new(20, 34)),
            (part, part.size()),
        ] {
            let target = Target::whole(region, size);
            let whole = collect(target, Orientation::Upright, stored, 203);
            for portion in [1, 7, 64] {
                let portions = collect(target, Orientation::Upright, stored, portion);
                let worst = whole.iter().zip(&portions).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                assert!(worst <= 1, "{target:?} by {portion}: {worst}");
            }
        }
    }

    #[test]
    fn tiles_are_the_pixels_of_the_whole_view() {
        let stored = Size::new(97, 203);
        let region = PixelRegion { x: 5, y: 9, width: 80, height: 150 };
        for orientation in Orientation::ALL {
            let upright = if orientation.swaps_sides() {
                PixelRegion { x: region.y, y: region.x, width: region.height, height: region.width }
            } else {
                region
            };
            for size in
                [upright.size(), upright.size().scaled_to_longer_side(61), upright.size().scaled_to_longer_side(190)]
            {
                let whole = collect(Target::whole(upright, size), orientation, stored, 203);
                let part = PixelRegion {
                    x: size.width / 4,
                    y: size.height / 3,
                    width: size.width / 2,
                    height: size.height / 3,
                };
                let got = collect(Target { region: upright, size, part }, orientation, stored, 7);
                let expected = crate::raster::crop(&whole, size, part, 3);
                let worst = expected.iter().zip(&got).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
                assert!(got.len() == expected.len() && worst <= 1, "{orientation:?} {size}: {worst}");
            }
        }
    }

    #[test]
    fn regions_are_found_in_every_orientation() {
        let stored = Size::new(30, 20);
        for orientation in Orientation::ALL {
            let upright = Raster::new(stored, pattern(stored)).upright(orientation);
            let region = PixelRegion { x: 3, y: 5, width: 11, height: 7 };
            let got = collect(Target::whole(region, region.size()), orientation, stored, 3);
            assert_eq!(got, crate::raster::crop(&upright.rgb, upright.size, region, 3), "{orientation:?}");
        }
    }
}
