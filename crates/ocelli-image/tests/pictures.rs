//! Photographs and test charts from a folder of pictures beside the workspace (or in `OCELLI_DATA`), with figures of
//! other programs. Where the folder is absent each test is skipped by name. `docs/colour.md` shows the figures.

use image::RgbImage;
use libtest_mimic::{Arguments, Failed, Trial};
use ocelli_core::{Limits, Orientation, Size};
use ocelli_image::{Picture, Source};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    let data = std::env::var_os("OCELLI_DATA").map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    data.unwrap_or(beside).join("pictures")
}

fn open(name: &str) -> Picture {
    Picture::open(folder().join(name), &Limits::default()).unwrap_or_else(|e| panic!("{e}"))
}

fn rgb(name: &str) -> RgbImage {
    open(name).to_rgb().unwrap_or_else(|e| panic!("{e}"))
}

fn mean_difference(a: &RgbImage, b: &RgbImage) -> f64 {
    assert_eq!(a.dimensions(), b.dimensions());
    let sum: u64 = a.iter().zip(b.iter()).map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
    sum as f64 / a.len() as f64
}

/// The eight orientations of one photograph are one picture.
fn orientations() -> Result<(), Failed> {
    let upright = rgb("exif-orientation/Landscape_1.jpg");
    for n in 0..=8u8 {
        let name = format!("exif-orientation/Landscape_{n}.jpg");
        let picture = open(&name);
        assert_eq!(picture.info().size, Size::new(1800, 1200), "{name}");
        assert_eq!(picture.info().orientation, Orientation::from_exif(n).unwrap_or_default(), "{name}");
        // Each file was compressed on its own, so values differ by the noise of JPEG.
        let difference = mean_difference(&rgb(&name), &upright);
        println!("orientation {n}: {difference:.3} levels");
        assert!(difference < 4.0, "{name}: {difference}");
    }
    Ok(())
}

/// One chart in several colour spaces is one chart.
fn profiles() -> Result<(), Failed> {
    let folder = "png-icc/tests/support/macbeth";
    let twin = rgb(&format!("{folder}-indexed-sRGB-sRGB-chunk.png"));
    for space in [
        "sRGB-rgswap",
        "v21-sRGB-rgswap",
        "v2-CIE-Lstar",
        "v4-CIE-Lstar",
        "v2-ProPhoto",
        "v4-ProPhoto",
        "v40-DisplayP3",
    ] {
        let name = format!("{folder}-{space}.png");
        assert_eq!(open(&name).warnings(), [""; 0], "{name}");
        let difference = mean_difference(&rgb(&name), &twin);
        println!("{space}: {difference:.3} levels");
        assert!(difference < 2.0, "{name}: {difference}");
    }
    Ok(())
}

/// Ink through its profile, beside means of Pillow's `ImageCms.profileToProfile` (LittleCMS, perceptual) on an 8 × 6 grid.
fn ink() -> Result<(), Failed> {
    let picture = rgb("colour/Channel_digital_image_CMYK_color.jpg");
    let reference: [[f64; 3]; 48] = include!("cmyk_reference.in");
    let (width, height) = picture.dimensions();
    let mut sum = 0.0;
    for (ix, expected) in reference.iter().enumerate() {
        let (column, row) = (ix as u32 % 8, ix as u32 / 8);
        let mut mean = [0.0; 3];
        let mut count = 0.0;
        for y in row * height / 6..(row + 1) * height / 6 {
            for x in column * width / 8..(column + 1) * width / 8 {
                let pixel = picture.get_pixel(x, y).0;
                (0..3).for_each(|c| mean[c] += f64::from(pixel[c]));
                count += 1.0;
            }
        }
        sum += (0..3).map(|c| (mean[c] / count - expected[c]).abs()).sum::<f64>() / 3.0;
    }
    let difference = sum / 48.0;
    println!("CMYK: {difference:.3} levels");
    assert!(difference < 6.0, "{difference}");
    Ok(())
}

/// Files that are easily read wrong.
fn oddities() -> Result<(), Failed> {
    // A grey JPEG with a profile of gamma 2.2: LittleCMS gives a mean of 36.68.
    let mean = |picture: &RgbImage| picture.iter().map(|&v| f64::from(v)).sum::<f64>() / picture.len() as f64;
    let grey = mean(&rgb("colour/concert.jpg"));
    println!("grey with gamma 2.2: mean {grey:.2}, LittleCMS 36.68");
    assert!((grey - 36.68).abs() < 1.0, "{grey}");
    // A photograph with a gain map is read as its base; LittleCMS gives a mean of 87.03 for that.
    let base = rgb("colour/apple_gainmap_new.jpg");
    println!("base of a gain-map photograph: mean {:.2}, LittleCMS 87.03", mean(&base));
    assert_eq!(base.dimensions(), (384, 512));
    assert!((mean(&base) - 87.03).abs() < 1.0, "{}", mean(&base));
    // Red beyond sRGB's gamut is clipped to sRGB's red.
    let red = rgb("colour/p3.png").get_pixel(4, 4).0;
    assert!(red[0] == 255 && red[1] < 3 && red[2] < 3, "{red:?}");
    assert_eq!(rgb("colour/16-bit-grey-alpha.png").dimensions(), (109, 96));
    // The caller's word is stronger than the file's.
    let source = Source::path(folder().join("exif-orientation/Landscape_6.jpg")).oriented(Orientation::Upright);
    assert_eq!(Picture::open(source, &Limits::default()).unwrap().info().size, Size::new(1200, 1800));
    Ok(())
}

type Test = fn() -> Result<(), Failed>;

fn main() {
    let args = Arguments::from_args();
    let absent = !folder().is_dir();
    let tests: [(&str, Test); 4] = [
        ("orientations_of_one_photograph", orientations),
        ("profiles_of_one_chart", profiles),
        ("ink_through_its_profile", ink),
        ("files_that_are_easily_read_wrong", oddities),
    ];
    let trials = tests.into_iter().map(|(name, test)| Trial::test(name, test).with_ignored_flag(absent)).collect();
    libtest_mimic::run(&args, trials).exit();
}
