use crate::{Cascade, CascadeError};

/// A small file in the newer format, with places to break.
fn new_format(nodes: &str, rects: &str, threshold: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><opencv_storage><cascade type_id=\"opencv-cascade-classifier\">
        <stageType>BOOST</stageType><featureType>HAAR</featureType><height>20</height><width>20</width>
        <stages><_><maxWeakCount>1</maxWeakCount><stageThreshold>{threshold}</stageThreshold>
        <weakClassifiers><_><internalNodes>{nodes}</internalNodes><leafValues>-1. 1. 2.</leafValues></_></weakClassifiers>
        </_></stages><features><_><rects>{rects}</rects><tilted>0</tilted></_></features></cascade></opencv_storage>"
    )
}

const RECTS: &str = "<_>2 2 8 4 -1.</_><_>2 4 8 2 2.</_>";

fn old_format(first: &str) -> String {
    let feature = format!("<feature><rects>{RECTS}</rects><tilted>0</tilted></feature>");
    format!(
        "<opencv_storage><old type_id=\"opencv-haar-classifier\"><size>20 20</size><stages><_><trees><_>
        <_>{feature}<threshold>0.5</threshold><left_val>0.25</left_val>{first}</_>
        <_>{feature}<threshold>0.1</threshold><left_val>-1.</left_val><right_val>1.</right_val></_>
        </_></trees><stage_threshold>0.5</stage_threshold><parent>-1</parent><next>-1</next></_></stages></old></opencv_storage>"
    )
}

#[test]
fn both_formats_are_read() {
    let new = Cascade::parse(&new_format("0 1 0 0.5 -1 -2 0 -0.25", RECTS, "3.5")).unwrap();
    assert_eq!(new.window().width, 20);
    assert_eq!(new.stages()[0].threshold, 3.5 - 1e-5);
    assert_eq!(new.stages()[0].trees[0].nodes[0].right, 1);
    assert_eq!(new.stages()[0].trees[0].nodes[1].threshold, -0.25);
    assert_eq!(new.features()[0].rects[1].weight, 2.0);
    let old = Cascade::parse(&old_format("<right_node>1</right_node>")).unwrap();
    let tree = &old.stages()[0].trees[0];
    assert_eq!(tree.leaves, [0.25, -1.0, 1.0]);
    assert_eq!((tree.nodes[0].left, tree.nodes[0].right, tree.nodes[1].left, tree.nodes[1].right), (0, 1, -1, -2));
}

#[test]
fn json_keeps_everything() {
    let cascade = Cascade::parse(&new_format("0 -1 0 0.1", RECTS, "3.5")).unwrap();
    assert_eq!(Cascade::parse(&cascade.to_json()).unwrap(), cascade);
}

#[test]
fn cut_files_are_syntax_errors_or_miss_something() {
    for whole in [new_format("0 -1 0 0.5", RECTS, "3.5"), old_format("<right_val>1.</right_val>")] {
        assert!(Cascade::parse(&whole).is_ok());
        for end in 0..whole.len() {
            assert!(Cascade::parse(&whole[..end]).is_err(), "cut at {end}");
        }
    }
}

#[test]
fn nonsense_is_refused_by_kind() {
    let parse = |nodes, rects, threshold| Cascade::parse(&new_format(nodes, rects, threshold)).unwrap_err();
    assert!(matches!(parse("0 -1 0 x", RECTS, "1"), CascadeError::Number { .. }));
    assert!(matches!(parse("0 -1 0", RECTS, "1"), CascadeError::Number { .. }));
    assert!(matches!(parse("0 -1 0 0.5", RECTS, "nan"), CascadeError::Number { .. }));
    assert!(matches!(parse("0 -1 0 inf", RECTS, "1"), CascadeError::Tree { .. }));
    assert!(matches!(parse("0 -1 9 0.5", RECTS, "1"), CascadeError::Tree { .. }));
    assert!(matches!(parse("0 -7 0 0.5", RECTS, "1"), CascadeError::Tree { .. }));
    assert!(matches!(parse("0 -2147483648 0 0.5", RECTS, "1"), CascadeError::Tree { .. }));
    assert!(matches!(parse("0 -1 0 0.5", "<_>2 2 8 40 -1.</_>", "1"), CascadeError::Feature { .. }));
    assert!(matches!(parse("0 -1 0 0.5", "<_>4294967295 2 8 4 -1.</_>", "1"), CascadeError::Feature { .. }));
    assert!(matches!(parse("0 -1 0 0.5", "<_>-1 2 8 4 -1.</_>", "1"), CascadeError::Number { .. }));
    assert!(matches!(parse("0 -1 0 0.5", "<_>2 2 0 4 -1.</_>", "1"), CascadeError::Feature { .. }));
    assert!(matches!(parse("0 -1 0 0.5", "", "1"), CascadeError::Feature { .. }));
}

#[test]
fn circles_are_refused() {
    let circle = Cascade::parse(&new_format("0 1 0 0.5 1 0 0 0.5", RECTS, "1")).unwrap_err();
    assert!(matches!(circle, CascadeError::Tree { .. }), "{circle}");
    let back = Cascade::parse(&old_format("<right_node>0</right_node>")).unwrap_err();
    assert!(matches!(back, CascadeError::Number { .. }), "{back}");
    let far = Cascade::parse(&old_format("<right_node>7</right_node>")).unwrap_err();
    assert!(matches!(far, CascadeError::Tree { .. }), "{far}");
}

#[test]
fn other_kinds_are_refused_by_name() {
    let lbp = new_format("0 -1 0 0.5", RECTS, "1").replace("HAAR", "LBP");
    assert!(Cascade::parse(&lbp).unwrap_err().to_string().contains("LBP"));
    let tree = old_format("<right_val>1.</right_val>").replace("<next>-1", "<next>2");
    assert!(Cascade::parse(&tree).unwrap_err().to_string().contains("tree of stages"));
    let svm = new_format("0 -1 0 0.5", RECTS, "1").replace("opencv-cascade-classifier", "opencv-ml-svm");
    assert!(matches!(Cascade::parse(&svm).unwrap_err(), CascadeError::Unsupported { .. }));
}

#[test]
fn deep_and_declared_documents_are_refused() {
    let deep = "<a>".repeat(100_000);
    assert!(matches!(Cascade::parse(&deep).unwrap_err(), CascadeError::Limit { .. }));
    let entities = "<!DOCTYPE a [<!ENTITY b \"bbbb\">]><opencv_storage>&b;</opencv_storage>";
    assert!(matches!(Cascade::parse(entities).unwrap_err(), CascadeError::Syntax { .. }));
    let open = "<".repeat(1_000_000);
    assert!(Cascade::parse(&open).is_err());
}

#[test]
fn huge_files_are_refused_before_they_are_read() {
    let path = std::env::temp_dir().join(format!("ocelli-huge-{}.xml", std::process::id()));
    // Sparse: it takes no room on the disk.
    std::fs::File::create(&path).unwrap().set_len(crate::cascade::MAX_FILE_BYTES + 1).unwrap();
    let opened = Cascade::open(&path);
    std::fs::remove_file(&path).unwrap();
    assert!(matches!(opened.unwrap_err(), CascadeError::Limit { .. }));
    let rects = RECTS.repeat(100_000);
    assert!(Cascade::parse(&new_format("0 -1 0 0.5", &rects, "1")).is_err());
}

#[test]
fn a_first_stage_that_adds_to_nothing_is_refused() {
    let cascade = Cascade::parse(&new_format("0 -1 0 0.1", RECTS, "3.5")).unwrap();
    let mut parts = cascade.into_parts();
    parts.stages[0].cumulative = true;
    assert!(matches!(Cascade::new(parts).unwrap_err(), CascadeError::Stage { stage: 0, .. }));
}
