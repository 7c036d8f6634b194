//! Ellipses, as FDDB draws faces, and their exact overlap with boxes.

use ocelli_core::PixelRect;

/// An ellipse in pixels of the upright picture, origin top-left, y down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ellipse {
    /// Half of the first axis.
    pub major_radius: f64,
    /// Half of the second axis.
    pub minor_radius: f64,
    /// From the x axis to the first axis, in radians, turning from x to y (clockwise on the screen).
    pub angle: f64,
    /// Middle, from the left.
    pub center_x: f64,
    /// Middle, from the top.
    pub center_y: f64,
}

impl Ellipse {
    /// Its area in square pixels.
    pub fn area(&self) -> f64 {
        std::f64::consts::PI * self.major_radius * self.minor_radius
    }

    /// The smallest upright box around it.
    pub fn bounds(&self) -> PixelRect {
        let (sin, cos) = self.angle.sin_cos();
        let half_width = (self.major_radius * cos).hypot(self.minor_radius * sin);
        let half_height = (self.major_radius * sin).hypot(self.minor_radius * cos);
        PixelRect::new(self.center_x - half_width, self.center_y - half_height, 2.0 * half_width, 2.0 * half_height)
    }

    /// Area shared with a box, in square pixels: exact, not rasterised.
    ///
    /// The map that makes the ellipse a unit disc makes the box a parallelogram; polygon and disc meet in closed form.
    pub fn intersection_area(&self, rect: PixelRect) -> f64 {
        let (sin, cos) = self.angle.sin_cos();
        let unit = |x: f64, y: f64| {
            let (dx, dy) = (x - self.center_x, y - self.center_y);
            ((dx * cos + dy * sin) / self.major_radius, (dy * cos - dx * sin) / self.minor_radius)
        };
        let (right, bottom) = (rect.x + rect.width, rect.y + rect.height);
        let corners = [unit(rect.x, rect.y), unit(right, rect.y), unit(right, bottom), unit(rect.x, bottom)];
        let shared: f64 = (0..4).map(|i| disc_part(corners[i], corners[(i + 1) % 4])).sum();
        shared.abs() * self.major_radius * self.minor_radius
    }

    /// Intersection over union with a box, in `0..=1`.
    pub fn iou(&self, rect: PixelRect) -> f64 {
        let shared = self.intersection_area(rect);
        let union = self.area() + rect.area() - shared;
        if union > 0.0 { (shared / union).clamp(0.0, 1.0) } else { 0.0 }
    }
}

type Vector = (f64, f64);

fn cross(a: Vector, b: Vector) -> f64 {
    a.0 * b.1 - a.1 * b.0
}

fn dot(a: Vector, b: Vector) -> f64 {
    a.0 * b.0 + a.1 * b.1
}

/// Signed area of the unit disc within the triangle of the origin, `p` and `q`.
fn disc_part(p: Vector, q: Vector) -> f64 {
    let sector = |a: Vector, b: Vector| cross(a, b).atan2(dot(a, b)) / 2.0;
    let along = (q.0 - p.0, q.1 - p.1);
    let (a, b, c) = (dot(along, along), dot(p, along), dot(p, p) - 1.0);
    let discriminant = b * b - a * c;
    if a <= 0.0 {
        return 0.0;
    }
    if discriminant <= 0.0 {
        return sector(p, q);
    }
    let root = discriminant.sqrt();
    let (enter, leave) = ((-b - root) / a, (-b + root) / a);
    if leave <= 0.0 || enter >= 1.0 {
        return sector(p, q);
    }
    let at = |t: f64| (p.0 + along.0 * t, p.1 + along.1 * t);
    let (from, to) = (at(enter.max(0.0)), at(leave.min(1.0)));
    let before = if enter > 0.0 { sector(p, from) } else { 0.0 };
    let after = if leave < 1.0 { sector(to, q) } else { 0.0 };
    before + cross(from, to) / 2.0 + after
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::f64::consts::{FRAC_PI_2, PI};

    fn circle(radius: f64) -> Ellipse {
        Ellipse { major_radius: radius, minor_radius: radius, angle: 0.3, center_x: 50.0, center_y: 50.0 }
    }

    #[test]
    fn worked_cases() {
        // A disc in its bounding square shares pi/4 of the union.
        assert!((circle(10.0).iou(PixelRect::new(40.0, 40.0, 20.0, 20.0)) - PI / 4.0).abs() < 1e-12);
        // A box inside the disc, a box around it, a quarter, a half, nothing.
        assert!((circle(10.0).intersection_area(PixelRect::new(49.0, 49.0, 2.0, 2.0)) - 4.0).abs() < 1e-12);
        assert!((circle(10.0).intersection_area(PixelRect::new(0.0, 0.0, 100.0, 100.0)) - PI * 100.0).abs() < 1e-9);
        assert!((circle(10.0).intersection_area(PixelRect::new(50.0, 50.0, 50.0, 50.0)) - PI * 25.0).abs() < 1e-9);
        assert!((circle(10.0).intersection_area(PixelRect::new(0.0, 50.0, 100.0, 50.0)) - PI * 50.0).abs() < 1e-9);
        assert!(circle(10.0).intersection_area(PixelRect::new(70.0, 70.0, 5.0, 5.0)).abs() < 1e-12);
        // The inscribed square of the disc.
        let side = 10.0 * 2f64.sqrt();
        let square = PixelRect::new(50.0 - side / 2.0, 50.0 - side / 2.0, side, side);
        assert!((circle(10.0).intersection_area(square) - 200.0).abs() < 1e-9);
        // An upright ellipse: the long axis is vertical at 90 degrees.
        let tall = Ellipse { major_radius: 30.0, minor_radius: 20.0, angle: FRAC_PI_2, center_x: 50.0, center_y: 50.0 };
        let bounds = tall.bounds();
        assert!((bounds.width - 40.0).abs() < 1e-9 && (bounds.height - 60.0).abs() < 1e-9);
        assert!((tall.iou(bounds) - PI / 4.0).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn agrees_with_counting_points(
            major in 2.0..20.0f64, minor in 2.0..20.0f64, angle in -4.0..4.0f64,
            x in -20.0..20.0f64, y in -20.0..20.0f64, w in 1.0..40.0f64, h in 1.0..40.0f64,
        ) {
            let ellipse = Ellipse { major_radius: major, minor_radius: minor, angle, center_x: 0.0, center_y: 0.0 };
            let steps = 200;
            let (sin, cos) = angle.sin_cos();
            let mut inside = 0usize;
            for i in 0..steps {
                for j in 0..steps {
                    let px = x + w * (i as f64 + 0.5) / steps as f64;
                    let py = y + h * (j as f64 + 0.5) / steps as f64;
                    let (u, v) = ((px * cos + py * sin) / major, (py * cos - px * sin) / minor);
                    inside += usize::from(u * u + v * v <= 1.0);
                }
            }
            let counted = w * h * inside as f64 / (steps * steps) as f64;
            let exact = ellipse.intersection_area(PixelRect::new(x, y, w, h));
            // The grid errs by the cells on the outline.
            prop_assert!((exact - counted).abs() < 0.02 * w * h, "{exact} {counted}");
            prop_assert!(exact <= ellipse.area() + 1e-9 && exact <= w * h + 1e-9);
        }
    }
}
