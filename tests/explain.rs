//! The plans of six kinds of file, as people read them; and what `explain_analyze` adds.

use image::{ExtendedColorType, ImageFormat};
use ocelli::prelude::*;
use ocelli_testkit::pictures::{encoded, gradient};
use std::sync::LazyLock;

static VISION: LazyLock<Vision> =
    LazyLock::new(|| Vision::builder().threads(2).build().expect("the built-in models load"));

/// A plan without the figures that depend on the machine and on the network that is built in.
fn steady(plan: &impl std::fmt::Display) -> String {
    let line = |line: &str| match line {
        run if run.starts_with("Run") => {
            let (views, _) = run.split_once(" million").expect("a network counts its multiplications");
            let (views, _) = views.rsplit_once(", ").expect("views before the cost");
            let is_revision = |word: &str| word.strip_prefix('r').is_some_and(|number| number.parse::<u32>().is_ok());
            let words = views.split(' ').map(|word| if is_revision(word) { "r…" } else { word });
            format!("{}, … million multiplications, … of its own\n", words.collect::<Vec<_>>().join(" "))
        }
        memory if memory.starts_with("Memory") => "Memory   at most …\n".into(),
        other => format!("{other}\n"),
    };
    plan.to_string().lines().map(line).collect()
}

fn explained(name: &str, bytes: Vec<u8>) -> String {
    let picture = VISION.open(Source::bytes(name, bytes)).unwrap();
    steady(&picture.explain((DetectFaces::new(), DetectFaces::new().min_size(0.01).max_size(0.1))).unwrap())
}

#[test]
fn six_kinds_of_file() {
    insta::assert_snapshot!(
        "explain_jpeg_large",
        explained("large.jpg", encoded(&gradient(3200, 2400), ImageFormat::Jpeg))
    );
    insta::assert_snapshot!(
        "explain_jpeg_small",
        explained("small.jpg", encoded(&gradient(640, 480), ImageFormat::Jpeg))
    );
    insta::assert_snapshot!(
        "explain_png_rows",
        explained("rows.png", encoded(&gradient(2400, 1200), ImageFormat::Png))
    );
    insta::assert_snapshot!(
        "explain_tiff_strips",
        explained("strips.tif", encoded(&gradient(2400, 1200), ImageFormat::Tiff))
    );
    insta::assert_snapshot!(
        "explain_webp_whole",
        explained("whole.webp", encoded(&gradient(2400, 1200), ImageFormat::WebP))
    );
    let mut gif = Vec::new();
    let picture = gradient(400, 300);
    let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut gif, 30);
    encoder.encode(&picture, 400, 300, ExtendedColorType::Rgb8).unwrap();
    drop(encoder);
    insta::assert_snapshot!("explain_gif", explained("animation.gif", gif));
}

#[test]
fn an_analysis_has_the_plan_and_what_was_measured() {
    let vision = Vision::builder().threads(2).build().unwrap();
    let picture = vision.open(Source::bytes("rows.png", encoded(&gradient(2400, 1200), ImageFormat::Png))).unwrap();
    let requests = || (DetectFaces::new(), DetectFaces::new().min_size(0.1));
    let analysis = picture.explain_analyze(requests()).unwrap();
    let stage = |name: &str| analysis.steps.iter().filter(|step| step.stage == name).collect::<Vec<_>>();
    assert_eq!(stage("decode").len(), 1, "{analysis}");
    assert_eq!(stage("decode")[0].what, "by rows at 2400×1200");
    // Both requests ask for levels; those of the smaller ladder are made from those of the larger one.
    assert!(stage("view").len() >= 6 && stage("view").iter().all(|step| step.bytes > 0), "{analysis}");
    let runs = stage("run");
    assert!(runs.len() == 1 && runs[0].times == 2 && runs[0].ms > 0.0, "{analysis}");
    assert!(analysis.answers.iter().all(|answer| answer.is_ok()) && analysis.total_ms > 0.0);
    let text = analysis.to_string();
    assert!(
        text.starts_with("Source   rows.png") && text.contains("\nActual   decode by rows at 2400×1200, "),
        "{text}"
    );
    // Everything is there the second time.
    let again = picture.explain_analyze(requests()).unwrap();
    assert!(again.steps.iter().all(|step| step.stage == "hit" || step.stage == "run"), "{again}");
    let json = serde_json::to_value(&again).unwrap();
    assert!(json["plan"]["runs"].is_array() && json["steps"][0]["bytes"].is_u64(), "{json}");
}
