//! Who is logged in: tables `auth.sessions`, `auth.refresh_tokens` and `auth.stream_tickets`.
//!
//! A session is a family of refresh tokens: each is used once and replaced, and a second use of one ends the family.

use event_schemas::{SessionId, UserId};
use service_kit::answer::Problem;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::Accounts;
use super::secrets::{SecretToken, hash_of};
use crate::edge::call::Device;

/// A session with the refresh token that continues it.
#[derive(Debug)]
pub(crate) struct Opened {
    /// The session.
    pub(crate) session: SessionId,
    /// Its person.
    pub(crate) user: UserId,
    /// The refresh token, for the client.
    pub(crate) refresh_token: String,
}

/// What a refresh token is good for.
#[derive(Debug)]
pub(crate) enum Rotation {
    /// The session goes on with a new token.
    Opened(Opened),
    /// Unknown, expired or of an ended session.
    Invalid,
    /// It was used before; its session has ended.
    Reused {
        /// Whose session.
        user: UserId,
        /// The session.
        session: SessionId,
        /// Whether the log has yet to be told of its end.
        unannounced: bool,
    },
}

impl Accounts {
    /// Opens a session: at most 30 days, its first refresh token 7.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn open_session(&self, user: UserId, device: &Device) -> Result<Opened, Problem> {
        let (session, token) = (Uuid::now_v7(), SecretToken::draw().map_err(Problem::internal)?);
        let mut transaction = self.pool.begin().await?;
        sqlx::query(
            "INSERT INTO auth.sessions (session_id, user_id, expires_at, user_agent, ip_prefix) \
             VALUES ($1, $2, now() + interval '30 days', $3, $4)",
        )
        .bind(session)
        .bind(user.uuid())
        .bind(&device.user_agent)
        .bind(&device.ip_prefix)
        .execute(&mut *transaction)
        .await?;
        let session = SessionId::new(session);
        insert_token(&mut transaction, session, &token).await?;
        transaction.commit().await?;
        Ok(Opened { session, user, refresh_token: token.text })
    }

    /// Replaces a refresh token by the next one of its family.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn rotate(&self, refresh_token: &str) -> Result<Rotation, Problem> {
        let mut transaction = self.pool.begin().await?;
        let row = sqlx::query(
            "SELECT t.used_at IS NOT NULL AS used, t.expires_at > now() AND s.expires_at > now() AS in_time, \
             s.revoked_at IS NOT NULL AS revoked, s.unannounced IS NOT NULL AS unannounced, s.session_id, s.user_id \
             FROM auth.refresh_tokens t JOIN auth.sessions s USING (session_id) \
             WHERE t.token_hash = $1 FOR UPDATE",
        )
        .bind(hash_of(refresh_token).as_slice())
        .fetch_optional(&mut *transaction)
        .await?;
        let Some(row) = row else { return Ok(Rotation::Invalid) };
        let (session, user) =
            (SessionId::new(row.try_get("session_id")?), UserId::new(row.try_get("user_id")?));
        let (used, in_time): (bool, bool) = (row.try_get("used")?, row.try_get("in_time")?);
        let (revoked, unannounced): (bool, bool) = (row.try_get("revoked")?, row.try_get("unannounced")?);
        if used {
            let ended = !revoked && end_by_reuse(&mut transaction, session).await?;
            transaction.commit().await?;
            self.revocations.revoke(session.uuid());
            return Ok(Rotation::Reused { user, session, unannounced: ended || unannounced });
        }
        if revoked || !in_time {
            return Ok(Rotation::Invalid);
        }
        let token = SecretToken::draw().map_err(Problem::internal)?;
        sqlx::query("UPDATE auth.refresh_tokens SET used_at = now() WHERE token_hash = $1")
            .bind(hash_of(refresh_token).as_slice())
            .execute(&mut *transaction)
            .await?;
        insert_token(&mut transaction, session, &token).await?;
        sqlx::query("UPDATE auth.sessions SET last_used_at = now() WHERE session_id = $1")
            .bind(session.uuid())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Rotation::Opened(Opened { session, user, refresh_token: token.text }))
    }

    /// Ends one session of a person. False when they have no such session; ending it again is fine.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn end_session(&self, user: UserId, session: SessionId) -> Result<bool, Problem> {
        let ended = sqlx::query(
            "UPDATE auth.sessions SET revoked_at = coalesce(revoked_at, now()) \
             WHERE session_id = $1 AND user_id = $2",
        )
        .bind(session.uuid())
        .bind(user.uuid())
        .execute(&self.pool)
        .await?;
        let known = ended.rows_affected() == 1;
        if known {
            self.revocations.revoke(session.uuid());
        }
        Ok(known)
    }

    /// Ends the session of a refresh token; an unknown one has none.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn end_session_of(&self, refresh_token: &str) -> Result<(), Problem> {
        let ended: Option<Uuid> = sqlx::query_scalar(
            "UPDATE auth.sessions s SET revoked_at = coalesce(s.revoked_at, now()) FROM auth.refresh_tokens t \
             WHERE t.session_id = s.session_id AND t.token_hash = $1 RETURNING s.session_id",
        )
        .bind(hash_of(refresh_token).as_slice())
        .fetch_optional(&self.pool)
        .await?;
        if let Some(session) = ended {
            self.revocations.revoke(session);
        }
        Ok(())
    }

    /// Ends all live sessions of a person; the log has yet to be told.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn end_all_sessions(&self, user: UserId) -> Result<Vec<SessionId>, Problem> {
        let ended: Vec<Uuid> = sqlx::query_scalar(
            "UPDATE auth.sessions SET revoked_at = now(), unannounced = 'logout_all' \
             WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > now() RETURNING session_id",
        )
        .bind(user.uuid())
        .fetch_all(&self.pool)
        .await?;
        ended.iter().for_each(|session| self.revocations.revoke(*session));
        Ok(ended.into_iter().map(SessionId::new).collect())
    }

    /// The log knows of the end of these sessions.
    ///
    /// # Errors
    /// 503 when the database is away; `completion` tells the log again, which changes nothing there.
    pub(crate) async fn announced(&self, sessions: &[SessionId]) -> Result<(), Problem> {
        let sessions: Vec<_> = sessions.iter().map(|it| it.uuid()).collect();
        sqlx::query("UPDATE auth.sessions SET unannounced = NULL WHERE session_id = ANY ($1)")
            .bind(sessions)
            .execute(&self.pool)
            .await?;
        Ok(())
    }

    /// A ticket for one live stream: 60 seconds, used once; the stream ends with the token that drew it.
    ///
    /// # Errors
    /// 503 when the database is away.
    pub(crate) async fn draw_ticket(
        &self,
        user: UserId,
        session: Uuid,
        token_expires_s: i64,
    ) -> Result<String, Problem> {
        let ticket = SecretToken::draw().map_err(Problem::internal)?;
        sqlx::query(
            "INSERT INTO auth.stream_tickets (ticket_hash, user_id, session_id, token_expires_at, expires_at) \
             VALUES ($1, $2, $3, to_timestamp($4), now() + interval '60 seconds')",
        )
        .bind(ticket.hash.as_slice())
        .bind(user.uuid())
        .bind(session)
        .bind(token_expires_s as f64)
        .execute(&self.pool)
        .await?;
        Ok(ticket.text)
    }
}

async fn insert_token(
    connection: &mut PgConnection,
    session: SessionId,
    token: &SecretToken,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO auth.refresh_tokens (token_hash, session_id, expires_at) \
         SELECT $1, session_id, least(now() + interval '7 days', expires_at) FROM auth.sessions WHERE session_id = $2",
    )
    .bind(token.hash.as_slice())
    .bind(session.uuid())
    .execute(connection)
    .await?;
    Ok(())
}

async fn end_by_reuse(connection: &mut PgConnection, session: SessionId) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "UPDATE auth.sessions SET revoked_at = now(), unannounced = 'refresh_reuse' \
         WHERE session_id = $1 AND revoked_at IS NULL",
    )
    .bind(session.uuid())
    .execute(connection)
    .await?;
    Ok(ended.rows_affected() == 1)
}
