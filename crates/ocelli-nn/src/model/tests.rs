//! Good files, and every way a file can be bad.

use super::*;
use crate::testing::{FileBuilder, Random, file_bytes, student};

fn read(bytes: &[u8]) -> Result<Model, Error> {
    Model::from_bytes(bytes, &ModelLimits::default())
}

/// The answer to a graph's text with one small convolution's tensors.
fn read_graph(graph: &str) -> Result<Model, Error> {
    let tensors = [
        ("w".to_owned(), vec![8, 3, 3, 3], vec![0.5; 216]),
        ("b".to_owned(), vec![8], vec![0.5; 8]),
        ("nan".to_owned(), vec![8], vec![f32::NAN; 8]),
    ];
    read(&file_bytes(graph, "1", &tensors))
}

/// A graph of one node with the given JSON fields.
fn one_node(fields: &str) -> String {
    format!(
        r#"{{"name":"t","inputs":[{{"name":"image","channels":3,"mean":[0,0,0],"scale":[1,1,1]}}],
        "nodes":[{{"inputs":["image"],"output":"y",{fields}}}],"outputs":["y"]}}"#
    )
}

const CONV: &str = r#""op":"conv2d","weight":"w","bias":"b","stride":[1,1],"padding":[1,1,1,1]"#;

#[test]
fn test_good_file() {
    let model = read(&student(1, [16, 24, 32, 48]).bytes()).unwrap();
    assert_eq!((model.name(), model.revision()), ("test", 1));
    assert_eq!(model.metadata("ocelli.detector"), Some(r#"{"stride":8}"#));
    assert_eq!(model.metadata("nothing"), None);
    assert_eq!(model.graph().output_names().collect::<Vec<_>>(), ["score", "box"]);
    assert!(read_graph(&one_node(CONV)).is_ok());
}

#[test]
fn test_every_truncation_is_an_error() {
    let bytes = student(1, [8, 8, 8, 8]).bytes();
    for n in (0..bytes.len()).step_by(97).chain([bytes.len() - 1]) {
        assert!(matches!(read(&bytes[..n]), Err(Error::Malformed { .. })), "cut to {n}");
    }
}

#[test]
fn test_damaged_bytes_never_panic() {
    let bytes = student(1, [8, 8, 8, 8]).bytes();
    let mut random = Random(3);
    for _ in 0..2_000 {
        let mut damaged = bytes.clone();
        for _ in 0..=random.below(3) {
            // Most damage goes where the structure is.
            let at = random.below(5_000.min(bytes.len()));
            damaged[at] = random.next() as u8;
        }
        let _ = read(&damaged);
    }
}

#[test]
fn test_huge_header_is_refused() {
    let mut bytes = u64::MAX.to_le_bytes().to_vec();
    bytes.extend([b'{'; 64]);
    assert!(matches!(read(&bytes), Err(Error::Malformed { .. })));
}

#[test]
fn test_absurd_shape_is_refused() {
    let header = r#"{"w":{"dtype":"F32","shape":[4294967295,4294967295],"data_offsets":[0,4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend(header.bytes());
    bytes.extend([0; 4]);
    assert!(matches!(read(&bytes), Err(Error::Malformed { .. })));
}

#[test]
fn test_limits_come_first() {
    let bytes = student(1, [16, 24, 32, 48]).bytes();
    let mut cases = vec![];
    for field in 0..6 {
        let mut limits = ModelLimits::default();
        let fields = [
            &mut limits.max_file_bytes,
            &mut limits.max_graph_bytes,
            &mut limits.max_nodes,
            &mut limits.max_tensors,
            &mut limits.max_parameters,
            &mut limits.max_channels,
        ];
        *fields.into_iter().nth(field).unwrap() = 2;
        cases.push(limits);
    }
    for limits in cases {
        let answer = Model::from_bytes(&bytes, &limits);
        assert!(matches!(answer, Err(Error::ModelLimit { limit: 2, .. })), "{answer:?}");
    }
}

#[test]
fn test_bad_graphs_are_refused() {
    let cases = [
        CONV.replace("\"w\"", "\"none\""),
        CONV.replace("\"b\"", "\"nan\""),
        CONV.replace("\"b\"", "\"w\""),
        CONV.replace("[1,1,1,1]", "[1,1,1,99]"),
        CONV.replace("\"stride\":[1,1]", "\"stride\":[0,1]"),
        CONV.replace("\"stride\":[1,1]", "\"stride\":[1,1],\"dilation\":[2,2]"),
        CONV.replace("\"stride\":[1,1]", "\"stride\":[1,1],\"groups\":0"),
        CONV.replace("\"stride\":[1,1]", "\"stride\":[1,1],\"groups\":3"),
        r#""op":"max_pool2d","kernel":[2,2],"stride":[1,1],"padding":[2,0,0,0]"#.to_owned(),
        r#""op":"add""#.to_owned(),
        r#""op":"linear","weight":"w","bias":null"#.to_owned(),
        r#""op":"relu","alpha":1"#.to_owned(),
    ];
    for fields in cases {
        let answer = read_graph(&one_node(&fields));
        assert!(matches!(answer, Err(Error::Graph { .. })), "{fields}: {answer:?}");
    }
}

#[test]
fn test_unknown_is_unsupported_not_invalid() {
    let unknown = read_graph(&one_node(r#""op":"softmax""#));
    assert!(matches!(unknown, Err(Error::Unsupported { .. })));
    let version = read(&file_bytes("{}", "2", &[]));
    assert!(matches!(version, Err(Error::Unsupported { .. })));
}

#[test]
fn test_broken_graph_text_is_malformed() {
    for graph in
        ["", "{}", "[]", &"[".repeat(100_000), &one_node("\"op\":7"), &one_node(CONV).replace("\"y\"]", "\"z\"]")]
    {
        assert!(matches!(read_graph(graph), Err(Error::Malformed { .. })));
    }
}

#[test]
fn test_values_are_defined_once_and_before_use() {
    let twice = one_node(CONV).replace("\"output\":\"y\"", "\"output\":\"image\"");
    assert!(matches!(read_graph(&twice), Err(Error::Graph { .. })));
    let later = one_node(CONV).replace("\"inputs\":[\"image\"],", "\"inputs\":[\"y\"],");
    assert!(matches!(read_graph(&later), Err(Error::Graph { .. })));
    let mut empty = FileBuilder::new(1);
    empty.outputs = vec!["image".to_owned()];
    assert!(matches!(read(&empty.bytes()), Err(Error::Unsupported { .. })));
}

#[test]
fn test_missing_file_names_itself() {
    let error = Model::from_path("no/such/model.safetensors", &ModelLimits::default()).unwrap_err();
    assert!(error.to_string().contains("no/such/model.safetensors"));
}
