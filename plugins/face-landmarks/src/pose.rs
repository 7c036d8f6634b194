//! How a head is turned: a mean face in three dimensions, fitted to the points as seen from far away.

use ocelli_core::PixelPoint;
use serde::{Deserialize, Serialize};

/// Roll, yaw and pitch of a head, in degrees; all 0 for a face that looks straight into the camera.
///
/// Estimated from the points under a far camera (no perspective): good to about ten degrees, and no further than where
/// the far eye is still seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HeadPose {
    /// Lean in the plane of the picture: positive where the head leans clockwise as seen, -180 to 180.
    pub roll: f32,
    /// Turn to a side: positive where the face looks to the right of the picture (the person's own left).
    pub yaw: f32,
    /// Nod: positive where the face looks up.
    pub pitch: f32,
}

/// The points that keep their places on a skull: brows, nose, eyes, mouth corners. The jaw's do not: they mark the
/// outline, which another part of the cheek gives when the head turns.
const RIGID: [std::ops::Range<usize>; 2] = [17..49, 54..55];

/// Fits the mean face `shape` (x to the right of the picture, y down, z away from the camera) to `points` in pixels.
///
/// All zero where the points are degenerate, such as all in one place.
pub(crate) fn pose(shape: &[[f64; 3]], points: &[PixelPoint]) -> HeadPose {
    let rigid = || RIGID.into_iter().flatten().filter(|&ix| ix < shape.len().min(points.len()));
    let n = rigid().count().max(1) as f64;
    let mut centre_3d = [0.0; 3];
    let mut centre_2d = [0.0; 2];
    for ix in rigid() {
        (0..3).for_each(|k| centre_3d[k] += shape[ix][k] / n);
        centre_2d[0] += points[ix].x / n;
        centre_2d[1] += points[ix].y / n;
    }
    // Least squares: the 2×3 matrix M with M · (shape - centre) nearest to (points - centre).
    let mut normal = [[0.0; 3]; 3];
    let mut right = [[0.0; 3]; 2];
    for ix in rigid() {
        let s = [0, 1, 2].map(|k| shape[ix][k] - centre_3d[k]);
        let p = [points[ix].x - centre_2d[0], points[ix].y - centre_2d[1]];
        for i in 0..3 {
            (0..3).for_each(|j| normal[i][j] += s[i] * s[j]);
            (0..2).for_each(|k| right[k][i] += p[k] * s[i]);
        }
    }
    let Some(rows) = solved(normal, right) else { return HeadPose::default() };
    from_rows(rows[0], rows[1])
}

/// The rotation nearest to two rows of a scaled rotation, as angles.
fn from_rows(a: [f64; 3], b: [f64; 3]) -> HeadPose {
    let (Some(a), Some(b)) = (unit(a), unit(b)) else { return HeadPose::default() };
    // Share the deviation from a right angle between both rows.
    let (Some(sum), Some(difference)) = (unit(add(a, b)), unit(add(a, b.map(|v| -v)))) else {
        return HeadPose::default();
    };
    let half = std::f64::consts::FRAC_1_SQRT_2;
    let x = add(sum.map(|v| v * half), difference.map(|v| v * half));
    let y = add(sum.map(|v| v * half), difference.map(|v| -v * half));
    let z = cross(x, y);
    // R = Rz(roll) · Ry · Rx; columns of R are where the head's own axes point.
    let roll = y[0].atan2(x[0]);
    // The nose points along -z of the head: -R·(0, 0, 1) = -(x[2], y[2], z[2]), first turned back by the roll.
    let (sin, cos) = roll.sin_cos();
    let nose = [-(x[2] * cos + y[2] * sin), -(y[2] * cos - x[2] * sin), -z[2]];
    let yaw = nose[0].atan2(-nose[2]);
    let pitch = (-nose[1]).atan2(nose[0].hypot(nose[2]));
    let degrees = |radians: f64| radians.to_degrees() as f32;
    HeadPose { roll: degrees(roll), yaw: degrees(yaw), pitch: degrees(pitch) }
}

fn add(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[0] + b[0], a[1] + b[1], a[2] + b[2]]
}

fn cross(a: [f64; 3], b: [f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn dot(a: [f64; 3], b: [f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn unit(a: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(a, a).sqrt();
    (length.is_finite() && length > 1e-9).then(|| a.map(|v| v / length))
}

/// Solves `rows · m = right` for a symmetric matrix, by its adjugate; `None` where it is singular.
fn solved(m: [[f64; 3]; 3], right: [[f64; 3]; 2]) -> Option<[[f64; 3]; 2]> {
    let inverse = [cross(m[1], m[2]), cross(m[2], m[0]), cross(m[0], m[1])];
    let determinant = dot(m[0], inverse[0]);
    let scale = m.iter().flatten().fold(0.0f64, |largest, v| largest.max(v.abs()));
    // Numbers that are none are singular, too.
    let is_regular = determinant.abs() > 1e-12 * scale.powi(3);
    if !is_regular {
        return None;
    }
    Some(right.map(|row| [0, 1, 2].map(|k| dot(row, [0, 1, 2].map(|i| inverse[i][k])) / determinant)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Something like a face: wider than deep, the nose towards the camera.
    fn shape() -> Vec<[f64; 3]> {
        (0..68)
            .map(|i| {
                let (x, y) = (f64::from(i % 7) - 3.0, f64::from(i / 7) - 5.0);
                [x * 10.0, y * 9.0, x * x + 0.5 * y * y - if (27..36).contains(&i) { 20.0 } else { 0.0 }]
            })
            .collect()
    }

    /// The shape turned by pitch, then yaw, then roll, as seen from far away.
    fn seen(shape: &[[f64; 3]], roll: f64, yaw: f64, pitch: f64) -> Vec<PixelPoint> {
        let (roll, yaw, pitch) = (roll.to_radians(), yaw.to_radians(), pitch.to_radians());
        let turned = shape.iter().map(|&[x, y, z]| {
            // Looking up moves what is in front (z < 0) up (y < 0).
            let (y, z) = (y * pitch.cos() + z * pitch.sin(), z * pitch.cos() - y * pitch.sin());
            // Looking to the right of the picture moves what is in front to the right.
            let (x, _z) = (x * yaw.cos() - z * yaw.sin(), z * yaw.cos() + x * yaw.sin());
            // Clockwise as seen, y down.
            let (x, y) = (x * roll.cos() - y * roll.sin(), y * roll.cos() + x * roll.sin());
            PixelPoint::new(300.0 + 2.5 * x, 200.0 + 2.5 * y)
        });
        turned.collect()
    }

    #[test]
    fn angles_are_read_back() {
        let shape = shape();
        for (roll, yaw, pitch) in [
            (0.0, 0.0, 0.0),
            (30.0, 0.0, 0.0),
            (0.0, 25.0, 0.0),
            (0.0, 0.0, 20.0),
            (-40.0, -30.0, -15.0),
            (170.0, 10.0, 5.0),
        ] {
            let found = pose(&shape, &seen(&shape, roll, yaw, pitch));
            let off = [found.roll - roll as f32, found.yaw - yaw as f32, found.pitch - pitch as f32];
            assert!(off.iter().all(|v| v.abs() < 0.01), "{roll} {yaw} {pitch}: {found:?}");
        }
    }

    #[test]
    fn degenerate_points_have_no_pose() {
        assert_eq!(pose(&shape(), &[PixelPoint::new(5.0, 5.0); 68]), HeadPose::default());
        assert_eq!(pose(&[[0.0; 3]; 68], &[PixelPoint::new(5.0, 5.0); 68]), HeadPose::default());
        assert_eq!(pose(&[], &[]), HeadPose::default());
    }
}
