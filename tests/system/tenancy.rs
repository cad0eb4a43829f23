//! Tenants do not see each other, neither through the API nor through a forgotten setting in the database.

use serde_json::json;
use sqlx::{PgPool, Row};
use tests::services::System;

pub(crate) async fn what_is_not_the_callers_business_does_not_exist(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Thea").await;
    let stranger = api.register("Stan").await;
    let community = api.found(&mut founder).await;
    let request = api.ask(&founder, &community, "Feed the cat").await;

    let request_path = format!("/requests/{}", request.id);
    api.get(&request_path).by(&stranger).seeing(&request.position).refused(404, "REQUEST_NOT_FOUND").await;
    api.put(&request_path, &json!({"title": "Feed my dog"}))
        .by(&stranger)
        .refused(404, "REQUEST_NOT_FOUND")
        .await;
    api.post("/matches", &json!({"requestId": request.id}))
        .by(&stranger)
        .refused(404, "REQUEST_NOT_FOUND")
        .await;
    api.get(&format!("/users/{}", founder.id)).by(&stranger).refused(404, "USER_NOT_FOUND").await;
    api.get(&format!("/notifications/{}", founder.id)).by(&stranger).refused(403, "FORBIDDEN").await;
    api.put(&format!("/users/{}", founder.id), &json!({"name": "Mallory"}))
        .by(&stranger)
        .refused(403, "FORBIDDEN")
        .await;
    let tags = format!("/communities/{}/tags", community.id);
    api.put(&tags, &json!({"tags": ["mine"]})).by(&stranger).expect(403).await;
    let list = api.get("/requests").by(&stranger).seeing(&request.position).expect(200).await;
    assert!(list.items().iter().all(|it| it["id"] != request.id.as_str()), "{list}");
    let named = api.get("/requests").by(&stranger).query("community_id", &community.id);
    named.refused(403, "NOT_A_MEMBER").await;
}

/// Every table with row security, read by the query role in a transaction that names no caller.
pub(crate) async fn without_a_caller_no_table_has_a_row(system: &System) {
    let mut founder = system.api.register("Tom").await;
    let community = system.api.found(&mut founder).await;
    let request = system.api.ask(&founder, &community, "Mend a fence").await;
    let path = format!("/requests/{}", request.id);
    system.api.get(&path).by(&founder).seeing(&request.position).expect(200).await;

    let tables = sqlx::query(
        "select n.nspname || '.' || c.relname as name, c.relrowsecurity, c.relforcerowsecurity
         from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where n.nspname in ('auth', 'community', 'requests', 'reputation', 'notifications', 'feed')
           and c.relkind in ('r', 'p') and not c.relispartition
           and has_table_privilege('karmyq_query', c.oid, 'select')",
    )
    .fetch_all(&system.postgres)
    .await
    .expect("the catalog answers");
    assert!(tables.len() >= 10, "the read tables: {}", tables.len());

    let query_role =
        PgPool::connect(system.environment.get("DATABASE_URL_QUERY_API")).await.expect("PostgreSQL");
    for table in tables {
        let name: String = table.get("name");
        assert!(table.get::<bool, _>("relrowsecurity"), "{name} has no row security");
        assert!(table.get::<bool, _>("relforcerowsecurity"), "{name} does not force row security");
        let statement = sqlx::AssertSqlSafe(format!("select count(*) from {name}"));
        let rows: i64 = sqlx::query_scalar(statement).fetch_one(&query_role).await.expect("readable");
        assert_eq!(rows, 0, "{name} shows rows to nobody");
    }
}
