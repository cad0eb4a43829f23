//! What a form of ours sends. A page from elsewhere may make a browser send the same: its cookie would not come along
//! (`SameSite=Strict`), and it is refused here before anything is looked at.

use axum::extract::{FromRequest, Request};
use axum::http::header::{HOST, ORIGIN};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use super::failure::Failure;
use crate::app::App;
use crate::params::Params;

/// The fields of a form that one of our pages sent.
#[derive(Debug)]
pub(super) struct Form(pub(super) Params);

impl FromRequest<App> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Response> {
        if !is_ours(request.headers()) {
            let message = "this form was not sent from a page of the console";
            return Err(Failure::new(StatusCode::FORBIDDEN, message).into_response());
        }
        let body = String::from_request(request, app).await;
        let body = body.map_err(|it| Failure::new(it.status(), it.body_text()).into_response())?;
        Ok(Self(Params::of_query(Some(&body))))
    }
}

/// Whether the browser says that a page of this origin sent it. One that says nothing is not believed.
fn is_ours(headers: &HeaderMap) -> bool {
    // Of the two the better: it cannot be mistaken behind a proxy. Browsers leave it out where there is no TLS.
    match header(headers, "sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => header(headers, ORIGIN.as_str()).is_some() && is_of_our_origin(headers),
    }
}

/// Whether the browser says that a script or a picture of another origin wants it. The cookie comes along from the same site,
/// and `ALLOWED_ORIGINS` may read what the API answers; neither is for the console. A link from elsewhere is no harm.
pub(super) fn is_foreign(headers: &HeaderMap) -> bool {
    let site = header(headers, "sec-fetch-site");
    let elsewhere = matches!(site, Some("same-site" | "cross-site"));
    let followed = header(headers, "sec-fetch-mode") == Some("navigate");
    elsewhere && !followed || site.is_none() && !is_of_our_origin(headers)
}

/// Of a call without `Origin`, too: browsers leave it out where a page asks for another one of its own.
fn is_of_our_origin(headers: &HeaderMap) -> bool {
    let Some(origin) = header(headers, ORIGIN.as_str()) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == header(headers, HOST.as_str())
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|it| it.to_str().ok())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};

    use super::{is_foreign, is_ours};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn only_a_page_of_this_origin_may_send_a_form() {
        let host = ("host", "karmyq.example:8081");
        assert!(is_ours(&headers(&[host, ("sec-fetch-site", "same-origin")])));
        assert!(is_ours(&headers(&[host, ("origin", "https://karmyq.example:8081")])));
        for site in ["same-site", "cross-site", "none"] {
            assert!(!is_ours(&headers(&[
                host,
                ("sec-fetch-site", site),
                ("origin", "https://karmyq.example:8081")
            ])));
        }
        for origin in ["https://evil.example", "null", "https://karmyq.example"] {
            assert!(!is_ours(&headers(&[host, ("origin", origin)])), "{origin}");
        }
        assert!(!is_ours(&headers(&[host])), "nothing is said");
        assert!(!is_ours(&headers(&[("origin", "null")])));
    }

    #[test]
    fn no_script_of_another_origin_may_read_a_page() {
        let host = ("host", "karmyq.example:8081");
        let of =
            |site, mode| is_foreign(&headers(&[host, ("sec-fetch-site", site), ("sec-fetch-mode", mode)]));
        for site in ["same-site", "cross-site"] {
            assert!(of(site, "cors") && of(site, "no-cors") && !of(site, "navigate"), "{site}");
        }
        assert!(!of("same-origin", "cors") && !of("none", "navigate"));
        assert!(is_foreign(&headers(&[host, ("origin", "https://app.karmyq.example")])));
        assert!(is_foreign(&headers(&[host, ("origin", "null")])));
        assert!(!is_foreign(&headers(&[host])), "an old browser, or none");
    }
}
