//! Pages that say what went wrong, with the way back to where the operator came from.
//!
//! A handler tells no more than a [`Failure`]. [`dress`], around everything else that a request passes, makes a page of it,
//! and of what was refused on the way to a handler (overload, too many calls, another method), if the caller is a browser.

use askama::Template;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use serde_json::Value;
use service_kit::answer::Problem;
use service_kit::middleware::Dress;
use tracing::error;

use super::entrance::{HOME, is_page, referrer};

/// Longest refusal that is read; ours have a few hundred bytes.
const LONGEST: usize = 64 * 1024;

/// Something that is shown instead of a page.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    status: StatusCode,
    message: String,
    retry_after: Option<HeaderValue>,
}

impl Failure {
    /// This status and a sentence for people.
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), retry_after: None }
    }

    /// There is no such thing.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no such {what}"))
    }

    /// 503: something that may be over in a moment.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        let retry_after = Some(HeaderValue::from_static("1"));
        Self { retry_after, ..Self::new(StatusCode::SERVICE_UNAVAILABLE, message) }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        // Logged and judged as in the API.
        let judged = Problem::from(error).into_response();
        let message = "PostgreSQL did not answer as it should; the log of query-api has the reason";
        Self {
            retry_after: judged.headers().get(RETRY_AFTER).cloned(),
            ..Self::new(judged.status(), message)
        }
    }
}

impl From<askama::Error> for Failure {
    fn from(error: askama::Error) -> Self {
        error!(%error, "a page of the console could not be rendered");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be rendered")
    }
}

/// As text, for [`dress`] to find.
impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, self.message.clone()).into_response();
        if let Some(after) = &self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, after.clone());
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// For calls of the console: makes a page of an answer that says what went wrong and is none yet. What no handler of the
/// console has said stays as it is for those who do not ask for a page.
pub(crate) fn dress(request: &Request) -> Option<Dress> {
    let path = request.uri().path();
    if path != "/console" && !path.starts_with("/console/") {
        return None;
    }
    let (ways, wanted) = (Ways::of(request), wants_pages(request.headers()));
    Some(Box::new(move |response| dressed(response, ways, wanted).boxed()))
}

async fn dressed(response: Response, ways: Ways, wanted: bool) -> Response {
    let (mut parts, body) = response.into_parts();
    let message = if let Some(failure) = parts.extensions.remove::<Failure>() {
        failure.message
    } else if wanted && is_refusal(parts.status, &parts.headers) {
        let text = to_bytes(body, LONGEST).await.unwrap_or_default();
        said(&text).unwrap_or_else(|| parts.status.to_string())
    } else {
        return Response::from_parts(parts, body);
    };
    let page = ways.page(parts.status, &parts.headers, &message);
    let Ok(page) = page.render().inspect_err(|error| error!(%error, "a failure could not be rendered"))
    else {
        return (parts.status, message).into_response();
    };
    parts.headers.remove(CONTENT_LENGTH);
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    super::protect(&mut parts.headers);
    Response::from_parts(parts, page.into())
}

/// Whether a browser asks for something that it shows: others are content with anything.
fn wants_pages(headers: &HeaderMap) -> bool {
    let all = headers.get_all(ACCEPT).into_iter().filter_map(|it| it.to_str().ok());
    all.flat_map(|it| it.split(',')).any(|it| it.split(';').next().unwrap_or_default().trim() == "text/html")
}

/// Whether this says what went wrong, and is no page.
fn is_refusal(status: StatusCode, headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    (status.is_client_error() || status.is_server_error()) && !kind.starts_with("text/html")
}

/// The sentence for people in the envelope of the API, or all of what is no envelope.
fn said(body: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(body).ok().filter(|it| !it.is_empty())?;
    let problem: Value = serde_json::from_str(text).unwrap_or_default();
    Some(problem["error"]["message"].as_str().unwrap_or(text).to_owned())
}

/// Where somebody may go who sees a failure.
struct Ways {
    /// The page of the console that they came from, if they came from one.
    back: Option<String>,
    /// The page that they wanted, unless they sent a form.
    again: Option<String>,
}

impl Ways {
    fn of(request: &Request) -> Self {
        let again = (request.method() == Method::GET).then(|| path(request.uri())).flatten();
        let back = referrer(request.headers()).as_ref().and_then(path);
        let elsewhere = |it: &String| Some(it) != again.as_ref() && !it.starts_with("/console/login");
        Self { back: back.filter(elsewhere), again }
    }

    fn page<'a>(&'a self, status: StatusCode, headers: &'a HeaderMap, message: &'a str) -> FailurePage<'a> {
        let passing = matches!(status, StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS);
        FailurePage {
            status: status.as_u16(),
            message,
            back: self.back.as_deref(),
            again: self.again.as_deref().filter(|_| passing),
            seconds: headers.get(RETRY_AFTER).and_then(|it| it.to_str().ok()),
            home: HOME,
        }
    }
}

/// Path and query, if that is a page of ours.
fn path(uri: &Uri) -> Option<String> {
    uri.path_and_query().map(|it| it.as_str().to_owned()).filter(|it| is_page(it))
}

#[derive(Template)]
#[template(path = "console/failure.html")]
struct FailurePage<'a> {
    status: u16,
    message: &'a str,
    /// Where the operator came from.
    back: Option<&'a str>,
    /// What to ask for again.
    again: Option<&'a str>,
    /// After how long.
    seconds: Option<&'a str>,
    home: &'a str,
}
