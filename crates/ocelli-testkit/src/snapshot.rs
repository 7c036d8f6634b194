//! Pins: one macro line holds fast what a detector finds on a fixture, or the table of a comparison.
//!
//! ```ignore
//! #[test]
//! fn finds_the_faces_of_the_party() {
//!     let picture = Vision::new().unwrap().open("fixtures/party.jpg").unwrap();
//!     let faces = picture.perform_one(DetectFaces::new()).unwrap();
//!     assert_observations!("deep_r1_party", faces, picture: "fixtures/party.jpg");
//! }
//!
//! #[test]
//! fn is_no_worse_than_last_week() {
//!     assert_comparison!("deep_against_cascade", comparison.evaluate(&Protocol::default()));
//! }
//! ```
//!
//! A pin is an `insta` snapshot: text in `snapshots/` beside the test, accepted with `cargo insta accept` or
//! `INSTA_UPDATE=always cargo test`. Observations are sorted by score, then position; pixels are written to 0.1 and
//! scores to 0.001. A pin still holds where every number is within one step of the last digit, in whatever order
//! equals come, so other machines, instruction sets and thread counts do not break it.
//!
//! Where a pin of observations breaks and its picture is given, the picture is left in `target/ocelli-failures/`
//! with the boxes of the pin in orange and today's in blue; a pin that holds removes it.

use crate::data::workspace_root;
use image::{Rgb, RgbImage};
use insta::Snapshot;
use insta::comparator::Comparator;
use ocelli::core::{AnyObservations, Observation, Shape};
use ocelli_eval::Evaluation;
use std::fmt::Write;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

#[doc(hidden)]
pub use insta;

/// Pins observations under a name; `picture:` names the file that they were found in, for drawing.
///
/// Takes a `Vec` or slice of any [`Observation`], or [`AnyObservations`]. See the [module](self).
#[macro_export]
macro_rules! assert_observations {
    ($name:expr, $observations:expr $(,)?) => {
        $crate::assert_observations!(@pin $name, $observations, ::core::option::Option::None)
    };
    ($name:expr, $observations:expr, picture: $picture:expr $(,)?) => {
        $crate::assert_observations!(@pin $name, $observations, ::core::option::Option::Some($picture.as_ref()))
    };
    (@pin $name:expr, $observations:expr, $picture:expr) => {{
        let pin = $crate::snapshot::Pin::observations(&$observations);
        let picture: ::core::option::Option<&::std::path::Path> = $picture;
        pin.hold($name, picture, |name, text| $crate::snapshot::insta::assert_snapshot!(name, text));
    }};
}

/// Pins the table of an [`Evaluation`] under a name. See the [module](self).
#[macro_export]
macro_rules! assert_comparison {
    ($name:expr, $evaluation:expr $(,)?) => {{
        let pin = $crate::snapshot::Pin::comparison(&$evaluation);
        pin.hold($name, ::core::option::Option::None, |name, text| {
            $crate::snapshot::insta::assert_snapshot!(name, text)
        });
    }};
}

/// How far a number may be from the pinned one: one step of its last digit, and the rounding of both.
const STEPS: f64 = 1.01;

/// What [`assert_observations!`] takes.
pub trait Pinnable {
    /// What they are, singular.
    fn kind(&self) -> &str;
    /// Score and shapes of each.
    fn shapes(&self) -> Vec<(f32, Vec<Shape>)>;
}

impl<O: Observation> Pinnable for [O] {
    fn kind(&self) -> &str {
        O::KIND
    }
    fn shapes(&self) -> Vec<(f32, Vec<Shape>)> {
        self.iter().map(|o| (o.confidence(), o.shapes())).collect()
    }
}

impl<O: Observation> Pinnable for Vec<O> {
    fn kind(&self) -> &str {
        O::KIND
    }
    fn shapes(&self) -> Vec<(f32, Vec<Shape>)> {
        self.as_slice().shapes()
    }
}

impl Pinnable for AnyObservations {
    fn kind(&self) -> &str {
        Self::kind(self)
    }
    fn shapes(&self) -> Vec<(f32, Vec<Shape>)> {
        Self::shapes(self)
    }
}

/// Text to pin; made by the macros.
#[derive(Debug)]
pub struct Pin {
    text: String,
    any_order: bool,
}

impl Pin {
    /// Observations, a line each.
    pub fn observations<P: Pinnable + ?Sized>(observations: &P) -> Self {
        let mut lines: Vec<String> = observations.shapes().iter().map(|(score, shapes)| line(*score, shapes)).collect();
        lines.sort_by(|a, b| by_score_then_position(a, b));
        let mut text = format!("{} of kind {}\n", lines.len(), observations.kind());
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        Self { text, any_order: true }
    }

    /// The table of a comparison.
    pub fn comparison(evaluation: &Evaluation) -> Self {
        Self { text: evaluation.table(), any_order: false }
    }

    /// Runs the assertion with a comparison that forgives one step of the last digit.
    pub fn hold(&self, name: &str, picture: Option<&Path>, assertion: impl FnOnce(&str, &str)) {
        let pinned = Arc::new(Mutex::new(None));
        let comparator = Forgiving { any_order: self.any_order, pinned: Arc::clone(&pinned) };
        let mut settings = insta::Settings::clone_current();
        settings.set_comparator(Box::new(comparator));
        settings.set_omit_expression(true);
        let failure = failures().join(format!("{name}.png"));
        match settings.bind(|| catch_unwind(AssertUnwindSafe(|| assertion(name, &self.text)))) {
            // Nothing to remove is the usual case.
            Ok(()) => drop(std::fs::remove_file(&failure)),
            Err(panic) => {
                let old = pinned.lock().ok().and_then(|text| text.clone()).unwrap_or_default();
                if let Some(path) = picture {
                    match draw(path, &old, &self.text, &failure) {
                        Ok(()) => eprintln!("pin in orange, today in blue: {}", failure.display()),
                        Err(error) => eprintln!("no annotated picture of {}: {error}", path.display()),
                    }
                }
                resume_unwind(panic);
            }
        }
    }
}

/// The folder of annotated pictures: in the target folder that the test runs from.
fn failures() -> PathBuf {
    let exe = std::env::current_exe().unwrap_or_default();
    let deps = exe.ancestors().find(|folder| folder.ends_with("deps"));
    let target = deps.and_then(|deps| deps.ancestors().nth(2)).map(Path::to_owned);
    target.unwrap_or_else(|| workspace_root().join("target")).join("ocelli-failures")
}

fn line(score: f32, shapes: &[Shape]) -> String {
    let mut line = format!("{score:.3}");
    for shape in shapes {
        match shape {
            Shape::Rect(rect) => {
                let p = rect.to_pixels();
                // Adding zero turns -0.0 into 0.0.
                let [x, y, w, h] = [p.x, p.y, p.width, p.height].map(|v| (v * 10.0).round() / 10.0 + 0.0);
                let _ = write!(line, "  rect {x:.1} {y:.1} {w:.1} {h:.1}");
            }
            Shape::Points(points) => {
                line.push_str("  points");
                for point in points {
                    let p = point.to_pixels();
                    let [x, y] = [p.x, p.y].map(|v| (v * 10.0).round() / 10.0 + 0.0);
                    let _ = write!(line, " {x:.1} {y:.1}");
                }
            }
            _ => line.push_str("  other"),
        }
    }
    line
}

fn numbers(line: &str) -> Vec<f64> {
    line.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

fn by_score_then_position(a: &str, b: &str) -> std::cmp::Ordering {
    let (a, b) = (numbers(a), numbers(b));
    let score = |numbers: &[f64]| numbers.first().copied().unwrap_or(0.0);
    let rest = a.iter().skip(1).zip(b.iter().skip(1)).map(|(p, q)| p.total_cmp(q));
    score(&b).total_cmp(&score(&a)).then(rest.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then))
}

/// Compares word by word: numbers with as many decimals within one step of the last, everything else exactly.
#[derive(Clone)]
struct Forgiving {
    any_order: bool,
    /// The pinned text, kept for drawing.
    pinned: Arc<Mutex<Option<String>>>,
}

impl Comparator for Forgiving {
    fn matches(&self, reference: &Snapshot, test: &Snapshot) -> bool {
        let (Some(old), Some(new)) = (reference.as_text(), test.as_text()) else { return false };
        let (old, new) = (old.to_string(), new.to_string());
        let same = if self.any_order { same_lines_in_any_order(&old, &new) } else { same_lines(&old, &new) };
        if let Ok(mut pinned) = self.pinned.lock() {
            *pinned = Some(old);
        }
        same
    }

    fn dyn_clone(&self) -> Box<dyn Comparator> {
        Box::new(self.clone())
    }
}

fn same_word(a: &str, b: &str) -> bool {
    let decimals = |word: &str| word.split_once('.').map(|(_, d)| d.len());
    match (a.parse::<f64>(), b.parse::<f64>(), decimals(a), decimals(b)) {
        (Ok(p), Ok(q), Some(n), Some(m)) if n == m => (p - q).abs() <= STEPS * 0.1f64.powi(n as i32),
        _ => a == b,
    }
}

fn same_line(a: &str, b: &str) -> bool {
    let (a, b): (Vec<_>, Vec<_>) = (a.split_whitespace().collect(), b.split_whitespace().collect());
    a.len() == b.len() && a.iter().zip(&b).all(|(p, q)| same_word(p, q))
}

fn same_lines(old: &str, new: &str) -> bool {
    let (old, new): (Vec<_>, Vec<_>) = (old.trim().lines().collect(), new.trim().lines().collect());
    old.len() == new.len() && old.iter().zip(&new).all(|(a, b)| same_line(a, b))
}

/// Every line has its partner: two observations of nearly equal score may swap places.
fn same_lines_in_any_order(old: &str, new: &str) -> bool {
    let mut left: Vec<&str> = old.trim().lines().collect();
    let n_new = new.trim().lines().count();
    let takes = |line: &str| left.iter().position(|other| same_line(other, line)).map(|ix| left.remove(ix)).is_some();
    n_new == old.trim().lines().count() && new.trim().lines().all(takes)
}

/// Draws the boxes of both texts on the picture.
fn draw(picture: &Path, old: &str, new: &str, target: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut canvas = image::open(picture)?.to_rgb8();
    for (text, colour, width) in [(old, Rgb([230, 120, 0]), 4), (new, Rgb([40, 120, 255]), 2)] {
        for [x, y, w, h] in text.lines().filter_map(rect_of_line) {
            outline(&mut canvas, [x, y, w, h], colour, width);
        }
    }
    if let Some(folder) = target.parent() {
        std::fs::create_dir_all(folder)?;
    }
    Ok(canvas.save(target)?)
}

fn rect_of_line(line: &str) -> Option<[f64; 4]> {
    let (_, rest) = line.split_once("rect ")?;
    let values: Vec<f64> = rest.split_whitespace().map_while(|word| word.parse().ok()).take(4).collect();
    values.try_into().ok()
}

fn outline(canvas: &mut RgbImage, [x, y, w, h]: [f64; 4], colour: Rgb<u8>, width: i64) {
    let (left, top, right, bottom) = (x as i64, y as i64, (x + w) as i64, (y + h) as i64);
    let (full_width, full_height) = (i64::from(canvas.width()), i64::from(canvas.height()));
    for py in top.max(0)..=bottom.min(full_height - 1) {
        for px in left.max(0)..=right.min(full_width - 1) {
            let to_edge = (px - left).min(right - px).min(py - top).min(bottom - py);
            if to_edge < width {
                canvas.put_pixel(px as u32, py as u32, colour);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli::core::{FaceObservation, NormalizedRect, PixelRect, Provenance, Size};

    fn faces(shift: f64) -> Vec<FaceObservation> {
        let provenance = Arc::new(Provenance::new("made-up", 1));
        let face = |x: f64, score: f32| {
            let rect = NormalizedRect::from_pixels(PixelRect::new(x + shift, 20.0, 30.0, 40.0), Size::new(200, 100));
            FaceObservation::new(rect, score, Arc::clone(&provenance))
        };
        vec![face(100.0, 0.4), face(10.0, 0.9)]
    }

    #[test]
    fn observations_are_sorted_and_rounded() {
        let pin = Pin::observations(&faces(0.0));
        assert_eq!(pin.text, "2 of kind face\n0.900  rect 10.0 20.0 30.0 40.0\n0.400  rect 100.0 20.0 30.0 40.0\n");
        crate::assert_observations!("two_made_up_faces", faces(0.0));
        // A tenth of a pixel more is the last digit's step.
        crate::assert_observations!("two_made_up_faces", faces(0.1));
    }

    #[test]
    fn a_broken_pin_fails_and_leaves_a_picture() {
        let folder = tempfile::tempdir().unwrap();
        let picture = folder.path().join("grey.png");
        RgbImage::from_pixel(200, 100, Rgb([90, 90, 90])).save(&picture).unwrap();
        let pin = Pin::observations(&faces(5.0));
        let pinned = Pin::observations(&faces(0.0));
        let failure = failures().join("broken_on_purpose.png");
        let _ = std::fs::remove_file(&failure);
        // The assertion of a snapshot of other content, without a snapshot file to spoil.
        let broken = catch_unwind(AssertUnwindSafe(|| {
            pin.hold("broken_on_purpose", Some(&picture), |_, text| {
                assert!(same_lines_in_any_order(&pinned.text, text), "differs");
            });
        }));
        assert!(broken.is_err());
        let drawn = image::open(&failure).unwrap().to_rgb8();
        assert_eq!(drawn.get_pixel(15, 30).0, [40, 120, 255]);
        pin.hold("broken_on_purpose", Some(&picture), |_, _| {});
        assert!(!failure.exists());
    }

    #[test]
    fn words_may_differ_by_one_step_and_lines_may_swap() {
        assert!(same_word("0.900", "0.901") && !same_word("0.900", "0.902"));
        assert!(same_word("10.0", "10.1") && !same_word("10.0", "10.00") && !same_word("3", "4"));
        assert!(same_lines_in_any_order("a\n0.500 x\n0.501 y", "a\n0.501 y\n0.500 x"));
        assert!(!same_lines_in_any_order("a\n0.500 x", "a\n0.500 x\n0.500 x"));
        assert!(!same_lines("0.500 x\n0.501 y", "0.501 y\n0.500 x"));
        assert_eq!(rect_of_line("0.900  rect 1.0 2.0 3.0 4.0  points 5.0 6.0"), Some([1.0, 2.0, 3.0, 4.0]));
    }
}
