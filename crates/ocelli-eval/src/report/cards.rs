//! The pictures of the report with their boxes.

use super::html::{colour, escaped};
use super::{ReportOptions, Thumbnail};
use crate::PictureComparison;
use crate::evaluation::Evaluation;
use crate::metrics::Verdict;
use ocelli_core::PixelRect;
use std::collections::BTreeSet;
use std::fmt::Write;

/// Pictures that each filter is sure to have, as far as there are any.
const PER_FILTER: usize = 8;

/// The pictures as HTML, most disagreement first.
pub(super) fn cards(
    evaluation: &Evaluation,
    options: &ReportOptions,
    thumbnail: &mut dyn FnMut(&PictureComparison, u32) -> Option<Thumbnail>,
) -> Vec<String> {
    let mut cards = Vec::new();
    for ix in chosen(evaluation, options.max_pictures) {
        let picture = &evaluation.pictures[ix];
        let small = thumbnail(picture, options.thumbnail_side);
        cards.push(card(evaluation, picture, small.as_ref()));
    }
    cards
}

/// What the filters count, by name.
fn kinds(picture: &PictureComparison, detector_ix: usize) -> [(&'static str, usize); 3] {
    [
        ("missed", picture.missed(detector_ix)),
        ("only", picture.only(detector_ix)),
        ("alarms", picture.false_alarms(detector_ix)),
    ]
}

/// The pictures shown: the richest of every filter, then by rank, in rank order.
fn chosen(evaluation: &Evaluation, most: usize) -> BTreeSet<usize> {
    let pictures = &evaluation.pictures;
    let mut chosen = BTreeSet::new();
    let mut lists: Vec<Vec<usize>> = Vec::new();
    for d in 0..evaluation.detectors.len() {
        for kind in 0..3 {
            let count = |ix: &usize| kinds(&pictures[*ix], d)[kind].1;
            let mut ranked: Vec<usize> = (0..pictures.len()).filter(|ix| count(ix) > 0).collect();
            ranked.sort_by_key(|ix| std::cmp::Reverse(count(ix)));
            ranked.truncate(PER_FILTER);
            lists.push(ranked);
        }
    }
    for rank in 0..PER_FILTER {
        chosen.extend(lists.iter().filter_map(|l| l.get(rank)).take(most.saturating_sub(chosen.len())));
    }
    for ix in 0..pictures.len() {
        if chosen.len() >= most {
            break;
        }
        chosen.insert(ix);
    }
    chosen
}

fn card(evaluation: &Evaluation, picture: &PictureComparison, small: Option<&Thumbnail>) -> String {
    let mut html = String::from("<figure class=\"card\"");
    for (kind_ix, kind) in ["missed", "only", "alarms"].iter().enumerate() {
        let with: Vec<String> = (0..evaluation.detectors.len())
            .filter(|&d| kinds(picture, d)[kind_ix].1 > 0)
            .map(|d| d.to_string())
            .collect();
        let _ = write!(html, " data-{kind}=\"{}\"", with.join(" "));
    }
    html.push('>');
    html.push_str(&view(evaluation, picture, small));
    let _ = write!(html, "<figcaption><b>{}</b><small>{}</small>", escaped(&picture.name), escaped(&picture.set));
    html.push_str("<ul>");
    for (d, name) in evaluation.detectors.iter().enumerate() {
        let counts: Vec<String> = kinds(picture, d)
            .iter()
            .filter(|(_, n)| *n > 0)
            .map(|(kind, n)| match *kind {
                "missed" => format!("missed {n}"),
                "only" => format!("alone found {n}"),
                _ => format!("false alarms {n}"),
            })
            .collect();
        let counts = if counts.is_empty() { "all right".into() } else { counts.join(", ") };
        let _ = write!(html, "<li><i style=\"--c:{}\"></i>{}: {counts}</li>", colour(d), escaped(name));
    }
    html.push_str("</ul></figcaption></figure>\n");
    html
}

/// The picture under its boxes; the boxes alone where the picture could not be read.
fn view(evaluation: &Evaluation, picture: &PictureComparison, small: Option<&Thumbnail>) -> String {
    let size = small.map(|s| s.full_size).or(picture.size);
    let (width, height) = match size {
        Some(size) => (f64::from(size.width.max(1)), f64::from(size.height.max(1))),
        None => extent(picture),
    };
    let mut html = format!("<div class=\"view\" tabindex=\"0\" style=\"aspect-ratio:{width}/{height}\">");
    match small.and_then(Thumbnail::data_uri) {
        Some(uri) => {
            let _ = write!(html, "<img loading=\"lazy\" alt=\"{}\" src=\"{uri}\">", escaped(&picture.name));
        }
        None => html.push_str("<span class=\"none\">no picture</span>"),
    }
    let _ = write!(html, "<svg viewBox=\"0 0 {width} {height}\">");
    for object in &picture.objects {
        let missed: Vec<&str> = (0..evaluation.detectors.len())
            .filter(|&d| !object.found[d])
            .map(|d| evaluation.detectors[d].as_str())
            .collect();
        let title = match (object.counts, missed.is_empty()) {
            (false, _) => "does not count".to_owned(),
            (true, true) => "found by all".to_owned(),
            (true, false) => format!("missed by {}", missed.join(", ")),
        };
        let class = if object.counts { "truth" } else { "truth ignored" };
        html.push_str(&rect(object.rect, class, &title));
    }
    for (d, shown) in picture.shown.iter().enumerate() {
        let _ = write!(html, "<g class=\"d{d}\" style=\"--c:{}\">", colour(d));
        for b in shown {
            let (class, what) = match b.verdict {
                Verdict::Found(_) => ("found", "found"),
                Verdict::FalseAlarm => ("alarm", "false alarm"),
                Verdict::Ignored => ("skipped", "does not count"),
            };
            let title = format!("{} {:.3}: {what}", evaluation.detectors[d], b.detection.score);
            html.push_str(&rect(b.detection.rect, class, &title));
        }
        html.push_str("</g>");
    }
    html.push_str("</svg></div>");
    html
}

fn extent(picture: &PictureComparison) -> (f64, f64) {
    let boxes = picture.objects.iter().map(|o| o.rect);
    let boxes = boxes.chain(picture.shown.iter().flatten().map(|b| b.detection.rect));
    boxes.fold((64.0, 64.0), |(w, h), r| (w.max((r.x + r.width).ceil()), h.max((r.y + r.height).ceil())))
}

fn rect(r: PixelRect, class: &str, title: &str) -> String {
    let (x, y, w, h) = (r.x, r.y, r.width.max(0.0), r.height.max(0.0));
    format!(
        "<rect class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"><title>{}</title></rect>",
        escaped(title)
    )
}
