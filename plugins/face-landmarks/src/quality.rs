//! How good a face's picture is: for the best shot of a series, or to leave out faces that nobody can see.

mod measure;

use crate::observation::rounded;
use crate::request::refuse_gpu;
use crate::{DetectFaceLandmarks, FaceLandmarks};
use measure::{Light, exposure, frontalness, light, sharpness, size};
use ocelli_core::{
    Algorithm, AnyRequest, FaceObservation, ImageInfo, Input, Needs, Observation, Priority, Provenance, Request,
    RequestOptions, Result, Shape, ViewKind, ViewSpec,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Asks how good the pictures of faces are, each by one score from 0 to 1.
///
/// The score is the geometric mean of four parts, each 0 to 1, so that one bad part spoils it:
///
/// | part | 0 | 1 |
/// | --- | --- | --- |
/// | sharpness | a blur takes nothing away | neighbouring pixels differ as in a sharp picture |
/// | size | no pixels | at least 60 pixels between the outer eye corners, in the original |
/// | frontalness | turned away by 90° | looks into the camera; a lean in the picture's plane costs nothing |
/// | exposure | black, white, or without contrast | medium tone, little clipped |
///
/// Answers come best first, so that a maximum count of 1 is the best shot.
///
/// Sharpness and exposure are measured on the view that the landmarks were read from. They say nothing of beauty, of
/// open eyes or of smiles.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct FaceQuality {
    /// How the landmarks are made, and of which faces.
    pub landmarks: DetectFaceLandmarks,
    /// What every request has; the threshold is a least score.
    #[serde(flatten)]
    pub options: RequestOptions,
}

impl FaceQuality {
    /// The quality of all faces that the default detector finds.
    pub fn new() -> Self {
        Self::default()
    }

    /// Measures the faces of this request.
    pub fn landmarks(mut self, request: DetectFaceLandmarks) -> Self {
        self.landmarks = request;
        self
    }

    /// The landmark request that the plan adds.
    fn landmark_request(&self) -> DetectFaceLandmarks {
        let mut landmarks = self.landmarks.clone();
        let (own, theirs) = (&self.options, &mut landmarks.options);
        theirs.region = theirs.region.or(own.region);
        theirs.deadline = theirs.deadline.or(own.deadline);
        theirs.cancel = theirs.cancel.take().or_else(|| own.cancel.clone());
        if theirs.priority == Priority::default() {
            theirs.priority = own.priority;
        }
        landmarks
    }
}

impl Request for FaceQuality {
    type Out = FaceQualityObservation;
    const KIND: &'static str = "face-quality";

    fn options(&self) -> &RequestOptions {
        &self.options
    }

    fn options_mut(&mut self) -> &mut RequestOptions {
        &mut self.options
    }

    fn validate(&self) -> Result<()> {
        self.options.validate()?;
        self.landmarks.validate()
    }
}

/// How good one face's picture is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaceQualityObservation {
    /// The face.
    pub face: FaceObservation,
    /// The geometric mean of the four parts, 0 to 1; it serves as the observation's confidence.
    pub score: f32,
    /// How much a blur would take away, 0 to 1.
    pub sharpness: f32,
    /// Pixels between the outer eye corners, over 60, at most 1.
    pub size: f32,
    /// How straight the face looks into the camera, 0 to 1.
    pub frontalness: f32,
    /// How well the face is lit, 0 to 1.
    pub exposure: f32,
    /// Who made it, and how.
    pub provenance: Arc<Provenance>,
}

impl Observation for FaceQualityObservation {
    const KIND: &'static str = "face_quality";

    fn confidence(&self) -> f32 {
        self.score
    }

    fn shapes(&self) -> Vec<Shape> {
        vec![Shape::Rect(self.face.rect)]
    }

    fn provenance(&self) -> &Arc<Provenance> {
        &self.provenance
    }

    fn record(&self) -> Value {
        let rect = self.face.rect;
        let p = rect.to_pixels();
        let part = |value: f32| rounded(value.into(), 4);
        let pixels = [p.x, p.y, p.width, p.height].map(|v| rounded(v, 2));
        let normalized = [rect.x(), rect.y(), rect.width(), rect.height()].map(|v| rounded(v, 6));
        json!({
            "kind": Self::KIND,
            "confidence": part(self.score),
            "sharpness": part(self.sharpness),
            "size": part(self.size),
            "frontalness": part(self.frontalness),
            "exposure": part(self.exposure),
            "pixels": pixels,
            "normalized": normalized,
        })
    }
}

/// The measure; answers [`FaceQuality`] under the name `four-parts`.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct QualityMeasure;

impl QualityMeasure {
    /// The measure.
    pub fn new() -> Self {
        Self
    }
}

fn quality(face: &FaceLandmarks, light: &Light, provenance: &Arc<Provenance>) -> FaceQualityObservation {
    let parts = [sharpness(light), size(&face.points), frontalness(face.pose), exposure(light)];
    let [sharpness, size, frontalness, exposure] = parts;
    let score = parts.iter().product::<f32>().powf(0.25);
    let (face, provenance) = (face.face.clone(), provenance.clone());
    FaceQualityObservation { face, score, sharpness, size, frontalness, exposure, provenance }
}

impl Algorithm for QualityMeasure {
    type Request = FaceQuality;

    fn name(&self) -> &str {
        "four-parts"
    }

    fn revision(&self) -> u32 {
        1
    }

    fn description(&self) -> &str {
        "sharpness, size, frontalness and exposure as one score"
    }

    fn requires(&self, request: &FaceQuality) -> Vec<AnyRequest> {
        vec![AnyRequest::new(request.landmark_request())]
    }

    fn needs(&self, request: &FaceQuality, _image: &ImageInfo) -> Result<Needs> {
        refuse_gpu(&request.options, "four-parts")?;
        if request.landmarks.faces.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Needs::new());
        }
        // The landmarks always read a colour view, unless there is nothing to look at.
        Ok(Needs::new().of_required(ViewKind::Rgb8, [] as [ViewSpec; 0]))
    }

    fn run(&self, request: &FaceQuality, input: &Input<'_>) -> Result<Vec<FaceQualityObservation>> {
        let faces = input.observations::<DetectFaceLandmarks>().unwrap_or_default();
        let threshold = request.options.threshold.unwrap_or(0.0);
        let mut answers = Vec::new();
        for face in faces {
            input.control.checkpoint()?;
            let light = light(face, input)?;
            answers.push(quality(face, &light, input.provenance));
        }
        answers.retain(|answer| answer.score >= threshold);
        Ok(answers)
    }
}
