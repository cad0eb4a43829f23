//! The schema registry: where other programs find what our bytes mean, and where incompatible schemas are refused.
//!
//! Anything that speaks the Confluent REST API. Services only look up; `karmyq schemas push` registers, and sets the
//! compatibility level of every subject, because a registry's global level can be changed without anybody noticing.
//! `schema_registry_converter` registers and fetches; what it has no call for (looking a schema up in its subject, levels)
//! is asked for here.

use std::time::Duration;

use async_trait::async_trait;
use event_schemas::{Codec, Entry, RegisteredSchema, SchemaId, entries, state};
use futures::stream::{self, StreamExt, TryStreamExt};
use reqwest::{Client, Method, StatusCode};
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_schema_by_id_and_type, post_schema,
};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{SchemaType, SuppliedSchema};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::{LogError, SchemaSource};

/// An event log keeps every version for ever, so every version must be able to read every other.
const LEVEL: &str = "FULL_TRANSITIVE";
/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Calls at a time: a start must not take long, nor hammer a small registry.
const AT_ONCE: usize = 8;

/// A schema registry.
#[derive(Clone, Debug)]
pub struct SchemaRegistry {
    url: String,
    client: Client,
    settings: SrSettings,
}

/// What [`SchemaRegistry::push`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pushed {
    /// Subjects in the catalog.
    pub subjects: usize,
    /// Schema versions that were not registered before.
    pub registered: usize,
}

impl SchemaRegistry {
    /// The registry at this address, for example `http://127.0.0.1:8085/apis/ccompat/v7`.
    ///
    /// # Errors
    /// [`LogError::Refused`] when no HTTP client can be made.
    pub fn connect(url: &str) -> Result<Self, LogError> {
        let client = Client::builder().timeout(PATIENCE).build();
        let client = client.map_err(|error| LogError::Refused(format!("no HTTP client: {error}")))?;
        let url = url.trim_end_matches('/').to_owned();
        let settings = SrSettings::new_builder(url.clone()).set_timeout(PATIENCE).build();
        let settings = settings.map_err(|error| LogError::Refused(format!("no registry client: {error}")))?;
        Ok(Self { url, client, settings })
    }

    /// Registers every version of every schema of the contract and sets the level of its subject. Repeating it changes
    /// nothing.
    ///
    /// # Errors
    /// [`LogError::Refused`] with the subject when a schema is not compatible with a registered version.
    pub async fn push(&self) -> Result<Pushed, LogError> {
        self.push_all(&subjects()).await
    }

    /// What keeps this version from writing (invariant W4), in sentences with the fix: schemas that are not registered,
    /// subjects of another level.
    ///
    /// # Errors
    /// [`LogError::Unavailable`] when the registry does not answer.
    pub async fn check(&self) -> Result<Vec<String>, LogError> {
        self.check_all(&subjects()).await
    }

    /// A codec for every registered schema of the contract, with the registry's ids.
    ///
    /// # Errors
    /// [`LogError::Refused`] when a schema that this version writes is not registered.
    pub async fn codec(&self) -> Result<Codec, LogError> {
        self.codec_of(&subjects()).await
    }

    async fn push_all(&self, subjects: &[Subject]) -> Result<Pushed, LogError> {
        let pushes = subjects.iter().map(|it| self.push_one(it));
        let registered = stream::iter(pushes).buffer_unordered(AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(Pushed { subjects: subjects.len(), registered: registered.into_iter().sum() })
    }

    /// Registers the missing versions of one subject, oldest first; returns their number.
    async fn push_one(&self, subject: &Subject) -> Result<usize, LogError> {
        if self.level(subject).await?.as_deref() != Some(LEVEL) {
            let level = Level { compatibility: LEVEL };
            self.call::<serde_json::Value>(Method::PUT, &subject.config(), Some(&level)).await?.found()?;
        }
        let mut registered = 0;
        for schema in &subject.versions {
            if self.id(subject, schema).await?.is_none() {
                let schema = SuppliedSchema::new(None, SchemaType::Avro, (*schema).to_owned());
                let posted = post_schema(&self.settings, subject.name.clone(), schema).await;
                posted.map_err(|error| fault(&subject.name, &error))?;
                registered += 1;
            }
        }
        Ok(registered)
    }

    async fn check_all(&self, subjects: &[Subject]) -> Result<Vec<String>, LogError> {
        let checks = subjects.iter().map(|it| self.check_one(it));
        // In the order of the catalog, so that a repeated start says the same.
        let faults = stream::iter(checks).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        Ok(faults.into_iter().flatten().collect())
    }

    async fn check_one(&self, subject: &Subject) -> Result<Option<String>, LogError> {
        if self.id(subject, subject.written()).await?.is_none() {
            return Ok(Some(format!(
                "the schema of {} that this version writes is not registered, so nobody could read its records; run \
                 `karmyq schemas push`",
                subject.name
            )));
        }
        let level = self.level(subject).await?;
        Ok((level.as_deref() != Some(LEVEL)).then(|| {
            format!(
                "subject {} has the compatibility level {} instead of {LEVEL}, so a schema could be registered that \
                 cannot read old records; run `karmyq schemas push`",
                subject.name,
                level.as_deref().unwrap_or("of the registry")
            )
        }))
    }

    async fn codec_of(&self, subjects: &[Subject]) -> Result<Codec, LogError> {
        // Not lazily: the future would not be one that any thread may go on with.
        let lookups: Vec<_> = subjects.iter().map(|it| self.ids(it)).collect();
        let ids = stream::iter(lookups).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        let mut codec = Codec::default();
        for (subject, text, id) in ids.into_iter().flatten() {
            let written = text == subject.written();
            match id {
                Some(id) => {
                    codec.learn(id, parse(&subject.name, text)?);
                    if written {
                        subject.writer.write_with(&mut codec, id);
                    }
                }
                None if written => {
                    return Err(LogError::Refused(format!(
                        "the schema of {} is not registered",
                        subject.name
                    )));
                }
                // An older version that was never pushed here has no records here.
                None => {}
            }
        }
        Ok(codec)
    }

    /// Every version of the subject with its id.
    async fn ids<'a>(
        &self,
        subject: &'a Subject,
    ) -> Result<Vec<(&'a Subject, &'static str, Option<SchemaId>)>, LogError> {
        let mut ids = Vec::with_capacity(subject.versions.len());
        for text in &subject.versions {
            ids.push((subject, *text, self.id(subject, text).await?));
        }
        Ok(ids)
    }

    /// Id of the schema in its subject; none when it is not registered there.
    async fn id(&self, subject: &Subject, schema: &str) -> Result<Option<SchemaId>, LogError> {
        let schema = SchemaText { schema: schema.to_owned() };
        let path = format!("subjects/{}", subject.name);
        Ok(self.call::<Registered>(Method::POST, &path, Some(&schema)).await?.body.map(|it| it.id))
    }

    /// The subject's own level; none when it has none.
    async fn level(&self, subject: &Subject) -> Result<Option<String>, LogError> {
        let path = subject.config();
        Ok(self.call::<Config>(Method::GET, &path, None::<&()>).await?.body.map(|it| it.compatibility_level))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<Answer<T>, LogError> {
        let request = self.client.request(method, format!("{}/{path}", self.url));
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        let what = |error: reqwest::Error| LogError::Unavailable(format!("schema registry, {path}: {error}"));
        let response = request.send().await.map_err(what)?;
        let status = response.status();
        if status.is_success() {
            let body = response.json().await.map_err(what)?;
            return Ok(Answer { body: Some(body), path: path.to_owned() });
        }
        let message = response.text().await.map_err(what)?;
        let message = format!("schema registry, {path}: {status}: {message}");
        match status {
            StatusCode::NOT_FOUND => Ok(Answer { body: None, path: path.to_owned() }),
            _ if status.is_client_error() => Err(LogError::Refused(message)),
            _ => Err(LogError::Unavailable(message)),
        }
    }
}

#[async_trait]
impl SchemaSource for SchemaRegistry {
    async fn fetch(&self, id: SchemaId) -> Result<String, LogError> {
        let fetched = get_schema_by_id_and_type(id, &self.settings, SchemaType::Avro).await;
        fetched.map(|it| it.schema).map_err(|error| fault(&format!("schema {id}"), &error))
    }
}

/// A subject of the contract.
struct Subject {
    name: String,
    /// Texts of its schema, oldest first; the last one is written. Exactly as in the repository, because registries
    /// take the same schema in another layout for another version.
    versions: Vec<&'static str>,
    writer: Writer,
}

/// What writes records of a subject.
enum Writer {
    Entry(&'static Entry),
    State(&'static str),
}

impl Subject {
    fn written(&self) -> &'static str {
        self.versions.last().copied().unwrap_or_default()
    }

    fn config(&self) -> String {
        format!("config/{}", self.name)
    }
}

impl Writer {
    fn write_with(&self, codec: &mut Codec, id: SchemaId) {
        match self {
            Self::Entry(entry) => codec.write_with(entry, id),
            Self::State(topic) => codec.write_state_with(topic, id),
        }
    }
}

/// All subjects of the contract.
fn subjects() -> Vec<Subject> {
    let entries = entries().map(|it| Subject {
        name: it.subject(),
        versions: it.schemas.iter().map(|(_, text)| *text).collect(),
        writer: Writer::Entry(it),
    });
    let states = state::SCHEMAS.iter().flat_map(|schema| {
        schema.topics.iter().map(|topic| Subject {
            name: format!("{topic}-{}", schema.record),
            versions: vec![schema.text],
            writer: Writer::State(topic),
        })
    });
    entries.chain(states).collect()
}

/// What the client could not do, with the registry's own words.
fn fault(what: &str, error: &SRCError) -> LogError {
    let message = format!("schema registry, {what}: {error}");
    if error.retriable { LogError::Unavailable(message) } else { LogError::Refused(message) }
}

fn parse(subject: &str, text: &str) -> Result<RegisteredSchema, LogError> {
    RegisteredSchema::parse(text)
        .map_err(|error| LogError::Refused(format!("the schema of {subject}: {error}")))
}

/// What the registry answered; no body when it knows of no such thing.
struct Answer<T> {
    body: Option<T>,
    path: String,
}

impl<T> Answer<T> {
    fn found(self) -> Result<T, LogError> {
        let unknown = || LogError::Refused(format!("the schema registry knows no {}", self.path));
        self.body.ok_or_else(unknown)
    }
}

#[derive(Serialize)]
struct SchemaText {
    schema: String,
}

#[derive(Deserialize)]
struct Registered {
    id: SchemaId,
}

#[derive(Serialize)]
struct Level {
    compatibility: &'static str,
}

#[derive(Deserialize)]
struct Config {
    #[serde(rename = "compatibilityLevel")]
    compatibility_level: String,
}

#[cfg(test)]
mod tests;
