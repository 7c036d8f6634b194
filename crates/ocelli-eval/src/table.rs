//! The comparison as text for a terminal.

use crate::evaluation::{DetectorResult, Evaluation, Group};
use std::fmt::Write;

impl Evaluation {
    /// The numbers as text: a row a group and detector, then the tables of WIDER FACE, FDDB and Viola and Jones where
    /// they apply, then what was odd. Times are in [`timings_table`](Self::timings_table), so that this text is the
    /// same in every run.
    pub fn table(&self) -> String {
        let mut text = accuracy(self);
        for section in [wider(self), fddb(self), rates(self)].into_iter().flatten() {
            text.push('\n');
            text.push_str(&section);
        }
        if !self.left_out.is_empty() {
            text.push_str("\nleft out\n");
            for (reason, count) in &self.left_out {
                let _ = writeln!(text, "{count:>7} {reason}");
            }
        }
        if !self.warnings.is_empty() {
            let _ = write!(text, "\nwarnings\n{}", self.warnings);
        }
        text
    }

    /// Speed and memory beside the accuracy; empty where nothing was timed.
    pub fn timings_table(&self) -> String {
        if self.timings.is_empty() {
            return String::new();
        }
        let ms = |time: std::time::Duration| format!("{:.2}", time.as_secs_f64() * 1e3);
        let mut table = Table::new(&["detector", "pictures", "median ms", "p95 ms", "total s", "peak MB"]);
        for t in &self.timings {
            table.row(vec![
                t.detector.clone(),
                t.n_pictures.to_string(),
                ms(t.median),
                ms(t.percentile_95),
                format!("{:.2}", t.total.as_secs_f64()),
                t.peak_memory.map_or(NONE.into(), |bytes| format!("{:.1}", bytes as f64 / 1e6)),
            ]);
        }
        table.text(1)
    }
}

const NONE: &str = "–";

fn share(value: Option<f64>) -> String {
    value.map_or(NONE.into(), |v| format!("{v:.3}"))
}

fn accuracy(evaluation: &Evaluation) -> String {
    let bands = evaluation.groups.iter().flat_map(|g| &g.results).next().map(|r| &r.bands[..]).unwrap_or_default();
    let band_titles: Vec<String> = bands.iter().map(|b| format!("AP {}", b.band.name)).collect();
    let mut titles = vec!["group", "pictures", "objects", "detector"];
    titles.extend(band_titles.iter().map(String::as_str));
    titles.extend(["COCO AP", "AR100", "box IoU", "recall", "precision", "FA/pic", "ECE"]);
    let mut table = Table::new(&titles);
    for group in &evaluation.groups {
        for (ix, result) in group.results.iter().enumerate() {
            let once = |text: String| if ix == 0 { text } else { String::new() };
            let mut row = vec![
                once(group.name.clone()),
                once(group.n_pictures.to_string()),
                once(group.n_truths.to_string()),
                result.detector.clone(),
            ];
            row.extend(result.bands.iter().map(|b| share(b.average_precision)));
            row.extend([
                share(result.coco.ap),
                share(result.coco.ar100),
                share(result.mean_iou),
                share(result.operating.recall),
                share(result.operating.precision),
                share(result.operating.false_alarms_per_picture),
                share(result.calibration.as_ref().map(|c| c.expected_error)),
            ]);
            table.row(row);
        }
    }
    let iou = evaluation.protocol.iou;
    let note = |(d, t): (&String, &f64)| format!("{d} {t:.3}");
    let thresholds: Vec<String> = evaluation.detectors.iter().zip(&evaluation.thresholds).map(note).collect();
    format!(
        "{}AP: all points, IoU {iou}. recall, precision, FA/pic at scores from: {}\n",
        table.text(4),
        thresholds.join(", ")
    )
}

/// Groups that are no parts of others, for the tables of single data sets.
fn whole_sets(evaluation: &Evaluation) -> impl Iterator<Item = &Group> {
    evaluation.groups.iter().filter(|g| !g.name.contains('/'))
}

fn wider(evaluation: &Evaluation) -> Option<String> {
    let mut table = Table::new(&["WIDER FACE protocol", "detector", "easy", "medium", "hard"]);
    for group in whole_sets(evaluation) {
        for result in &group.results {
            if let Some(w) = &result.wider {
                let cells =
                    [group.name.clone(), result.detector.clone(), share(w.easy), share(w.medium), share(w.hard)];
                table.row(cells.to_vec());
            }
        }
    }
    table.some(2)
}

fn fddb(evaluation: &Evaluation) -> Option<String> {
    // False alarms at which FDDB's curves are usually told.
    const AT: [usize; 4] = [100, 500, 1000, 2000];
    let mut titles = vec!["FDDB true positive rate".to_owned(), "detector".to_owned()];
    titles.extend(AT.iter().flat_map(|n| [format!("disc@{n}"), format!("cont@{n}")]));
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for group in whole_sets(evaluation) {
        for result in &group.results {
            if let Some(curve) = &result.fddb {
                let mut row = vec![group.name.clone(), result.detector.clone()];
                for n in AT {
                    let (discrete, continuous) = curve.rates_at(n);
                    row.extend([share(Some(discrete)), share(Some(continuous))]);
                }
                table.row(row);
            }
        }
    }
    table.some(2)
}

fn rates(evaluation: &Evaluation) -> Option<String> {
    let mut titles = vec!["detection rate at N false alarms".to_owned(), "detector".to_owned()];
    titles.extend(evaluation.protocol.false_alarms.iter().map(|n| n.to_string()));
    let mut table = Table::new(&titles.iter().map(String::as_str).collect::<Vec<_>>());
    for group in whole_sets(evaluation).filter(|g| g.n_complete > 0 && g.n_truths > 0) {
        for result in &group.results {
            table.row(rate_row(group, result));
        }
    }
    table.some(2)
}

fn rate_row(group: &Group, result: &DetectorResult) -> Vec<String> {
    let mut row = vec![group.name.clone(), result.detector.clone()];
    row.extend(result.rates.iter().map(|(_, rate)| share(*rate)));
    row
}

/// Rows of cells, aligned.
struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|t| t.to_string()).collect()] }
    }

    fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// The text, if there is a row below the titles.
    fn some(&self, n_left: usize) -> Option<String> {
        (self.rows.len() > 1).then(|| self.text(n_left))
    }

    /// The text: the first `n_left` columns to the left, the others (numbers) to the right.
    fn text(&self, n_left: usize) -> String {
        let width = |column: usize| self.rows.iter().map(|r| r[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..self.rows[0].len()).map(width).collect();
        let mut text = String::new();
        for row in &self.rows {
            let cell = |(column, value): (usize, &String)| {
                let (width, is_number) = (widths[column], value.starts_with(|c: char| c.is_ascii_digit() || c == '–'));
                let left = column < n_left && !(is_number && column > 0 && n_left > 2);
                if left { format!("{value:<width$}") } else { format!("{value:>width$}") }
            };
            let line: Vec<String> = row.iter().enumerate().map(cell).collect();
            text.push_str(line.join("  ").trim_end());
            text.push('\n');
        }
        text
    }
}
