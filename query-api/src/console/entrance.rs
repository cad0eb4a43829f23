//! The way in: an operator's access token in a form, kept in a cookie that only these pages get and no script can read.
//!
//! The cookie lives as long as the token. It is the token itself, so there is no session to keep: a login that is revoked is
//! out at once, as everywhere. A token of `karmyq console` belongs to no login and ends by itself after 15 minutes.

use std::sync::Arc;

use askama::Template;
use axum::extract::{FromRequestParts, State};
use axum::http::header::{COOKIE, LOCATION, ORIGIN, REFERER, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{Html, IntoResponse, Redirect, Response};
use chrono::{DateTime, Utc};
use service_kit::auth::{Authenticator, Claims, TokenError};
use service_kit::middleware::Uncounted;

use super::failure::Failure;
use super::form::{self, Form};
use super::page::{Shown, page};
use crate::app::App;
use crate::params::{Params, encoded};

/// Name of the cookie.
const NAME: &str = "karmyq_console";

/// Where one lands after the entrance.
pub(super) const HOME: &str = "/console/projections";

/// A signed-in operator. A page with this argument sends everybody else to the entrance.
#[derive(Clone, Debug)]
pub(super) struct Operator(Arc<Claims>);

impl Operator {
    /// Who it is: in orders, in what is discarded, at the head of a page. An id, because these stand in tables.
    pub(super) fn name(&self) -> String {
        format!("operator {}", self.0.user_id)
    }

    /// Until when the token counts.
    pub(super) fn until(&self) -> String {
        let at = DateTime::<Utc>::from_timestamp(self.0.exp, 0);
        at.map_or_else(String::new, |at| at.format("%H:%M UTC").to_string())
    }
}

impl FromRequestParts<App> for Operator {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Response> {
        if form::is_foreign(&parts.headers) {
            let message = "pages of the console are for the address bar, links and the console itself";
            return Err(Failure::new(StatusCode::FORBIDDEN, message).into_response());
        }
        let Some(token) = cookie(&parts.headers) else { return Err(to_entrance(parts)) };
        match app.authenticator.authenticate(token) {
            Ok(claims) if claims.is_operator() => Ok(Self(claims)),
            Ok(_) => Err(Failure::new(StatusCode::FORBIDDEN, NOT_OPERATOR).into_response()),
            Err(TokenError::RevocationsUnknown) => Err(unknown().into_response()),
            Err(TokenError::Invalid | TokenError::Expired) => Err(to_entrance(parts)),
        }
    }
}

const NOT_OPERATOR: &str =
    "this token is not an operator's: the console is for the accounts that OPERATORS names";

fn unknown() -> Failure {
    Failure::unavailable("sessions cannot be checked at the moment")
}

/// Calls of operators: a page that renews itself must not use up what everybody at that address may ask for.
pub(crate) fn uncounted(authenticator: &Authenticator) -> Uncounted {
    let authenticator = authenticator.clone();
    Uncounted::new(move |headers| {
        let claims = cookie(headers).map(|token| authenticator.authenticate(token));
        claims.is_some_and(|it| it.is_ok_and(|it| it.is_operator()))
    })
}

/// Back to the page afterwards. What a form asked for is not repeated: whoever sent it is told, sees its page again and decides.
fn to_entrance(parts: &Parts) -> Response {
    let read = parts.method == Method::GET;
    let page = if read { Some(parts.uri.clone()) } else { referrer(&parts.headers) };
    let page = page.as_ref().and_then(Uri::path_and_query).map_or(HOME, |it| it.as_str());
    let lost = if read { "" } else { "&lost=form" };
    Redirect::to(&format!("/console/login?next={}{lost}", encoded(page))).into_response()
}

fn cookie(headers: &HeaderMap) -> Option<&str> {
    let all = headers.get_all(COOKIE).into_iter().filter_map(|it| it.to_str().ok());
    all.flat_map(|it| it.split(';')).find_map(|it| it.trim().strip_prefix(NAME)?.strip_prefix('='))
}

#[derive(Template)]
#[template(path = "console/login.html")]
struct LoginPage {
    next: String,
    refusal: &'static str,
}

/// GET /console/login.
pub(super) async fn show(parts: Parts) -> Shown {
    let params = Params::of_query(parts.uri.query());
    let refusal = if params.text("lost").is_some() { LOST } else { "" };
    page(&LoginPage { next: next(&params), refusal })
}

/// POST /console/login: `token`, and `next`, the page to go to.
pub(super) async fn log_in(State(app): State<App>, headers: HeaderMap, Form(form): Form) -> Shown {
    if over(&headers) == Over::Plain {
        let page = LoginPage { next: next(&form), refusal: PLAIN }.render()?;
        return Ok((StatusCode::BAD_REQUEST, Html(page)).into_response());
    }
    let token = form.text("token").unwrap_or_default();
    // Pasted from an answer, a header or a shell, as it comes.
    let token = token.trim_matches('"').trim_start_matches("Bearer ").trim();
    let (status, refusal) = match app.authenticator.authenticate(token) {
        Ok(claims) if claims.is_operator() => {
            let left = claims.exp - Utc::now().timestamp();
            let cookie = format!("{NAME}={token}; Max-Age={left}{}", attributes(&headers));
            return Ok(
                (StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, next(&form))]).into_response()
            );
        }
        Ok(_) => (StatusCode::FORBIDDEN, NOT_OPERATOR),
        Err(TokenError::RevocationsUnknown) => return Err(unknown()),
        Err(TokenError::Expired) => (StatusCode::UNAUTHORIZED, "this token has expired"),
        Err(TokenError::Invalid) => (StatusCode::UNAUTHORIZED, "this is no access token of this system"),
    };
    let page = LoginPage { next: next(&form), refusal }.render()?;
    Ok((status, Html(page)).into_response())
}

/// POST /console/logout.
pub(super) async fn log_out(headers: HeaderMap, Form(_): Form) -> Shown {
    let cookie = format!("{NAME}=; Max-Age=0{}", attributes(&headers));
    Ok((StatusCode::SEE_OTHER, [(SET_COOKIE, cookie), (LOCATION, "/console/login".to_owned())])
        .into_response())
}

const LOST: &str =
    "you were not signed in any more, so what you asked for was not done: sign in, and ask again";

const PLAIN: &str = "this page came over plain HTTP, where anybody on the way could read the token and the browser would not \
                     keep it: reach query-api over TLS, or on its own machine";

/// How a form came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Over {
    /// Over TLS, to a proxy before us; or the browser does not say, and finds out.
    Tls,
    /// From this machine, without any.
    Loopback,
    /// From elsewhere, without any.
    Plain,
}

fn over(headers: &HeaderMap) -> Over {
    let origin = headers.get(ORIGIN).and_then(|it| it.to_str().ok());
    let Some(host) = origin.and_then(|it| it.strip_prefix("http://")) else { return Over::Tls };
    let name = host.rsplit_once(':').filter(|(_, port)| !port.contains(']')).map_or(host, |(name, _)| name);
    if matches!(name, "localhost" | "127.0.0.1" | "[::1]") { Over::Loopback } else { Over::Plain }
}

/// Of the cookie: for TLS alone, except on this machine.
fn attributes(headers: &HeaderMap) -> String {
    let secure = if over(headers) == Over::Loopback { "" } else { "; Secure" };
    format!("; Path=/console; HttpOnly; SameSite=Strict{secure}")
}

/// The page that was wanted; never anything outside of the console.
fn next(params: &Params) -> String {
    params.text("next").filter(|it| is_page(it)).unwrap_or_else(|| HOME.to_owned())
}

/// The page that a form or a link was on.
pub(super) fn referrer(headers: &HeaderMap) -> Option<Uri> {
    headers.get(REFERER)?.to_str().ok()?.parse().ok()
}

/// Whether a path leads into the console and nowhere else.
pub(super) fn is_page(path: &str) -> bool {
    let plain = path.bytes().all(|it| it.is_ascii_graphic() && it != b'\\') && !path.contains("..");
    path.starts_with("/console/") && plain
}
