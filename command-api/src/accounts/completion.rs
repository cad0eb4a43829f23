//! Finishing what a crash left half done: where a call changes a table and the log, the table comes first, and whatever
//! lies between the two is found in the tables afterwards.

use std::time::Duration;

use domain::user::{self, RevocationReason, RevokeSessions};
use event_schemas::AggregateType;
use event_schemas::{CommandId, CorrelationId, Metadata, SessionId, UserId};
use service_kit::answer::Problem;
use sqlx::Row;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use super::Accounts;
use crate::app::App;
use crate::edge::Refused;
use crate::routes::communities::names;
use crate::writer::{Origin, Target};

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(20);

/// Completes at the start and then again and again, because an instance may also crash while others live on.
pub(crate) async fn run(app: App, shutdown: CancellationToken) {
    let mut timer = tokio::time::interval(INTERVAL);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while shutdown.run_until_cancelled(timer.tick()).await.is_some() {
        if let Err(refused) = complete(&app).await {
            warn!(reason = %refused, "half-done calls could not be completed yet");
        }
    }
}

async fn complete(app: &App) -> Result<(), Refused> {
    activate_registered(app).await?;
    announce_ended_sessions(app).await?;
    names::complete(app).await?;
    app.accounts.drop_expired().await?;
    Ok(())
}

/// Accounts that exist although their credential is still a reservation.
async fn activate_registered(app: &App) -> Result<(), Refused> {
    for user in app.accounts.reserved().await? {
        if app.user(user).await?.is_some() {
            app.accounts.activate(user).await?;
            info!(user_id = %user, "activated a credential whose account exists");
        }
    }
    Ok(())
}

/// Sessions that ended although the log does not say so.
async fn announce_ended_sessions(app: &App) -> Result<(), Refused> {
    for (user, session, reason) in app.accounts.unannounced().await? {
        match announce(app, user, vec![session], reason).await {
            // The instance that owns the user does it.
            Ok(()) | Err(Refused::Elsewhere(_)) => {}
            Err(refused) => return Err(refused),
        }
    }
    Ok(())
}

/// Tells the log that sessions ended. Telling it again changes nothing: the account remembers them.
pub(crate) async fn announce(
    app: &App,
    user: UserId,
    sessions: Vec<SessionId>,
    reason: RevocationReason,
) -> Result<(), Refused> {
    let command = user::Command::RevokeSessions(RevokeSessions { sessions: sessions.clone(), reason });
    app.submit(own_origin(user), Target::new(AggregateType::User, user), command).await?;
    Ok(app.accounts.announced(&sessions).await?)
}

/// The origin of a command that no call asks for.
pub(crate) fn own_origin(user: UserId) -> Origin {
    let command_id = CommandId::new(Uuid::now_v7());
    Origin {
        command_id,
        fingerprint: [0; 8],
        correlation_id: CorrelationId::from(command_id),
        actor: None,
        metadata: Metadata { user_id: Some(user), ..Metadata::default() },
        traceparent: None,
        expected_version: None,
    }
}

impl Accounts {
    async fn reserved(&self) -> Result<Vec<UserId>, Problem> {
        let users = sqlx::query_scalar("SELECT user_id FROM auth.credentials WHERE state = 'reserved'")
            .fetch_all(&self.pool)
            .await?;
        Ok(users.into_iter().map(UserId::new).collect())
    }

    /// Those that ended longer ago than a call takes.
    async fn unannounced(&self) -> Result<Vec<(UserId, SessionId, RevocationReason)>, Problem> {
        let rows = sqlx::query(
            "SELECT user_id, session_id, unannounced FROM auth.sessions \
             WHERE unannounced IS NOT NULL AND revoked_at < now() - interval '30 seconds' ORDER BY revoked_at LIMIT 100",
        )
        .fetch_all(&self.pool)
        .await?;
        let read = |row: &sqlx::postgres::PgRow| {
            let reason: String = row.try_get("unannounced")?;
            let reason = match reason.as_str() {
                "logout_all" => RevocationReason::LogoutAll,
                _ => RevocationReason::RefreshReuse,
            };
            Ok((UserId::new(row.try_get("user_id")?), SessionId::new(row.try_get("session_id")?), reason))
        };
        Ok(rows.iter().map(read).collect::<Result<_, sqlx::Error>>()?)
    }

    /// What nobody can use any more. A day later than necessary, so that a reuse is still recognised as one.
    async fn drop_expired(&self) -> Result<(), Problem> {
        sqlx::query("DELETE FROM auth.stream_tickets WHERE expires_at < now() - interval '1 day'")
            .execute(&self.pool)
            .await?;
        sqlx::query(
            "DELETE FROM auth.sessions WHERE expires_at < now() - interval '1 day' AND unannounced IS NULL",
        )
        .execute(&self.pool)
        .await?;
        Ok(())
    }
}
