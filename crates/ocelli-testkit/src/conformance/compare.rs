//! Whether two sets of answers are equal, but for the last digits and for who is told to have made them.

use ocelli::core::{Observation, Shape};
use serde_json::Value;

/// Answers as JSON, without their provenance: warnings may differ with the source.
pub(super) fn plain<O: Observation>(answers: &[O]) -> Value {
    let mut value = serde_json::to_value(answers).unwrap_or(Value::Null);
    without_provenance(&mut value);
    value
}

fn without_provenance(value: &mut Value) {
    match value {
        Value::Object(entries) => {
            entries.remove("provenance");
            entries.values_mut().for_each(without_provenance);
        }
        Value::Array(items) => items.iter_mut().for_each(without_provenance),
        _ => {}
    }
}

/// The first place where two values differ by more than `tolerance`.
pub(super) fn difference(a: &Value, b: &Value, tolerance: f64) -> Option<String> {
    walk(a, b, tolerance, "answers")
}

fn walk(a: &Value, b: &Value, tolerance: f64, path: &str) -> Option<String> {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(ix, (a, b))| walk(a, b, tolerance, &format!("{path}[{ix}]")))
        }
        (Value::Array(a), Value::Array(b)) => Some(format!("{path} has {} entries against {}", a.len(), b.len())),
        (Value::Object(a), Value::Object(b)) if a.len() == b.len() => a.iter().find_map(|(key, value)| {
            let path = format!("{path}.{key}");
            b.get(key).map_or_else(|| Some(format!("{path} is gone")), |other| walk(value, other, tolerance, &path))
        }),
        (Value::Number(p), Value::Number(q)) => {
            let far = p.as_f64().zip(q.as_f64()).is_none_or(|(p, q)| (p - q).abs() > tolerance);
            far.then(|| format!("{path} is {p} against {q}"))
        }
        _ => (a != b).then(|| format!("{path} is {a} against {b}")),
    }
}

/// What can be compared between a region and its crop: confidence, and the coordinates of all shapes in pixels.
pub(super) fn places<O: Observation>(answers: &[O], shift: (f64, f64)) -> Value {
    let of_answer = |o: &O| {
        let mut numbers = vec![f64::from(o.confidence())];
        for shape in o.shapes() {
            match shape {
                Shape::Rect(rect) => {
                    let p = rect.to_pixels();
                    numbers.extend([p.x + shift.0, p.y + shift.1, p.width, p.height]);
                }
                Shape::Points(points) => {
                    let moved = points.iter().map(|p| p.to_pixels()).map(|p| [p.x + shift.0, p.y + shift.1]);
                    numbers.extend(moved.flatten());
                }
                _ => {}
            }
        }
        Value::from(numbers)
    };
    answers.iter().map(of_answer).collect()
}
