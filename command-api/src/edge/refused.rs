//! Why a call was not carried out, as its caller hears it (README 5.1 of the specification).

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{Class, Refusal};
use event_schemas::CommunityId;
use serde_json::Value;
use service_kit::answer::Problem;

use crate::writer::Failure;

/// When a caller may try again after a partition moved or a commit's result was lost.
const SOON: Duration = Duration::from_secs(1);

/// The way out of a handler that is no answer.
#[derive(Debug)]
pub(crate) enum Refused {
    /// A refusal or fault for the caller.
    Problem(Problem),
    /// Another instance owns the partition; `forward` repeats the call there.
    Elsewhere(Elsewhere),
}

/// Where a call belongs: at the instance that owns the partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Elsewhere {
    /// The owner's address.
    pub(crate) address: String,
    /// The community that the call is about there, when it does not say so itself: it holds the name that was wanted.
    pub(crate) holder: Option<CommunityId>,
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Problem(problem) => problem.fmt(f),
            Self::Elsewhere(Elsewhere { address, .. }) => write!(f, "the partition is served by {address}"),
        }
    }
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<sqlx::Error> for Refused {
    fn from(error: sqlx::Error) -> Self {
        Self::Problem(error.into())
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::Problem(match failure {
            Failure::Elsewhere { address } => return Self::Elsewhere(Elsewhere { address, holder: None }),
            Failure::Refused(refusal) => problem(refusal),
            Failure::VersionConflict { current } => Problem::version_conflict(current),
            Failure::KeyReused => Problem::idempotency_key_reused(),
            Failure::Moving => moving(),
            Failure::OutcomeUnknown => outcome_unknown(),
            Failure::NotTaken => {
                Problem::unavailable("DEPENDENCY_UNAVAILABLE", "the log did not take the command", SOON)
            }
            Failure::Overloaded => Problem::overloaded(),
            Failure::Lagging(view) => Problem::unavailable(
                "DEPENDENCY_UNAVAILABLE",
                format!("the view of {view} did not catch up in time"),
                SOON,
            ),
            Failure::Fault(cause) => Problem::internal(cause),
        })
    }
}

impl From<domain::views::Lagging> for Refused {
    fn from(lagging: domain::views::Lagging) -> Self {
        Failure::Lagging(lagging.view).into()
    }
}

/// The partition has no owner at the moment.
pub(super) fn moving() -> Problem {
    Problem::unavailable("PARTITION_MOVING", "the partition is moving to another instance", SOON)
}

/// Whether the command was carried out cannot be told now.
pub(super) fn outcome_unknown() -> Problem {
    let message = "the outcome is unknown; repeat the call with the same Idempotency-Key";
    Problem::unavailable("OUTCOME_UNKNOWN", message, SOON)
}

/// A refusal of the domain in HTTP.
pub(crate) fn problem(refusal: Refusal) -> Problem {
    let Refusal { class, code, message, details } = refusal;
    let status = match class {
        Class::Invalid => StatusCode::BAD_REQUEST,
        Class::Unproven => StatusCode::UNAUTHORIZED,
        Class::Forbidden => StatusCode::FORBIDDEN,
        Class::Unknown => StatusCode::NOT_FOUND,
        Class::Conflict => StatusCode::CONFLICT,
    };
    let problem = Problem::new(status, code, message);
    let Value::Object(details) = details else { return problem };
    details.into_iter().fold(problem, |problem, (name, value)| problem.detail(&name, value))
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Problem(problem) => problem.into_response(),
            Self::Elsewhere(elsewhere) => {
                let mut response = moving().into_response();
                response.extensions_mut().insert(elsewhere);
                response
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::http::StatusCode;
    use axum::http::header::RETRY_AFTER;
    use axum::response::IntoResponse;
    use domain::{Class, Refusal};

    use super::{Elsewhere, Refused};
    use crate::writer::Failure;

    #[test]
    fn every_failure_has_the_status_and_code_of_the_specification() {
        let refusal = |class| Failure::Refused(Refusal::new(class, "CODE", "no"));
        let table = [
            (refusal(Class::Invalid), 400, "CODE"),
            (refusal(Class::Unproven), 401, "CODE"),
            (refusal(Class::Forbidden), 403, "CODE"),
            (refusal(Class::Unknown), 404, "CODE"),
            (refusal(Class::Conflict), 409, "CODE"),
            (Failure::VersionConflict { current: 7 }, 412, "VERSION_CONFLICT"),
            (Failure::KeyReused, 422, "IDEMPOTENCY_KEY_REUSED"),
            (Failure::Fault("x".to_owned()), 500, "INTERNAL_ERROR"),
            (Failure::Moving, 503, "PARTITION_MOVING"),
            (Failure::OutcomeUnknown, 503, "OUTCOME_UNKNOWN"),
            (Failure::NotTaken, 503, "DEPENDENCY_UNAVAILABLE"),
            (Failure::Overloaded, 503, "OVERLOADED"),
            (Failure::Lagging("memberships"), 503, "DEPENDENCY_UNAVAILABLE"),
        ];
        for (failure, status, code) in table {
            let Refused::Problem(problem) = Refused::from(failure.clone()) else { panic!("{failure}") };
            assert_eq!((problem.status().as_u16(), problem.code()), (status, code), "{failure}");
            let retry_after = problem.into_response().headers().contains_key(RETRY_AFTER);
            assert_eq!(retry_after, status == 503, "{failure}");
        }
    }

    #[test]
    fn a_command_for_another_instance_says_which() {
        let refused = Refused::from(Failure::Elsewhere { address: "http://b".to_owned() });
        let response = refused.into_response();
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            response.extensions().get(),
            Some(&Elsewhere { address: "http://b".to_owned(), holder: None })
        );
    }
}
