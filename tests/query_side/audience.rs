//! Lists of asks, and what stands beside an item of a live stream, are found by functions of the database that take a shorter
//! way than row security. They have to find what row security would show, no more and no less.

use std::collections::BTreeMap;

use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Postgres, Transaction};
use uuid::Uuid;

use crate::fixture::{World, pool};
use crate::rows;

/// What nobody has in the generated rows: asks that wait for approval, past their time, of people who have left, and
/// communities that only members see.
const ODD_ONES: &str = "
    UPDATE requests.help_requests
    SET status = 'pending', pending_community_ids = community_ids, community_ids = '{}'
    WHERE status = 'cancelled' AND get_byte(uuid_send(id), 5) % 2 = 0;
    UPDATE requests.help_requests SET expires_at = now() - interval '1 hour'
    WHERE status = 'open' AND get_byte(uuid_send(id), 6) % 3 = 0;
    UPDATE community.communities SET visibility_mode = 'members_only' WHERE get_byte(uuid_send(id), 5) % 10 > 0;
    UPDATE community.memberships SET status = 'left' WHERE get_byte(uuid_send(user_id), 7) % 4 = 0;
    UPDATE requests.help_requests SET text_forgotten_at = now()
    WHERE status IN ('open', 'matched') AND get_byte(uuid_send(id), 7) % 5 = 0";

const STATUSES: [&str; 7] =
    ["pending", "open", "dibs_pending", "matched", "completed", "cancelled", "expired"];
const CALLERS: i64 = 12;

#[tokio::test]
async fn lists_find_exactly_what_row_security_shows() {
    let world = neighbourhood().await;
    let mut reading = reading(&world).await;
    let mut found = BTreeMap::new();
    for caller in callers(&world).await {
        let communities = enter(&mut reading, caller).await;
        for status in STATUSES {
            *found.entry(status).or_insert(0) += compare(&mut reading, None, status).await;
        }
        for community in communities.into_iter().take(1) {
            narrow(&mut reading, community).await;
            for status in STATUSES {
                *found.entry(status).or_insert(0) += compare(&mut reading, Some(community), status).await;
            }
        }
    }
    // The rows have none that is asked of one person.
    found.retain(|status, count| *count == 0 && *status != "dibs_pending");
    assert!(found.is_empty(), "nothing to compare: {found:?}");
    drop(reading);
    world.drop().await;
}

#[tokio::test]
async fn a_live_item_shows_the_names_and_titles_that_row_security_shows() {
    let world = neighbourhood().await;
    let mut reading = reading(&world).await;
    let strangers = "SELECT u.id, auth.name_shown(u.id), (SELECT p.name FROM auth.people(ARRAY[u.id]) AS p)
        FROM unnest($1::uuid[]) AS u (id)";
    let asks = "SELECT a.id, requests.title_shown(a.id), (SELECT r.title FROM requests.help_requests AS r WHERE r.id = a.id)
        FROM unnest($1::uuid[]) AS a (id)";
    // All that a caller takes part in is in such a share of the rows, and much that they may not see.
    let sample = async |table: &str| -> Vec<Uuid> {
        let sql =
            format!("SELECT id FROM {table} WHERE get_byte(uuid_send(id), 8) % 3 = 0 ORDER BY id LIMIT 2000");
        sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(&world.projector).await.expect("there are rows")
    };
    for (of, sql) in [("auth.users", strangers), ("requests.help_requests", asks)] {
        let mut ids = sample(of).await;
        // Nobody, and no request.
        ids.push(Uuid::nil());
        let (mut shown, mut hidden) = (0, 0);
        for caller in callers(&world).await {
            enter(&mut reading, caller).await;
            let rows: Vec<(Uuid, Option<String>, Option<String>)> =
                sqlx::query_as(sql).bind(&ids).fetch_all(&mut *reading).await.expect("query-api may read");
            for (id, shorter, as_ever) in rows {
                assert_eq!(shorter, as_ever, "{id} of {of} for {caller}");
                *if shorter.is_some() { &mut shown } else { &mut hidden } += 1;
            }
        }
        assert!(shown > 0 && hidden > 0, "{of}: {shown} shown, {hidden} hidden");
    }
    drop(reading);
    world.drop().await;
}

/// The communities nearest to the caller as row security shows them, who is in which and all.
const NEAREST_AS_SHOWN: &str = "
    WITH own AS (
        SELECT DISTINCT user_id FROM community.memberships
        WHERE community_id = ANY (COALESCE(auth.caller_communities(), '{}')) AND status = 'active' AND user_id <> auth.caller()
    ), shared AS (
        SELECT m.community_id, count(*) AS members
        FROM own JOIN community.memberships AS m USING (user_id)
        WHERE m.status = 'active'
        GROUP BY m.community_id
    )
    SELECT c.id, COALESCE(s.members, 0) AS shared_members
    FROM community.communities AS c LEFT JOIN shared AS s ON s.community_id = c.id
    WHERE c.status = 'active' AND c.id <> ALL (COALESCE(auth.caller_communities(), '{}'))
    ORDER BY shared_members DESC, c.last_activity_at DESC, c.id DESC LIMIT 20";

#[tokio::test]
async fn communities_are_suggested_by_the_members_that_row_security_shows() {
    let world = neighbourhood().await;
    let mut reading = reading(&world).await;
    let mut shared = 0;
    for caller in callers(&world).await {
        enter(&mut reading, caller).await;
        let mut both = Vec::new();
        for sql in ["SELECT id, shared_members FROM community.nearest(20)", NEAREST_AS_SHOWN] {
            let found: Vec<(Uuid, i64)> =
                sqlx::query_as(sql).fetch_all(&mut *reading).await.expect("query-api may read");
            both.push(found);
        }
        assert_eq!(both[0], both[1], "for {caller}");
        shared += both[0].iter().map(|(_, members)| members).sum::<i64>();
    }
    assert!(shared > 0, "nobody shares anything");
    drop(reading);
    world.drop().await;
}

/// Ten thousand asks, some of them odd ones.
async fn neighbourhood() -> World {
    World::after(async |database| {
        rows::fill(database, 10_000, &[ODD_ONES]).await;
    })
    .await
}

/// Some who moderate, some who are only members, some who have left.
async fn callers(world: &World) -> Vec<Uuid> {
    sqlx::query_scalar(
        "(SELECT user_id FROM community.memberships WHERE role <> 'member' ORDER BY user_id LIMIT $1)
         UNION (SELECT user_id FROM community.memberships ORDER BY user_id DESC LIMIT $1)",
    )
    .bind(CALLERS)
    .fetch_all(&world.projector)
    .await
    .expect("there are people")
}

async fn reading(world: &World) -> Transaction<'static, Postgres> {
    pool("DATABASE_URL_QUERY_API", &world.database).begin().await.expect("query-api connects")
}

/// Says who asks; their communities.
async fn enter(reading: &mut PgConnection, caller: Uuid) -> Vec<Uuid> {
    set(reading, "app.community_ids", "").await;
    set(reading, "app.user_id", &caller.to_string()).await;
    let communities: Vec<Uuid> = sqlx::query_scalar(
        "SELECT community_id FROM community.memberships WHERE user_id = $1 AND status = 'active'",
    )
    .bind(caller)
    .fetch_all(&mut *reading)
    .await
    .expect("everybody sees their own");
    let listed: Vec<_> = communities.iter().map(Uuid::to_string).collect();
    set(reading, "app.community_ids", &format!("{{{}}}", listed.join(","))).await;
    communities
}

/// As when a call names one of the caller's communities.
async fn narrow(reading: &mut PgConnection, community: Uuid) {
    set(reading, "app.community_ids", &format!("{{{community}}}")).await;
}

async fn set(reading: &mut PgConnection, name: &str, value: &str) {
    let set = sqlx::query("SELECT set_config($1, $2, true)").bind(name).bind(value);
    set.execute(reading).await.expect("it is set");
}

/// How many both have; fails when they differ.
async fn compare(reading: &mut PgConnection, community: Option<Uuid>, status: &str) -> usize {
    let listed = "SELECT r.id FROM requests.shown_to_caller(NULLIF(ARRAY[$1], '{NULL}'), $2) AS r";
    let shown = "SELECT r.id FROM requests.help_requests AS r";
    let mut both = Vec::new();
    for from in [listed, shown] {
        let sql = format!(
            "{from} WHERE r.status = $2
             AND ($1::uuid IS NULL OR $1 = ANY (r.community_ids || r.pending_community_ids)) ORDER BY r.id"
        );
        let ids: Vec<Uuid> = sqlx::query_scalar(AssertSqlSafe(sql))
            .bind(community)
            .bind(status)
            .fetch_all(&mut *reading)
            .await
            .expect("query-api may read");
        both.push(ids);
    }
    assert_eq!(both[0], both[1], "{status} in {community:?}");
    both[0].len()
}
