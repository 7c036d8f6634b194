use super::*;
use crate::Orientation;
use proptest::prelude::*;

fn close(a: PixelRect, b: PixelRect) -> bool {
    let near = |p: f64, q: f64| (p - q).abs() < 1e-6 * (1.0 + q.abs());
    near(a.x, b.x) && near(a.y, b.y) && near(a.width, b.width) && near(a.height, b.height)
}

fn any_rect() -> impl Strategy<Value = NormalizedRect> {
    let unit = -0.5..1.5f64;
    (unit.clone(), unit, 0.0..1.0f64, 0.0..1.0f64, 1u32..70_000, 1u32..70_000)
        .prop_map(|(x, y, w, h, fw, fh)| NormalizedRect::new(x, y, w, h, Size::new(fw, fh)))
}

proptest! {
    #[test]
    fn rect_survives_every_orientation_and_origin(rect in any_rect(), exif in 1u8..=8) {
        let orientation = Orientation::from_exif(exif).unwrap();
        let back = rect.to_stored(orientation).to_upright();
        prop_assert_eq!(back.frame(), rect.frame());
        prop_assert!(close(back.to_pixels(), rect.to_pixels()));
        prop_assert!(close(rect.to_lower_left().to_top_left().to_pixels(), rect.to_pixels()));
        prop_assert!(close(NormalizedRect::from_pixels(rect.to_pixels(), rect.frame()).to_pixels(), rect.to_pixels()));
    }

    #[test]
    fn point_follows_its_rect(rect in any_rect(), exif in 1u8..=8) {
        let orientation = Orientation::from_exif(exif).unwrap();
        let stored = rect.to_stored(orientation).to_pixels();
        let centre = rect.center().to_stored(orientation);
        let p = centre.to_pixels();
        prop_assert!((p.x - stored.x - stored.width / 2.0).abs() < 1e-6 * (1.0 + p.x.abs()));
        prop_assert!((p.y - stored.y - stored.height / 2.0).abs() < 1e-6 * (1.0 + p.y.abs()));
        let back = centre.to_upright();
        prop_assert!((back.x() - rect.center().x()).abs() < 1e-9 && (back.y() - rect.center().y()).abs() < 1e-9);
        let lower = rect.center().to_lower_left();
        prop_assert!((lower.to_top_left().y() - rect.center().y()).abs() < 1e-12);
    }

    #[test]
    fn iou_is_symmetric_and_bounded(a in any_rect(), b in any_rect()) {
        let b = NormalizedRect::new(b.x(), b.y(), b.width(), b.height(), a.frame());
        prop_assert!((0.0..=1.0 + 1e-12).contains(&a.iou(b)));
        prop_assert!((a.iou(b) - b.iou(a)).abs() < 1e-12);
    }

    #[test]
    fn region_in_pixels_stays_inside(x in 0.0..1.0f64, y in 0.0..1.0f64, w in 0.0..1.0f64, h in 0.0..1.0f64, side in 1u32..5000) {
        let (w, h) = (w.min(1.0 - x), h.min(1.0 - y));
        prop_assume!(w > 0.0 && h > 0.0);
        let size = Size::new(side, side / 3 + 1);
        let pixels = Region::new(x, y, w, h).unwrap().to_pixels(size);
        prop_assert!(pixels.width >= 1 && pixels.height >= 1);
        prop_assert!(pixels.x + pixels.width <= size.width && pixels.y + pixels.height <= size.height);
    }
}

#[test]
fn clipping_keeps_the_inner_part() {
    let rect = NormalizedRect::new(-0.25, 0.5, 0.5, 1.0, Size::new(100, 100)).clipped();
    assert_eq!(rect.to_pixels(), PixelRect::new(0.0, 50.0, 25.0, 50.0));
}

#[test]
fn region_refuses_nonsense() {
    for bad in [[f64::NAN, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.6, 0.0, 0.5, 1.0], [-0.1, 0.0, 0.5, 0.5]] {
        assert!(Region::try_from(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn level_sizes_round_and_never_vanish() {
    assert_eq!(Size::new(4000, 3000).scaled_to_longer_side(640), Size::new(640, 480));
    assert_eq!(Size::new(5000, 1).scaled_to_longer_side(40), Size::new(40, 1));
    assert_eq!(Size::new(375, 500).scaled_to_longer_side(125), Size::new(94, 125));
}
