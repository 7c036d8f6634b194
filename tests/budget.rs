//! A memory budget is a promise: met, by bands and by waiting, or refused before decoding with what would fit.
//!
//! One binary of its own, one test after the other, because the allocator counts for the whole process.

use image::{ImageFormat, Rgb, RgbImage};
use ocelli::core::{Cost, Tile, TileScan, Tiling};
use ocelli::prelude::*;
use ocelli_testkit::memory::CountingAllocator;
use ocelli_testkit::pictures::encoded;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, Mutex, PoisonError};

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Bright spots of 8 × 8 pixels on a level as large as asked: an algorithm from outside that scans tile by tile.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct FindSpots {
    level: u32,
    #[serde(flatten)]
    options: RequestOptions,
}
impl_request!(FindSpots => FaceObservation, "spots");

struct Spots;

/// Working memory that a scan takes and says that it takes.
const OWN_BYTES: usize = 1 << 20;

impl Spots {
    fn found(view: &ocelli::core::View, tile: &Tile, input: &Input<'_>) -> Vec<FaceObservation> {
        let work = std::hint::black_box(vec![1u8; OWN_BYTES]);
        let (size, rgb) = (view.size(), view.as_u8());
        let cells = (0..size.height / 8).flat_map(|y| (0..size.width / 8).map(move |x| (x * 8, y * 8)));
        let bright = |&(x, y): &(u32, u32)| rgb[((y * size.width + x) * 3) as usize] > 250 && work[0] == 1;
        let own = |&(x, y): &(u32, u32)| tile.answers_for(x, y, input.image.size);
        let place = |(x, y): (u32, u32)| view.to_image(PixelRect::new(x.into(), y.into(), 8.0, 8.0));
        let observe = |cell| FaceObservation::new(place(cell), 0.9, input.provenance.clone());
        cells.filter(bright).filter(own).map(observe).collect()
    }
}

impl Algorithm for Spots {
    type Request = FindSpots;
    fn name(&self) -> &str {
        "spots"
    }
    fn revision(&self) -> u32 {
        1
    }
    fn needs(&self, request: &FindSpots, _: &ImageInfo) -> Result<Needs> {
        Ok(Needs::new().view(ViewSpec::scaled(ViewKind::Rgb8, request.level)))
    }
    fn run(&self, request: &FindSpots, input: &Input<'_>) -> Result<Vec<FaceObservation>> {
        let spec = ViewSpec::scaled(ViewKind::Rgb8, request.level);
        Ok(Self::found(input.views.get(&spec)?, &Tile::whole(0, spec, input.image.size), input))
    }
    fn cost(&self, _: &FindSpots, _: &[Size]) -> Result<Cost> {
        Ok(Cost::on_cpu(OWN_BYTES as u64, 0))
    }
    fn tiles(&self) -> Option<&dyn TileScan<FindSpots>> {
        Some(self)
    }
}

impl TileScan<FindSpots> for Spots {
    fn tiling(&self, _: &FindSpots) -> Option<Tiling> {
        Some(Tiling { halo: 8, alignment: 8 })
    }
    fn scan_cost(&self, request: &FindSpots, sizes: &[Size]) -> Result<Cost> {
        self.cost(request, sizes)
    }
    fn scan(&self, _: &FindSpots, input: &Input<'_>, tiles: &[Tile]) -> Result<Vec<FaceObservation>> {
        let views = tiles.iter().map(|tile| Ok((input.views.get(&tile.view)?, tile)));
        let found: Result<Vec<_>> = views.map(|pair| pair.map(|(view, tile)| Self::found(view, tile, input))).collect();
        Ok(found?.concat())
    }
    fn merge(&self, _: &FindSpots, _: &ImageInfo, found: Vec<FaceObservation>) -> Vec<FaceObservation> {
        found
    }
}

/// Above the size from which views come straight from the file; white squares on a gentle ramp.
fn spotted() -> RgbImage {
    RgbImage::from_fn(2400, 1200, |x, y| {
        let spot = x % 240 < 32 && y % 200 < 32;
        if spot { Rgb([255; 3]) } else { Rgb([(x / 12) as u8, (y / 8) as u8, 90]) }
    })
}

const FORMATS: [ImageFormat; 7] = [
    ImageFormat::Jpeg,
    ImageFormat::Png,
    ImageFormat::Tiff,
    ImageFormat::Bmp,
    ImageFormat::Pnm,
    ImageFormat::WebP,
    ImageFormat::Gif,
];

fn file(format: ImageFormat) -> Arc<[u8]> {
    if format == ImageFormat::Gif {
        // The ordinary encoder takes most of a minute to choose the palette.
        let mut bytes = Vec::new();
        let picture = spotted();
        let mut encoder = image::codecs::gif::GifEncoder::new_with_speed(&mut bytes, 30);
        encoder.encode(&picture, picture.width(), picture.height(), image::ExtendedColorType::Rgb8).unwrap();
        drop(encoder);
        return bytes.into();
    }
    encoded(&spotted(), format).into()
}

fn vision(budget: Option<u64>) -> Vision {
    let mut builder = Vision::builder().threads(2).without_builtin().register(Spots);
    if let Some(bytes) = budget {
        builder = builder.memory_budget(bytes);
    }
    builder.build().unwrap()
}

/// Answers, and the most bytes that were live above the start.
fn measured(vision: &Vision, source: Source, request: FindSpots) -> (Result<Vec<FaceObservation>>, u64) {
    let before = ALLOCATOR.live_bytes();
    ALLOCATOR.reset_peak();
    let answer = vision.open(source).and_then(|picture| picture.perform_one(request));
    (answer, (ALLOCATOR.peak_bytes() - before) as u64)
}

#[test]
fn every_format_keeps_its_budget_or_says_what_would_fit() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let request = || FindSpots { level: 2400, ..FindSpots::default() };
    for format in FORMATS {
        let bytes = file(format);
        let source = || Source::bytes("spotted", bytes.clone());
        let (expected, _) = measured(&vision(None), source(), request());
        let expected = expected.unwrap();
        assert!(expected.len() >= 60, "{format:?}: {} spots", expected.len());
        let mut told = None;
        for mebibytes in [3, 6, 8, 16, 32, 64] {
            let budget = mebibytes << 20;
            let (answer, peak) = measured(&vision(Some(budget)), source(), request());
            println!("{format:?} in {mebibytes} MiB: peak {:.1}, {}", peak as f64 / f64::from(1 << 20), answer.is_ok());
            assert!(peak <= budget, "{format:?} took {peak} of {budget}");
            match answer {
                Ok(found) => assert_eq!(found.len(), expected.len(), "{format:?} in {mebibytes} MiB"),
                Err(Error::Limits { value, limit, .. }) => {
                    assert!(limit == budget && value > budget, "{format:?}: {value} of {limit}");
                    assert!(peak < 1 << 20, "{format:?} decoded before it refused");
                    told = Some(value);
                }
                Err(other) => panic!("{format:?}: {other}"),
            }
        }
        // Rows fit in little; strips and frames in one piece need what they say that they need.
        assert!(format != ImageFormat::Png || told.is_none_or(|needed| needed < 6 << 20), "PNG needs {told:?}");
        if let Some(needed) = told {
            let (answer, peak) = measured(&vision(Some(needed)), source(), request());
            assert!(
                answer.is_ok() && peak <= needed,
                "{format:?}: {needed} were said to fit, {peak} taken, {answer:?}"
            );
        }
    }
}

#[test]
fn pictures_at_once_share_one_budget() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    const BUDGET: u64 = 12 << 20;
    let bytes = file(ImageFormat::Png);
    let vision = vision(Some(BUDGET));
    let sources = || (0..8).map(|ix| Source::bytes(format!("picture {ix}"), bytes.clone()));
    let before = ALLOCATOR.live_bytes();
    ALLOCATOR.reset_peak();
    let request = FindSpots { level: 1200, ..FindSpots::default() };
    let counts: Vec<usize> = vision
        .batch(sources())
        .perform((request.clone(),))
        .map(|outcome| outcome.unwrap().1.0.unwrap().len())
        .collect();
    assert!(counts.len() == 8 && counts.iter().all(|&n| n == counts[0] && n >= 60), "{counts:?}");
    std::thread::scope(|scope| {
        for source in sources() {
            let (vision, request) = (&vision, request.clone());
            scope.spawn(move || vision.open(source).unwrap().perform_one(request).unwrap());
        }
    });
    let waiting: Vec<_> =
        sources().map(|source| vision.open(source).unwrap().perform_async((request.clone(),))).collect();
    waiting.into_iter().for_each(|pending| assert!(pending.wait().unwrap().0.len() >= 60));
    let peak = (ALLOCATOR.peak_bytes() - before) as u64;
    assert!(peak <= BUDGET, "{peak} bytes of a budget of {BUDGET}");
}

#[test]
fn requests_that_do_not_fit_together_run_one_after_the_other() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let bytes = file(ImageFormat::Png);
    let asked = |level| FindSpots { level, ..FindSpots::default() };
    let needed = |levels: &[u32]| {
        let vision = vision(Some(2 << 20));
        let requests: Vec<AnyRequest> = levels.iter().map(|&level| AnyRequest::new(asked(level))).collect();
        match vision.open(Source::bytes("spotted", bytes.clone())).unwrap().explain_any(&requests) {
            Err(Error::Limits { value, .. }) => value,
            other => panic!("{other:?}"),
        }
    };
    let (one, both) = (needed(&[2400]).max(needed(&[2000])), needed(&[2400, 2000]));
    assert!(both > one, "{both} {one}");
    let vision = vision(Some(one));
    let picture = vision.open(Source::bytes("spotted", bytes.clone())).unwrap();
    assert!(matches!(picture.explain((asked(2400), asked(2000))), Err(Error::Limits { .. })));
    let (first, second) = picture.perform((asked(2400), asked(2000))).unwrap();
    assert!(first.len() >= 60 && second.len() >= 60);
}

#[test]
fn the_plan_shows_the_bands() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let plans: Vec<String> = [(ImageFormat::Png, 9), (ImageFormat::Jpeg, 64)]
        .map(|(format, mebibytes)| {
            let vision = vision(Some(mebibytes << 20));
            let source = Source::bytes(format!("{format:?}"), file(format));
            vision
                .open(source)
                .unwrap()
                .explain((FindSpots { level: 2000, ..FindSpots::default() },))
                .unwrap()
                .to_string()
        })
        .into();
    insta::assert_snapshot!("explain_spots_in_a_budget", plans.join("\n"));
}

#[test]
fn a_stream_that_does_not_fit_is_not_read_to_its_end() {
    let _one = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let vision = vision(Some(3 << 20));
    let before = ALLOCATOR.live_bytes();
    ALLOCATOR.reset_peak();
    let endless = Source::reader("endless", std::io::repeat(0x42));
    assert!(matches!(vision.open(endless), Err(Error::Limits { .. })));
    assert!(ALLOCATOR.peak_bytes() - before <= 3 << 20);
}
