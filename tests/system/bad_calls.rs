//! Bad calls of every endpoint, a line each, with what must come back.

mod accounts;
mod communities;
mod inboxes;
mod matches;
mod requests;

use reqwest::Method;
use serde_json::Value;
use tests::people::{Person, Thing};

pub(crate) use self::accounts::accounts;
pub(crate) use self::communities::communities;
pub(crate) use self::inboxes::inboxes;
pub(crate) use self::matches::matches;
pub(crate) use self::requests::requests;

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Nobody,
    Stranger,
    Member,
    Founder,
}

/// A bad call and what must come back: who, method, path, body, status, code, fields.
pub(crate) type Bad = (Who, Method, String, String, u16, &'static str, &'static [&'static str]);

/// What the bad calls are about.
pub(crate) struct Stage {
    pub(crate) founder: Person,
    pub(crate) member: Person,
    pub(crate) stranger: Person,
    pub(crate) community: Thing,
    pub(crate) request: Thing,
    pub(crate) proposal: Thing,
}

/// A case whose body is JSON.
fn bad(
    who: Who,
    method: Method,
    path: &str,
    body: &Value,
    (status, code): (u16, &'static str),
    fields: &'static [&'static str],
) -> Bad {
    (who, method, path.to_owned(), body.to_string(), status, code, fields)
}

const INVALID: (u16, &str) = (400, "VALIDATION_ERROR");
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;
