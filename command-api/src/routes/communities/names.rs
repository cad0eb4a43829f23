//! Names of communities: table `community.name_claims`. No two active communities share name and place.
//!
//! A name is claimed before the event that uses it is written and confirmed afterwards; archiving frees it. What a crash
//! leaves between is completed later, from the state of the community.

use std::time::Duration;

use domain::community::{Active, Command, ForgetJoinMessage, Identity, State};
use event_schemas::{AggregateType, CommunityId, UserId};
use service_kit::answer::Problem;
use sqlx::Row;
use uuid::Uuid;

use crate::accounts::completion::own_origin;
use crate::app::App;
use crate::edge::Refused;
use crate::writer::{Executed, Target};

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The name is this community's.
    Ours,
    /// Another community has it, or is about to.
    Held(CommunityId),
}

/// Claims a name for five minutes. A claim that lapsed unconfirmed gives way.
pub(crate) async fn claim(app: &App, identity: &Identity, community: CommunityId) -> Result<Claim, Refused> {
    let holder: Option<Uuid> = sqlx::query_scalar(
        "INSERT INTO community.name_claims AS claim (name_key, location_key, community_id, state, reserved_until) \
         VALUES ($1, $2, $3, 'reserved', now() + interval '5 minutes') \
         ON CONFLICT (name_key, location_key) DO UPDATE \
         SET community_id = $3, reserved_until = excluded.reserved_until, updated_at = now() \
         WHERE claim.state = 'reserved' AND (claim.reserved_until < now() OR claim.community_id = $3) \
         RETURNING community_id",
    )
    .bind(&identity.name)
    .bind(&identity.location)
    .bind(community.uuid())
    .fetch_optional(app.accounts.pool())
    .await?;
    if holder.is_some() {
        return Ok(Claim::Ours);
    }
    let holder: Option<Uuid> = sqlx::query_scalar(
        "SELECT community_id FROM community.name_claims WHERE name_key = $1 AND location_key = $2",
    )
    .bind(&identity.name)
    .bind(&identity.location)
    .fetch_optional(app.accounts.pool())
    .await?;
    match holder.map(CommunityId::new) {
        Some(holder) if holder == community => Ok(Claim::Ours),
        Some(holder) => Ok(Claim::Held(holder)),
        // It was freed between the two statements.
        None => Err(in_motion()),
    }
}

/// The community has this name now, and no other.
pub(crate) async fn confirm(app: &App, identity: &Identity, community: CommunityId) -> Result<(), Refused> {
    let mut transaction = app.accounts.pool().begin().await?;
    sqlx::query(
        "DELETE FROM community.name_claims WHERE community_id = $3 AND (name_key, location_key) <> ($1, $2)",
    )
    .bind(&identity.name)
    .bind(&identity.location)
    .bind(community.uuid())
    .execute(&mut *transaction)
    .await?;
    sqlx::query(
        "UPDATE community.name_claims SET state = 'active', reserved_until = NULL, updated_at = now() \
         WHERE name_key = $1 AND location_key = $2 AND community_id = $3",
    )
    .bind(&identity.name)
    .bind(&identity.location)
    .bind(community.uuid())
    .execute(&mut *transaction)
    .await?;
    Ok(transaction.commit().await?)
}

/// Gives up a claim that nothing came of.
pub(crate) async fn release(app: &App, identity: &Identity, community: CommunityId) -> Result<(), Refused> {
    sqlx::query(
        "DELETE FROM community.name_claims \
         WHERE name_key = $1 AND location_key = $2 AND community_id = $3 AND state = 'reserved'",
    )
    .bind(&identity.name)
    .bind(&identity.location)
    .bind(community.uuid())
    .execute(app.accounts.pool())
    .await?;
    Ok(())
}

/// Frees the names of an archived community.
pub(crate) async fn free(app: &App, community: CommunityId) -> Result<(), Refused> {
    sqlx::query("DELETE FROM community.name_claims WHERE community_id = $1")
        .bind(community.uuid())
        .execute(app.accounts.pool())
        .await?;
    Ok(())
}

/// A community as its owner knows it.
#[derive(Debug)]
pub(crate) struct Present {
    /// Its state.
    pub(crate) state: State,
    /// Where it stands.
    pub(crate) executed: Executed,
}

impl Present {
    /// The community, while it lives.
    pub(crate) fn active(&self) -> Option<&Active> {
        match &self.state {
            State::Active(active) => Some(active),
            State::Absent | State::Archived(_) => None,
        }
    }
}

/// The present state of a community, read where it is owned.
pub(crate) async fn state_of(app: &App, community: CommunityId) -> Result<Option<Present>, Refused> {
    // Nobody with this id ever asked to be let in, so there is nothing to forget and nothing changes.
    let nobody = UserId::new(Uuid::nil());
    let command = Command::ForgetJoinMessage(ForgetJoinMessage { applicant: nobody });
    let target = Target::new(AggregateType::Community, community);
    let mut executed = match app.submit(own_origin(nobody), target, command).await {
        Ok(executed) => executed,
        Err(Refused::Problem(problem)) if problem.code() == "COMMUNITY_NOT_FOUND" => return Ok(None),
        Err(refused) => return Err(refused),
    };
    Ok(match executed.state.take() {
        Some(domain::State::Community(state)) => Some(Present { state, executed }),
        _ => None,
    })
}

/// Frees a name whose community is archived; false when it lives, as far as the views tell: its owner may be another
/// instance than that of the community which wants the name.
pub(crate) async fn free_if_archived(app: &App, holder: CommunityId) -> Result<bool, Refused> {
    let archived = app.community(holder).await?.is_some_and(|it| !it.active);
    if archived {
        free(app, holder).await?;
    }
    Ok(archived)
}

/// Confirms or drops claims that calls left behind.
pub(crate) async fn complete(app: &App) -> Result<(), Refused> {
    let rows = sqlx::query(
        "SELECT name_key, location_key, community_id FROM community.name_claims \
         WHERE state = 'reserved' AND reserved_until < now() LIMIT 100",
    )
    .fetch_all(app.accounts.pool())
    .await?;
    for row in rows {
        let claimed = Identity { name: row.try_get("name_key")?, location: row.try_get("location_key")? };
        let community = CommunityId::new(row.try_get("community_id")?);
        match state_of(app, community).await {
            Ok(Some(present)) if present.active().map(identity_of).as_ref() == Some(&claimed) => {
                confirm(app, &claimed, community).await?;
            }
            Ok(_) => release(app, &claimed, community).await?,
            // The instance that owns the community does it.
            Err(Refused::Elsewhere(_)) => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(())
}

/// What makes a community the one it is.
pub(crate) fn identity_of(active: &Active) -> Identity {
    Identity::of(&active.details.name, active.details.location.as_deref())
}

/// Somebody else is about to take or free the name.
pub(crate) fn in_motion() -> Refused {
    let message = "the name of the community is being claimed or freed";
    Problem::unavailable("DEPENDENCY_UNAVAILABLE", message, Duration::from_secs(1)).into()
}
