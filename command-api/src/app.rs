//! What the routes work with.

use std::ops::Deref;
use std::sync::Arc;
use std::time::Instant;

use domain::views::{CommunityFacts, RequestFacts, UserFacts, Views};
use event_schemas::{CommunityId, Domain, MatchId, RequestId, UserId};
use metrics::histogram;

use crate::accounts::Accounts;
use crate::edge::fingerprint::FingerprintKey;
use crate::edge::{Asked, Call, Refused};
use crate::fresh::Fresh;
use crate::views::Replicas;
use crate::writer::{Executed, Failure, Handle, NEVER, Origin, Submission, Target};

/// The dependencies of the routes; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct App(Arc<Parts>);

/// What an [`App`] is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    /// Carries out commands.
    pub(crate) writer: Handle,
    /// What is known of other aggregates.
    pub(crate) views: Replicas,
    /// Who belongs where, up to the present.
    pub(crate) memberships: Fresh,
    /// Secrets, sessions and tokens.
    pub(crate) accounts: Accounts,
    /// Tells calls apart.
    pub(crate) fingerprints: FingerprintKey,
    /// Whether an unverified address may write outside its own account.
    pub(crate) require_verified_email: bool,
    /// Failed logins that lock an account for a while; none: any number.
    pub(crate) most_failed_logins: Option<i32>,
}

impl Deref for App {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl App {
    /// The app of these parts.
    pub(crate) fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// Carries out the command of a call.
    pub(crate) async fn execute(
        &self,
        call: &Call,
        target: Target,
        command: impl Into<domain::Command>,
    ) -> Result<Executed, Refused> {
        self.submit(call.origin(), target, command).await
    }

    /// The answer to an earlier attempt at this command; none when there was none. For routes that would refuse for a
    /// reason that may have come up since.
    pub(crate) async fn repeated(
        &self,
        call: &Call,
        target: Target,
        command: impl Into<domain::Command>,
    ) -> Result<Option<Executed>, Refused> {
        // The ledger is asked before the version, and no aggregate has this one.
        let origin = Origin { expected_version: Some(NEVER), ..call.origin() };
        match self.writer.execute(Submission { target, command: command.into(), origin }).await {
            Ok(executed) => Ok(Some(executed)),
            Err(Failure::VersionConflict { .. }) => Ok(None),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Carries out the command of a call without access token.
    pub(crate) async fn execute_anonymous(
        &self,
        asked: &Asked,
        target: Target,
        command: impl Into<domain::Command>,
    ) -> Result<Executed, Refused> {
        self.submit(asked.anonymous_origin(), target, command).await
    }

    /// Carries out a command.
    pub(crate) async fn submit(
        &self,
        origin: Origin,
        target: Target,
        command: impl Into<domain::Command>,
    ) -> Result<Executed, Refused> {
        let (begun, aggregate) = (Instant::now(), target.aggregate.name());
        let executed = self.writer.execute(Submission { target, command: command.into(), origin }).await;
        let outcome = outcome(&executed);
        histogram!("karmyq_command_duration_seconds", "aggregate" => aggregate, "outcome" => outcome)
            .record(begun.elapsed());
        Ok(executed?)
    }

    /// What is known of a community; absence is checked at the head.
    pub(crate) async fn community(&self, id: CommunityId) -> Result<Option<Arc<CommunityFacts>>, Refused> {
        self.known(&[Domain::Community], |views| views.community(id)).await
    }

    /// What is known of a person; absence is checked at the head.
    pub(crate) async fn user(&self, id: UserId) -> Result<Option<UserFacts>, Refused> {
        self.known(&[Domain::User], |views| views.user(id)).await
    }

    /// What is known of a request; absence is checked at the head.
    pub(crate) async fn request(&self, id: RequestId) -> Result<Option<Arc<RequestFacts>>, Refused> {
        self.known(&[Domain::Request], |views| views.request(id)).await
    }

    /// The request of a match; absence is checked at the head.
    pub(crate) async fn request_of(&self, id: MatchId) -> Result<Option<RequestId>, Refused> {
        self.known(&[Domain::Request], |views| views.request_of(id)).await
    }

    /// Asks the views, and once more after those of these domains have caught up when the answer is none.
    pub(crate) async fn known<T>(
        &self,
        which: &'static [Domain],
        look: impl Fn(&dyn Views) -> Option<T>,
    ) -> Result<Option<T>, Refused> {
        if let Some(found) = look(&self.views) {
            return Ok(Some(found));
        }
        self.views.caught_up(which).await?;
        Ok(look(&self.views))
    }
}

/// What came of a command, as metrics name it.
fn outcome(executed: &Result<Executed, Failure>) -> &'static str {
    match executed {
        Ok(executed) if executed.replayed => "replayed",
        Ok(executed) if executed.events.is_empty() => "unchanged",
        Ok(_) => "committed",
        Err(Failure::Refused(_) | Failure::VersionConflict { .. } | Failure::KeyReused) => "rejected",
        Err(Failure::Elsewhere { .. }) => "elsewhere",
        Err(Failure::OutcomeUnknown) => "indeterminate",
        Err(Failure::Moving | Failure::NotTaken | Failure::Overloaded | Failure::Lagging(_)) => "unavailable",
        Err(Failure::Fault(_)) => "fault",
    }
}
