//! Why a face that a person sees was not found: the steps of the detector, replayed for one place.

use crate::merge::{Candidate, non_max_suppression};
use crate::{DeepFaces, is_wanted};
use ocelli_core::{DetectFaces, Input, MissReport, MissVerdict, NormalizedRect, Result, Size, ViewSpec};

/// A candidate sees the place where their intersection over union is at least this.
const NEAR: f64 = 0.3;
/// An observation is the face at the place where their intersection over union is at least this.
const SAME: f64 = 0.5;

/// Replays the steps for `place`; `specs` are the levels of the request.
pub(crate) fn explain(
    detector: &DeepFaces,
    request: &DetectFaces,
    specs: &[ViewSpec],
    input: &Input<'_>,
    place: NormalizedRect,
) -> Result<MissReport> {
    let image = input.image.size;
    let region = specs[0].region_of(image);
    let centre = place.center().to_pixels();
    let inside = |at: f64, from: u32, length: u32| (f64::from(from)..f64::from(from + length)).contains(&at);
    if !(inside(centre.x, region.x, region.width) && inside(centre.y, region.y, region.height)) {
        return Ok(MissReport::new(MissVerdict::Region));
    }
    let part = region.size();
    let size = place.to_pixels().area().sqrt() / f64::from(part.longer_side());
    let as_candidate = Candidate { rect: place, confidence: 1.0, level: specs.len() - 1, cell: [0; 2] };
    if !is_wanted(&as_candidate, request, part, specs.len()) {
        let (min, max) = (f64::from(request.min_size), f64::from(request.max_size));
        return Ok(MissReport::new(MissVerdict::SizeRange { size, min, max }));
    }
    let everything = detector.scan(request, specs, 0.0, input)?;
    let mut near: Vec<_> = everything.iter().filter(|c| c.rect.iou(place) >= NEAR).copied().collect();
    near.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
    let verdict = verdict(detector, request, part, specs.len(), &everything, near.first(), place);
    let mut report = covering_level(MissReport::new(verdict), detector, specs, image, size);
    if let Some(best) = near.first() {
        let p = best.rect.to_pixels();
        report = report
            .fact(
                "best score near it",
                format!("{:.3} (raw {:.2})", best.confidence, detector.settings.calibration.logit(best.confidence)),
            )
            .fact("seen on", format!("level {} ({})", best.level, specs[best.level].size(image)))
            .fact("its box", format!("x {:.0}, y {:.0}, width {:.0}, height {:.0}", p.x, p.y, p.width, p.height))
            .fact("overlap", format!("IoU {:.2}", best.rect.iou(place)));
    }
    Ok(report)
}

/// Says on which level the place has a size that the network answers for.
fn covering_level(report: MissReport, detector: &DeepFaces, specs: &[ViewSpec], image: Size, size: f64) -> MissReport {
    let octave = detector.settings.octave();
    let middle = f64::from(octave.smallest * octave.largest).sqrt();
    let pixels = |spec: &ViewSpec| size * f64::from(spec.size(image).longer_side());
    let off = |spec: &ViewSpec| (pixels(spec) / middle).ln().abs();
    let Some((level, spec)) = specs.iter().enumerate().min_by(|(_, a), (_, b)| off(a).total_cmp(&off(b))) else {
        return report;
    };
    let text = format!("level {level} ({}), where it has {:.0} pixels", spec.size(image), pixels(spec));
    report
        .fact("covered by", text)
        .fact("network answers", format!("for {} to {} pixels", octave.smallest, octave.largest))
}

fn verdict(
    detector: &DeepFaces,
    request: &DetectFaces,
    part: Size,
    n_levels: usize,
    everything: &[Candidate],
    best: Option<&Candidate>,
    place: NormalizedRect,
) -> MissVerdict {
    let threshold = request.options.threshold.unwrap_or(detector.settings.threshold);
    let Some(best) = best else { return MissVerdict::NotCovered };
    let wanted = |c: &&Candidate| c.confidence >= threshold && is_wanted(c, request, part, n_levels);
    let kept = non_max_suppression(everything.iter().filter(wanted).copied().collect(), detector.settings.nms_iou);
    if let Some((rank, found)) = kept.iter().enumerate().find(|(_, k)| k.rect.iou(place) >= SAME) {
        return match request.options.max_count {
            Some(max_count) if rank >= max_count => MissVerdict::Count { max_count },
            _ => MissVerdict::Found { rect: found.rect, confidence: found.confidence },
        };
    }
    if best.confidence < threshold {
        return MissVerdict::Threshold { confidence: best.confidence, threshold };
    }
    let surer = kept.iter().find(|k| k.rect.iou(best.rect) > detector.settings.nms_iou);
    match surer {
        Some(kept) => MissVerdict::Merging { kept: kept.rect, confidence: kept.confidence },
        None => MissVerdict::NotCovered,
    }
}
