//! The API as a client sees it: commands go to one origin, queries to the other.

use std::fmt;
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Client, Method, RequestBuilder, Response, Url};
use serde_json::Value;

use crate::eventually::eventually;

/// How long a partition may take to arrive at another instance: a silent one is noticed after its session timeout.
const MOVING: Duration = Duration::from_secs(30);

/// Both origins.
#[derive(Clone, Debug)]
pub struct Api {
    client: Client,
    commands: String,
    queries: String,
}

impl Api {
    /// The API with commands at one address and queries at the other, without `/api/v1`.
    ///
    /// # Panics
    /// When no HTTP client can be made.
    #[must_use]
    pub fn new(commands: String, queries: String) -> Self {
        let client = Client::builder().timeout(Duration::from_secs(30)).build().expect("an HTTP client");
        Self { client, commands, queries }
    }

    /// A call of any method; `path` begins after `/api/v1`. Everything but GET is a command.
    #[must_use]
    pub fn call(&self, method: Method, path: &str) -> Call {
        let origin = if method == Method::GET { &self.queries } else { &self.commands };
        self.at(method, &format!("{origin}/api/v1{path}"))
    }

    /// A query.
    #[must_use]
    pub fn get(&self, path: &str) -> Call {
        self.call(Method::GET, path)
    }

    /// A command without a body.
    #[must_use]
    pub fn delete(&self, path: &str) -> Call {
        self.call(Method::DELETE, path)
    }

    /// A command.
    #[must_use]
    pub fn post(&self, path: &str, body: &Value) -> Call {
        self.call(Method::POST, path).body(body)
    }

    /// A command that replaces.
    #[must_use]
    pub fn put(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PUT, path).body(body)
    }

    /// A command that alters.
    #[must_use]
    pub fn patch(&self, path: &str, body: &Value) -> Call {
        self.call(Method::PATCH, path).body(body)
    }

    /// A path outside `/api/v1` of the query origin.
    #[must_use]
    pub fn raw(&self, path: &str) -> Call {
        self.at(Method::GET, &format!("{}{path}", self.queries))
    }

    /// A path outside `/api/v1` of the command origin.
    #[must_use]
    pub fn raw_command(&self, path: &str) -> Call {
        self.at(Method::GET, &format!("{}{path}", self.commands))
    }

    fn at(&self, method: Method, url: &str) -> Call {
        let url = Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        // The path is set once more when the call is sent, with its query.
        let request = self.client.request(method.clone(), url.clone());
        Call { method, url, request }
    }
}

/// A call that is being put together.
#[derive(Debug)]
pub struct Call {
    method: Method,
    url: Url,
    request: RequestBuilder,
}

impl Call {
    /// With this access token.
    #[must_use]
    pub fn token(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// With this header.
    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        Self { request: self.request.header(name, value), ..self }
    }

    /// With this idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// With this JSON body.
    #[must_use]
    pub fn body(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    /// With this text as JSON body, whatever it is.
    #[must_use]
    pub fn text(self, body: String) -> Self {
        Self { request: self.request.header("content-type", "application/json").body(body), ..self }
    }

    /// A query whose rows must include this position.
    #[must_use]
    pub fn seeing(self, position: &str) -> Self {
        self.query("min_position", position).query("wait_ms", "10000")
    }

    /// With this query parameter.
    #[must_use]
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// The answer. While a partition moves to another instance the call is repeated, as its code asks for.
    ///
    /// # Panics
    /// When there is none, or the partition does not arrive.
    pub async fn send(self) -> Answer {
        let what = self.what();
        eventually(&format!("{what} finds its partition"), MOVING, || {
            let call = self.again();
            async {
                let answer = call.try_send().await.unwrap_or_else(|error| panic!("{what}: {error}"));
                (answer.code() != "PARTITION_MOVING").then_some(answer)
            }
        })
        .await
    }

    /// The same call once more.
    fn again(&self) -> Self {
        let request = self.request.try_clone().expect("a body of text");
        Self { method: self.method.clone(), url: self.url.clone(), request }
    }

    /// The answer, or why there is none.
    ///
    /// # Errors
    /// When the connection fails before the answer is complete.
    pub async fn try_send(self) -> reqwest::Result<Answer> {
        let what = self.what();
        let response = self.open().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { what, status, headers, text, body })
    }

    /// The answer's head, its body to be read piece by piece.
    ///
    /// # Errors
    /// When the connection fails.
    pub async fn open(self) -> reqwest::Result<Response> {
        let (client, request) = self.request.build_split();
        let mut request = request?;
        *request.url_mut() = self.url;
        client.execute(request).await
    }

    fn what(&self) -> String {
        format!("{} {}", self.method, self.url.path())
    }

    /// The answer, which must have this status.
    ///
    /// # Panics
    /// When it has another.
    pub async fn expect(self, status: u16) -> Answer {
        let answer = self.send().await;
        assert_eq!(answer.status, status, "{answer}");
        answer
    }

    /// The refusal, which must have this status and code.
    ///
    /// # Panics
    /// When it has others.
    pub async fn refused(self, status: u16, code: &str) -> Answer {
        let answer = self.expect(status).await;
        assert_eq!(answer.code(), code, "{answer}");
        answer
    }

    /// With another limit than the usual one for the whole answer.
    #[must_use]
    pub fn limit(self, limit: Duration) -> Self {
        Self { request: self.request.timeout(limit), ..self }
    }
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Answer {
    what: String,
    /// HTTP status.
    pub status: u16,
    /// HTTP headers.
    pub headers: HeaderMap,
    /// The body as it came.
    pub text: String,
    /// The body as JSON; null when it is none.
    pub body: Value,
}

impl Answer {
    /// `data` of a success.
    #[must_use]
    pub fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// A text in `data`, by JSON pointer.
    ///
    /// # Panics
    /// When there is no text.
    #[must_use]
    pub fn str(&self, pointer: &str) -> String {
        let text = self.data().pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_else(|| panic!("no text at data{pointer}: {self}")).to_owned()
    }

    /// The items of a list.
    ///
    /// # Panics
    /// When `data` is no list.
    #[must_use]
    pub fn items(&self) -> &[Value] {
        self.data().as_array().unwrap_or_else(|| panic!("data is no list: {self}"))
    }

    /// `error.code` of a refusal; empty when there is none.
    #[must_use]
    pub fn code(&self) -> &str {
        self.body["error"]["code"].as_str().unwrap_or_default()
    }

    /// The fields that a refusal names.
    #[must_use]
    pub fn fields(&self) -> Vec<&str> {
        let fields = self.body["error"]["details"]["fields"].as_array();
        fields.into_iter().flatten().filter_map(|it| it["field"].as_str()).collect()
    }

    /// Where the command's last event stands.
    ///
    /// # Panics
    /// When the answer has no position.
    #[must_use]
    pub fn position(&self) -> String {
        self.str("/position")
    }

    /// The aggregate's version after the command.
    ///
    /// # Panics
    /// When the answer has no version.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.data()["version"].as_i64().unwrap_or_else(|| panic!("no version: {self}"))
    }

    /// A header, empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|it| it.to_str().ok()).unwrap_or_default()
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} answered {}: {}", self.what, self.status, self.text)
    }
}
