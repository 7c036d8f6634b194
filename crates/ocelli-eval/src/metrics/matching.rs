//! Which detection found which object: greedy by score, as COCO matches, with ignore regions and size bands.

use crate::{Detection, Picture, Truth};
use ocelli_core::PixelRect;
use serde::Serialize;

/// The sizes that count: size = √(width × height) in pixels of the picture, both ends included.
///
/// Objects outside a band are ignored: finding them earns nothing, missing them costs nothing. So are detections
/// outside it that found no object. A detection that found an object counts whatever its own size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Band {
    /// Its name in tables.
    pub name: String,
    /// Smallest size, pixels.
    pub min: f64,
    /// Largest size, pixels; `f64::INFINITY` for no upper end (`null` in JSON).
    pub max: f64,
}

impl Band {
    /// Every size.
    pub fn all() -> Self {
        Self { name: "all".into(), min: 0.0, max: f64::INFINITY }
    }

    /// Sizes of at least `min` pixels.
    pub fn at_least(min: f64) -> Self {
        Self { name: format!("≥{min} px"), min, max: f64::INFINITY }
    }

    /// Sizes from `min` to `max` pixels.
    pub fn between(name: impl Into<String>, min: f64, max: f64) -> Self {
        Self { name: name.into(), min, max }
    }

    /// Whether an area in square pixels belongs to it.
    pub fn contains_area(&self, area: f64) -> bool {
        // Compared as areas: a root would round sizes at the border of a band to either side.
        area >= self.min * self.min && area <= self.max * self.max
    }
}

/// The detections of one picture, most confident first, with their overlaps: made once, matched many times.
#[derive(Clone, Debug)]
pub struct Sorted<'a> {
    /// The detections by falling score; equal scores keep the order of the detector.
    pub detections: Vec<Detection>,
    /// What was annotated.
    pub truths: &'a [Truth],
    /// `overlaps[detection][truth]`: intersection over union of the boxes.
    pub overlaps: Vec<Vec<f64>>,
    /// `held[detection][truth]`: whether the box holds the object's points, where these decide.
    held: Vec<Vec<Option<bool>>>,
    /// For each detection, the largest share of its area within one ignore region.
    in_ignore: Vec<f64>,
    complete: bool,
}

impl<'a> Sorted<'a> {
    /// Sorts the detections of one picture and measures their overlaps.
    pub fn new(picture: &'a Picture, detections: &[Detection]) -> Self {
        let mut detections = detections.to_vec();
        detections.sort_by(|a, b| b.score.total_cmp(&a.score));
        let truths = picture.truths();
        let overlaps = detections.iter().map(|d| truths.iter().map(|t| d.rect.iou(t.rect)).collect()).collect();
        let holds = |d: &Detection, t: &Truth| t.points.as_ref().map(|p| p.are_held(d.rect));
        let held = detections.iter().map(|d| truths.iter().map(|t| holds(d, t)).collect()).collect();
        let share = |rect: PixelRect| {
            let shares = picture.ignore.iter().map(|&region| rect.intersection_area(region) / rect.area());
            shares.fold(0.0, f64::max)
        };
        let in_ignore = detections.iter().map(|d| share(d.rect)).collect();
        Self { detections, truths, overlaps, held, in_ignore, complete: picture.complete }
    }

    /// Whether every object of the picture is annotated.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// Matches greedily: the most confident detection takes the object that it overlaps most, if by at least `iou`,
    /// or, for an object with points, if it holds them.
    ///
    /// Objects that count are preferred to ignored ones. What found no object is a false alarm, unless it lies in an
    /// ignore region (that share of its area at least), outside the band, or in an incompletely annotated picture.
    /// The rules are those of pycocotools.
    pub fn matching(&self, iou: f64, band: &Band, max_detections: usize) -> Matching {
        let counts = |t: &Truth| !t.ignored && band.contains_area(t.area());
        let counted: Vec<bool> = self.truths.iter().map(counts).collect();
        let mut order: Vec<usize> = (0..self.truths.len()).collect();
        order.sort_by_key(|&ix| !counted[ix]);
        let mut found_by = vec![None; self.truths.len()];
        // pycocotools lets 1.0 match in spite of rounding.
        let enough = iou.min(1.0 - 1e-10);
        let verdicts = (0..self.detections.len().min(max_detections))
            .map(|d| match self.best_truth(d, enough, &order, &counted, &found_by) {
                // A region swallows any number; the ignored object stays free for another detection.
                Some(t) if !counted[t] && self.in_ignore[d] >= self.overlaps[d][t] => Verdict::Ignored,
                Some(t) => {
                    found_by[t] = Some(d);
                    if counted[t] { Verdict::Found(t) } else { Verdict::Ignored }
                }
                None if self.in_ignore[d] >= enough => Verdict::Ignored,
                None if !self.complete || !band.contains_area(self.detections[d].rect.area()) => Verdict::Ignored,
                None => Verdict::FalseAlarm,
            })
            .collect();
        Matching { verdicts, found_by, counted }
    }

    fn best_truth(
        &self,
        detection: usize,
        enough: f64,
        order: &[usize],
        counted: &[bool],
        found_by: &[Option<usize>],
    ) -> Option<usize> {
        let (mut best, mut best_overlap) = (None, 0.0);
        for &t in order {
            if found_by[t].is_some() {
                continue;
            }
            if best.is_some_and(|b: usize| counted[b]) && !counted[t] {
                break;
            }
            let found = self.held[detection][t].unwrap_or(self.overlaps[detection][t] >= enough);
            // Equal overlaps go to the later object, as in pycocotools.
            if found && self.overlaps[detection][t] >= best_overlap {
                (best, best_overlap) = (Some(t), self.overlaps[detection][t]);
            }
        }
        best
    }
}

/// What became of a detection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It found the object of this index.
    Found(usize),
    /// It found nothing.
    FalseAlarm,
    /// It counts neither for nor against.
    Ignored,
}

/// What became of the detections and objects of one picture.
#[derive(Clone, Debug)]
pub struct Matching {
    /// For each detection, most confident first.
    pub verdicts: Vec<Verdict>,
    /// For each object, the detection that found it, counted or not.
    pub found_by: Vec<Option<usize>>,
    /// For each object, whether it counts in this band.
    pub counted: Vec<bool>,
}

impl Matching {
    /// Number of objects that count.
    pub fn n_truths(&self) -> usize {
        self.counted.iter().filter(|&&c| c).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(boxes: &[[f64; 4]]) -> Picture {
        let truth = |&[x, y, w, h]: &[f64; 4]| Truth::new(PixelRect::new(x, y, w, h));
        Picture { truths: Some(boxes.iter().map(truth).collect()), ..Picture::new("a") }
    }

    fn seen(x: f64, y: f64, w: f64, h: f64, score: f64) -> Detection {
        Detection::new(PixelRect::new(x, y, w, h), score)
    }

    #[test]
    fn an_object_is_found_once_and_by_the_most_confident() {
        let picture = picture(&[[0.0, 0.0, 10.0, 10.0]]);
        let sorted = Sorted::new(&picture, &[seen(0.0, 0.0, 10.0, 10.0, 0.3), seen(0.0, 0.0, 10.0, 9.0, 0.9)]);
        let matching = sorted.matching(0.5, &Band::all(), usize::MAX);
        assert_eq!(matching.verdicts, [Verdict::Found(0), Verdict::FalseAlarm]);
        assert_eq!(sorted.detections[0].score, 0.9);
    }

    #[test]
    fn bands_ignore_small_objects_and_small_unmatched_detections() {
        let picture = picture(&[[0.0, 0.0, 10.0, 10.0], [50.0, 50.0, 30.0, 30.0]]);
        let detections = [
            seen(0.0, 0.0, 10.0, 10.0, 0.9),
            seen(50.0, 50.0, 19.0, 40.0, 0.8),
            seen(80.0, 0.0, 19.0, 19.0, 0.7),
            seen(80.0, 0.0, 20.0, 20.0, 0.6),
        ];
        let matching = Sorted::new(&picture, &detections).matching(0.4, &Band::at_least(20.0), usize::MAX);
        let expected = [Verdict::Ignored, Verdict::Found(1), Verdict::Ignored, Verdict::FalseAlarm];
        assert_eq!(matching.verdicts, expected);
        assert_eq!(matching.n_truths(), 1);
    }

    #[test]
    fn ignore_regions_take_any_number_and_incomplete_pictures_have_no_false_alarms() {
        let mut picture = picture(&[]);
        picture.ignore = vec![PixelRect::new(0.0, 0.0, 50.0, 50.0)];
        let detections =
            [seen(0.0, 0.0, 9.0, 9.0, 0.9), seen(20.0, 20.0, 9.0, 9.0, 0.8), seen(60.0, 0.0, 9.0, 9.0, 0.7)];
        let verdicts = |p: &Picture| Sorted::new(p, &detections).matching(0.5, &Band::all(), usize::MAX).verdicts;
        assert_eq!(verdicts(&picture), [Verdict::Ignored, Verdict::Ignored, Verdict::FalseAlarm]);
        picture.complete = false;
        assert_eq!(verdicts(&picture), [Verdict::Ignored; 3]);
    }

    #[test]
    fn points_decide_instead_of_overlap() {
        let mut picture = picture(&[[0.0, 0.0, 40.0, 40.0]]);
        let points = crate::Points { inside: vec![[12.0, 15.0], [28.0, 15.0], [20.0, 30.0]], max_width: 60.0 };
        picture.truths.as_mut().unwrap()[0].points = Some(points);
        let verdict =
            |x, y, w, h| Sorted::new(&picture, &[seen(x, y, w, h, 0.9)]).matching(0.5, &Band::all(), 10).verdicts[0];
        assert_eq!(verdict(11.0, 14.0, 18.0, 17.0), Verdict::Found(0), "small, and holds all");
        assert_eq!(verdict(-9.0, -9.0, 60.0, 60.0), Verdict::Found(0), "large");
        assert_eq!(verdict(0.0, 0.0, 40.0, 29.0), Verdict::FalseAlarm, "half the face");
        assert_eq!(verdict(-20.0, -20.0, 61.0, 80.0), Verdict::FalseAlarm, "too large");
    }

    #[test]
    fn a_counting_object_is_preferred_to_a_better_ignored_one() {
        let mut picture = picture(&[[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 10.0, 14.0]]);
        picture.truths.as_mut().unwrap()[0].ignored = true;
        let matching = Sorted::new(&picture, &[seen(0.0, 0.0, 10.0, 10.0, 0.9)]).matching(0.5, &Band::all(), 10);
        assert_eq!(matching.verdicts, [Verdict::Found(1)]);
    }
}
