//! What routes say to the writer and what it answers.

use domain::{Refusal, State};
use event_log::Position;
use event_schemas::{Actor, AggregateType, CommandId, CorrelationId, Domain, Event, Metadata, Recorded};

/// An aggregate by kind and id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Target {
    /// Its kind.
    pub aggregate: AggregateType,
    /// Its id, 1-128 bytes; also the record key.
    pub id: String,
}

impl Target {
    /// The aggregate of this kind with this id.
    #[must_use]
    pub fn new(aggregate: AggregateType, id: impl ToString) -> Self {
        Self { aggregate, id: id.to_string() }
    }

    /// The domain on whose topic its events stand.
    #[must_use]
    pub const fn domain(&self) -> Domain {
        self.aggregate.domain()
    }
}

/// The version that no aggregate has. Whoever expects it asks the ledger alone, and hears of a conflict at once.
pub const NEVER: i64 = -1;

/// Who asks, and how the call is known again.
#[derive(Clone, Debug)]
pub struct Origin {
    /// `uuid5(actorId, Idempotency-Key)`; the ledger knows it for at least 24 h.
    pub command_id: CommandId,
    /// First 8 bytes of the call's fingerprint; another call with the same key is refused.
    pub fingerprint: [u8; 8],
    /// What belongs together.
    pub correlation_id: CorrelationId,
    /// The person; none without access token.
    pub actor: Option<Actor>,
    /// Person, session and trace context of the root call.
    pub metadata: Metadata,
    /// W3C trace context of this hop, for the records' `traceparent` header.
    pub traceparent: Option<String>,
    /// The version that the aggregate must have, from `If-Match`.
    pub expected_version: Option<i64>,
}

/// A client's command on its way to the writer.
#[derive(Clone, Debug)]
pub struct Submission {
    /// What it is for.
    pub target: Target,
    /// What is asked.
    pub command: domain::Command,
    /// Who asks.
    pub origin: Origin,
}

/// The command was accepted and what follows from it is durable.
#[derive(Clone, Debug)]
pub struct Executed {
    /// The events that it appended, personal fields clear; empty when it asked for what was already so.
    pub events: Vec<Recorded<Event>>,
    /// Version of the aggregate after it; 0 when the aggregate has no event at all.
    pub version: i64,
    /// Where its last event stands; of the aggregate's last event when it appended none.
    pub position: Option<Position>,
    /// Whether this is the answer to an earlier attempt.
    pub replayed: bool,
    /// The state on which it was decided, when it appended no event.
    pub state: Option<State>,
}

/// The command was not carried out, or nobody knows.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Failure {
    /// A refusal of the domain; nothing was appended.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The aggregate has another version than `If-Match` demands.
    #[error("the aggregate is at version {current}")]
    VersionConflict {
        /// Its version.
        current: i64,
    },
    /// The same key was used for another call.
    #[error("the idempotency key belongs to another call")]
    KeyReused,
    /// Another instance owns the partition.
    #[error("the partition belongs to {address}")]
    Elsewhere {
        /// Base address of that instance.
        address: String,
    },
    /// Nobody serves the partition right now.
    #[error("the partition is moving")]
    Moving,
    /// The commit's result is unknown; the same key tells later.
    #[error("the outcome is unknown")]
    OutcomeUnknown,
    /// The window was aborted; nothing was appended.
    #[error("the log did not take the command")]
    NotTaken,
    /// More commands wait than this instance takes.
    #[error("too many commands wait")]
    Overloaded,
    /// A view could not catch up in time.
    #[error("the view of {0} did not catch up in time")]
    Lagging(&'static str),
    /// A fault of ours: the command's events could not be written as they are. Nothing was appended.
    #[error("the command could not be carried out: {0}")]
    Fault(String),
}
