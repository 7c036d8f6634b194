//! The request for landmarks.

use crate::FaceLandmarks;
use ocelli_core::{
    DetectFaces, Device, Error, FaceObservation, ImageInfo, Priority, Request, RequestOptions, Result, Size,
};
use serde::{Deserialize, Serialize};

/// Asks for the landmarks of faces: 68 points and the head's pose for each.
///
/// ```
/// use ocelli_core::{DetectFaces, RequestExt};
/// use ocelli_face_landmarks::DetectFaceLandmarks;
/// let of_all = DetectFaceLandmarks::new();                           // the plan finds the faces first
/// let of_large = DetectFaceLandmarks::new().find(DetectFaces::new().min_size(0.2));
/// let of_these = DetectFaceLandmarks::new().faces(&[]);              // nothing to look at, nothing answered
/// # let _ = (of_all, of_large, of_these);
/// ```
///
/// In a batch with an equal face request, the faces are found once. A region of interest is where faces are looked
/// for; given faces whose centre lies outside it are passed over.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DetectFaceLandmarks {
    /// The faces to look at, of this very picture; `None` lets the plan find them first. An empty list has no answers.
    pub faces: Option<Vec<FaceObservation>>,
    /// How faces are found where none are given. Where faces are given, the algorithm and revision named here must be
    /// theirs.
    pub find: DetectFaces,
    /// Longer side, in pixels, of a further view to read, for finer points of small faces; it costs a pyramid level.
    /// Default none: the views of the face request alone, or, for given faces, octave levels up to 640 pixels.
    pub resolution: Option<u32>,
    /// What every request has. The threshold applies to the confidence of the points, the maximum count to the faces
    /// with the surest points.
    #[serde(flatten)]
    pub options: RequestOptions,
}

impl DetectFaceLandmarks {
    /// Landmarks of all faces that the default detector finds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Looks at these faces, and at no others.
    pub fn faces(mut self, faces: &[FaceObservation]) -> Self {
        self.faces = Some(faces.to_vec());
        self
    }

    /// Finds the faces by this request. What it leaves open (region, deadline, …) is as for the landmarks.
    pub fn find(mut self, request: DetectFaces) -> Self {
        self.find = request;
        self
    }

    /// Reads a further view whose longer side has this many pixels.
    pub fn resolution(mut self, longer_side: u32) -> Self {
        self.resolution = Some(longer_side);
        self
    }

    /// The face request that the plan adds where no faces are given.
    pub(crate) fn face_request(&self) -> DetectFaces {
        let mut faces = self.find.clone();
        let (own, theirs) = (&self.options, &mut faces.options);
        theirs.region = theirs.region.or(own.region);
        theirs.deadline = theirs.deadline.or(own.deadline);
        theirs.cancel = theirs.cancel.take().or_else(|| own.cancel.clone());
        if theirs.priority == Priority::default() {
            theirs.priority = own.priority;
        }
        faces
    }

    /// Checks what only the picture can tell: that the given faces are of it.
    pub(crate) fn check_faces(&self, image: &ImageInfo) -> Result<()> {
        let size = image.size;
        for (ix, face) in self.faces.iter().flatten().enumerate() {
            let frame = face.rect.frame();
            if frame != size {
                let value = format!("an observation of another picture, of {frame} pixels");
                return Err(mistake(ix, value, format!("one of this picture ({size}, {})", image.name)));
            }
            if !is_inside(face, size) {
                let p = face.rect.to_pixels();
                let value = format!("at x {:.0}, y {:.0}, width {:.0}, height {:.0}", p.x, p.y, p.width, p.height);
                return Err(mistake(ix, value, format!("a place in the picture of {size}")));
            }
        }
        Ok(())
    }
}

/// Whether some of the face can be seen.
fn is_inside(face: &FaceObservation, size: Size) -> bool {
    let p = face.rect.to_pixels();
    let seen = |from: f64, length: f64, side: u32| from < f64::from(side) && from + length > 0.0;
    seen(p.x, p.width, size.width) && seen(p.y, p.height, size.height)
}

/// Refuses to run on another device than the processor.
///
/// # Errors
/// [`Error::Unsupported`] for the device `gpu`.
pub(crate) fn refuse_gpu(options: &RequestOptions, algorithm: &str) -> Result<()> {
    match options.device {
        Device::Gpu => Err(Error::Unsupported {
            what: format!("the device gpu by {algorithm}"),
            hint: "leave the device open here, and ask for it in the face request (`find`)".into(),
        }),
        _ => Ok(()),
    }
}

fn mistake(ix: usize, value: impl std::fmt::Display, expected: impl Into<String>) -> Error {
    Error::parameter(format!("faces[{ix}]"), value, expected)
}

/// Finite, with an area, and not so far away that pixels lose their meaning.
fn is_sound(face: &FaceObservation) -> bool {
    let r = face.rect;
    let edges = [r.x(), r.y(), r.width(), r.height()];
    edges.iter().all(|v| v.is_finite() && v.abs() < 1e6) && r.width() > 0.0 && r.height() > 0.0
}

impl Request for DetectFaceLandmarks {
    type Out = FaceLandmarks;
    const KIND: &'static str = "landmarks";

    fn options(&self) -> &RequestOptions {
        &self.options
    }

    fn options_mut(&mut self) -> &mut RequestOptions {
        &mut self.options
    }

    fn validate(&self) -> Result<()> {
        self.options.validate()?;
        self.find.validate()?;
        if self.resolution == Some(0) {
            return Err(Error::parameter("resolution", 0, "at least 1 pixel"));
        }
        let asked = &self.find.options;
        for (ix, face) in self.faces.iter().flatten().enumerate() {
            if !is_sound(face) {
                return Err(mistake(ix, format!("{:?}", face.rect), "a rectangle of finite numbers with an area"));
            }
            if !(0.0..=1.0).contains(&face.confidence) {
                return Err(mistake(ix, format!("of confidence {}", face.confidence), "a confidence from 0 to 1"));
            }
            let by = &face.provenance;
            let other_name = asked.algorithm.as_ref().is_some_and(|name| *name != by.algorithm);
            let other_revision = asked.revision.is_some_and(|revision| revision != by.revision);
            if other_name || other_revision {
                let found = format!("found by {} revision {}", by.algorithm, by.revision);
                return Err(mistake(ix, found, "the algorithm and revision that `find` names"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ocelli_core::{AnyRequest, NormalizedRect, Provenance, Region, RequestExt};
    use std::sync::Arc;

    fn face(x: f64, width: f64) -> FaceObservation {
        let rect = NormalizedRect::new(x, 0.2, width, 0.4, Size::new(100, 80));
        FaceObservation::new(rect, 0.9, Arc::new(Provenance::new("deep", 2)))
    }

    fn told(request: &DetectFaceLandmarks, size: Size) -> String {
        let image = ImageInfo::new("a.jpg", size, Default::default(), "pixels");
        let outcome = request.validate().and_then(|()| request.check_faces(&image));
        outcome.map_or_else(|error| error.to_string(), |()| "fine".into())
    }

    #[test]
    fn unfit_faces_are_refused_by_their_number() {
        let size = Size::new(100, 80);
        let with = |face: FaceObservation| DetectFaceLandmarks::new().faces(&[self::face(0.1, 0.2), face]);
        assert_eq!(told(&with(face(-0.1, 0.2)), size), "fine", "over the border");
        let cases = [
            (
                told(&with(face(0.1, 0.2)), Size::new(640, 480)),
                "faces[0] is an observation of another picture, of 100×80",
            ),
            (told(&with(face(1.2, 0.2)), size), "faces[1] is at x 120"),
            (told(&with(face(0.1, 0.0)), size), "faces[1]"),
            (told(&with(face(f64::NAN, 0.2)), size), "faces[1]"),
            (told(&with(face(1e300, 0.2)), size), "faces[1]"),
            (
                told(&with(face(0.1, 0.2)).find(DetectFaces::new().revision(1)), size),
                "faces[0] is found by deep revision 2, expected the algorithm and revision that `find` names",
            ),
            (told(&DetectFaceLandmarks::new().resolution(0), size), "resolution is 0"),
            (told(&DetectFaceLandmarks::new().find(DetectFaces::new().min_size(2.0)), size), "min_size"),
        ];
        for (told, expected) in cases {
            assert!(told.starts_with(expected), "{told}\nshould start with {expected}");
        }
    }

    #[test]
    fn the_added_face_request_equals_the_callers() {
        let region = Region::new(0.0, 0.0, 0.5, 0.5).unwrap();
        let json = |request: DetectFaces| AnyRequest::new(request).to_json();
        assert_eq!(json(DetectFaceLandmarks::new().face_request()), json(DetectFaces::new()));
        let landmarks = DetectFaceLandmarks::new().region(region).threshold(0.9);
        assert_eq!(json(landmarks.face_request()), json(DetectFaces::new().region(region)));
    }

    #[test]
    fn given_faces_travel_as_json() {
        let request = DetectFaceLandmarks::new().faces(&[face(0.1, 0.2)]);
        let again = AnyRequest::from_json::<DetectFaceLandmarks>(&AnyRequest::new(request.clone()).to_json()).unwrap();
        assert_eq!(again.downcast_ref::<DetectFaceLandmarks>().unwrap().faces, request.faces);
    }
}
