//! The table and the JSON of a small made-up comparison, pinned.

mod common;

use ocelli_eval::{Comparison, DataSet, Oddity, Protocol};

#[test]
fn table_of_the_made_up_comparison() {
    let evaluation = common::comparison(None).evaluate(&Protocol::default());
    insta::assert_snapshot!(evaluation.table());
}

#[test]
fn timings_stay_out_of_the_table_and_the_results() {
    let evaluation = common::comparison(None).evaluate(&Protocol::default());
    insta::assert_snapshot!(evaluation.timings_table());
    assert!(!evaluation.results_json().contains("median"));
    assert!(evaluation.timings_json().contains("\"median_ms\": 4.4"), "{}", evaluation.timings_json());
}

#[test]
fn results_are_the_same_bytes_in_every_run() {
    let once = common::comparison(None).evaluate(&Protocol::default()).results_json();
    let again = common::comparison(None).evaluate(&Protocol::default()).results_json();
    assert_eq!(once, again);
    let value: serde_json::Value = serde_json::from_str(&once).expect("it is JSON");
    assert_eq!(value["groups"][0]["results"][0]["detector"], "alpha");
    insta::assert_snapshot!(once);
}

#[test]
fn a_failed_picture_is_left_out_for_all() {
    let mut comparison = common::comparison(None);
    comparison.leave_out(1, "alpha: not readable");
    let evaluation = comparison.evaluate(&Protocol::default());
    assert_eq!(evaluation.groups[0].n_pictures, 4);
    assert_eq!(evaluation.left_out["alpha: not readable"], 1);
    assert_eq!(evaluation.warnings.count(Oddity::PictureFailed), 1);
    assert_eq!(evaluation.warnings.count(Oddity::PictureWithoutAnnotation), 1);
}

#[test]
fn an_empty_comparison_is_no_panic() {
    let set = DataSet::new("empty", ocelli_eval::Format::Jsonl, Vec::new());
    let evaluation = Comparison::new(vec![set]).evaluate(&Protocol::default());
    assert_eq!(evaluation.warnings.count(Oddity::EmptySet), 1);
    assert!(!evaluation.table().is_empty());
    let folder = tempfile::tempdir().expect("a folder");
    evaluation.write_report(folder.path(), &ocelli_eval::ReportOptions::default(), |_, _| None).expect("it is written");
}
