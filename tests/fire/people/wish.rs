//! Something that somebody wants, under one key.

use std::sync::Arc;

use event_schemas::{CommandId, Domain};
use parking_lot::Mutex;
use reqwest::Method;
use serde_json::Value;
use uuid::Uuid;

/// Somebody with an account.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    token: Mutex<String>,
}

impl Person {
    pub(crate) fn new(id: Uuid, email: String, token: String) -> Arc<Self> {
        Arc::new(Self { id, email, token: Mutex::new(token) })
    }

    pub(crate) fn token(&self) -> String {
        self.token.lock().clone()
    }

    /// From here on with this access token.
    pub(crate) fn has_token(&self, token: &str) {
        token.clone_into(&mut self.token.lock());
    }
}

/// What is remembered when a wish has come true; ids are those of the answer, or of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Founded,
    Joined,
    Left,
    Asked,
    Proposed,
    Accepted,
    /// The match goes away, and the request is open again.
    Parted,
    Completed,
    /// The request is over.
    Gone,
    Nothing,
}

/// Something that somebody wants.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) by: Arc<Person>,
    pub(crate) key: String,
    pub(crate) what: &'static str,
    pub(crate) method: Method,
    /// Below `/api/v1`.
    pub(crate) path: String,
    pub(crate) body: Value,
    pub(crate) domain: Domain,
    /// Id of the aggregate; none while it is not there yet.
    pub(crate) aggregate: Option<Uuid>,
    /// Id of the match that it is about.
    pub(crate) of: Option<Uuid>,
    pub(crate) effect: Effect,
}

impl Wish {
    /// The id of the command, which the contract derives from person and key.
    pub(crate) fn command(&self) -> CommandId {
        CommandId::new(Uuid::new_v5(&self.by.id, self.key.as_bytes()))
    }

    /// Where the person sees what has become of it.
    pub(crate) fn shown_at(&self, aggregate: &str) -> Option<String> {
        match (self.effect, self.of) {
            (Effect::Founded | Effect::Joined | Effect::Left, _) => Some(format!("/communities/{aggregate}")),
            (Effect::Asked, _) => Some(format!("/requests/{aggregate}")),
            (Effect::Accepted | Effect::Parted | Effect::Completed, Some(of)) => {
                Some(format!("/matches/{of}"))
            }
            (Effect::Nothing, _) if self.domain == Domain::Community => {
                Some(format!("/communities/{aggregate}"))
            }
            _ => None,
        }
    }
}
