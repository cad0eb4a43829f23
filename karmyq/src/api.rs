//! The API as a client sees it: commands go to command-api, queries to query-api.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use service_kit::config::Reader;
use uuid::Uuid;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long a service may ask to be asked again.
const AGAIN_FOR: Duration = Duration::from_secs(10);
/// Pause before asking again.
const AGAIN_AFTER: Duration = Duration::from_millis(200);

/// The password of everybody whom this command line invents.
const PASSWORD: &str = "a long and quiet evening";

/// Both services.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    client: reqwest::Client,
    commands: String,
    queries: String,
}

/// Somebody with an account and a session.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    /// The user's id.
    pub(crate) id: String,
    /// How others call them.
    pub(crate) name: String,
    /// The newest access token.
    pub(crate) token: String,
}

/// A successful answer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// What was asked, for messages.
    what: String,
    /// Whether it is the answer to an earlier attempt.
    pub(crate) replayed: bool,
    /// The body.
    body: Value,
}

impl Api {
    /// The services at `KARMYQ_COMMAND_API` and `KARMYQ_QUERY_API`.
    pub(crate) fn from_environment() -> Result<Self> {
        let mut settings = Reader::from_environment();
        let commands: Option<String> = settings.required("KARMYQ_COMMAND_API");
        let queries: Option<String> = settings.required("KARMYQ_QUERY_API");
        let (commands, queries) = settings
            .build(|| Some((commands?, queries?)))
            .context("where do the services listen? `eval \"$(./dev env)\"` sets it")?;
        Self::new(&commands, &queries)
    }

    /// The services at these addresses, without `/api/v1`.
    pub(crate) fn new(commands: &str, queries: &str) -> Result<Self> {
        let base = |origin: &str| format!("{}/api/v1", origin.trim_end_matches('/'));
        let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
        Ok(Self { client, commands: base(commands), queries: base(queries) })
    }

    /// Registers somebody of this name, whose address nobody else has.
    pub(crate) async fn register(&self, name: &str) -> Result<(Person, Answer)> {
        let email = format!("{}.{}@example.org", name.to_lowercase(), Uuid::now_v7().simple());
        let body = json!({"name": name, "email": email, "password": PASSWORD});
        let path = "/auth/register";
        let request = self.client.post(format!("{}{path}", self.commands)).json(&body);
        let answer = self.send(request.header("Idempotency-Key", Uuid::now_v7().to_string()), path).await?;
        let person = Person {
            id: answer.text("/user/id")?.to_owned(),
            name: name.to_owned(),
            token: answer.text("/token")?.to_owned(),
        };
        Ok((person, answer))
    }

    /// A command of a person, with a fresh idempotency key.
    pub(crate) async fn command(
        &self,
        person: &Person,
        method: Method,
        path: &str,
        body: &Value,
    ) -> Result<Answer> {
        self.keyed_command(person, method, path, body, &Uuid::now_v7().to_string()).await
    }

    /// A command of a person, with this idempotency key.
    pub(crate) async fn keyed_command(
        &self,
        person: &Person,
        method: Method,
        path: &str,
        body: &Value,
        key: &str,
    ) -> Result<Answer> {
        let request = self.client.request(method, format!("{}{path}", self.commands));
        self.send(request.bearer_auth(&person.token).header("Idempotency-Key", key).json(body), path).await
    }

    /// A query of a person.
    pub(crate) async fn query(
        &self,
        person: &Person,
        path: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer> {
        let request = self.client.get(format!("{}{path}", self.queries));
        self.send(request.bearer_auth(&person.token).query(parameters), path).await
    }

    /// A query whose rows include this position, and how long it took.
    pub(crate) async fn query_at(
        &self,
        person: &Person,
        path: &str,
        position: &str,
    ) -> Result<(Answer, Duration)> {
        let started = Instant::now();
        let answer = self.query(person, path, &[("min_position", position), ("wait_ms", "10000")]).await?;
        Ok((answer, started.elapsed()))
    }

    /// The request that opens the person's live updates; it has no time limit.
    pub(crate) fn stream(&self, person: &Person) -> RequestBuilder {
        let url = format!("{}/notifications/stream", self.queries);
        self.client.get(url).bearer_auth(&person.token).timeout(Duration::from_secs(3600))
    }

    /// Waits until both services say that they are ready.
    pub(crate) async fn ready(&self, limit: Duration) -> Result<()> {
        for origin in [&self.commands, &self.queries] {
            let url = format!("{}/health/ready", origin.trim_end_matches("/api/v1"));
            let deadline = Instant::now() + limit;
            while let Err(reason) = self.healthy(&url).await {
                ensure!(Instant::now() < deadline, "{url}: {reason}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
        Ok(())
    }

    async fn healthy(&self, url: &str) -> Result<(), String> {
        let answer = self.client.get(url).send().await.map_err(|_| "nobody answers".to_owned())?;
        if answer.status().is_success() {
            return Ok(());
        }
        Err(answer.text().await.unwrap_or_default())
    }

    /// The answer to a call. Partitions move between instances, which start again: then it is asked again, with the same key.
    async fn send(&self, request: RequestBuilder, path: &str) -> Result<Answer> {
        let request = request.build()?;
        let what = format!("{} {path}", request.method());
        let deadline = Instant::now() + AGAIN_FOR;
        loop {
            let attempt = request.try_clone().context("a call has a body that can be repeated")?;
            let late = Instant::now() > deadline;
            match self.client.execute(attempt).await {
                Ok(response) if response.status() != StatusCode::SERVICE_UNAVAILABLE || late => {
                    return Answer::read(what, response).await;
                }
                Err(error) if !error.is_connect() || late => {
                    return Err(error).with_context(|| format!("{what}: no answer"));
                }
                Ok(_) | Err(_) => {}
            }
            tokio::time::sleep(AGAIN_AFTER).await;
        }
    }
}

impl Answer {
    async fn read(what: String, response: Response) -> Result<Self> {
        let (status, replayed) = (response.status(), response.headers().contains_key("idempotent-replay"));
        let text = response.text().await.with_context(|| format!("{what}: the answer broke off"))?;
        ensure!(matches!(status, StatusCode::OK | StatusCode::CREATED), "{what} answered {status}: {text}");
        let body = serde_json::from_str(&text).with_context(|| format!("{what} answered no JSON: {text}"))?;
        Ok(Self { what, replayed, body })
    }

    /// `data` of the answer.
    pub(crate) fn data(&self) -> &Value {
        &self.body["data"]
    }

    /// The value at this JSON pointer in `data`.
    pub(crate) fn at(&self, pointer: &str) -> Result<&Value> {
        self.data().pointer(pointer).ok_or_else(|| anyhow!("nothing at data{pointer}: {self:?}"))
    }

    /// The text at this JSON pointer in `data`.
    pub(crate) fn text(&self, pointer: &str) -> Result<&str> {
        self.at(pointer)?.as_str().ok_or_else(|| anyhow!("no text at data{pointer}: {self:?}"))
    }

    /// Where the command's last event stands.
    pub(crate) fn position(&self) -> Result<&str> {
        self.text("/position")
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Result<&[Value]> {
        let items = self.data().as_array().map(Vec::as_slice);
        items.ok_or_else(|| anyhow!("data is no list: {self:?}"))
    }

    /// Fails unless the value at this JSON pointer in `data` is the expected one.
    pub(crate) fn expect(&self, pointer: &str, expected: impl Into<Value>) -> Result<()> {
        let (found, expected) = (self.at(pointer)?, expected.into());
        ensure!(*found == expected, "{}: data{pointer} is {found}, not {expected}", self.what);
        Ok(())
    }
}

/// The content type of live updates.
pub(crate) fn is_event_stream(response: &Response) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
    kind.is_some_and(|it| it.starts_with("text/event-stream"))
}
