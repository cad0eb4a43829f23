//! What items are about: everybody who listens is in one community and has helped in a request of the first of them. A stream
//! shows names and titles, each to whom they are shown, and these have to be there to be looked up.

use anyhow::Result;
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

use super::super::ground::Ground;

const SUBJECTS: &str = "
    WITH people AS (
        INSERT INTO auth.users (id, email, name, email_verified, two_factor, state, created_at, updated_at, version)
        SELECT id, id || '@example.org', 'Somebody', true, false, 'active', now(), now(), 1 FROM unnest($1::uuid[]) AS id
    ), members AS (
        INSERT INTO community.memberships (community_id, user_id, role, status, joined_at, version)
        SELECT $2, id, 'member', 'active', now(), 1 FROM unnest($1::uuid[]) AS id
    ), asks AS (
        INSERT INTO requests.help_requests (id, requester_id, title, description, category, category_sealed, request_type,
            urgency, status, visibility_scope, visibility_max_degrees, expires_at, is_public, requester_visibility_consent,
            proposal_count, community_ids, pending_community_ids, created_at, updated_at, version)
        SELECT id, ($1::uuid[])[1], 'Move a sofa', 'Two people needed', 'moving', false, 'generic', 'medium', 'completed',
            'community', 3, now(), false, false, 1, ARRAY[$2], '{}', now(), now(), 1
        FROM unnest($3::uuid[]) AS id
    )
    INSERT INTO requests.matches (id, request_id, requester_id, responder_id, via, status, created_at, updated_at, version)
    SELECT request_id, request_id, ($1::uuid[])[1], responder_id, 'proposal', 'completed', now(), now(), 1
    FROM unnest($1::uuid[], $3::uuid[]) AS it (responder_id, request_id)";

/// Settles these people, and tells in which request each has helped.
pub(super) async fn settle(ground: &Ground, people: &[Uuid]) -> Result<Vec<Uuid>> {
    let requests: Vec<Uuid> = people.iter().map(|_| Uuid::now_v7()).collect();
    let mut owner = PgConnection::connect(ground.variable("MIGRATIONS_DATABASE_URL")?).await?;
    let filled = sqlx::query(SUBJECTS).bind(people).bind(Uuid::now_v7()).bind(&requests);
    filled.execute(&mut owner).await?;
    owner.close().await?;
    Ok(requests)
}
