//! Rendering, and what stands around every page.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use uuid::Uuid;

use super::entrance::Operator;
use super::failure::Failure;

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
