//! Rows of a small world, as the projections leave them, and of a large one.

use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use crate::fixture::{World, pool};

/// The rows that `karmyq bench read` measures on.
const LARGE: &str = include_str!("../../karmyq/src/commands/bench/read/rows.sql");

/// Fills the read models with so many requests and all that belongs to them, changes them by these statements, and lets
/// PostgreSQL look at them, as it does by itself later.
pub(crate) async fn fill(database: &str, requests: u64, changes: &[&str]) {
    let owner = pool("MIGRATIONS_DATABASE_URL", database);
    let mut connection = owner.acquire().await.expect("the owner connects");
    let size = format!("SET bench.requests = {requests}");
    for sql in [size.as_str(), LARGE].into_iter().chain(changes.iter().copied()).chain(["VACUUM ANALYZE"]) {
        connection.execute(AssertSqlSafe(sql.to_owned())).await.expect("the owner may do it");
    }
}

/// What a test says of a request; the rest is usual.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request {
    pub(crate) title: &'static str,
    pub(crate) status: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) urgency: &'static str,
    pub(crate) category: &'static str,
    /// Relative to now, as PostgreSQL reads intervals.
    pub(crate) expires_in: &'static str,
    pub(crate) age: &'static str,
}

impl Default for Request {
    fn default() -> Self {
        Self {
            title: "Move a sofa",
            status: "open",
            scope: "community",
            urgency: "medium",
            category: "moving",
            expires_in: "60 days",
            age: "1 minute",
        }
    }
}

impl World {
    /// A registered person.
    pub(crate) async fn person(&self, name: &str) -> Uuid {
        let id = Uuid::now_v7();
        self.project(format!(
            "INSERT INTO auth.users (id, email, name, phone, email_verified, two_factor, state, created_at, updated_at, version)
             VALUES ('{id}', '{name}@example.org', '{name}', '+49 1', true, false, 'active', now(), now(), 1);
             INSERT INTO auth.user_settings VALUES ('{id}', false, false, true, true, false, 'UTC', NULL, now(), 1)"
        ))
        .await;
        id
    }

    /// A public community with its founder.
    pub(crate) async fn community(&self, name: &str, founder: Uuid) -> Uuid {
        let id = Uuid::now_v7();
        self.project(format!(
            "INSERT INTO community.communities VALUES ('{id}', '{name}', 'Neighbours', 'Berlin', 'street', 'mutual_aid', 'public',
                 150, 0, '{founder}', 'active', NULL, NULL, '{{garden}}', 'public', false, now(), now(), now(), 3);
             INSERT INTO community.settings VALUES ('{id}', 60, 60, 90, 30, 180, 180, 7, 6, '{{complete_request}}', true, now(), 3);
             INSERT INTO community.configs VALUES ('{id}', NULL, 150, 'public', false, '[]', 'community', false, 100, 60, 40, 180, 0,
                 0.6, 0.4, 3, 1, true, 0.4, 59, 90, 3, 0.6, 0.4, false, 'EUR', 0, false, '{{}}', now(), 3)"
        ))
        .await;
        self.member(id, founder, "admin").await;
        id
    }

    /// Changes columns of a community.
    pub(crate) async fn alter_community(&self, id: Uuid, assignments: &str) {
        self.project(format!("UPDATE community.communities SET {assignments} WHERE id = '{id}'")).await;
    }

    /// An active member.
    pub(crate) async fn member(&self, community: Uuid, user: Uuid, role: &str) {
        self.project(format!(
            "INSERT INTO community.memberships VALUES ('{community}', '{user}', '{role}', 'active', clock_timestamp(), NULL, NULL, 3);
             UPDATE community.communities SET current_members = current_members + 1 WHERE id = '{community}'"
        ))
        .await;
    }

    /// An approved request in one community.
    pub(crate) async fn request(&self, by: Uuid, community: Uuid, it: Request) -> Uuid {
        let id = Uuid::now_v7();
        let Request { title, status, scope, urgency, category, expires_in, age } = it;
        self.project(format!(
            "INSERT INTO requests.help_requests (id, requester_id, title, description, category, category_sealed, request_type,
                 urgency, status, visibility_scope, visibility_max_degrees, expires_at, is_public,
                 requester_visibility_consent, proposal_count, community_ids, pending_community_ids, created_at, updated_at, version)
             VALUES ('{id}', '{by}', '{title}', 'Two people needed', '{category}', false, 'generic', '{urgency}', '{status}', '{scope}', 3,
                 now() + interval '{expires_in}', false, false, 0, '{{{community}}}', '{{}}',
                 clock_timestamp() - interval '{age}', now(), 4);
             INSERT INTO requests.request_communities VALUES ('{id}', '{community}', 'approved', 0, now() - interval '{age}')"
        ))
        .await;
        id
    }

    /// A match of a request.
    pub(crate) async fn proposal(
        &self,
        request: Uuid,
        requester: Uuid,
        responder: Uuid,
        status: &str,
    ) -> Uuid {
        let id = Uuid::now_v7();
        self.project(format!(
            "INSERT INTO requests.matches (id, request_id, requester_id, responder_id, via, status, message, created_at, updated_at, version)
             VALUES ('{id}', '{request}', '{requester}', '{responder}', 'proposal', '{status}', 'I can', clock_timestamp(), now(), 2)"
        ))
        .await;
        id
    }

    /// A completed exchange: both sides, the helper's karma and, when there is one, the rating of the helper.
    pub(crate) async fn exchange(
        &self,
        community: Uuid,
        helper: Uuid,
        requester: Uuid,
        points: i32,
        rating: Option<f64>,
    ) {
        let (match_id, record) = (Uuid::now_v7(), Uuid::now_v7());
        self.project(format!(
            "INSERT INTO reputation.exchanges VALUES
                 ('{match_id}', '{community}', '{helper}', '{requester}', 'helper', now()),
                 ('{match_id}', '{community}', '{requester}', '{helper}', 'requester', now());
             INSERT INTO reputation.karma_records
             VALUES ('{record}', '{helper}', '{community}', {points}, 'helped_with_request', '{match_id}', '{match_id}', now());
             INSERT INTO reputation.standings VALUES ('{helper}', '{community}', {points}, 1, 0, 0, now(), 1)
             ON CONFLICT (user_id, community_id) DO UPDATE SET total_karma = standings.total_karma + {points},
                 helps_given = standings.helps_given + 1"
        ))
        .await;
        if let Some(rating) = rating {
            let values = format!("'{match_id}', '{helper}', {rating}, 5, NULL, 4, now()");
            self.project(format!("INSERT INTO reputation.ratings VALUES ({values})")).await;
        }
    }

    /// An item of an inbox at this offset.
    pub(crate) async fn notice(&self, user: Uuid, actor: Uuid, request: Uuid, offset: i64) -> Uuid {
        let id = Uuid::now_v7();
        self.project(format!(
            "INSERT INTO notifications.notifications VALUES ('{id}', '{user}', 'match_created', 'high', 'match', '{id}', '{actor}', NULL,
                 '{{\"requestId\": \"{request}\"}}', '/requests/{request}', false, 1, clock_timestamp(), NULL, now() + interval '30 days',
                 'notification-events/0@{offset}', {offset}, 1)"
        ))
        .await;
        id
    }
}
