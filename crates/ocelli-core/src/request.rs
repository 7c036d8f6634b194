//! Requests: what a caller asks of one picture, typed and by name.

use crate::{Cancel, Device, Error, Observation, Priority, Progress, Region, Result, check_fraction};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

/// A question about one picture; names the type of its answers.
///
/// A request is plain data: parameters with serde, plus the [`RequestOptions`] that every request has. To make one
/// of your own, hold a `RequestOptions` in a `#[serde(flatten)]` field named `options` and call [`impl_request!`](crate::impl_request).
pub trait Request: Clone + Debug + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// What one answer is.
    type Out: Observation;

    /// The name of the request in the dynamic form, plural: `"faces"`.
    const KIND: &'static str;

    /// What every request has.
    fn options(&self) -> &RequestOptions;

    /// What every request has, for the builder methods of [`RequestExt`].
    fn options_mut(&mut self) -> &mut RequestOptions;

    /// Checks the parameters; called before anything is decoded. By default the common options only.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the parameter and what would be accepted.
    fn validate(&self) -> Result<()> {
        self.options().validate()
    }
}

/// Implements [`Request`] for a struct that keeps its [`RequestOptions`] in a field named `options`.
///
/// ```
/// # use ocelli_core::{FaceObservation, Request, RequestOptions, impl_request};
/// #[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
/// struct DetectCats {
///     #[serde(flatten)]
///     options: RequestOptions,
/// }
/// impl_request!(DetectCats => FaceObservation, "cats");
/// assert_eq!(DetectCats::KIND, "cats");
/// ```
#[macro_export]
macro_rules! impl_request {
    ($request:ty => $out:ty, $kind:literal) => {
        impl $crate::Request for $request {
            type Out = $out;
            const KIND: &'static str = $kind;

            fn options(&self) -> &$crate::RequestOptions {
                &self.options
            }

            fn options_mut(&mut self) -> &mut $crate::RequestOptions {
                &mut self.options
            }
        }
    };
}

/// What every request has. Set through the methods of [`RequestExt`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct RequestOptions {
    /// Part of the picture to search; `None` is all of it. Sizes given to the request refer to this part.
    pub region: Option<Region>,
    /// Least confidence of an answer, 0 to 1; `None` leaves it to the algorithm's own default.
    pub threshold: Option<f32>,
    /// Most answers, the most confident first; `None` is no limit.
    pub max_count: Option<usize>,
    /// Name of the algorithm to use; `None` is the best one registered.
    pub algorithm: Option<String>,
    /// Revision of the algorithm to use; `None` is the newest.
    pub revision: Option<u32>,
    /// Where to run.
    pub device: Device,
    /// How urgent.
    pub priority: Priority,
    /// Time allowed, counted from the call.
    pub deadline: Option<Duration>,
    /// The caller's switch to stop it.
    #[serde(skip)]
    pub cancel: Option<Cancel>,
    /// The caller's ear for how far it has come.
    #[serde(skip)]
    pub progress: Option<Progress>,
}

impl RequestOptions {
    /// Checks what every request has.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a threshold outside `0..=1`.
    pub fn validate(&self) -> Result<()> {
        self.threshold.map_or(Ok(()), |t| check_fraction("threshold", t))
    }
}

/// Builder methods that every [`Request`] has.
pub trait RequestExt: Request {
    /// Searches only this part of the picture.
    fn region(mut self, region: Region) -> Self {
        self.options_mut().region = Some(region);
        self
    }

    /// Drops answers less confident than this, 0 to 1.
    fn threshold(mut self, threshold: f32) -> Self {
        self.options_mut().threshold = Some(threshold);
        self
    }

    /// Keeps at most this many answers, the most confident ones.
    fn max_count(mut self, count: usize) -> Self {
        self.options_mut().max_count = Some(count);
        self
    }

    /// Chooses the algorithm by name.
    fn algorithm(mut self, name: impl Into<String>) -> Self {
        self.options_mut().algorithm = Some(name.into());
        self
    }

    /// Chooses the algorithm's revision, for results that stay the same over upgrades.
    fn revision(mut self, revision: u32) -> Self {
        self.options_mut().revision = Some(revision);
        self
    }

    /// Chooses where to run.
    fn device(mut self, device: Device) -> Self {
        self.options_mut().device = device;
        self
    }

    /// Says how urgent it is.
    fn priority(mut self, priority: Priority) -> Self {
        self.options_mut().priority = priority;
        self
    }

    /// Returns after this time with what is found by then, marked [incomplete](crate::Provenance::incomplete); with
    /// [`Error::DeadlineExceeded`] where that is nothing.
    fn deadline(mut self, time: Duration) -> Self {
        self.options_mut().deadline = Some(time);
        self
    }

    /// Lets this switch stop it.
    fn cancel(mut self, cancel: &Cancel) -> Self {
        self.options_mut().cancel = Some(cancel.clone());
        self
    }

    /// Hears how far it has come.
    fn on_progress(mut self, callback: impl Fn(f32) + Send + Sync + 'static) -> Self {
        self.options_mut().progress = Some(Progress::new(callback));
        self
    }
}

impl<R: Request> RequestExt for R {}

/// A request of any type: the dynamic form, for batches that are known only at run time.
#[derive(Clone, Debug)]
pub struct AnyRequest {
    kind: &'static str,
    inner: Arc<dyn Erased>,
}

trait Erased: Any + Debug + Send + Sync {
    fn options(&self) -> &RequestOptions;
    fn validate(&self) -> Result<()>;
    fn to_json(&self) -> Value;
}

impl<R: Request> Erased for R {
    fn options(&self) -> &RequestOptions {
        Request::options(self)
    }
    fn validate(&self) -> Result<()> {
        Request::validate(self)
    }
    fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

impl AnyRequest {
    /// Wraps a typed request.
    pub fn new<R: Request>(request: R) -> Self {
        Self { kind: R::KIND, inner: Arc::new(request) }
    }

    /// Reads a request of type `R` from its parameters as a JSON object; left-out ones take their defaults.
    ///
    /// # Errors
    /// [`Error::Parameter`] for a wrong type, a value out of range, or a parameter that `R` does not have.
    pub fn from_json<R: Request>(parameters: &Value) -> Result<Self> {
        let request: R = serde_json::from_value(parameters.clone()).map_err(|e| {
            Error::parameter(format!("request {}", R::KIND), parameters, format!("its parameters ({e})"))
        })?;
        let request = Self::new(request);
        request.refuse_unknown(parameters)?;
        request.validate()?;
        Ok(request)
    }

    /// `serde(flatten)` cannot refuse unknown fields, so what came in is compared with what the type holds.
    fn refuse_unknown(&self, parameters: &Value) -> Result<()> {
        let known = self.to_json();
        let (Some(given), Some(known)) = (parameters.as_object(), known.as_object()) else { return Ok(()) };
        match given.keys().find(|key| !known.contains_key(*key)) {
            None => Ok(()),
            Some(key) => {
                let names: Vec<_> = known.keys().map(String::as_str).collect();
                let name = format!("parameter of request {}", self.kind);
                Err(Error::parameter(name, format!("{key:?}"), format!("one of {}", names.join(", "))))
            }
        }
    }

    /// The name of the request's type.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// What every request has.
    pub fn options(&self) -> &RequestOptions {
        self.inner.options()
    }

    /// Checks the parameters.
    ///
    /// # Errors
    /// [`Error::Parameter`] naming the parameter.
    pub fn validate(&self) -> Result<()> {
        self.inner.validate()
    }

    /// The parameters as a JSON object, every one present.
    pub fn to_json(&self) -> Value {
        self.inner.to_json()
    }

    /// The typed request, if it is of type `R`.
    pub fn downcast_ref<R: Request>(&self) -> Option<&R> {
        (self.inner.as_ref() as &dyn Any).downcast_ref()
    }
}
