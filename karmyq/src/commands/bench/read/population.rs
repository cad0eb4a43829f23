//! A database of its own with the read models of a large neighbourhood, and people in it who may ask.

use std::time::SystemTime;

use anyhow::{Context, Result};
use service_kit::auth::{AUDIENCE, Claims, ISSUER, PublicKeys, Signer, Verifier};
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, Connection as _, Executor as _, FromRow};
use uuid::Uuid;

use super::super::ground::Ground;
use crate::terminal::mention;

/// Rows from numbers; the test of query plans uses them, too.
const ROWS: &str = include_str!("rows.sql");
/// The database.
const NAME: &str = "karmyq_bench_read";
/// Seconds that tokens live: longer than any measurement.
const TOKENS_LIVE: i64 = 6 * 3_600;

/// Somebody who asks, and about what.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Asker {
    pub(super) user_id: Uuid,
    /// That they are admin of.
    pub(super) community_id: Uuid,
    /// An open one there.
    pub(super) request_id: Uuid,
    /// One of theirs.
    pub(super) match_id: Uuid,
    #[sqlx(skip)]
    pub(super) token: String,
}

/// Creates and fills the database, in place of one that was left behind; the ground that has it instead of its own.
pub(super) async fn settle(ground: &Ground, requests: u64) -> Result<Ground> {
    mention(format_args!("filling read models with {requests} requests"));
    leave(ground).await?;
    let mut server = connect(ground.superuser()?).await?;
    server.execute(AssertSqlSafe(format!("CREATE DATABASE {NAME} OWNER karmyq_owner"))).await?;
    let settled = ground.with_database(NAME)?;
    settled.set_up().await?;
    let mut owner = connect(settled.variable("MIGRATIONS_DATABASE_URL")?).await?;
    // VACUUM and CHECKPOINT do what the server does later by itself, while one measures.
    for sql in [&format!("SET bench.requests = {requests}"), ROWS, "VACUUM ANALYZE"] {
        owner.execute(AssertSqlSafe(sql.to_owned())).await?;
    }
    owner.close().await?;
    server.execute("CHECKPOINT").await?;
    Ok(settled)
}

/// Removes the database.
pub(super) async fn leave(ground: &Ground) -> Result<()> {
    let mut server = connect(ground.superuser()?).await?;
    server.execute(AssertSqlSafe(format!("DROP DATABASE IF EXISTS {NAME} WITH (FORCE)"))).await?;
    Ok(())
}

/// So many admins, with tokens.
pub(super) async fn askers(settled: &Ground, count: i64) -> Result<Vec<Asker>> {
    let mut owner = connect(settled.variable("MIGRATIONS_DATABASE_URL")?).await?;
    let mut askers: Vec<Asker> = sqlx::query_as(
        "SELECT a.user_id, a.community_id, r.id AS request_id, m.id AS match_id
         FROM community.memberships AS a
         CROSS JOIN LATERAL (
             SELECT id FROM requests.help_requests AS r
             WHERE r.status = 'open' AND r.community_ids && ARRAY[a.community_id]
               AND NOT EXISTS (SELECT FROM auth.inactive_accounts AS gone WHERE gone.id = r.requester_id)
             LIMIT 1
         ) AS r
         CROSS JOIN LATERAL (SELECT id FROM requests.matches AS m WHERE m.responder_id = a.user_id LIMIT 1) AS m
         WHERE a.role = 'admin' AND NOT EXISTS (SELECT FROM auth.inactive_accounts AS gone WHERE gone.id = a.user_id)
         ORDER BY a.joined_at LIMIT $1",
    )
    .bind(count)
    .fetch_all(&mut owner)
    .await?;
    let signer = signer(settled)?;
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed()?.as_secs())?;
    for asker in &mut askers {
        asker.token = signer.sign(&claims(asker.user_id, now))?;
    }
    Ok(askers)
}

fn claims(user: Uuid, now: i64) -> Claims {
    Claims {
        user_id: user,
        email: "somebody@example.org".to_owned(),
        community_memberships: Vec::new(),
        iat: now,
        exp: now + TOKENS_LIVE,
        jti: Uuid::now_v7(),
        sub: user,
        sid: user,
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        email_verified: true,
        platform_role: None,
    }
}

fn signer(ground: &Ground) -> Result<Signer> {
    let verifier = Verifier::new(PublicKeys::from_directory(ground.variable("JWT_PUBLIC_KEYS_DIR")?)?);
    let file = ground.variable("JWT_SIGNING_KEY_FILE")?;
    let key = std::fs::read_to_string(file).with_context(|| file.to_owned())?;
    Ok(Signer::new(&key.parse()?, &verifier)?)
}

async fn connect(url: &str) -> Result<PgConnection> {
    let options: PgConnectOptions = url.parse()?;
    Ok(PgConnection::connect_with(&options).await?)
}
