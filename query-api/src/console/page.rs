//! Rendering, and pages that say what went wrong.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use service_kit::answer::Problem;
use tracing::error;
use uuid::Uuid;

use super::entrance::Operator;

/// What a handler gives.
pub(super) type Shown = Result<Response, Failure>;

/// What stands around every page: where one is, and who one is.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// The part of the console that the page belongs to.
    pub(super) part: &'static str,
    /// Who is signed in.
    pub(super) operator: String,
    /// Until when, as `12:03 UTC`.
    pub(super) until: String,
}

/// A link at the head of every page.
pub(super) struct Link {
    pub(super) part: &'static str,
    pub(super) name: &'static str,
    /// The page belongs to it.
    pub(super) current: bool,
}

/// The parts of the console, as paths name them and as people do.
const PARTS: [(&str, &str); 5] = [
    ("projections", "Projections"),
    ("orders", "Orders"),
    ("dead-letters", "Dead letters"),
    ("owners", "Owners"),
    ("flow", "Flow"),
];

impl Frame {
    /// The links to all parts.
    pub(super) fn links(&self) -> [Link; 5] {
        PARTS.map(|(part, name)| Link { part, name, current: part == self.part })
    }

    /// The frame of a page for this operator.
    pub(super) fn of(part: &'static str, operator: &Operator) -> Self {
        Self { part, operator: operator.name(), until: operator.until() }
    }
}

/// The id of an order that a form may leave. Each form has its own, so that one that is sent twice is one order.
pub(super) fn order_id() -> Uuid {
    Uuid::now_v7()
}

/// The page, with status 200.
pub(super) fn page(template: &impl Template) -> Shown {
    Ok(Html(template.render()?).into_response())
}

/// Something that is shown instead of a page.
#[derive(Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
}

impl Failure {
    /// This status and a sentence for people.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into() }
    }

    /// There is no such thing.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        // Logged and judged as in the API.
        let status = Problem::from(error).into_response().status();
        Self::new(status, "PostgreSQL did not answer as it should; the log of query-api has the reason")
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        error!(%error, "a page of the console could not be rendered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered")
    }
}

#[derive(Template)]
#[template(path = "console/failure.html")]
struct FailurePage<'a> {
    status: u16,
    message: &'a str,
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let page = FailurePage { status: self.status.as_u16(), message: &self.message };
        let text = page.render().unwrap_or_else(|_| self.message.clone());
        (self.status, Html(text)).into_response()
    }
}
