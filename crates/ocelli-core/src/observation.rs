//! Observations: typed answers, and the erased form that printing and drawing need.

use crate::{Device, NormalizedPoint, NormalizedRect, Request};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;

/// One answer to a request.
///
/// Required: a name, a confidence and where it came from; by default there is nothing to draw, and the JSON record
/// follows from the rest.
pub trait Observation: Clone + Debug + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// What it is, singular: `"face"`.
    const KIND: &'static str;

    /// How sure the algorithm is, 0 to 1.
    fn confidence(&self) -> f32;

    /// Who made it, and how.
    fn provenance(&self) -> &Arc<Provenance>;

    /// What to draw on a picture to show it. Default nothing: an answer about the whole picture.
    fn shapes(&self) -> Vec<Shape> {
        Vec::new()
    }

    /// The answer as a JSON object for people and programs: `kind`, `confidence`, and for the first rectangle
    /// among its shapes `pixels` and `normalized`, both `[x, y, width, height]` in the upright original;
    /// `incomplete`, true, where the deadline cut the search short.
    fn record(&self) -> Value {
        let mut record = json!({"kind": Self::KIND, "confidence": rounded(f64::from(self.confidence()), 4)});
        let rect = self.shapes().into_iter().find_map(|shape| match shape {
            Shape::Rect(rect) => Some(rect),
            Shape::Points(_) => None,
        });
        if let Some(rect) = rect {
            let p = rect.to_pixels();
            record["pixels"] = [p.x, p.y, p.width, p.height].map(|v| rounded(v, 2)).to_vec().into();
            record["normalized"] =
                [rect.x(), rect.y(), rect.width(), rect.height()].map(|v| rounded(v, 6)).to_vec().into();
        }
        if self.provenance().incomplete {
            record["incomplete"] = true.into();
        }
        record
    }
}

/// A number with at most this many decimals: what a record promises to be stable.
fn rounded(value: f64, decimals: i32) -> f64 {
    let unit = 10f64.powi(decimals);
    (value * unit).round() / unit
}

/// Implements [`Observation`] for a struct with fields `confidence` (`f32`) and `provenance` (`Arc<Provenance>`).
///
/// After the kind come the names of the fields to draw, if any: what converts into a [`Shape`].
///
/// ```
/// # use ocelli_core::{NormalizedRect, Observation, Provenance, impl_observation};
/// # use std::sync::Arc;
/// #[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
/// struct Cat {
///     rect: NormalizedRect,
///     confidence: f32,
///     provenance: Arc<Provenance>,
/// }
/// impl_observation!(Cat, "cat", rect);
/// assert_eq!(Cat::KIND, "cat");
/// ```
#[macro_export]
macro_rules! impl_observation {
    ($observation:ty, $kind:literal $(, $shape:ident)* $(,)?) => {
        impl $crate::Observation for $observation {
            const KIND: &'static str = $kind;

            fn confidence(&self) -> f32 {
                self.confidence
            }

            fn provenance(&self) -> &::std::sync::Arc<$crate::Provenance> {
                &self.provenance
            }

            fn shapes(&self) -> ::std::vec::Vec<$crate::Shape> {
                ::std::vec![$($crate::Shape::from(self.$shape.clone())),*]
            }
        }
    };
}

impl From<NormalizedRect> for Shape {
    fn from(rect: NormalizedRect) -> Self {
        Self::Rect(rect)
    }
}

impl From<Vec<NormalizedPoint>> for Shape {
    fn from(points: Vec<NormalizedPoint>) -> Self {
        Self::Points(points)
    }
}

/// Something to draw on the upright picture.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Shape {
    /// A box.
    Rect(NormalizedRect),
    /// Dots.
    Points(Vec<NormalizedPoint>),
}

/// Who made an observation, and how: shared by all answers of one run.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Provenance {
    /// Name of the algorithm.
    pub algorithm: String,
    /// Frozen behaviour number of the algorithm.
    pub revision: u32,
    /// Where it ran.
    pub device: Device,
    /// What was assumed or replaced on the way, for a person to read.
    pub warnings: Vec<String>,
    /// Whether the deadline passed before everything was searched: there may be more to find.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub incomplete: bool,
}

impl Provenance {
    /// A run of `algorithm` at `revision` on the processor, without warnings.
    pub fn new(algorithm: impl Into<String>, revision: u32) -> Self {
        Self { algorithm: algorithm.into(), revision, device: Device::Cpu, warnings: Vec::new(), incomplete: false }
    }
}

/// The answers to one [`AnyRequest`](crate::AnyRequest), most confident first.
#[derive(Clone, Debug)]
pub struct AnyObservations {
    kind: &'static str,
    inner: Arc<dyn Erased>,
    incomplete: bool,
}

trait Erased: Any + Debug + Send + Sync {
    fn len(&self) -> usize;
    fn records(&self) -> Vec<Value>;
    fn shapes(&self) -> Vec<(f32, Vec<Shape>)>;
}

impl<O: Observation> Erased for Vec<O> {
    fn len(&self) -> usize {
        Vec::len(self)
    }
    fn records(&self) -> Vec<Value> {
        self.iter().map(O::record).collect()
    }
    fn shapes(&self) -> Vec<(f32, Vec<Shape>)> {
        self.iter().map(|o| (o.confidence(), o.shapes())).collect()
    }
}

impl AnyObservations {
    /// Wraps the answers to a request of type `R`.
    pub fn new<R: Request>(observations: Vec<R::Out>) -> Self {
        Self { kind: R::KIND, inner: Arc::new(observations), incomplete: false }
    }

    /// These answers, marked as not being all.
    pub fn incomplete(mut self) -> Self {
        self.incomplete = true;
        self
    }

    /// Whether the deadline passed before everything was searched: there may be more to find.
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// The name of the request's type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// Number of answers.
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every answer's [`Observation::record`].
    pub fn records(&self) -> Vec<Value> {
        self.inner.records()
    }

    /// Every answer's confidence and shapes to draw.
    pub fn shapes(&self) -> Vec<(f32, Vec<Shape>)> {
        self.inner.shapes()
    }

    /// The typed answers, if the request was of type `R`.
    pub fn downcast_ref<R: Request>(&self) -> Option<&[R::Out]> {
        (self.inner.as_ref() as &dyn Any).downcast_ref::<Vec<R::Out>>().map(Vec::as_slice)
    }
}
