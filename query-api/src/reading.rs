//! The transaction of one request: read only, one snapshot, and PostgreSQL knows who asks. Every query of a view goes
//! through it, so row-level security filters every row.

use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;
use chrono::{DateTime, Utc};
use service_kit::answer::Problem;
use service_kit::auth::{Claims, SignedIn};
use service_kit::middleware::correlation;
use sqlx::postgres::{PgConnection, Postgres};
use sqlx::{AssertSqlSafe, PgPool, Transaction};
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

use crate::app::App;
use crate::bulkhead::Bulkhead;
use crate::params::Params;
use crate::position::Promised;

/// The header that names the community of a call, and its alias.
const CONTEXT_HEADERS: [&str; 2] = ["x-community-context", "x-community-id"];

const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";

/// The first statement of a reading: one table of each projection is locked before there is a snapshot. A swap of versions
/// then waits for this reading, or this reading for the swap. Without it a version could be swapped in between, whose rows
/// are younger than the snapshot and therefore not there.
pub const LOCK_READ_MODELS: &str = "LOCK TABLE ONLY auth.users, ONLY community.communities, ONLY requests.help_requests, ONLY feed.activities, \
    ONLY reputation.karma_records, ONLY notifications.notifications IN ACCESS SHARE MODE";

/// An open reading of a signed-in caller. As an extractor it begins one; dropping it ends it.
#[derive(Debug)]
pub(crate) struct Reading {
    transaction: Transaction<'static, Postgres>,
    /// What the token says.
    pub(crate) claims: Arc<Claims>,
    /// Who asks and from where.
    pub(crate) who: Who,
    /// Among the readings of its route.
    _place: Option<OwnedSemaphorePermit>,
}

/// The caller and the communities that the call spans.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// The caller.
    pub(crate) user_id: Uuid,
    /// Live memberships, in joining order.
    pub(crate) memberships: Vec<Membership>,
    /// The community that the call names.
    pub(crate) community: Option<Uuid>,
    /// When the reading began; every value of the answer is computed for this instant.
    pub(crate) now: DateTime<Utc>,
}

/// A live membership of the caller.
#[derive(Clone, Debug, sqlx::FromRow)]
pub(crate) struct Membership {
    /// The community.
    pub(crate) community_id: Uuid,
    /// member, moderator or admin.
    pub(crate) role: String,
}

impl Reading {
    /// The connection to query with.
    pub(crate) fn db(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// The connection together with who asks, for queries that need both.
    pub(crate) fn parts(&mut self) -> (&mut PgConnection, &Who) {
        (&mut self.transaction, &self.who)
    }
}

impl Who {
    /// The caller's role in a community; none when not an active member.
    pub(crate) fn role_in(&self, community: Uuid) -> Option<&str> {
        self.memberships.iter().find(|it| it.community_id == community).map(|it| it.role.as_str())
    }

    /// The communities that the answer spans: the named one, else all of the caller's.
    pub(crate) fn spanned(&self) -> Vec<Uuid> {
        let spans = |it: &&Membership| self.community.is_none_or(|named| named == it.community_id);
        self.memberships.iter().filter(spans).map(|it| it.community_id).collect()
    }

    /// The community of the call, where one is needed, and the caller is a member of it.
    pub(crate) fn needed_community(&self) -> Result<Uuid, Problem> {
        let Some(community) = self.community else {
            let message = "name a community with X-Community-Context or community_id";
            return Err(Problem::bad_request("COMMUNITY_CONTEXT_REQUIRED", message));
        };
        self.role_in(community).map(|_| community).ok_or_else(Problem::not_a_member)
    }
}

/// Opens the transaction of a reading, of nobody or of `user_id`.
///
/// # Errors
/// When there is no connection, or a swap holds the tables for too long.
pub async fn open_reading(
    pool: &PgPool,
    user_id: Option<Uuid>,
) -> sqlx::Result<Transaction<'static, Postgres>> {
    // Two statements: sqlx counts a transaction from when BEGIN has succeeded. A connection whose LOCK fails with it, or is
    // not waited for, would go back to the pool inside its transaction and keep what it has locked.
    let mut transaction = pool.begin_with(BEGIN).await?;
    let user_id = user_id.map(|it| it.to_string()).unwrap_or_default();
    let first = format!("{LOCK_READ_MODELS}; SELECT set_config('app.user_id', '{user_id}', true)");
    sqlx::raw_sql(AssertSqlSafe(first)).execute(&mut *transaction).await?;
    Ok(transaction)
}

/// Opens the transaction of `user_id` and sets what the policies read. A named community must be the caller's, or admit
/// outsiders.
///
/// The snapshot is taken once (repeatable read), so an item, its count and its version always fit together.
pub(crate) async fn begin(
    pool: &PgPool,
    user_id: Uuid,
    community: Option<Uuid>,
) -> Result<(Transaction<'static, Postgres>, Who), Problem> {
    let mut transaction = open_reading(pool, Some(user_id)).await?;
    let memberships: Vec<Membership> = sqlx::query_as(
        "SELECT community_id, role FROM community.memberships
         WHERE user_id = $1 AND status = 'active' ORDER BY joined_at, community_id",
    )
    .bind(user_id)
    .fetch_all(&mut *transaction)
    .await?;
    let who = Who { user_id, memberships, community, now: Utc::now() };
    if let Some(named) = community
        && who.role_in(named).is_none()
        && !admits_outsiders(&mut transaction, named).await?
    {
        return Err(Problem::not_a_member());
    }
    sqlx::query("SELECT set_config('app.community_ids', $1::uuid[]::text, true)")
        .bind(who.spanned())
        .execute(&mut *transaction)
        .await?;
    Ok((transaction, who))
}

async fn admits_outsiders(connection: &mut PgConnection, community: Uuid) -> Result<bool, sqlx::Error> {
    let admits = sqlx::query_scalar(
        "SELECT outsider_response_allowed AND visibility_mode = 'public' FROM community.communities WHERE id = $1",
    );
    Ok(admits.bind(community).fetch_optional(connection).await?.unwrap_or(false))
}

impl FromRequestParts<App> for Reading {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let SignedIn(claims) = SignedIn::from_request_parts(parts, app).await?;
        let in_path = path_community(parts, app).await;
        let community = named_community(parts, in_path)?;
        if let Some(community) = community {
            correlation::note_community(community);
        }
        let (promised, bulkhead) = (parts.extensions.get::<Promised>(), parts.extensions.get::<Bulkhead>());
        loop {
            let place = match bulkhead {
                Some(bulkhead) => Some(bulkhead.enter().await?),
                None => None,
            };
            let (transaction, who) = begin(&app.pool, claims.user_id, community).await?;
            let mut reading = Self { transaction, claims: Arc::clone(&claims), who, _place: place };
            let Some(promised) = promised else { return Ok(reading) };
            if promised.is_seen_by(reading.db()).await? {
                return Ok(reading);
            }
            // Another version has been swapped in since the wait was over, or the record is parked. Whoever waits holds
            // neither connection nor place.
            drop(reading);
            promised.wait().await?;
        }
    }
}

/// The community in the path of a route about one; the call cannot name another.
async fn path_community(parts: &mut Parts, app: &App) -> Option<Uuid> {
    let params = RawPathParams::from_request_parts(parts, app).await.ok()?;
    params.iter().find(|(name, _)| *name == "community_id").and_then(|(_, value)| Uuid::parse_str(value).ok())
}

/// The community of the call: a header, else the query. Two different values are refused.
fn named_community(parts: &Parts, in_path: Option<Uuid>) -> Result<Option<Uuid>, Problem> {
    let mut params = Params::of_query(parts.uri.query());
    let mut named = params.uuid("community_id");
    for header in CONTEXT_HEADERS {
        let Some(value) = parts.headers.get(header) else { continue };
        match value.to_str().ok().and_then(|it| Uuid::parse_str(it.trim()).ok()) {
            Some(id) if named.is_none_or(|it| it == id) => named = Some(id),
            Some(_) => params.fault("community_id", "CONFLICT", "the call names two communities".to_owned()),
            None => params.fault(
                "X-Community-Context",
                "INVALID_FORMAT",
                "the community must be a UUID".to_owned(),
            ),
        }
    }
    if in_path.is_some() && named.is_some() && named != in_path {
        params.fault("community_id", "CONFLICT", "the call names two communities".to_owned());
    }
    params.finish().map(|()| named)
}
