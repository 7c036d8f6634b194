//! The comparison as JSON for programs: the same bytes for the same pictures and detections.

use crate::evaluation::{BandResult, DetectorResult, Evaluation, Group, Operating, Timing};
use crate::metrics::{Calibration, Curve, FddbCurve};
use serde_json::{Value, json};

/// Points of a curve that go into the file.
const CURVE_POINTS: usize = 100;
/// Raised whenever the meaning of a field changes.
const VERSION: u32 = 1;

impl Evaluation {
    /// Every number but times, as indented JSON ending in a new line.
    ///
    /// A pure function of pictures and detections: a second run gives the same bytes. Fields are sorted by name,
    /// shares rounded to six decimals, and nothing says when, where or how fast it was made; times are in
    /// [`timings_json`](Self::timings_json).
    pub fn results_json(&self) -> String {
        let results = json!({
            "version": VERSION,
            "protocol": {
                "iou": self.protocol.iou,
                "min_sizes": self.protocol.min_sizes,
                "false_alarms": self.protocol.false_alarms,
                "threshold": self.protocol.threshold,
            },
            "detectors": self.detectors,
            "thresholds": self.thresholds.iter().map(|&t| rounded(t)).collect::<Vec<_>>(),
            "groups": self.groups.iter().map(group).collect::<Vec<_>>(),
            "left_out": self.left_out,
            "warnings": self.warnings,
        });
        pretty(&results)
    }

    /// Times and memory, as indented JSON ending in a new line; differs from run to run.
    pub fn timings_json(&self) -> String {
        let timing = |t: &Timing| {
            json!({
                "detector": t.detector,
                "pictures": t.n_pictures,
                "median_ms": rounded(t.median.as_secs_f64() * 1e3),
                "percentile_95_ms": rounded(t.percentile_95.as_secs_f64() * 1e3),
                "total_s": rounded(t.total.as_secs_f64()),
                "peak_memory_bytes": t.peak_memory,
            })
        };
        pretty(&json!({"version": VERSION, "timings": self.timings.iter().map(timing).collect::<Vec<_>>()}))
    }
}

fn pretty(value: &Value) -> String {
    // An alternate Value prints indented; it cannot fail, as writing to a string cannot.
    format!("{value:#}\n")
}

/// Six decimals: below what any protocol tells, above what summing in another order would change.
fn rounded(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

fn maybe(value: Option<f64>) -> Value {
    value.map_or(Value::Null, |v| rounded(v).into())
}

fn group(group: &Group) -> Value {
    json!({
        "name": group.name,
        "pictures": group.n_pictures,
        "complete_pictures": group.n_complete,
        "objects": group.n_truths,
        "results": group.results.iter().map(result).collect::<Vec<_>>(),
    })
}

fn result(result: &DetectorResult) -> Value {
    let coco = &result.coco;
    json!({
        "detector": result.detector,
        "bands": result.bands.iter().map(band).collect::<Vec<_>>(),
        "coco": {
            "ap": maybe(coco.ap), "ap50": maybe(coco.ap50), "ap75": maybe(coco.ap75),
            "ap_small": maybe(coco.ap_small), "ap_medium": maybe(coco.ap_medium), "ap_large": maybe(coco.ap_large),
            "ar1": maybe(coco.ar1), "ar10": maybe(coco.ar10), "ar100": maybe(coco.ar100),
            "ar_small": maybe(coco.ar_small), "ar_medium": maybe(coco.ar_medium), "ar_large": maybe(coco.ar_large),
        },
        "wider": result.wider.as_ref().map(|w| {
            json!({"easy": maybe(w.easy), "medium": maybe(w.medium), "hard": maybe(w.hard)})
        }),
        "fddb": result.fddb.as_ref().map(fddb),
        "curve": curve(&result.curve),
        "detection_rate_at_false_alarms":
            result.rates.iter().map(|(n, rate)| json!([n, maybe(*rate)])).collect::<Vec<_>>(),
        "calibration": result.calibration.as_ref().map(calibration),
        "mean_iou": maybe(result.mean_iou),
        "operating": operating(&result.operating),
    })
}

fn band(result: &BandResult) -> Value {
    let max = result.band.max.is_finite().then_some(result.band.max);
    json!({
        "name": result.band.name, "min": result.band.min, "max": max, "objects": result.n_truths,
        "average_precision": maybe(result.average_precision), "recall": maybe(result.recall),
    })
}

fn operating(at: &Operating) -> Value {
    json!({
        "threshold": rounded(at.threshold), "precision": maybe(at.precision), "recall": maybe(at.recall),
        "false_alarms_per_picture": maybe(at.false_alarms_per_picture),
    })
}

/// Points as threshold, objects found, false alarms: recall, precision and ROC follow from them.
fn curve(curve: &Curve) -> Value {
    let point = |p: &crate::metrics::CurvePoint| json!([rounded(p.threshold), p.found, p.false_alarms]);
    json!({
        "objects": curve.n_truths,
        "pictures": curve.n_pictures,
        "points": curve.thinned(CURVE_POINTS).iter().map(point).collect::<Vec<_>>(),
    })
}

fn fddb(curve: &FddbCurve) -> Value {
    let step = curve.points.len().div_ceil(CURVE_POINTS).max(1);
    let last = curve.points.len().saturating_sub(1);
    let kept = curve.points.iter().enumerate().filter(|(ix, _)| ix % step == 0 || *ix == last);
    let points: Vec<Value> =
        kept.map(|(_, p)| json!([rounded(p.threshold), p.discrete, rounded(p.continuous), p.false_alarms])).collect();
    json!({"objects": curve.n_truths, "points": points})
}

fn calibration(calibration: &Calibration) -> Value {
    let bins: Vec<Value> =
        calibration.bins.iter().map(|b| json!([b.count, rounded(b.mean_score), rounded(b.share_found)])).collect();
    json!({"expected_error": rounded(calibration.expected_error), "bins": bins})
}
