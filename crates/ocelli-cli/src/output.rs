//! Printing what was found: for people, or as JSON.

use crate::args::Format;
use ocelli::prelude::*;
use serde::Serialize;
use serde_json::Value;
use std::io::{self, Write};

/// One picture's answers, as the JSON forms print them.
#[derive(Debug, Serialize)]
pub struct Record {
    pub image: String,
    pub width: u32,
    pub height: u32,
    pub observations: Vec<Value>,
}

impl Record {
    /// Collects the answers to all requests on the picture named `image`.
    pub fn new(image: String, size: Size, answers: &[AnyObservations]) -> Self {
        let observations = answers.iter().flat_map(AnyObservations::records).collect();
        Self { image, width: size.width, height: size.height, observations }
    }
}

/// Writes records in one of the formats; [`finish`](Self::finish) ends the output.
pub struct Printer<W: Write> {
    format: Format,
    out: W,
    printed: usize,
}

impl<W: Write> Printer<W> {
    pub fn new(format: Format, out: W) -> Self {
        Self { format, out, printed: 0 }
    }

    pub fn print(&mut self, record: &Record) -> io::Result<()> {
        match self.format {
            Format::Text => self.print_text(record)?,
            Format::Jsonl => writeln!(self.out, "{}", serde_json::to_string(record)?)?,
            Format::Json => {
                let opening = if self.printed == 0 { "[\n" } else { ",\n" };
                write!(self.out, "{opening}{}", serde_json::to_string(record)?)?;
            }
        }
        self.printed += 1;
        self.out.flush()
    }

    pub fn finish(mut self) -> io::Result<()> {
        match (self.format, self.printed) {
            (Format::Json, 0) => writeln!(self.out, "[]")?,
            (Format::Json, _) => writeln!(self.out, "\n]")?,
            _ => {}
        }
        self.out.flush()
    }

    fn print_text(&mut self, record: &Record) -> io::Result<()> {
        let Record { image, width, height, observations } = record;
        writeln!(self.out, "{image}  {width}×{height}  {}", count(observations))?;
        for observation in observations {
            let kind = observation["kind"].as_str().unwrap_or("?");
            let confidence = observation["confidence"].as_f64().unwrap_or(0.0);
            write!(self.out, "  {kind}  {confidence:.2}")?;
            if let Some([x, y, w, h]) = rectangle(observation) {
                write!(self.out, "  x {x:.0}  y {y:.0}  width {w:.0}  height {h:.0}")?;
            }
            for (name, figure) in figures(observation) {
                write!(self.out, "  {name} {figure}")?;
            }
            writeln!(self.out)?;
        }
        Ok(())
    }
}

/// What an observation says in plain numbers and words, beside what every observation has.
fn figures(observation: &Value) -> impl Iterator<Item = (&str, String)> {
    let entries = observation.as_object().into_iter().flatten();
    entries.filter(|(name, _)| !["kind", "confidence"].contains(&name.as_str())).filter_map(|(name, value)| {
        let text = match value {
            Value::Number(number) => number.to_string(),
            Value::String(word) => word.clone(),
            Value::Array(points) if name == "pixels" && points.first().is_some_and(Value::is_array) => {
                return Some(("points", points.len().to_string()));
            }
            _ => return None,
        };
        Some((name.as_str(), text))
    })
}

fn rectangle(observation: &Value) -> Option<[f64; 4]> {
    let values: Vec<f64> = observation["pixels"].as_array()?.iter().filter_map(Value::as_f64).collect();
    values.try_into().ok()
}

/// "2 faces", "1 face", "nothing found".
fn count(observations: &[Value]) -> String {
    let mut kinds: Vec<(&str, usize)> = Vec::new();
    for observation in observations {
        let kind = observation["kind"].as_str().unwrap_or("?");
        match kinds.iter_mut().find(|(k, _)| *k == kind) {
            Some((_, n)) => *n += 1,
            None => kinds.push((kind, 1)),
        }
    }
    if kinds.is_empty() {
        return "nothing found".into();
    }
    let words =
        kinds.iter().map(|(kind, n)| format!("{n} {kind}{}", if *n == 1 || kind.ends_with('s') { "" } else { "s" }));
    words.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn printed(format: Format, records: &[Record]) -> String {
        let mut bytes = Vec::new();
        let mut printer = Printer::new(format, &mut bytes);
        records.iter().for_each(|r| printer.print(r).unwrap());
        printer.finish().unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn record() -> Record {
        let face = json!({"kind": "face", "confidence": 0.987, "pixels": [1.2, 2.0, 30.0, 40.6]});
        Record { image: "a.jpg".into(), width: 64, height: 48, observations: vec![face] }
    }

    #[test]
    fn text_is_for_people() {
        let expected = "a.jpg  64×48  1 face\n  face  0.99  x 1  y 2  width 30  height 41\n";
        assert_eq!(printed(Format::Text, &[record()]), expected);
    }

    #[test]
    fn text_tells_numbers_and_counts_points() {
        let marks = json!({"kind": "face_landmarks", "confidence": 0.5, "roll": -3.2, "pixels": [[1, 2], [3, 4]]});
        let record = Record { observations: vec![marks], ..record() };
        let expected = "a.jpg  64×48  1 face_landmarks\n  face_landmarks  0.50  points 2  roll -3.2\n";
        assert_eq!(printed(Format::Text, &[record]), expected);
    }

    #[test]
    fn json_is_one_valid_array_whatever_the_count() {
        for n in 0..3 {
            let records: Vec<_> = (0..n).map(|_| record()).collect();
            let array: Value = serde_json::from_str(&printed(Format::Json, &records)).unwrap();
            assert_eq!(array.as_array().unwrap().len(), n);
        }
    }

    #[test]
    fn jsonl_keeps_the_documented_keys() {
        let line: Value = serde_json::from_str(&printed(Format::Jsonl, &[record()])).unwrap();
        assert_eq!(
            (line["image"].as_str(), line["width"].as_u64(), line["height"].as_u64()),
            (Some("a.jpg"), Some(64), Some(48))
        );
        assert_eq!(line["observations"][0]["kind"], "face");
    }
}
