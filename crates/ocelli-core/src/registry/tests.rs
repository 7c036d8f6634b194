use super::*;
use crate::{Control, DetectFaces, FaceObservation, NormalizedRect, Orientation, Provenance, RequestExt, Size, Views};
use serde_json::json;

struct Fixed {
    name: &'static str,
    revision: u32,
    confidences: Vec<f32>,
}

impl Algorithm for Fixed {
    type Request = DetectFaces;
    fn name(&self) -> &str {
        self.name
    }
    fn revision(&self) -> u32 {
        self.revision
    }
    fn needs(&self, _: &DetectFaces, _: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new())
    }
    fn run(&self, _: &DetectFaces, input: &Input<'_>) -> Result<Vec<FaceObservation>> {
        let rect = NormalizedRect::new(0.0, 0.0, 1.0, 1.0, input.image.size);
        Ok(self.confidences.iter().map(|c| FaceObservation::new(rect, *c, input.provenance.clone())).collect())
    }
}

fn registry() -> Registry {
    let mut registry = Registry::new();
    for (name, revision) in [("deep", 1), ("legacy", 1), ("deep", 2)] {
        registry.register(Fixed { name, revision, confidences: vec![0.2, 0.9, 0.5] }).unwrap();
    }
    registry
}

fn run(algorithm: &dyn AnyAlgorithm, request: DetectFaces) -> Result<AnyObservations> {
    let image = ImageInfo::new("test", Size::new(10, 10), Orientation::Upright, "pixels");
    let provenance = Arc::new(Provenance::new("deep", 1));
    let (views, control) = (Views::default(), Control::default());
    let input = Input { image: &image, views: &views, control: &control, provenance: &provenance, required: &[] };
    algorithm.run(&AnyRequest::new(request), &input)
}

#[test]
fn the_first_name_and_its_newest_revision_are_the_default() {
    let registry = registry();
    let pick =
        |request: DetectFaces| registry.select(&AnyRequest::new(request)).map(|a| (a.name().to_owned(), a.revision()));
    assert_eq!(pick(DetectFaces::new()).unwrap(), ("deep".into(), 2));
    assert_eq!(pick(DetectFaces::new().revision(1)).unwrap(), ("deep".into(), 1));
    assert_eq!(pick(DetectFaces::new().algorithm("legacy")).unwrap(), ("legacy".into(), 1));
    let error = pick(DetectFaces::new().algorithm("magic")).unwrap_err().to_string();
    assert_eq!(error, "algorithm is magic, expected one of deep revision 1, legacy revision 1, deep revision 2");
}

#[test]
fn a_name_and_revision_can_be_taken_once() {
    let mut registry = registry();
    let twin = Fixed { name: "deep", revision: 2, confidences: vec![] };
    assert!(matches!(registry.register(twin), Err(Error::Parameter { .. })));
}

#[test]
fn a_replacement_takes_the_place_of_its_namesake() {
    let mut registry = registry();
    registry.replace(Fixed { name: "deep", revision: 2, confidences: vec![0.1] });
    assert_eq!(registry.algorithms("faces").len(), 3);
    let answers = run(&*registry.select(&AnyRequest::new(DetectFaces::new())).unwrap(), DetectFaces::new()).unwrap();
    assert_eq!(answers.len(), 1);
}

#[test]
fn requests_by_name_refuse_what_they_do_not_know() {
    let registry = registry();
    let request = registry.request("faces", &json!({"min_size": 0.1, "max_count": 2})).unwrap();
    assert_eq!(request.options().max_count, Some(2));
    assert!((request.downcast_ref::<DetectFaces>().unwrap().min_size - 0.1).abs() < 1e-6);
    let refused = [
        ("faecs", json!({})),
        ("faces", json!({"min_sise": 0.1})),
        ("faces", json!({"min_size": "small"})),
        ("faces", json!({"min_size": 2.0})),
        ("faces", json!({"threshold": -1.0})),
        ("faces", json!({"region": [0.5, 0.5, 0.9, 0.1]})),
        ("faces", json!([1])),
    ];
    for (kind, parameters) in refused {
        let error = registry.request(kind, &parameters).unwrap_err();
        assert!(matches!(error, Error::Parameter { .. }), "{kind} {parameters}: {error}");
    }
}

#[test]
fn answers_come_sorted_and_counted() {
    let algorithm = Fixed { name: "deep", revision: 1, confidences: vec![0.2, 0.9, 0.5] };
    let answers = run(&algorithm, DetectFaces::new().max_count(2)).unwrap();
    let confidences: Vec<_> = answers.downcast_ref::<DetectFaces>().unwrap().iter().map(|f| f.confidence).collect();
    assert_eq!(confidences, [0.9, 0.5]);
    assert_eq!(answers.records()[0]["pixels"], json!([0.0, 0.0, 10.0, 10.0]));
}

#[test]
fn a_confidence_that_is_no_number_breaks_the_contract() {
    let algorithm = Fixed { name: "deep", revision: 1, confidences: vec![f32::NAN] };
    assert!(matches!(run(&algorithm, DetectFaces::new()), Err(Error::Contract { .. })));
}

#[test]
fn answers_cut_short_are_marked_and_none_is_an_error() {
    struct Hurried(Fixed);
    impl Algorithm for Hurried {
        type Request = DetectFaces;
        fn name(&self) -> &str {
            "hurried"
        }
        fn revision(&self) -> u32 {
            1
        }
        fn needs(&self, _: &DetectFaces, _: &ImageInfo) -> Result<Needs> {
            Ok(Needs::new())
        }
        fn run(&self, request: &DetectFaces, input: &Input<'_>) -> Result<Vec<FaceObservation>> {
            let input = Input { provenance: &input.cut_short(), ..*input };
            Algorithm::run(&self.0, request, &input)
        }
    }
    let hurried = |confidences: Vec<f32>| Hurried(Fixed { name: "hurried", revision: 1, confidences });
    let answers = run(&hurried(vec![0.5]), DetectFaces::new()).unwrap();
    assert!(answers.is_incomplete());
    assert_eq!(answers.records()[0]["incomplete"], json!(true));
    assert!(matches!(run(&hurried(vec![]), DetectFaces::new()), Err(Error::DeadlineExceeded)));
}
