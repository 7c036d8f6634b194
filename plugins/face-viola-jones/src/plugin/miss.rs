//! Why a face that a person sees was not found: which stage rejected it, or which step after the cascade.

use super::{ViolaJones, confidence, default_threshold, object_box, specs};
use crate::detect::{Level, scan_level};
use crate::group::{Candidate, Group, group};
use crate::scan::Isa;
use crate::{Cascade, CascadeInfo};
use ocelli_core::{DetectFaces, Input, MissReport, MissVerdict, NormalizedRect, PixelRegion, Result, Size};

/// A window looks at the place where their intersection over union is at least this.
const NEAR: f64 = 0.3;
/// An observation is the face at the place where their intersection over union is at least this.
const SAME: f64 = 0.5;

/// Replays the steps of the detector for `place`.
pub(super) fn explain(
    detector: &ViolaJones,
    request: &DetectFaces,
    input: &Input<'_>,
    place: NormalizedRect,
) -> Result<MissReport> {
    let image = input.image.size;
    let region = request.options.region.map(|r| r.to_pixels(image));
    let part = region.unwrap_or(PixelRegion::whole(image));
    let centre = place.center().to_pixels();
    let inside = |at: f64, from: u32, length: u32| (f64::from(from)..f64::from(from + length)).contains(&at);
    if !(inside(centre.x, part.x, part.width) && inside(centre.y, part.y, part.height)) {
        return Ok(MissReport::new(MissVerdict::Region));
    }
    let levels = detector.levels(request, part.size())?;
    let near_size: Vec<Level> =
        levels.iter().filter(|level| is_near_size(&detector.cascade, level, place, image)).copied().collect();
    if near_size.is_empty() {
        let size = place.to_pixels().area().sqrt() / f64::from(part.size().longer_side());
        let (min, max) = (f64::from(request.min_size), f64::from(request.max_size));
        return Ok(MissReport::new(MissVerdict::SizeRange { size, min, max }));
    }
    let sees = |window: &Candidate| as_rect(detector.cascade.info(), window, part, image).iou(place) >= NEAR;
    let n_stages = detector.cascade.stages().len();
    let reached = stages_passed(detector, &near_size, region, input, &sees)?;
    let verdict = if reached < n_stages {
        MissVerdict::Stage { stage: reached, n_stages }
    } else {
        after_cascade(detector, request, &levels, region, part, input, place)?
    };
    let sizes: Vec<_> = near_size.iter().map(|level| level.object.to_string()).collect();
    Ok(MissReport::new(verdict)
        .fact("windows of its size", sizes.join(" "))
        .fact("stages passed", format!("{reached} of {n_stages}")))
}

/// Whether the object in a window of this level has about the size of the place.
fn is_near_size(cascade: &Cascade, level: &Level, place: NormalizedRect, image: Size) -> bool {
    let window =
        Candidate { x: 0, y: 0, width: level.object.width as i32, height: level.object.height as i32, margin: 0.0 };
    let object = as_rect(cascade.info(), &window, PixelRegion::whole(image), image).to_pixels();
    let ratio = (object.area() / place.to_pixels().area().max(1e-9)).sqrt();
    (0.6..=1.6).contains(&ratio)
}

/// The object's part of one window, in the picture.
fn as_rect(info: &CascadeInfo, window: &Candidate, part: PixelRegion, image: Size) -> NormalizedRect {
    let alone = group(std::slice::from_ref(window), 0);
    let rect = alone.first().map(|g: &Group| object_box(info, g, part));
    NormalizedRect::from_pixels(rect.unwrap_or(ocelli_core::PixelRect::new(0.0, 0.0, 0.0, 0.0)), image)
}

/// Number of stages that some window at the place passes one after the other: found by cutting the cascade short.
fn stages_passed(
    detector: &ViolaJones,
    levels: &[Level],
    region: Option<PixelRegion>,
    input: &Input<'_>,
    sees: &dyn Fn(&Candidate) -> bool,
) -> Result<usize> {
    let stages = detector.cascade.stages().len();
    for n in 1..=stages {
        let mut parts = detector.cascade.clone().into_parts();
        parts.stages.truncate(n);
        let short = Cascade::new(parts).map_err(super::failed)?;
        let mut seen = false;
        for level in levels {
            let [sums, squares] = specs(level, region, input.image.size);
            let (sums, squares) = (input.views.get(&sums)?, input.views.get(&squares)?);
            let keep_going = || !input.control.should_stop();
            let found = scan_level(&short, level, sums.as_u32(), squares.as_u64(), Isa::best(), &keep_going);
            input.control.checkpoint()?;
            seen |= found.map_err(super::failed)?.iter().any(sees);
        }
        if !seen {
            return Ok(n - 1);
        }
    }
    Ok(stages)
}

/// What became of windows that passed the whole cascade: grouping, threshold, count.
fn after_cascade(
    detector: &ViolaJones,
    request: &DetectFaces,
    levels: &[Level],
    region: Option<PixelRegion>,
    part: PixelRegion,
    input: &Input<'_>,
    place: NormalizedRect,
) -> Result<MissVerdict> {
    let (image, info) = (input.image.size, detector.cascade.info());
    let threshold = request.options.threshold.unwrap_or(default_threshold(info));
    let mut groups: Vec<_> = detector
        .groups(levels, region, input)?
        .0
        .iter()
        .map(|g| (NormalizedRect::from_pixels(object_box(info, g, part), image), confidence(&detector.cascade, g)))
        .collect();
    groups.sort_by(|a, b| b.1.total_cmp(&a.1));
    let near = groups.iter().position(|(rect, _)| rect.iou(place) >= SAME);
    Ok(match near {
        None => MissVerdict::Neighbors { min_neighbors: detector.min_neighbors },
        Some(ix) if groups[ix].1 < threshold => MissVerdict::Threshold { confidence: groups[ix].1, threshold },
        Some(ix) => match request.options.max_count {
            Some(max_count) if ix >= max_count => MissVerdict::Count { max_count },
            _ => MissVerdict::Found { rect: groups[ix].0, confidence: groups[ix].1 },
        },
    })
}
