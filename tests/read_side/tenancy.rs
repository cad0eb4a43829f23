//! Row security: forced on every read table, and a caller who is not set sees nothing.

use sqlx::{AssertSqlSafe, PgPool};
use uuid::Uuid;

use crate::fixture::World;
use crate::story::Story;

#[tokio::test]
async fn every_read_table_has_forced_row_security_and_shows_nothing_to_nobody() {
    let mut world = World::new().await;
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    let tables: Vec<(String, bool)> = sqlx::query_as(
        "SELECT c.oid::regclass::text, c.relrowsecurity AND c.relforcerowsecurity FROM pg_class AS c WHERE c.relkind = 'p'",
    )
    .fetch_all(&world.owner())
    .await
    .expect("the catalog is readable");
    assert!(tables.len() >= 19, "{tables:?}");
    let reader = world.reader();
    for (table, forced) in tables {
        assert!(forced, "{table}");
        let seen: i64 = sqlx::query_scalar(AssertSqlSafe(format!("SELECT count(*) FROM {table}")))
            .fetch_one(&reader)
            .await
            .expect("the reader may select");
        assert_eq!(seen, 0, "{table} shows rows without a caller");
    }
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_request_is_seen_by_its_community_and_by_nobody_else() {
    let mut world = World::new().await;
    let (story, elsewhere) = (Story::new(), Story::new());
    world.append(story.beginning()).await;
    world.append(elsewhere.beginning()).await;
    let running = world.start();
    world.folded().await;
    let reader = world.reader();
    let requests = "SELECT id FROM requests.help_requests";
    assert_eq!(ids(&reader, story.helper, &[story.community], requests).await, [story.request]);
    assert!(ids(&reader, story.helper, &[], requests).await.is_empty());
    assert_eq!(ids(&reader, elsewhere.asker, &[elsewhere.community], requests).await, [elsewhere.request]);
    // The other community's members are strangers, except where its list is public; their rows are not.
    let users = "SELECT id FROM auth.users ORDER BY id";
    let mut both = [story.asker, story.helper];
    both.sort_unstable();
    assert_eq!(ids(&reader, story.helper, &[story.community], users).await, both);
    running.stop().await;
    world.drop().await;
}

/// The ids that a caller with these memberships sees.
async fn ids(reader: &PgPool, caller: Uuid, communities: &[Uuid], sql: &'static str) -> Vec<Uuid> {
    let mut transaction = reader.begin().await.expect("a transaction");
    let list: Vec<String> = communities.iter().map(Uuid::to_string).collect();
    sqlx::query("SELECT set_config('app.user_id', $1, true), set_config('app.community_ids', $2, true)")
        .bind(caller.to_string())
        .bind(format!("{{{}}}", list.join(",")))
        .execute(&mut *transaction)
        .await
        .expect("the caller is set");
    let seen = sqlx::query_scalar(sql).fetch_all(&mut *transaction).await.expect("the reader may select");
    transaction.rollback().await.expect("it ends");
    seen
}
