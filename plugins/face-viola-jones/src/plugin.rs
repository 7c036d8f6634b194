//! The plugin: `DetectFaces` answered by a cascade.

mod miss;

use crate::cascade::CascadeInfo;
use crate::detect::{LadderOptions, Level, MIN_SCALE_FACTOR, ladder, refuse_tilted, scan_level};
use crate::group::{Candidate, Group, group};
use crate::scan::Isa;
use crate::{Cascade, CascadeError};
use ocelli_core::{
    Algorithm, DetectFaces, Error, FaceObservation, ImageInfo, Input, MissReport, Needs, NormalizedRect, PixelRect,
    PixelRegion, Request, Result, Size, ViewKind, ViewScale, ViewSpec,
};
use std::path::Path;

/// Name of the algorithm.
const NAME: &str = "viola-jones";
/// The cascade that this crate carries; its card is `models/face-cascade.md`.
const BUILT_IN: &str = include_str!("../../../models/face-cascade.json");
/// Most bytes that the integral images of all levels may take together.
const MAX_VIEW_BYTES: u64 = 512 << 20;
/// Group score of confidence one half, and its distance for one unit of the logit, of cascades that bring none.
const DEFAULT_CONFIDENCE: [f32; 2] = [2.4, 0.8];

/// Faces by an attentional cascade; answers [`DetectFaces`] under the name `viola-jones`.
///
/// Boxes are the mean of the windows that accepted a face, of which more than the minimum number must agree. The
/// confidence grows with the number of windows and with their margins over the last stage's threshold; it ranks faces,
/// and is calibrated only where the cascade's card says so.
#[derive(Clone, Debug)]
pub struct ViolaJones {
    cascade: Cascade,
    scale_factor: f64,
    min_neighbors: u32,
}

impl ViolaJones {
    /// The detector with the cascade that this crate carries, and a minimum of one neighbour.
    ///
    /// # Errors
    /// [`Error::Algorithm`] where the cascade does not load.
    pub fn new() -> Result<Self> {
        // Its confidence does what the number of windows does for others.
        Ok(Self::with_cascade(Cascade::parse(BUILT_IN).map_err(failed)?)?.min_neighbors(1))
    }

    /// The detector with a cascade of one's own.
    ///
    /// # Errors
    /// [`Error::Unsupported`] for tilted features.
    pub fn with_cascade(cascade: Cascade) -> Result<Self> {
        refuse_tilted(&cascade).map_err(failed)?;
        Ok(Self { cascade, scale_factor: 1.1, min_neighbors: 3 })
    }

    /// The detector with a cascade from a file: OpenCV's XML or this crate's JSON.
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, [`Error::Decoding`] where it is no cascade, [`Error::Unsupported`]
    /// for cascades of other features.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let name = path.as_ref().display().to_string();
        let cascade = Cascade::open(path).map_err(|error| match error {
            CascadeError::Io { path, cause } => Error::io(path, cause),
            CascadeError::Unsupported { .. } => failed(error),
            other => Error::decoding(name, other),
        })?;
        Self::with_cascade(cascade)
    }

    /// Sets by how much the picture shrinks from level to level. Default 1.1.
    ///
    /// # Errors
    /// [`Error::Parameter`] below 1.01.
    pub fn scale_factor(mut self, factor: f64) -> Result<Self> {
        if !(factor >= MIN_SCALE_FACTOR && factor.is_finite()) {
            return Err(Error::parameter("scale_factor", factor, "a number of at least 1.01"));
        }
        self.scale_factor = factor;
        Ok(self)
    }

    /// Sets how many windows must be exceeded for a face; 0 returns every window on its own. Default 3.
    pub fn min_neighbors(mut self, neighbors: u32) -> Self {
        self.min_neighbors = neighbors;
        self
    }

    /// The cascade in use.
    pub fn cascade(&self) -> &Cascade {
        &self.cascade
    }

    /// The levels for a part of a picture: the request's sizes are fractions of its longer side.
    fn levels(&self, request: &DetectFaces, part: Size) -> Result<Vec<Level>> {
        let longer = f64::from(part.longer_side());
        let window = self.cascade.window();
        let [.., width, height] = self.cascade.info().object.map(f64::from);
        // Faces are √(width × height) of the object's part of the window.
        let object = (width * height * window.pixels() as f64).sqrt().max(1.0);
        let sized = |fraction: f32| {
            let scale = f64::from(fraction) * longer / object;
            let side = |v: u32| (f64::from(v) * scale).round().clamp(1.0, f64::from(u32::MAX)) as u32;
            Size::new(side(window.width), side(window.height))
        };
        let options = LadderOptions {
            scale_factor: self.scale_factor,
            min_size: sized(request.min_size),
            max_size: Some(sized(request.max_size)),
        };
        ladder(part, window, &options).map_err(failed)
    }

    /// The groups of all levels, and whether the deadline left time for all. Coarse levels, which show the large faces and
    /// cost least, are scanned first; candidates are grouped in the order of levels either way.
    fn groups(&self, levels: &[Level], region: Option<PixelRegion>, input: &Input<'_>) -> Result<(Vec<Group>, bool)> {
        let mut found: Vec<Vec<Candidate>> = vec![Vec::new(); levels.len()];
        let mut complete = true;
        for (done, ix) in (0..levels.len()).rev().enumerate() {
            match self.scan(&levels[ix], region, input) {
                Ok(candidates) => found[ix] = candidates,
                Err(Error::DeadlineExceeded) if done > 0 => {
                    complete = false;
                    break;
                }
                Err(error) => return Err(error),
            }
            input.control.progress((done + 1) as f32 / levels.len() as f32);
        }
        Ok((group(&found.concat(), self.min_neighbors), complete))
    }

    fn scan(&self, level: &Level, region: Option<PixelRegion>, input: &Input<'_>) -> Result<Vec<Candidate>> {
        let [sums, squares] = specs(level, region, input.image.size);
        let (sums, squares) = (input.views.get(&sums)?, input.views.get(&squares)?);
        let keep_going = || !input.control.should_stop();
        let found = scan_level(&self.cascade, level, sums.as_u32(), squares.as_u64(), Isa::best(), &keep_going);
        found.map_err(|error| match error {
            CascadeError::Cancelled => input.control.checkpoint().err().unwrap_or(Error::Cancelled),
            other => failed(other),
        })
    }
}

impl Algorithm for ViolaJones {
    type Request = DetectFaces;

    fn name(&self) -> &str {
        NAME
    }

    fn revision(&self) -> u32 {
        2
    }

    fn description(&self) -> &str {
        "attentional cascade on integral images"
    }

    fn needs(&self, request: &DetectFaces, image: &ImageInfo) -> Result<Needs> {
        request.validate()?;
        if request.any_orientation || request.fine {
            let (name, value) = if request.any_orientation { ("any_orientation", true) } else { ("fine", true) };
            return Err(Error::parameter(name, value, "false with the Viola-Jones detector; the deep ones can do it"));
        }
        let region = request.options.region.map(|r| r.to_pixels(image.size));
        let levels = self.levels(request, region.map_or(image.size, |r| r.size()))?;
        let needs: Needs = levels.iter().flat_map(|level| specs(level, region, image.size)).collect();
        let bytes = needs.views.iter().map(|spec| spec.bytes(image.size)).sum();
        if bytes > MAX_VIEW_BYTES {
            return Err(Error::Limits {
                input: image.name.clone(),
                what: "bytes of the cascade's integral images",
                value: bytes,
                limit: MAX_VIEW_BYTES,
                hint: "ask for a larger min_size or a region, or raise the scale factor",
            });
        }
        Ok(needs)
    }

    fn run(&self, request: &DetectFaces, input: &Input<'_>) -> Result<Vec<FaceObservation>> {
        let image = input.image.size;
        let region = request.options.region.map(|r| r.to_pixels(image));
        let part = region.unwrap_or(PixelRegion::whole(image));
        let levels = self.levels(request, part.size())?;
        let threshold = request.options.threshold.unwrap_or(default_threshold(self.cascade.info()));
        let (groups, complete) = self.groups(&levels, region, input)?;
        let provenance = if complete { input.provenance.clone() } else { input.cut_short() };
        let faces = groups.iter().map(|group| {
            let rect = NormalizedRect::from_pixels(object_box(self.cascade.info(), group, part), image);
            FaceObservation::new(rect, confidence(&self.cascade, group), provenance.clone())
        });
        Ok(faces.filter(|face| face.confidence >= threshold).collect())
    }

    fn explain_miss(
        &self,
        request: &DetectFaces,
        input: &Input<'_>,
        place: NormalizedRect,
    ) -> Result<Option<MissReport>> {
        miss::explain(self, request, input, place).map(Some)
    }
}

/// A cascade without a calibrated confidence answers with every group, as OpenCV does.
fn default_threshold(info: &CascadeInfo) -> f32 {
    if info.confidence.is_some() { 0.5 } else { 0.0 }
}

/// The views of a level: its integral images, shared with whoever asks for the same.
fn specs(level: &Level, region: Option<PixelRegion>, image: Size) -> [ViewSpec; 2] {
    let part = region.map_or(image, |r| r.size());
    let scale = if level.size == part { ViewScale::Native } else { ViewScale::Sampled(level.size) };
    let spec = ViewSpec { kind: ViewKind::Integral, scale, region: None }.in_region(region, image);
    [spec, spec.of_kind(ViewKind::IntegralSquares)]
}

/// The object's part of a group's mean window, in pixels of the picture.
fn object_box(info: &CascadeInfo, group: &Group, part: PixelRegion) -> PixelRect {
    let [x, y, width, height] = info.object.map(f64::from);
    // Rounding can push the mean window over the border by a pixel or two.
    let group = group.clipped(part.size());
    let (w, h) = (f64::from(group.width), f64::from(group.height));
    PixelRect::new(
        f64::from(part.x) + f64::from(group.x) + x * w,
        f64::from(part.y) + f64::from(group.y) + y * h,
        width * w,
        height * h,
    )
}

/// A logistic curve over what speaks for the group.
fn confidence(cascade: &Cascade, group: &Group) -> f32 {
    let [middle, width] = cascade.info().confidence.unwrap_or(DEFAULT_CONFIDENCE);
    // The margin of a stage that adds to all others speaks for all of them.
    let cumulative = cascade.stages().last().is_some_and(|stage| stage.cumulative);
    let score = if cumulative { group.evidence } else { group.score() };
    1.0 / (1.0 + ((middle - score) / width.max(1e-3)).exp())
}

fn failed(error: CascadeError) -> Error {
    match error {
        CascadeError::Unsupported { what, hint } => Error::Unsupported { what, hint: hint.into() },
        other => Error::algorithm(NAME, other),
    }
}

#[cfg(test)]
mod tests;
