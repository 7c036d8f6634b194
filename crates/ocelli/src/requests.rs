//! Tuples of requests: typed in, typed out.

use ocelli_core::{AnyObservations, AnyRequest, Error, Request, Result};

/// A batch of requests whose answers have the types that the requests name: tuples of one to eight requests.
pub trait Requests {
    /// Every request's answers.
    type Outputs;
    /// Every request's answers or its own error.
    type Outcomes;

    /// The requests with their types erased, in order.
    fn into_any(self) -> Vec<AnyRequest>;

    /// Gives the answers their types back.
    fn outcomes(answers: Vec<Result<AnyObservations>>) -> Self::Outcomes;

    /// All answers, or the first error in the order of the requests.
    ///
    /// # Errors
    /// The first request's that failed.
    fn all(outcomes: Self::Outcomes) -> Result<Self::Outputs>;
}

/// The typed answers of one request.
fn typed<R: Request>(answer: Option<Result<AnyObservations>>) -> Result<Vec<R::Out>> {
    let broken = |reason: &str| Error::Contract { algorithm: R::KIND.into(), reason: reason.into() };
    let observations = answer.ok_or_else(|| broken("no answer"))??;
    observations.downcast_ref::<R>().map(<[_]>::to_vec).ok_or_else(|| broken("answers of another type"))
}

macro_rules! tuples {
    ($($request:ident $answer:ident),+) => {
        impl<$($request: Request),+> Requests for ($($request,)+) {
            type Outputs = ($(Vec<$request::Out>,)+);
            type Outcomes = ($(Result<Vec<$request::Out>>,)+);

            fn into_any(self) -> Vec<AnyRequest> {
                let ($($answer,)+) = self;
                vec![$(AnyRequest::new($answer)),+]
            }

            fn outcomes(answers: Vec<Result<AnyObservations>>) -> Self::Outcomes {
                let mut answers = answers.into_iter();
                ($(typed::<$request>(answers.next()),)+)
            }

            fn all(outcomes: Self::Outcomes) -> Result<Self::Outputs> {
                let ($($answer,)+) = outcomes;
                Ok(($($answer?,)+))
            }
        }
    };
}

tuples!(A a);
tuples!(A a, B b);
tuples!(A a, B b, C c);
tuples!(A a, B b, C c, D d);
tuples!(A a, B b, C c, D d, E e);
tuples!(A a, B b, C c, D d, E e, F f);
tuples!(A a, B b, C c, D d, E e, F f, G g);
tuples!(A a, B b, C c, D d, E e, F f, G g, H h);
