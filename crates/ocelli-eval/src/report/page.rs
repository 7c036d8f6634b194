//! The page around plots and pictures.

use super::html::{colour, escaped, share};
use super::{ReportOptions, plots};
use crate::evaluation::{DetectorResult, Evaluation, Group};
use std::fmt::Write;

/// The whole page: style and script within, nothing fetched from anywhere.
pub(super) fn page(evaluation: &Evaluation, options: &ReportOptions, cards: &[String]) -> String {
    let title = escaped(&options.title);
    let mut html = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\
         <meta name=\"color-scheme\" content=\"light dark\"><link rel=\"icon\" href=\"data:,\">\
         <title>{title}</title><style>\n{}</style></head><body>\n<header><h1>{title}</h1>",
        include_str!("style.css")
    );
    html.push_str(&lead(evaluation));
    html.push_str("</header>\n<main>\n");
    html.push_str(&summary(evaluation));
    html.push_str(&protocols(evaluation));
    for (ix, group) in evaluation.groups.iter().filter(|g| !g.name.contains('/') && g.n_pictures > 0).enumerate() {
        html.push_str(&curves(evaluation, group, ix == 0));
    }
    html.push_str(&speed(evaluation));
    html.push_str(&pictures(evaluation, cards));
    html.push_str(&oddities(evaluation));
    let _ = write!(html, "</main>\n<script>\n{}</script></body></html>\n", include_str!("script.js"));
    html
}

fn legend(evaluation: &Evaluation) -> String {
    let item = |(d, name): (usize, &String)| format!("<li><i style=\"--c:{}\"></i>{}</li>", colour(d), escaped(name));
    let items: String = evaluation.detectors.iter().enumerate().map(item).collect();
    format!("<ul class=\"legend\">{items}</ul>")
}

fn lead(evaluation: &Evaluation) -> String {
    let Some(first) = evaluation.groups.first() else { return "<p>No pictures.</p>".into() };
    let left_out: usize = evaluation.left_out.values().sum();
    let left_out = match left_out {
        0 => String::new(),
        n => format!(", <a href=\"#oddities\">{n} left out</a>"),
    };
    format!("<p>{} pictures with {} objects{left_out}.</p>{}", first.n_pictures, first.n_truths, legend(evaluation))
}

/// A table under construction.
struct Rows {
    html: String,
}

impl Rows {
    fn new(titles: &[String]) -> Self {
        let cells: String = titles.iter().map(|t| format!("<th>{}</th>", escaped(t))).collect();
        Self { html: format!("<div class=\"wide\"><table><thead><tr>{cells}</tr></thead><tbody>\n") }
    }

    fn row(&mut self, head: &[String], cells: &[String]) {
        self.html.push_str("<tr>");
        for cell in head {
            let _ = write!(self.html, "<th>{cell}</th>");
        }
        for cell in cells {
            let _ = write!(self.html, "<td>{cell}</td>");
        }
        self.html.push_str("</tr>\n");
    }

    fn end(mut self) -> String {
        self.html.push_str("</tbody></table></div>\n");
        self.html
    }
}

fn chip(detector_ix: usize, name: &str) -> String {
    format!("<i style=\"--c:{}\"></i>{}", colour(detector_ix), escaped(name))
}

/// The values of one column in a group, the largest of several bold.
fn with_best(values: &[Option<f64>]) -> Vec<String> {
    let best = values.iter().flatten().copied().fold(f64::NEG_INFINITY, f64::max);
    let several = values.iter().flatten().count() > 1;
    let cell = |v: &Option<f64>| if several && *v == Some(best) { format!("<b>{}</b>", share(*v)) } else { share(*v) };
    values.iter().map(cell).collect()
}

type Column = (String, bool, fn(&DetectorResult) -> Option<f64>);

fn summary(evaluation: &Evaluation) -> String {
    let result = evaluation.groups.iter().flat_map(|g| &g.results).next();
    let bands: Vec<String> =
        result.map(|r| r.bands.iter().map(|b| format!("AP {}", b.band.name)).collect()).unwrap_or_default();
    let others: [Column; 7] = [
        ("COCO AP".into(), true, |r| r.coco.ap),
        ("AR100".into(), true, |r| r.coco.ar100),
        ("box IoU".into(), true, |r| r.mean_iou),
        ("recall".into(), false, |r| r.operating.recall),
        ("precision".into(), false, |r| r.operating.precision),
        ("FA/picture".into(), false, |r| r.operating.false_alarms_per_picture),
        ("ECE".into(), false, |r| r.calibration.as_ref().map(|c| c.expected_error)),
    ];
    let mut titles: Vec<String> = ["group", "pictures", "objects", "detector"].map(String::from).to_vec();
    titles.extend(bands.iter().cloned());
    titles.extend(others.iter().map(|c| c.0.clone()));
    let mut rows = Rows::new(&titles);
    for group in &evaluation.groups {
        let mut columns: Vec<Vec<String>> = (0..bands.len())
            .map(|b| with_best(&group.results.iter().map(|r| r.bands[b].average_precision).collect::<Vec<_>>()))
            .collect();
        columns.extend(others.iter().map(|(_, best, value)| {
            let values: Vec<Option<f64>> = group.results.iter().map(value).collect();
            if *best { with_best(&values) } else { values.into_iter().map(share).collect() }
        }));
        for (d, result) in group.results.iter().enumerate() {
            let once = |text: String| if d == 0 { text } else { String::new() };
            let head = [
                once(escaped(&group.name)),
                once(group.n_pictures.to_string()),
                once(group.n_truths.to_string()),
                chip(d, &result.detector),
            ];
            let cells: Vec<String> = columns.iter().map(|c| c[d].clone()).collect();
            rows.row(&head, &cells);
        }
    }
    let at = |(name, t): (&String, &f64)| format!("{} {t:.3}", escaped(name));
    let thresholds: Vec<String> = evaluation.detectors.iter().zip(&evaluation.thresholds).map(at).collect();
    format!(
        "<section id=\"accuracy\"><h2>Accuracy</h2>{}<p class=\"note\">AP: average precision, all points, at IoU {}. COCO AP: mean over \
         IoU 0.5 to 0.95. Recall, precision and false alarms a picture (FA) hold at scores from: {}.</p></section>\n",
        rows.end(),
        evaluation.protocol.iou,
        thresholds.join(", ")
    )
}

/// The tables of single data sets' own protocols, where they apply.
fn protocols(evaluation: &Evaluation) -> String {
    let groups = || evaluation.groups.iter().filter(|g| !g.name.contains('/'));
    let results = || groups().flat_map(|g| g.results.iter().enumerate().map(move |(d, r)| (g, d, r)));
    let mut html = String::new();
    if results().any(|(_, _, r)| r.wider.is_some()) {
        let mut rows = Rows::new(&["group", "detector", "easy", "medium", "hard"].map(String::from));
        for (group, d, result) in results() {
            if let Some(w) = &result.wider {
                let head = [escaped(&group.name), chip(d, &result.detector)];
                rows.row(&head, &[share(w.easy), share(w.medium), share(w.hard)]);
            }
        }
        let _ = writeln!(html, "<section><h2>WIDER FACE protocol</h2>{}</section>", rows.end());
    }
    let mut titles: Vec<String> = ["group", "detector"].map(String::from).to_vec();
    titles.extend(evaluation.protocol.false_alarms.iter().map(|n| format!("{n} FA")));
    let mut rows = Rows::new(&titles);
    let mut any = false;
    for (group, d, result) in results().filter(|(g, _, _)| g.n_complete > 0 && g.n_truths > 0) {
        let cells: Vec<String> = result.rates.iter().map(|(_, rate)| share(*rate)).collect();
        rows.row(&[escaped(&group.name), chip(d, &result.detector)], &cells);
        any = true;
    }
    if any {
        let _ = writeln!(html, "<section><h2>Detection rate at a number of false alarms</h2>{}</section>", rows.end());
    }
    html
}

fn curves(evaluation: &Evaluation, group: &Group, open: bool) -> String {
    let drawn = [
        ("Precision and recall", plots::precision_recall(evaluation, group)),
        ("Detections and false alarms", plots::roc(evaluation, group)),
        ("Reliability of scores", plots::reliability(evaluation, group)),
        ("Sizes: all objects (outline) and found", plots::sizes(group)),
        ("FDDB, discrete score", plots::fddb(evaluation, group, false)),
        ("FDDB, continuous score", plots::fddb(evaluation, group, true)),
    ];
    let plots: String = drawn
        .into_iter()
        .filter_map(|(title, svg)| {
            Some(format!("<figure class=\"plot\"><figcaption>{title}</figcaption>{}</figure>", svg?))
        })
        .collect();
    let open = if open { " open" } else { "" };
    format!(
        "<section><details{open}><summary><h2>Curves: {}</h2></summary>{}<div class=\"plots\">{plots}</div></details></section>\n",
        escaped(&group.name),
        legend(evaluation)
    )
}

fn speed(evaluation: &Evaluation) -> String {
    if evaluation.timings.is_empty() {
        return String::new();
    }
    let titles = ["detector", "pictures", "median ms", "p95 ms", "total s", "peak MB"].map(String::from);
    let mut rows = Rows::new(&titles);
    for t in &evaluation.timings {
        let d = evaluation.detectors.iter().position(|name| *name == t.detector).unwrap_or(0);
        let ms = |time: std::time::Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
        let memory = t.peak_memory.map_or("–".into(), |bytes| format!("{:.1}", bytes as f64 / 1e6));
        let cells = [
            t.n_pictures.to_string(),
            ms(t.median),
            ms(t.percentile_95),
            format!("{:.2}", t.total.as_secs_f64()),
            memory,
        ];
        rows.row(&[chip(d, &t.detector)], &cells);
    }
    let plot = evaluation.groups.first().and_then(|g| plots::speed(evaluation, g)).unwrap_or_default();
    format!(
        "<section><h2>Speed and accuracy</h2><div class=\"plots\"><figure class=\"plot\">{plot}</figure><div>{}</div></div>\
         </section>\n",
        rows.end()
    )
}

fn pictures(evaluation: &Evaluation, cards: &[String]) -> String {
    let mut html = String::from("<section id=\"pictures\"><h2>Pictures</h2><nav id=\"filters\">");
    html.push_str("<button data-kind=\"all\" aria-pressed=\"true\">all</button>");
    for (d, name) in evaluation.detectors.iter().enumerate() {
        let name = escaped(name);
        let mut filters = vec![("missed", format!("missed by {name}")), ("alarms", format!("false alarms of {name}"))];
        if evaluation.detectors.len() > 1 {
            filters.insert(1, ("only", format!("found only by {name}")));
        }
        for (kind, label) in filters {
            let chip = format!("<i style=\"--c:{}\"></i>", colour(d));
            let _ = write!(
                html,
                "<button data-kind=\"{kind}\" data-detector=\"{d}\" aria-pressed=\"false\">{chip}{label}</button>"
            );
        }
    }
    html.push_str("</nav><p class=\"boxes\">Boxes: <label><input type=\"checkbox\" data-boxes=\"truth\" checked>annotated</label>");
    for (d, name) in evaluation.detectors.iter().enumerate() {
        let (chip, name) = (colour(d), escaped(name));
        let _ = write!(
            html,
            "<label><input type=\"checkbox\" data-boxes=\"d{d}\" checked><i style=\"--c:{chip}\"></i>{name}</label>"
        );
    }
    let _ = writeln!(
        html,
        "</p><p class=\"note\"><output id=\"count\">{n}</output> of {} pictures, most disagreement first. Dashed: annotated. \
         Line: found. Filled: false alarm. Dotted: does not count. Tap a picture to enlarge it.</p><div id=\"cards\">",
        evaluation.pictures.len(),
        n = cards.len()
    );
    html.extend(cards.iter().map(String::as_str));
    html.push_str("</div></section>\n");
    html
}

fn oddities(evaluation: &Evaluation) -> String {
    let mut html = String::from("<section id=\"oddities\"><h2>Left out, and warnings</h2>");
    if evaluation.left_out.is_empty() && evaluation.warnings.is_empty() {
        html.push_str("<p>Nothing was left out, nothing was odd.</p>");
    }
    html.push_str("<ul>");
    for (reason, count) in &evaluation.left_out {
        let _ = write!(html, "<li>left out: {count} {}</li>", escaped(reason));
    }
    for (oddity, counted) in evaluation.warnings.iter() {
        let examples = escaped(&counted.examples.join(", "));
        let _ = write!(html, "<li>{} {}<br><small>{examples}</small></li>", counted.count, oddity.text());
    }
    html.push_str("</ul></section>\n");
    html
}
