//! Judging: every metric for every detector and group of pictures.

use crate::comparison::{Comparison, Protocol};
use crate::disagreement::{self, PictureComparison};
use crate::metrics::{Band, Calibration, CocoSummary, Curve, FddbCurve, Matching, Sorted, Verdict, WiderSummary};
use crate::{Oddity, Warnings};
use std::collections::BTreeMap;
use std::time::Duration;

/// The name of the group of all pictures of all sets.
const ALL: &str = "all";

/// What came out of a comparison.
///
/// Everything but [`timings`](Self::timings) is a pure function of pictures and detections, so it is the same in
/// every run.
#[derive(Clone, Debug)]
pub struct Evaluation {
    /// The detectors, in the order in which they were added.
    pub detectors: Vec<String>,
    /// The groups of pictures: all together, every data set, every part of one.
    pub groups: Vec<Group>,
    /// For each detector the score from which its detections are shown in the report.
    pub thresholds: Vec<f64>,
    /// Every annotated picture with what each detector made of it, most disagreement first.
    pub pictures: Vec<PictureComparison>,
    /// How long each detector took, and its memory: beside the accuracy, not among it.
    pub timings: Vec<Timing>,
    /// Pictures left out, by reason.
    pub left_out: BTreeMap<String, usize>,
    /// What was odd in the input.
    pub warnings: Warnings,
    /// How it was judged.
    pub protocol: Protocol,
}

/// A group of pictures that is judged together.
#[derive(Clone, Debug)]
pub struct Group {
    /// Its name: `all`, the set, or the set and its part.
    pub name: String,
    /// Annotated pictures that every detector could be shown.
    pub n_pictures: usize,
    /// Those of them in which every object is annotated.
    pub n_complete: usize,
    /// Objects that count.
    pub n_truths: usize,
    /// Sizes (√area, pixels) of those objects.
    pub sizes: Vec<f64>,
    /// A result a detector.
    pub results: Vec<DetectorResult>,
}

/// The numbers of one detector over one group.
#[derive(Clone, Debug)]
pub struct DetectorResult {
    /// The detector.
    pub detector: String,
    /// Average precision at the protocol's overlap for each band of sizes.
    pub bands: Vec<BandResult>,
    /// COCO's twelve numbers.
    pub coco: CocoSummary,
    /// WIDER FACE's three, where the objects carry its subsets.
    pub wider: Option<WiderSummary>,
    /// FDDB's curves, where the objects are ellipses.
    pub fddb: Option<FddbCurve>,
    /// Precision-recall and ROC at every threshold, all sizes.
    pub curve: Curve,
    /// Detection rate at each of the protocol's numbers of false alarms.
    pub rates: Vec<(usize, Option<f64>)>,
    /// Calibration over completely annotated pictures, where all scores lie in `0..=1`.
    pub calibration: Option<Calibration>,
    /// Mean overlap of the detections that found an object, all sizes: how well boxes fit.
    pub mean_iou: Option<f64>,
    /// Sizes (√area) of the objects found at the detector's threshold.
    pub found_sizes: Vec<f64>,
    /// Precision, recall and false alarms a picture at the detector's threshold.
    pub operating: Operating,
}

/// A detector at one threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Operating {
    /// The threshold.
    pub threshold: f64,
    /// Share of the detections that found an object, over completely annotated pictures.
    pub precision: Option<f64>,
    /// Share of the objects found.
    pub recall: Option<f64>,
    /// False alarms a picture, over completely annotated pictures.
    pub false_alarms_per_picture: Option<f64>,
}

/// Average precision in one band of sizes.
#[derive(Clone, Debug)]
pub struct BandResult {
    /// The band.
    pub band: Band,
    /// Objects in it.
    pub n_truths: usize,
    /// Average precision, all points; `None` without objects.
    pub average_precision: Option<f64>,
    /// Largest recall at any threshold.
    pub recall: Option<f64>,
}

/// How long a detector took.
#[derive(Clone, Debug, PartialEq)]
pub struct Timing {
    /// The detector.
    pub detector: String,
    /// Pictures that were timed.
    pub n_pictures: usize,
    /// Median over them.
    pub median: Duration,
    /// Time that 95 of 100 stay below.
    pub percentile_95: Duration,
    /// Sum over them.
    pub total: Duration,
    /// Most memory held, bytes, where it was measured.
    pub peak_memory: Option<u64>,
}

/// One detector's matches, by picture in the order of `Judged::pictures`.
struct Judged<'a> {
    sorted: Vec<Sorted<'a>>,
    matched: Vec<Matching>,
}

pub(crate) fn evaluate(comparison: &Comparison, protocol: &Protocol) -> Evaluation {
    let judged_pictures: Vec<usize> = (0..comparison.n_pictures())
        .filter(|ix| comparison.picture(*ix).truths.is_some() && !comparison.left_out.contains_key(ix))
        .collect();
    let runs: Vec<Judged<'_>> =
        comparison.runs.iter().map(|run| judge(comparison, run, &judged_pictures, protocol)).collect();
    let thresholds: Vec<f64> = runs.iter().map(|run| threshold(run, protocol)).collect();
    let mut warnings = comparison.warnings.clone();
    for (run, judged) in comparison.runs.iter().zip(&runs) {
        let odd = |d: &crate::Detection| !(0.0..=1.0).contains(&d.score);
        if judged.sorted.iter().any(|s| s.detections.iter().any(odd)) {
            warnings.add(Oddity::ScoreNotProbability, run.name());
        }
    }
    let groups = members(comparison, &judged_pictures)
        .into_iter()
        .map(|(name, members)| group(comparison, protocol, name, &members, &runs, &thresholds))
        .collect();
    let pictures = judged_pictures
        .iter()
        .enumerate()
        .map(|(at, &ix)| {
            let of = |run: &Judged<'_>| (run.sorted[at].detections.clone(), run.matched[at].clone());
            let found: Vec<_> = runs.iter().map(of).collect();
            disagreement::compare(comparison, ix, &found, &thresholds)
        })
        .collect();
    Evaluation {
        detectors: comparison.runs.iter().map(|r| r.name.clone()).collect(),
        groups,
        thresholds,
        pictures: disagreement::sorted(pictures),
        timings: comparison.runs.iter().filter_map(timing).collect(),
        left_out: left_out(comparison),
        warnings,
        protocol: protocol.clone(),
    }
}

fn judge<'a>(comparison: &'a Comparison, run: &crate::Run, pictures: &[usize], protocol: &Protocol) -> Judged<'a> {
    let sorted: Vec<Sorted<'_>> =
        pictures.iter().map(|&ix| Sorted::new(comparison.picture(ix), comparison.found(run, ix))).collect();
    let matched = sorted.iter().map(|s| s.matching(protocol.iou, &Band::all(), usize::MAX)).collect();
    Judged { sorted, matched }
}

fn threshold(run: &Judged<'_>, protocol: &Protocol) -> f64 {
    let best = || Curve::new(run.sorted.iter().zip(&run.matched)).best_f1().map(|(point, _)| point.threshold);
    protocol.threshold.or_else(best).unwrap_or(0.5)
}

/// The groups with the places of their pictures among those judged.
fn members(comparison: &Comparison, pictures: &[usize]) -> Vec<(String, Vec<usize>)> {
    let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
    if comparison.sets.len() > 1 {
        groups.push((ALL.into(), (0..pictures.len()).collect()));
    }
    for (set_ix, set) in comparison.sets.iter().enumerate() {
        let of_set: Vec<usize> =
            (0..pictures.len()).filter(|&at| comparison.places[pictures[at]].0 == set_ix).collect();
        let mut parts: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for &at in &of_set {
            if let Some(part) = &comparison.picture(pictures[at]).group {
                parts.entry(part).or_default().push(at);
            }
        }
        groups.push((set.name.clone(), of_set));
        // A part that is the whole set, or hundreds of parts, would only repeat or bury.
        if (2..=MAX_PARTS).contains(&parts.len()) {
            groups.extend(parts.into_iter().map(|(part, members)| (format!("{}/{part}", set.name), members)));
        }
    }
    groups
}

/// Parts of a set that get rows of their own.
const MAX_PARTS: usize = 24;

fn group(
    comparison: &Comparison,
    protocol: &Protocol,
    name: String,
    members: &[usize],
    runs: &[Judged<'_>],
    thresholds: &[f64],
) -> Group {
    let of = |run: usize| members.iter().map(|&at| &runs[run].sorted[at]).collect::<Vec<_>>();
    let results = (0..runs.len())
        .map(|run| {
            let matched: Vec<&Matching> = members.iter().map(|&at| &runs[run].matched[at]).collect();
            detector_result(comparison.runs[run].name(), protocol, &of(run), &matched, thresholds[run])
        })
        .collect();
    let pictures: Vec<_> = runs.first().map(|_| of(0)).unwrap_or_default();
    let sizes: Vec<f64> =
        pictures.iter().flat_map(|p| p.truths).filter(|t| !t.ignored).map(|t| t.area().sqrt()).collect();
    Group {
        name,
        n_pictures: members.len(),
        n_complete: pictures.iter().filter(|p| p.is_complete()).count(),
        n_truths: sizes.len(),
        sizes,
        results,
    }
}

fn detector_result(
    detector: &str,
    protocol: &Protocol,
    sorted: &[&Sorted<'_>],
    matched: &[&Matching],
    threshold: f64,
) -> DetectorResult {
    let pairs = || sorted.iter().copied().zip(matched.iter().copied());
    let curve = Curve::new(pairs());
    // Scores and precision are judged where a false alarm can be told from an unmarked object.
    let mut events = Vec::new();
    let (mut overlaps, mut found_sizes) = (Vec::new(), Vec::new());
    for (picture, matching) in pairs() {
        for (d, verdict) in matching.verdicts.iter().enumerate() {
            let score = picture.detections[d].score;
            match verdict {
                Verdict::Found(t) => {
                    if picture.is_complete() {
                        events.push((score, true));
                    }
                    overlaps.push(picture.overlaps[d][*t]);
                    if score >= threshold {
                        found_sizes.push(picture.truths[*t].area().sqrt());
                    }
                }
                Verdict::FalseAlarm => events.push((score, false)),
                Verdict::Ignored => {}
            }
        }
    }
    let mut bands = vec![Band::all()];
    bands.extend(protocol.min_sizes.iter().map(|&min| Band::at_least(min)));
    let n_complete = sorted.iter().filter(|p| p.is_complete()).count();
    DetectorResult {
        detector: detector.to_owned(),
        bands: bands.into_iter().map(|band| band_result(band, protocol, sorted)).collect(),
        coco: CocoSummary::new(sorted),
        wider: WiderSummary::new(sorted),
        fddb: FddbCurve::new(sorted),
        rates: protocol.false_alarms.iter().map(|&n| (n, curve.recall_at_false_alarms(n))).collect(),
        calibration: Calibration::new(&events),
        mean_iou: (!overlaps.is_empty()).then(|| overlaps.iter().sum::<f64>() / overlaps.len() as f64),
        found_sizes,
        operating: operating(&curve, &events, threshold, n_complete),
        curve,
    }
}

fn operating(curve: &Curve, complete: &[(f64, bool)], threshold: f64, n_complete: usize) -> Operating {
    let point = curve.at(threshold);
    let taken = || complete.iter().filter(|(score, _)| *score >= threshold);
    let n_right = taken().filter(|(_, found)| *found).count();
    Operating {
        threshold,
        precision: (taken().count() > 0).then(|| n_right as f64 / taken().count() as f64),
        recall: (curve.n_truths > 0).then(|| curve.recall(&point)),
        false_alarms_per_picture: (n_complete > 0).then(|| point.false_alarms as f64 / n_complete as f64),
    }
}

fn band_result(band: Band, protocol: &Protocol, sorted: &[&Sorted<'_>]) -> BandResult {
    let matched: Vec<Matching> = sorted.iter().map(|s| s.matching(protocol.iou, &band, usize::MAX)).collect();
    let curve = Curve::new(sorted.iter().copied().zip(&matched));
    BandResult {
        band,
        n_truths: curve.n_truths,
        average_precision: curve.average_precision(),
        recall: curve.largest_recall(),
    }
}

fn timing(run: &crate::Run) -> Option<Timing> {
    let mut times: Vec<Duration> = run.times.iter().flatten().copied().collect();
    times.sort_unstable();
    let last = times.len().checked_sub(1)?;
    Some(Timing {
        detector: run.name.clone(),
        n_pictures: times.len(),
        median: times[last / 2],
        percentile_95: times[(last * 95).div_ceil(100)],
        total: times.iter().sum(),
        peak_memory: run.peak_memory,
    })
}

fn left_out(comparison: &Comparison) -> BTreeMap<String, usize> {
    let mut reasons = BTreeMap::new();
    for reason in comparison.left_out.values() {
        *reasons.entry(reason.clone()).or_default() += 1;
    }
    for oddity in [Oddity::PictureWithoutAnnotation, Oddity::AnnotationWithoutPicture, Oddity::DuplicateName] {
        let count = comparison.warnings.count(oddity);
        if count > 0 {
            reasons.insert(oddity.text().to_owned(), count);
        }
    }
    reasons
}
