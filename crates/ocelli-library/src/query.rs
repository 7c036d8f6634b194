//! Expressions over entries: `faces >= 2 and width > 1000`.
//!
//! ```text
//! expression := term ("or" term)*          term := factor ("and" factor)*
//! factor     := "not" factor | "(" expression ")" | field [operator value]
//! operator   := "=" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "~"          ~ asks whether a text contains another
//! ```
//!
//! Five kinds of token do not repay a parser library, and here the messages can say where and what to do.

mod parse;

use crate::entry::{Answer, Entry};
use crate::error::{LibraryError, Result};
use crate::stats::Stats;
use serde_json::Value;

/// A parsed expression.
///
/// A field is `path`, `format`, `width`, `height`, `bytes`, `error`, `gone`, the kind of a request, which stands for its
/// number of observations (`faces`), or that kind and `.confidence`, the highest one. Without an operator a field holds where it is
/// neither zero nor empty.
///
/// ```
/// use ocelli_library::Query;
/// assert!(Query::parse("faces >= 2 and not path ~ 'trash'").is_ok());
/// assert!(Query::parse("faces >=").unwrap_err().to_string().contains("expected a value"));
/// ```
#[derive(Clone, Debug)]
pub struct Query {
    text: String,
    tree: Tree,
}

#[derive(Clone, Debug, PartialEq)]
enum Tree {
    Any(Vec<Tree>),
    All(Vec<Tree>),
    Not(Box<Tree>),
    Is(Field, Option<(Operator, Operand)>),
}

#[derive(Clone, Debug, PartialEq)]
enum Field {
    Path,
    Format,
    Width,
    Height,
    Bytes,
    Error,
    Gone,
    Count(String),
    Confidence(String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Operator {
    Equal,
    Unequal,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
}

/// What a field comes to, or a literal.
#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Number(f64),
    Text(String),
}

impl Query {
    /// Reads an expression.
    ///
    /// # Errors
    /// [`LibraryError::Query`] saying where it breaks off and what was expected there.
    pub fn parse(text: &str) -> Result<Self> {
        let tree = parse::parse(text).map_err(|problem| LibraryError::Query { text: text.to_owned(), problem })?;
        Ok(Self { text: text.to_owned(), tree })
    }

    /// Whether the expression holds for an entry.
    pub fn holds(&self, entry: &Entry) -> bool {
        self.tree.holds(entry)
    }

    /// Refuses kinds of observation that the library never asked for: most likely they are misspelt.
    pub(crate) fn check(&self, stats: &Stats) -> Result<()> {
        let mut kinds = Vec::new();
        self.tree.kinds(&mut kinds);
        match kinds.into_iter().find(|kind| !stats.kinds.contains_key(*kind)) {
            None => Ok(()),
            Some(unknown) => {
                let known: Vec<_> = stats.kinds.keys().map(String::as_str).collect();
                let fields = "path, format, width, height, bytes, error, gone";
                let problem = format!("unknown field {unknown:?}; known are {fields} and {}", known.join(", "));
                Err(LibraryError::Query { text: self.text.clone(), problem })
            }
        }
    }
}

impl Tree {
    fn holds(&self, entry: &Entry) -> bool {
        match self {
            Self::Any(parts) => parts.iter().any(|part| part.holds(entry)),
            Self::All(parts) => parts.iter().all(|part| part.holds(entry)),
            Self::Not(part) => !part.holds(entry),
            Self::Is(field, None) => match field.of(entry) {
                Operand::Number(number) => number != 0.0,
                Operand::Text(text) => !text.is_empty(),
            },
            Self::Is(field, Some((operator, operand))) => operator.holds(&field.of(entry), operand),
        }
    }

    fn kinds<'a>(&'a self, found: &mut Vec<&'a str>) {
        match self {
            Self::Any(parts) | Self::All(parts) => parts.iter().for_each(|part| part.kinds(found)),
            Self::Not(part) => part.kinds(found),
            Self::Is(Field::Count(kind) | Field::Confidence(kind), _) => found.push(kind),
            Self::Is(..) => {}
        }
    }
}

impl Field {
    fn is_number(&self) -> bool {
        !matches!(self, Self::Path | Self::Format | Self::Error)
    }

    fn of(&self, entry: &Entry) -> Operand {
        let side = |side: fn(&crate::PictureInfo) -> u32| {
            Operand::Number(entry.picture.as_ref().map_or(0.0, |picture| side(picture).into()))
        };
        match self {
            Self::Path => Operand::Text(entry.path.to_string_lossy().into_owned()),
            Self::Format => Operand::Text(entry.picture.as_ref().map(|p| p.format.clone()).unwrap_or_default()),
            Self::Width => side(|picture| picture.width),
            Self::Height => side(|picture| picture.height),
            Self::Bytes => Operand::Number(entry.stamp.bytes as f64),
            Self::Error => Operand::Text(entry.first_error().unwrap_or_default().to_owned()),
            Self::Gone => Operand::Number(u8::from(entry.gone).into()),
            Self::Count(kind) => Operand::Number(observations(entry, kind).count() as f64),
            Self::Confidence(kind) => {
                let confidences = observations(entry, kind).filter_map(|o| o["confidence"].as_f64());
                Operand::Number(confidences.fold(0.0, f64::max))
            }
        }
    }
}

fn observations<'a>(entry: &'a Entry, kind: &'a str) -> impl Iterator<Item = &'a Value> {
    entry.of_kind(kind).flat_map(|answer: &Answer| &answer.observations)
}

impl Operator {
    fn holds(self, left: &Operand, right: &Operand) -> bool {
        let order = match (left, right) {
            (Operand::Number(a), Operand::Number(b)) => a.partial_cmp(b),
            (a, b) => Some(a.text().cmp(&b.text())),
        };
        match (self, order) {
            (Self::Contains, _) => left.text().contains(&right.text()),
            (Self::Unequal, order) => order.is_none_or(|o| o.is_ne()),
            (_, None) => false,
            (Self::Equal, Some(order)) => order.is_eq(),
            (Self::Less, Some(order)) => order.is_lt(),
            (Self::AtMost, Some(order)) => order.is_le(),
            (Self::More, Some(order)) => order.is_gt(),
            (Self::AtLeast, Some(order)) => order.is_ge(),
        }
    }
}

impl Operand {
    fn text(&self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Text(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PictureInfo, Stamp};
    use serde_json::json;

    fn entry() -> Entry {
        let faces = vec![json!({"kind": "face", "confidence": 0.9}), json!({"kind": "face", "confidence": 0.6})];
        let answer = Answer { kind: "faces".into(), observations: faces, incomplete: false, error: None };
        Entry {
            path: "/photos/trip/a.jpg".into(),
            stamp: Stamp { bytes: 4096, modified: 0 },
            picture: Some(PictureInfo { width: 640, height: 480, format: "JPEG".into() }),
            answers: [("faces by deep".to_owned(), answer)].into(),
            ..Entry::default()
        }
    }

    #[test]
    fn expressions_hold_or_do_not() {
        let cases = [
            ("faces >= 2", true),
            ("faces > 2", false),
            ("faces", true),
            ("not faces", false),
            ("faces = 2 and width < 640 or path ~ trip", true),
            ("faces = 2 and (width < 640 or path ~ 'trop')", false),
            ("faces.confidence >= 0.9", true),
            ("format == JPEG and bytes <= 4096", true),
            ("error or gone", false),
            ("path != \"/photos/trip/a.jpg\"", false),
            ("NOT (faces = 1) AND height = 480", true),
        ];
        for (text, holds) in cases {
            assert_eq!(Query::parse(text).unwrap().holds(&entry()), holds, "{text}");
        }
    }

    #[test]
    fn mistakes_say_where_and_what() {
        for (text, word) in [
            ("", "expected a field"),
            ("faces >=", "expected a value"),
            ("faces => 2", "unknown operator"),
            ("(faces", "expected )"),
            ("faces 2", "expected an operator"),
            ("faces > two", "expected a number"),
            ("faces = 'two", "no closing"),
            ("faces.size > 1", "unknown part"),
            ("2 > faces", "expected a field"),
            (&"(".repeat(10_000), "nested too deeply"),
        ] {
            let error = Query::parse(text).unwrap_err().to_string();
            assert!(error.contains(word), "{text:.20}: {error:.200}");
        }
    }

    #[test]
    fn misspelt_kinds_are_refused() {
        let stats = Stats::of([Ok(entry())].into_iter()).unwrap();
        assert!(Query::parse("faces").unwrap().check(&stats).is_ok());
        let error = Query::parse("width and fases").unwrap().check(&stats).unwrap_err().to_string();
        assert!(error.contains("fases") && error.contains("and faces"), "{error}");
    }
}
