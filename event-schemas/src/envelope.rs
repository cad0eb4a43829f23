//! The envelope: what every event and every command record carries beside its data.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{AggregateType, CommandId, CommunityId, EventId, SessionId, Timestamp, UserId};

/// The fields of a record that do not depend on its type. Name, version, source and aggregate type of a record follow
/// from its payload and stand in the catalog.
#[derive(Clone, Debug, PartialEq)]
pub struct Envelope {
    /// Made by the writer, `UUIDv7`; of a command record the command id.
    pub event_id: EventId,
    /// When it was decided; never decreases within a partition of a record topic.
    pub timestamp: Timestamp,
    /// What belongs together.
    pub correlation_id: CorrelationId,
    /// The event whose policy or timer led here; none on roots.
    pub causation_id: Option<EventId>,
    /// Kind of the aggregate that this is about.
    pub aggregate_type: AggregateType,
    /// The aggregate's id, 1-128 bytes; also the record's key.
    pub aggregate_id: String,
    /// 1..n without gap within the aggregate; 0 on command records.
    pub aggregate_version: i64,
    /// The tenant, when the record concerns exactly one.
    pub community_id: Option<CommunityId>,
    /// Who asked for it; none without an access token.
    pub actor: Option<Actor>,
    /// The command that decided it; all events of one command share it.
    pub command_id: CommandId,
    /// The flow's person, session and first trace context.
    pub metadata: Metadata,
}

/// A payload with its envelope: one record of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded<P> {
    /// Everything but the data.
    pub envelope: Envelope,
    /// The data.
    pub payload: P,
}

/// For whom a flow runs and where it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Metadata {
    /// The person on whose behalf the flow runs, kept through policies.
    pub user_id: Option<UserId>,
    /// The session of the root call.
    pub session_id: Option<SessionId>,
    /// W3C trace context of the start of the flow.
    pub traceparent: Option<String>,
}

/// Who caused a command: a person by bare id, anything else by kind and name (`policy:notices`, `timer:expiry`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// A person, from the access token.
    User(UserId),
    /// A policy, by its registered name.
    Policy(String),
    /// A timer of an aggregate, by its kind.
    Timer(String),
    /// An outside provider.
    Provider(String),
    /// An API key, by its id.
    ApiKey(String),
}

impl Actor {
    /// The person, when it is one.
    #[must_use]
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::User(id) => Some(*id),
            Self::Policy(_) | Self::Timer(_) | Self::Provider(_) | Self::ApiKey(_) => None,
        }
    }
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{id}"),
            Self::Policy(name) => write!(f, "policy:{name}"),
            Self::Timer(name) => write!(f, "timer:{name}"),
            Self::Provider(name) => write!(f, "provider:{name}"),
            Self::ApiKey(id) => write!(f, "apikey:{id}"),
        }
    }
}

impl FromStr for Actor {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.split_once(':') {
            Some(("policy", name)) => Self::Policy(name.to_owned()),
            Some(("timer", name)) => Self::Timer(name.to_owned()),
            Some(("provider", name)) => Self::Provider(name.to_owned()),
            Some(("apikey", id)) => Self::ApiKey(id.to_owned()),
            _ => Self::User(text.parse()?),
        })
    }
}

impl Serialize for Actor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Actor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What ties the records of one flow together: 1-128 of `[A-Za-z0-9._:-]`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct CorrelationId(String);

impl CorrelationId {
    /// Parses what a client sent.
    ///
    /// # Errors
    /// When it is empty, longer than 128 characters or has a character outside the allowed set.
    pub fn parse(text: &str) -> Result<Self, InvalidCorrelationId> {
        let allowed = |it: u8| it.is_ascii_alphanumeric() || b"._:-".contains(&it);
        if (1..=128).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCorrelationId)
        }
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A flow that no client named takes the id of its first command.
impl From<CommandId> for CorrelationId {
    fn from(id: CommandId) -> Self {
        Self(id.to_string())
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for CorrelationId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The text is no correlation id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a correlation id is 1-128 characters of A-Z a-z 0-9 . _ : -")]
pub struct InvalidCorrelationId;
