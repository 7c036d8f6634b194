//! A small made-up comparison that every test of the whole crate uses.

use ocelli_core::{PixelRect, Size};
use ocelli_eval::{Comparison, DataSet, Detection, Format, Picture, Truth};
use std::path::Path;
use std::time::Duration;

/// Side of the square pictures.
pub const SIDE: u32 = 200;

fn face(x: f64, y: f64, size: f64) -> Truth {
    Truth::new(PixelRect::new(x, y, size, size))
}

/// Five pictures: three with faces, one without, one incompletely annotated; and one that nobody annotated.
pub fn pictures() -> Vec<Picture> {
    let faces = [
        Some(vec![face(20.0, 20.0, 60.0), face(110.0, 30.0, 25.0)]),
        Some(vec![face(40.0, 50.0, 90.0)]),
        Some(vec![face(10.0, 10.0, 12.0), face(100.0, 100.0, 44.0), face(30.0, 120.0, 30.0)]),
        Some(vec![]),
        Some(vec![face(60.0, 60.0, 50.0)]),
        None,
    ];
    let picture = |(ix, truths): (usize, Option<Vec<Truth>>)| Picture {
        truths,
        size: Some(Size::new(SIDE, SIDE)),
        complete: ix != 4,
        group: Some(if ix < 3 { "street" } else { "studio" }.to_owned()),
        ..Picture::new(format!("p{ix}.png"))
    };
    faces.into_iter().enumerate().map(picture).collect()
}

fn seen(x: f64, y: f64, size: f64, score: f64) -> Detection {
    Detection::new(PixelRect::new(x, y, size, size), score)
}

/// What the first detector finds: sure of large faces, blind to the small one, one false alarm.
fn alpha(ix: usize) -> Vec<Detection> {
    match ix {
        0 => vec![seen(22.0, 21.0, 58.0, 0.98), seen(112.0, 31.0, 24.0, 0.71)],
        1 => vec![seen(42.0, 55.0, 86.0, 0.95)],
        2 => vec![seen(101.0, 102.0, 42.0, 0.9), seen(150.0, 10.0, 22.0, 0.35)],
        3 => vec![seen(5.0, 150.0, 40.0, 0.62)],
        4 => vec![seen(61.0, 58.0, 50.0, 0.97), seen(140.0, 140.0, 50.0, 0.88)],
        _ => vec![seen(0.0, 0.0, 50.0, 0.9)],
    }
}

/// What the second finds: the small face too, but loose boxes and more false alarms.
fn beta(ix: usize) -> Vec<Detection> {
    match ix {
        0 => vec![seen(12.0, 12.0, 74.0, 0.8), seen(150.0, 150.0, 30.0, 0.78)],
        1 => vec![seen(30.0, 30.0, 100.0, 0.77)],
        2 => vec![seen(10.0, 9.0, 13.0, 0.6), seen(31.0, 118.0, 33.0, 0.83), seen(104.0, 96.0, 50.0, 0.5)],
        3 => vec![seen(60.0, 60.0, 25.0, 0.81), seen(120.0, 20.0, 15.0, 0.4)],
        _ => vec![],
    }
}

/// Two detectors over the pictures, whose files lie in `folder` if there is one.
pub fn comparison(folder: Option<&Path>) -> Comparison {
    let located = |p: Picture| Picture { path: folder.map(|f| f.join(&p.name)), ..p };
    let set = DataSet::new("made-up", Format::Jsonl, pictures().into_iter().map(located).collect());
    let mut comparison = Comparison::new(vec![set]);
    for (name, found) in [("alpha", alpha as fn(usize) -> Vec<Detection>), ("beta <2>", beta)] {
        let mut run = comparison.new_run(name);
        for ix in 0..comparison.n_pictures() {
            run.detected(ix, found(ix), Some(Duration::from_micros(3000 + 700 * ix as u64)));
        }
        run.peak_memory(12_000_000);
        comparison.add_run(run);
    }
    comparison
}
