//! Calls in short words: `ana.call("PUT /users/{id}", &[&ana.id], json!({…}))`. Whatever is called like this is known to
//! `contract`, which compares it with the router.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde_json::Value;

/// A client of one instance, without token.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
}

/// A person with a token.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
    client: Client,
}

/// An answer, read completely.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
    headers: reqwest::header::HeaderMap,
}

impl Client {
    pub(crate) fn new(base: String) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).no_proxy().build();
        Self { base, http: http.expect("a client") }
    }

    /// The same client with another address of its own.
    pub(crate) fn from(&self, address: [u8; 4]) -> Self {
        let http =
            reqwest::Client::builder().local_address(std::net::IpAddr::from(address)).no_proxy().build();
        Self { http: http.expect("a client"), ..self.clone() }
    }

    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    pub(crate) async fn is_ready(&self) -> bool {
        let sent = self.http.get(format!("{}/health/ready", self.base)).send().await;
        sent.is_ok_and(|it| it.status().is_success())
    }

    /// Why it is not ready; none when it is, or does not answer.
    pub(crate) async fn unready(&self) -> Option<String> {
        let sent = self.http.get(format!("{}/health/ready", self.base)).send().await.ok()?;
        if sent.status().is_success() { None } else { sent.text().await.ok() }
    }

    /// Calls a route: method and template, the ids for its braces in order, and a body unless it is null.
    pub(crate) async fn call(&self, route: &str, ids: &[&str], body: Value) -> Answer {
        answer(self.request(route, ids, body)).await
    }

    /// The same with headers.
    pub(crate) async fn call_with(
        &self,
        headers: &[(&str, &str)],
        route: &str,
        ids: &[&str],
        body: Value,
    ) -> Answer {
        let request = self.request(route, ids, body);
        answer(headers.iter().fold(request, |request, (name, value)| request.header(*name, *value))).await
    }

    fn request(&self, route: &str, ids: &[&str], body: Value) -> RequestBuilder {
        let (method, template) = route.split_once(' ').expect("method and template");
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let request = self.http.request(method, format!("{}/api/v1{}", self.base, filled(template, ids)));
        if body.is_null() { request } else { request.json(&body) }
    }
}

impl Person {
    /// The person of an answer to a registration or login.
    pub(crate) fn of(data: &Value, client: &Client) -> Self {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        Self {
            id: text(&data["user"]["id"]),
            email: text(&data["user"]["email"]),
            token: text(&data["token"]),
            refresh_token: text(&data["refreshToken"]),
            client: client.clone(),
        }
    }

    /// The same person at another instance.
    pub(crate) fn at(&self, client: &Client) -> Self {
        Self { client: client.clone(), ..self.clone() }
    }

    pub(crate) async fn call(&self, route: &str, ids: &[&str], body: Value) -> Answer {
        self.call_with(&[], route, ids, body).await
    }

    pub(crate) async fn call_with(
        &self,
        headers: &[(&str, &str)],
        route: &str,
        ids: &[&str],
        body: Value,
    ) -> Answer {
        let bearer = format!("Bearer {}", self.token);
        let headers = [&[("authorization", bearer.as_str())], headers].concat();
        self.client.call_with(&headers, route, ids, body).await
    }
}

impl Answer {
    /// The data of a success with this status.
    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> &Value {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.body["success"], true, "{}", self.body);
        &self.body["data"]
    }

    /// A refusal with this status and code.
    #[track_caller]
    pub(crate) fn is_refused(&self, status: u16, code: &str) -> &Value {
        assert_eq!((self.status, self.body["error"]["code"].as_str()), (status, Some(code)), "{}", self.body);
        assert_eq!(self.body["success"], false, "{}", self.body);
        &self.body["error"]["details"]
    }

    /// A refusal of exactly these fields, each with its code.
    #[track_caller]
    pub(crate) fn is_invalid(&self, fields: &[(&str, &str)]) {
        let details = self.is_refused(400, "VALIDATION_ERROR");
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let told: Vec<_> = details["fields"].as_array().into_iter().flatten().collect();
        let told: Vec<_> = told.into_iter().map(|it| (text(&it["field"]), text(&it["code"]))).collect();
        let wanted: Vec<_> = fields.iter().map(|it| (it.0.to_owned(), it.1.to_owned())).collect();
        assert_eq!(told, wanted, "{}", self.body);
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether it is the answer to an earlier attempt.
    pub(crate) fn is_replay(&self) -> bool {
        self.header("idempotent-replay") == Some("true")
    }
}

async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.expect("the instance answers");
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let bytes = response.bytes().await.expect("it answers completely");
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, body, headers }
}

/// The template with an id for each of its braces.
fn filled(template: &str, ids: &[&str]) -> String {
    let mut ids = ids.iter();
    let segment = |it: &str| match it.starts_with('{') {
        true => (*ids.next().expect("an id for every brace")).to_owned(),
        false => it.to_owned(),
    };
    let filled: Vec<_> = template.split('/').map(segment).collect();
    filled.join("/")
}
