//! What people annotated: data sets, pictures, objects.

use crate::metrics::Ellipse;
use crate::{Format, Oddity, Warnings};
use ocelli_core::{PixelRect, Size};
use std::collections::HashSet;
use std::path::PathBuf;

/// The subsets of WIDER FACE that an object belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Levels {
    /// Large, clear faces.
    pub easy: bool,
    /// Those and middling ones.
    pub medium: bool,
    /// Those and small, blurred ones.
    pub hard: bool,
}

/// Points that a box must hold to find an object, instead of overlapping its box.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    /// What must lie in the box, its border included: x, y in pixels of the upright picture.
    pub inside: Vec<[f64; 2]>,
    /// How wide the box may be, in pixels.
    pub max_width: f64,
}

impl Points {
    /// Whether a box finds the object.
    pub fn are_held(&self, rect: PixelRect) -> bool {
        let holds = |&[x, y]: &[f64; 2]| {
            (rect.x..=rect.x + rect.width).contains(&x) && (rect.y..=rect.y + rect.height).contains(&y)
        };
        rect.width <= self.max_width && self.inside.iter().all(holds)
    }
}

/// One annotated object.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// Its box in pixels of the upright picture, origin top-left.
    pub rect: PixelRect,
    /// Its ellipse, where the data set draws ellipses; `rect` is then the box around it.
    pub ellipse: Option<Ellipse>,
    /// Its points, where the data set is judged by them rather than by overlap.
    pub points: Option<Points>,
    /// Its subsets of WIDER FACE, where the lists were found.
    pub levels: Option<Levels>,
    /// The area that the annotation states (COCO: of the outline), square pixels; else that of `rect` counts.
    pub stated_area: Option<f64>,
    /// Finding it earns nothing and missing it costs nothing.
    pub ignored: bool,
}

impl Truth {
    /// An object that counts, at `rect`.
    pub fn new(rect: PixelRect) -> Self {
        Self { rect, ellipse: None, points: None, levels: None, stated_area: None, ignored: false }
    }

    /// Its area in square pixels: as stated, else of its box.
    pub fn area(&self) -> f64 {
        self.stated_area.unwrap_or_else(|| self.rect.area())
    }
}

/// One picture and what is known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Picture {
    /// Its name as the data set has it; unique within the set.
    pub name: String,
    /// Where it lies, if it was found on disk.
    pub path: Option<PathBuf>,
    /// Width and height, where the data set states them.
    pub size: Option<Size>,
    /// The objects in it; `None` where nobody annotated the picture.
    pub truths: Option<Vec<Truth>>,
    /// Regions in which detections count neither for nor against a detector.
    pub ignore: Vec<PixelRect>,
    /// Whether every object is annotated. Where not, a detection without an object is no false alarm.
    pub complete: bool,
    /// The part of the data set that it belongs to.
    pub group: Option<String>,
    /// Its number, where the data set numbers pictures (COCO).
    pub id: Option<u64>,
}

impl Picture {
    /// A completely annotated picture without objects.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: None,
            size: None,
            truths: Some(Vec::new()),
            ignore: Vec::new(),
            complete: true,
            group: None,
            id: None,
        }
    }

    /// The objects; none where nobody annotated the picture.
    pub fn truths(&self) -> &[Truth] {
        self.truths.as_deref().unwrap_or_default()
    }
}

/// Pictures with annotations, read from one path.
#[derive(Clone, Debug)]
pub struct DataSet {
    /// Its name in tables and reports.
    pub name: String,
    /// The format that it was read from.
    pub format: Format,
    /// The pictures, in the order of the file, names unique.
    pub pictures: Vec<Picture>,
    /// What was odd in it.
    pub warnings: Warnings,
}

impl DataSet {
    /// A data set of pictures made by the caller, checked as the readers' are.
    pub fn new(name: impl Into<String>, format: Format, pictures: Vec<Picture>) -> Self {
        let mut set = Self { name: name.into(), format, pictures, warnings: Warnings::default() };
        set.drop_duplicates();
        for picture in &mut set.pictures {
            drop_odd_boxes(picture, &mut set.warnings);
        }
        if set.pictures.iter().all(|p| p.truths().is_empty()) {
            set.warnings.add(Oddity::EmptySet, &set.name);
        }
        set
    }

    /// Leaves out the pictures that are not on disk, and counts them.
    pub fn keep_pictures_on_disk(&mut self) {
        let warnings = &mut self.warnings;
        self.pictures.retain(|picture| {
            let found = picture.path.as_deref().is_some_and(|path| path.is_file());
            if !found {
                warnings.add(Oddity::AnnotationWithoutPicture, &picture.name);
            }
            found
        });
    }

    fn drop_duplicates(&mut self) {
        let mut seen = HashSet::new();
        let warnings = &mut self.warnings;
        self.pictures.retain(|picture| {
            let fresh = seen.insert(picture.name.clone());
            if !fresh {
                warnings.add(Oddity::DuplicateName, &picture.name);
            }
            fresh
        });
    }
}

fn drop_odd_boxes(picture: &mut Picture, warnings: &mut Warnings) {
    // Annotators round: a pixel over the border is no news.
    const BORDER_SLACK: f64 = 1.0;
    let name = &picture.name;
    let frame = picture.size.map(|s| PixelRect::new(0.0, 0.0, f64::from(s.width), f64::from(s.height)));
    let Some(truths) = &mut picture.truths else { return };
    truths.retain(|truth| {
        let r = truth.rect;
        if r.area() <= 0.0 {
            warnings.add(Oddity::EmptyBox, name);
            return false;
        }
        let Some(frame) = frame else { return true };
        if r.intersection_area(frame) <= 0.0 {
            warnings.add(Oddity::BoxOutside, name);
            return false;
        }
        let over = (-r.x).max(-r.y).max(r.x + r.width - frame.width).max(r.y + r.height - frame.height);
        if over > BORDER_SLACK {
            warnings.add(Oddity::BoxOverBorder, name);
        }
        true
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_annotations_are_counted() {
        let mut first = Picture::new("a.png");
        first.size = Some(Size::new(100, 100));
        let boxes = [[0.0, 0.0, 10.0, 10.0], [5.0, 5.0, 0.0, 3.0], [200.0, 5.0, 9.0, 9.0], [95.0, 5.0, 9.0, 9.0]];
        first.truths = Some(boxes.map(|[x, y, w, h]| Truth::new(PixelRect::new(x, y, w, h))).to_vec());
        let set = DataSet::new("odd", Format::Jsonl, vec![first, Picture::new("a.png")]);
        assert_eq!(set.pictures.len(), 1);
        assert_eq!(set.pictures[0].truths().len(), 2);
        for oddity in [Oddity::EmptyBox, Oddity::BoxOutside, Oddity::BoxOverBorder, Oddity::DuplicateName] {
            assert_eq!(set.warnings.count(oddity), 1, "{oddity:?}");
        }
        let mut set = set;
        set.keep_pictures_on_disk();
        assert_eq!(set.warnings.count(Oddity::AnnotationWithoutPicture), 1);
        assert!(set.pictures.is_empty());
        let empty = DataSet::new("none", Format::Jsonl, Vec::new());
        assert_eq!(empty.warnings.count(Oddity::EmptySet), 1);
    }
}
