//! The curves as SVG.

use super::html::COLOURS;
use crate::evaluation::{Evaluation, Group};
use crate::metrics::Curve;
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;
use std::ops::Range;

/// Size of a plot in its own units; the page scales it.
const SIZE: (u32, u32) = (480, 340);
/// Points of a drawn curve.
const POINTS: usize = 400;
/// The page gives these two colours new values in the dark, by their names here.
const INK: RGBColor = RGBColor(0, 0, 0);
const GRID: RGBColor = RGBColor(0xcc, 0xcc, 0xcc);

type Points = Vec<(f64, f64)>;

/// One detector's points and how they are drawn.
struct Series {
    detector_ix: usize,
    points: Points,
    marked: bool,
}

fn series(evaluation: &Evaluation, group: &Group, points: impl Fn(usize) -> Points, marked: bool) -> Vec<Series> {
    let n = evaluation.detectors.len().min(group.results.len());
    (0..n).map(|detector_ix| Series { detector_ix, points: points(detector_ix), marked }).collect()
}

/// Precision over recall.
pub(super) fn precision_recall(evaluation: &Evaluation, group: &Group) -> Option<String> {
    let points = |d: usize| {
        let curve = &group.results[d].curve;
        curve.thinned(POINTS).iter().map(|p| (curve.recall(p), Curve::precision(p))).collect()
    };
    chart("recall", "precision", 0.0..1.0, 0.0..1.0, &series(evaluation, group, points, false))
}

/// Detection rate over the number of false alarms, which is drawn by its logarithm.
pub(super) fn roc(evaluation: &Evaluation, group: &Group) -> Option<String> {
    let points = |d: usize| {
        let curve = &group.results[d].curve;
        curve.thinned(POINTS).iter().map(|p| (p.false_alarms.max(1) as f64, curve.recall(p))).collect::<Points>()
    };
    let all = series(evaluation, group, points, false);
    let most = all.iter().flat_map(|s| &s.points).map(|p| p.0).fold(10.0, f64::max);
    chart("false alarms in the group (0 drawn at 1)", "detection rate", (1.0..most).log_scale(), 0.0..1.0, &all)
}

/// FDDB's discrete curve over its false alarms.
pub(super) fn fddb(evaluation: &Evaluation, group: &Group, continuous: bool) -> Option<String> {
    let curve = |d: usize| group.results[d].fddb.as_ref();
    let points = |d: usize| {
        let Some(curve) = curve(d) else { return Points::new() };
        let n = curve.n_truths.max(1) as f64;
        let step = curve.points.len().div_ceil(POINTS).max(1);
        let kept = curve.points.iter().step_by(step);
        kept.map(|p| (p.false_alarms as f64, if continuous { p.continuous } else { p.discrete } / n)).collect()
    };
    let all = series(evaluation, group, points, false);
    let most = all.iter().flat_map(|s| &s.points).map(|p| p.0).fold(10.0, f64::max);
    let title = if continuous { "true positive rate (continuous)" } else { "true positive rate (discrete)" };
    all.iter().any(|s| !s.points.is_empty()).then(|| chart("false alarms", title, 0.0..most, 0.0..1.0, &all))?
}

/// Share of right detections over their score.
pub(super) fn reliability(evaluation: &Evaluation, group: &Group) -> Option<String> {
    let points = |d: usize| {
        let bins = group.results[d].calibration.as_ref().map(|c| &c.bins[..]).unwrap_or_default();
        bins.iter().map(|b| (b.mean_score, b.share_found)).collect()
    };
    let all = series(evaluation, group, points, true);
    let any = all.iter().any(|s| !s.points.is_empty());
    any.then(|| chart_over("score", "share found", 0.0..1.0, 0.0..1.0, &all, &[(0.0, 0.0), (1.0, 1.0)]))?
}

/// Accuracy over the median time.
pub(super) fn speed(evaluation: &Evaluation, group: &Group) -> Option<String> {
    let median = |d: usize| {
        let timing = evaluation.timings.iter().find(|t| t.detector == evaluation.detectors[d])?;
        Some(timing.median.as_secs_f64() * 1e3)
    };
    let accuracy = |d: usize| group.results[d].bands.first()?.average_precision;
    let points = |d: usize| median(d).zip(accuracy(d)).map(|p| vec![p]).unwrap_or_default();
    let all = series(evaluation, group, points, true);
    let times = || all.iter().flat_map(|s| &s.points).map(|p| p.0.max(1e-3));
    let (least, most) = (times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max));
    if most <= 0.0 {
        return None;
    }
    chart("median ms a picture", "AP", (least / 2.0..most * 2.0).log_scale(), 0.0..1.0, &all)
}

/// Sizes at which the bars of [`sizes`] part.
const SIZE_STEPS: [f64; 7] = [0.0, 10.0, 20.0, 40.0, 80.0, 160.0, 320.0];

/// How many objects of each size there are, and how many each detector finds at its threshold.
pub(super) fn sizes(group: &Group) -> Option<String> {
    let counted = |sizes: &[f64]| {
        let mut counts = [0usize; SIZE_STEPS.len()];
        for size in sizes {
            let step = SIZE_STEPS.partition_point(|s| s <= size).saturating_sub(1);
            counts[step] += 1;
        }
        counts
    };
    let all = counted(&group.sizes);
    let most = *all.iter().max().filter(|&&m| m > 0)? as f64;
    let found: Vec<_> = group.results.iter().map(|r| counted(&r.found_sizes)).collect();
    let bars = |area: &DrawingArea<SVGBackend<'_>, plotters::coord::Shift>| -> Drawn {
        let n = SIZE_STEPS.len();
        let label = |x: &f64| match SIZE_STEPS.get(x.floor() as usize) {
            Some(from) if (x.fract() - 0.5).abs() < 1e-6 => {
                SIZE_STEPS.get(x.floor() as usize + 1).map_or(format!("≥{from}"), |to| format!("{from}–{to}"))
            }
            _ => String::new(),
        };
        let mut chart = builder(area).build_cartesian_2d(0.0..n as f64, 0.0..most * 1.05)?;
        mesh(&mut chart, "√area of the object, pixels", "objects", &label, 2 * n + 1, &|y| format!("{y:.0}"))?;
        let width = 0.84 / found.len().max(1) as f64;
        for (step, &count) in all.iter().enumerate() {
            let left = step as f64 + 0.08;
            let outline = [(left, 0.0), (left + 0.84, count as f64)];
            chart.draw_series([Rectangle::new(outline, INK.stroke_width(1))])?;
            for (d, counts) in found.iter().enumerate() {
                let from = left + d as f64 * width;
                let bar = [(from, 0.0), (from + width, counts[step] as f64)];
                chart.draw_series([Rectangle::new(bar, detector_colour(d).mix(0.8).filled())])?;
            }
        }
        Ok(())
    };
    svg(bars)
}

type Drawn = Result<(), Box<dyn std::error::Error>>;
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn detector_colour(detector_ix: usize) -> RGBColor {
    let (r, g, b) = COLOURS[detector_ix % COLOURS.len()];
    RGBColor(r, g, b)
}

fn builder<'a, 'b>(area: &'a Area<'b>) -> ChartBuilder<'a, 'b, SVGBackend<'b>> {
    let mut builder = ChartBuilder::on(area);
    builder.margin(8).margin_right(16).x_label_area_size(42).y_label_area_size(52);
    builder
}

/// Draws into a string; `None` where the plotting library refuses (a range without extent).
fn svg(draw: impl FnOnce(&Area<'_>) -> Drawn) -> Option<String> {
    let mut text = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut text, SIZE).into_drawing_area();
        draw(&area).and_then(|()| area.present().map_err(Into::into))
    };
    drawn.is_ok().then_some(text)
}

type Chart<'a, 'b, X, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<X, Y>>;

fn mesh<X, Y>(
    chart: &mut Chart<'_, '_, X, Y>,
    x_title: &str,
    y_title: &str,
    x_label: &dyn Fn(&f64) -> String,
    n_x_labels: usize,
    y_label: &dyn Fn(&f64) -> String,
) -> Drawn
where
    X: Ranged<ValueType = f64> + ValueFormatter<f64>,
    Y: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart
        .configure_mesh()
        .x_desc(x_title)
        .y_desc(y_title)
        .x_labels(n_x_labels)
        .y_labels(6)
        .x_label_formatter(x_label)
        .y_label_formatter(y_label)
        .label_style(("sans-serif", 14, &INK))
        .axis_desc_style(("sans-serif", 15, &INK))
        .axis_style(INK.stroke_width(1))
        .bold_line_style(GRID.stroke_width(1))
        .light_line_style(TRANSPARENT)
        .draw()?;
    Ok(())
}

fn number(value: &f64) -> String {
    if *value >= 10.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

fn chart<X>(x_title: &str, y_title: &str, x: X, y: Range<f64>, all: &[Series]) -> Option<String>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    chart_over(x_title, y_title, x, y, all, &[])
}

/// A chart over a line that shows the ideal.
fn chart_over<X>(
    x_title: &str,
    y_title: &str,
    x: X,
    y: Range<f64>,
    all: &[Series],
    ideal: &[(f64, f64)],
) -> Option<String>
where
    X: AsRangedCoord<Value = f64>,
    X::CoordDescType: Ranged<ValueType = f64> + ValueFormatter<f64>,
{
    svg(|area| {
        let mut chart = builder(area).build_cartesian_2d(x, y)?;
        mesh(&mut chart, x_title, y_title, &number, 6, &number)?;
        chart.draw_series(LineSeries::new(ideal.iter().copied(), INK.stroke_width(1)))?;
        for series in all {
            let colour = detector_colour(series.detector_ix);
            chart.draw_series(LineSeries::new(series.points.iter().copied(), colour.stroke_width(2)))?;
            if series.marked {
                chart.draw_series(series.points.iter().map(|&p| Circle::new(p, 4, colour.filled())))?;
            }
        }
        Ok(())
    })
}
