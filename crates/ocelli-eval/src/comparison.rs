//! Several detectors over the same pictures: collecting what they found.

use crate::detection::Outcome;
use crate::evaluation::{self, Evaluation};
use crate::{DataSet, Detection, ForeignDetections, Oddity, Picture, PictureKey, Run, Warnings};
use std::collections::{BTreeMap, HashMap};

/// How detectors are judged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Protocol {
    /// Overlap (intersection over union) from which a detection has found an object. Default 0.5.
    pub iou: f64,
    /// Sizes below which objects and unmatched detections are ignored, pixels: a row of average precision for each.
    /// Default 20 and 40, beside all sizes.
    pub min_sizes: Vec<f64>,
    /// Numbers of false alarms over a whole group at which the detection rate is told. Default: those of the table of
    /// Viola and Jones (2001), and 1000.
    pub false_alarms: Vec<usize>,
    /// Score from which a detection is shown in the report; `None` takes each detector's best F1 over all pictures.
    pub threshold: Option<f64>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            iou: 0.5,
            min_sizes: vec![20.0, 40.0],
            false_alarms: vec![10, 31, 50, 65, 78, 95, 167, 422, 1000],
            threshold: None,
        }
    }
}

/// Pictures of one or several data sets, and the runs of detectors over them.
///
/// ```
/// use ocelli_core::PixelRect;
/// use ocelli_eval::{Comparison, DataSet, Detection, Format, Picture, Protocol, Truth};
///
/// let mut picture = Picture::new("a.png");
/// picture.truths = Some(vec![Truth::new(PixelRect::new(10.0, 10.0, 30.0, 30.0))]);
/// let mut comparison = Comparison::new(vec![DataSet::new("tiny", Format::Jsonl, vec![picture])]);
/// let mut run = comparison.new_run("ours");
/// for (picture_ix, _picture) in comparison.pictures() {
///     let found = vec![Detection::new(PixelRect::new(11.0, 10.0, 30.0, 30.0), 0.9)];
///     run.detected(picture_ix, found, None);
/// }
/// comparison.add_run(run);
/// let evaluation = comparison.evaluate(&Protocol::default());
/// assert_eq!(evaluation.groups[0].results[0].bands[0].average_precision, Some(1.0));
/// ```
#[derive(Clone, Debug)]
pub struct Comparison {
    pub(crate) sets: Vec<DataSet>,
    /// Set and picture of every picture index.
    pub(crate) places: Vec<(usize, usize)>,
    pub(crate) runs: Vec<Run>,
    pub(crate) left_out: BTreeMap<usize, String>,
    pub(crate) warnings: Warnings,
}

impl Comparison {
    /// The pictures of these data sets; sets of equal name are told apart by a number.
    pub fn new(mut sets: Vec<DataSet>) -> Self {
        let mut warnings = Warnings::default();
        let mut names = HashMap::new();
        let mut places = Vec::new();
        for (set_ix, set) in sets.iter_mut().enumerate() {
            let count = names.entry(set.name.clone()).or_insert(0);
            *count += 1;
            if *count > 1 {
                set.name = format!("{}-{count}", set.name);
            }
            warnings.merge(&set.warnings);
            places.extend((0..set.pictures.len()).map(|picture_ix| (set_ix, picture_ix)));
        }
        for set in &sets {
            for picture in set.pictures.iter().filter(|p| p.truths.is_none()) {
                warnings.add(Oddity::PictureWithoutAnnotation, &picture.name);
            }
        }
        Self { sets, places, runs: Vec::new(), left_out: BTreeMap::new(), warnings }
    }

    /// The data sets.
    pub fn sets(&self) -> &[DataSet] {
        &self.sets
    }

    /// Number of pictures in all sets.
    pub fn n_pictures(&self) -> usize {
        self.places.len()
    }

    /// Every picture with its index, set by set.
    pub fn pictures(&self) -> impl Iterator<Item = (usize, &Picture)> {
        (0..self.places.len()).map(|ix| (ix, self.picture(ix)))
    }

    /// The picture of that index.
    ///
    /// # Panics
    /// Where there is none.
    pub fn picture(&self, picture_ix: usize) -> &Picture {
        let (set, picture) = self.places[picture_ix];
        &self.sets[set].pictures[picture]
    }

    /// The set that the picture of that index belongs to.
    pub(crate) fn set_of(&self, picture_ix: usize) -> &DataSet {
        &self.sets[self.places[picture_ix].0]
    }

    /// A run without results yet; hand it back with [`add_run`](Self::add_run).
    pub fn new_run(&self, name: impl Into<String>) -> Run {
        Run::new(name.into(), self.places.len())
    }

    /// Adds a finished run. Runs of equal name are told apart by a number.
    ///
    /// # Panics
    /// Where the run belongs to another comparison with another number of pictures.
    pub fn add_run(&mut self, mut run: Run) {
        assert_eq!(run.outcomes.len(), self.places.len(), "a run of another comparison");
        let taken = |name: &str| self.runs.iter().any(|r| r.name == name);
        if taken(&run.name) {
            let numbered = |n: usize| format!("{}-{n}", run.name);
            run.name = (2..).map(numbered).find(|name| !taken(name)).unwrap_or_default();
        }
        for (ix, outcome) in run.outcomes.iter_mut().enumerate() {
            if let Outcome::Detected(found) = outcome {
                let place =
                    || format!("{}: {}", run.name, self.sets[self.places[ix].0].pictures[self.places[ix].1].name);
                drop_bad(found, &mut self.warnings, place);
            }
        }
        let failed = run.outcomes.iter().enumerate().filter_map(|(ix, outcome)| match outcome {
            Outcome::Failed(reason) => Some((ix, format!("{}: {reason}", run.name))),
            _ => None,
        });
        for (ix, reason) in failed.collect::<Vec<_>>() {
            self.leave_out(ix, reason);
        }
        self.runs.push(run);
    }

    /// Leaves a picture out for all detectors, and says why in the report.
    ///
    /// # Panics
    /// Where there is no picture of that index.
    pub fn leave_out(&mut self, picture_ix: usize, reason: impl Into<String>) {
        let name = self.picture(picture_ix).name.clone();
        if self.left_out.insert(picture_ix, reason.into()).is_none() {
            self.warnings.add(Oddity::PictureFailed, name);
        }
    }

    /// Adds the detections of another program, joined to the pictures by name or number.
    ///
    /// A name fits a picture where one's path ends with the whole of the other's; endings of picture files may be
    /// missing or differ. What fits none, or several equally well, or a picture that has its detections already, is
    /// counted and left out.
    pub fn add_detections(&mut self, foreign: &ForeignDetections) {
        self.warnings.merge(&foreign.warnings);
        let mut run = self.new_run(&foreign.name);
        let names = NameIndex::new(self.pictures());
        let mut warnings = Warnings::default();
        for entry in &foreign.entries {
            let ix = match names.find(&entry.key) {
                Ok(ix) => ix,
                Err(oddity) => {
                    warnings.add(oddity, format!("{}: {}", foreign.name, key_text(&entry.key)));
                    continue;
                }
            };
            if !matches!(run.outcomes[ix], Outcome::None) {
                warnings.add(Oddity::DuplicateName, format!("{}: {}", foreign.name, key_text(&entry.key)));
                continue;
            }
            if let (Some(stated), Some(known)) = (entry.size, self.picture(ix).size)
                && stated != known
            {
                warnings.add(Oddity::SizeMismatch, format!("{}: {}", foreign.name, key_text(&entry.key)));
            }
            match &entry.outcome {
                Ok(found) => run.detected(ix, found.clone(), None),
                Err(reason) => run.failed(ix, reason),
            }
        }
        for (ix, picture) in self.pictures() {
            if matches!(run.outcomes[ix], Outcome::None) {
                warnings.add(Oddity::NoDetectionsEntry, format!("{}: {}", foreign.name, picture.name));
            }
        }
        self.warnings.merge(&warnings);
        self.add_run(run);
    }

    /// Judges the runs.
    pub fn evaluate(&self, protocol: &Protocol) -> Evaluation {
        evaluation::evaluate(self, protocol)
    }

    /// What a run found in a picture.
    pub(crate) fn found<'a>(&self, run: &'a Run, picture_ix: usize) -> &'a [Detection] {
        match &run.outcomes[picture_ix] {
            Outcome::Detected(found) => found,
            _ => &[],
        }
    }
}

fn drop_bad(found: &mut Vec<Detection>, warnings: &mut Warnings, place: impl Fn() -> String) {
    found.retain(|d| {
        let finite = [d.rect.x, d.rect.y, d.rect.width, d.rect.height].iter().all(|v| v.is_finite());
        if !d.score.is_finite() {
            warnings.add(Oddity::NonFiniteScore, place());
        } else if !finite || d.rect.area() <= 0.0 {
            warnings.add(Oddity::BadDetection, place());
        }
        d.score.is_finite() && finite && d.rect.area() > 0.0
    });
}

fn key_text(key: &PictureKey) -> String {
    match key {
        PictureKey::Name(name) => name.clone(),
        PictureKey::Id(id) => format!("image_id {id}"),
    }
}

/// Finds pictures by the names that other programs give them.
struct NameIndex {
    by_id: HashMap<u64, Vec<usize>>,
    by_stem: HashMap<String, Vec<(usize, Vec<String>)>>,
}

/// The components of a path from the last one up, the last without a picture's ending.
fn components(name: &str) -> Vec<String> {
    const ENDINGS: [&str; 10] = [".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm"];
    let mut parts: Vec<String> =
        name.split(['/', '\\']).filter(|p| !p.is_empty() && *p != ".").rev().map(str::to_owned).collect();
    if let Some(file) = parts.first_mut() {
        let lower = file.to_lowercase();
        if let Some(ending) = ENDINGS.iter().find(|e| lower.ends_with(**e)) {
            file.truncate(file.len() - ending.len());
        }
    }
    parts
}

impl NameIndex {
    fn new<'a>(pictures: impl Iterator<Item = (usize, &'a Picture)>) -> Self {
        let mut index = Self { by_id: HashMap::new(), by_stem: HashMap::new() };
        for (ix, picture) in pictures {
            if let Some(id) = picture.id {
                index.by_id.entry(id).or_default().push(ix);
            }
            let parts = components(&picture.name);
            let stem = parts.first().cloned().unwrap_or_default();
            index.by_stem.entry(stem).or_default().push((ix, parts));
        }
        index
    }

    fn find(&self, key: &PictureKey) -> Result<usize, Oddity> {
        match key {
            PictureKey::Id(id) => match self.by_id.get(id).map(Vec::as_slice) {
                Some([ix]) => Ok(*ix),
                Some(_) => Err(Oddity::AmbiguousName),
                None => Err(Oddity::DetectionsWithoutPicture),
            },
            PictureKey::Name(name) => self.find_name(name),
        }
    }

    fn find_name(&self, name: &str) -> Result<usize, Oddity> {
        let parts = components(name);
        let candidates = parts.first().and_then(|stem| self.by_stem.get(stem));
        let candidates = candidates.ok_or(Oddity::DetectionsWithoutPicture)?;
        // One path must end with the whole of the other: a/1.jpg is not b/1.jpg, though both end with 1.jpg.
        let fits = |other: &[String]| parts.iter().zip(other).all(|(a, b)| a == b);
        let rank = |other: &[String]| (parts.len().min(other.len()), other.len() == parts.len());
        let fitting = candidates.iter().filter(|(_, other)| fits(other));
        let best = fitting.clone().map(|(_, other)| rank(other)).max().ok_or(Oddity::DetectionsWithoutPicture)?;
        let mut fitting = fitting.filter(|(_, other)| rank(other) == best);
        match (fitting.next(), fitting.next()) {
            (Some((ix, _)), None) => Ok(*ix),
            _ => Err(Oddity::AmbiguousName),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{DetectionEntry, Format};
    use ocelli_core::PixelRect;

    fn set(names: &[&str]) -> DataSet {
        DataSet::new("s", Format::Jsonl, names.iter().map(|n| Picture::new(*n)).collect())
    }

    #[test]
    fn foreign_names_find_their_pictures() {
        let comparison = Comparison::new(vec![set(&["images/a/1.jpg", "images/b/1.jpg", "2002/07/img_5", "1.jpg"])]);
        let names = NameIndex::new(comparison.pictures());
        let find = |name: &str| names.find(&PictureKey::Name(name.into()));
        assert_eq!(find("images/a/1.jpg"), Ok(0));
        assert_eq!(find("/data/x/images/b/1.jpg"), Ok(1));
        assert_eq!(find("b\\1.png"), Ok(1));
        assert_eq!(find("2002/07/img_5.jpg"), Ok(2));
        assert_eq!(find("1.jpg"), Ok(3));
        assert_eq!(find("3.jpg"), Err(Oddity::DetectionsWithoutPicture));
        assert_eq!(names.find(&PictureKey::Id(1)), Err(Oddity::DetectionsWithoutPicture));
        // Numbered files are common: the same number in another folder is another picture.
        let folders = Comparison::new(vec![set(&["images/a/1.jpg", "images/b/1.jpg", "images/b/2.jpg"])]);
        let names = NameIndex::new(folders.pictures());
        let find = |name: &str| names.find(&PictureKey::Name(name.into()));
        assert_eq!(find("images/c/2.jpg"), Err(Oddity::DetectionsWithoutPicture));
        assert_eq!((find("2.jpg"), find("1.jpg")), (Ok(2), Err(Oddity::AmbiguousName)));
        let twice = Comparison::new(vec![set(&["a.jpg"]), set(&["a.jpg"])]);
        assert_eq!(twice.sets()[1].name, "s-2");
        let found = NameIndex::new(twice.pictures()).find(&PictureKey::Name("a.jpg".into()));
        assert_eq!(found, Err(Oddity::AmbiguousName));
    }

    #[test]
    fn a_second_entry_for_a_picture_is_left_out() {
        let mut comparison = Comparison::new(vec![set(&["a/1.jpg"])]);
        let found = vec![Detection::new(PixelRect::new(0.0, 0.0, 5.0, 5.0), 0.5)];
        let entry =
            |name: &str, found| DetectionEntry { key: PictureKey::Name(name.into()), size: None, outcome: Ok(found) };
        let entries = vec![entry("a/1.jpg", found), entry("x/a/1.jpg", vec![])];
        comparison.add_detections(&ForeignDetections { name: "x".into(), entries, warnings: Warnings::default() });
        assert_eq!(comparison.found(&comparison.runs[0], 0).len(), 1);
        assert_eq!(comparison.warnings.count(Oddity::DuplicateName), 1);
    }

    #[test]
    fn odd_runs_are_counted() {
        let mut comparison = Comparison::new(vec![set(&["a.jpg", "b.jpg", "c.jpg"])]);
        let mut run = comparison.new_run("x");
        run.detected(0, vec![Detection::new(PixelRect::new(0.0, 0.0, 5.0, 5.0), f64::NAN)], None);
        run.failed(1, "no picture");
        comparison.add_run(run);
        let entry = |name: &str| DetectionEntry { key: PictureKey::Name(name.into()), size: None, outcome: Ok(vec![]) };
        let entries = vec![entry("a.jpg"), entry("z.jpg")];
        comparison.add_detections(&ForeignDetections { name: "x".into(), entries, warnings: Warnings::default() });
        assert_eq!(comparison.runs[1].name(), "x-2");
        let counts = [
            (Oddity::NonFiniteScore, 1),
            (Oddity::PictureFailed, 1),
            (Oddity::DetectionsWithoutPicture, 1),
            (Oddity::NoDetectionsEntry, 2),
        ];
        for (oddity, count) in counts {
            assert_eq!(comparison.warnings.count(oddity), count, "{oddity:?}");
        }
    }
}
