//! Replay: read models folded again from the first record are the same, row by row.

use std::collections::BTreeMap;
use std::time::Duration;

use sqlx::Row;
use tests::eventually::eventually;
use tests::services::{System, karmyq, said};

/// Digest of the rows of each read table.
pub(crate) type Digests = BTreeMap<String, String>;

pub(crate) async fn every_projection_rebuilt_from_the_start_equals_the_live_one(system: &System) {
    assert_rebuild_equals_live(system).await;
}

/// Waits until everything is folded, rebuilds every projection and compares the rows.
pub(crate) async fn assert_rebuild_equals_live(system: &System) {
    folded(system).await;
    let live = digests(system).await;
    assert!(live.values().any(|it| it != "empty"), "there are rows: {live:?}");
    for projection in projectors::registry::PROJECTIONS {
        let output = karmyq(&system.environment, &["projections", "rebuild", projection.name]);
        assert!(output.status.success(), "{}: {}", projection.name, said(&output));
    }
    folded(system).await;
    let rebuilt = digests(system).await;
    let different: Vec<_> =
        live.iter().filter(|(table, digest)| rebuilt.get(*table) != Some(digest)).collect();
    assert!(different.is_empty(), "these tables differ after the rebuild: {different:?}");
}

/// Waits until the live version of every projection has folded every record that is on its topics now.
pub(crate) async fn folded(system: &System) {
    let mut lasts = BTreeMap::new();
    for topic in system.log.topics().iter().filter(|it| it.name.ends_with("-events")) {
        for record in system.log.records(&topic.name).await {
            let of = (record.position.of.topic.to_string(), record.position.of.partition);
            lasts.insert(of, record.position.offset);
        }
    }
    eventually("everything is folded", Duration::from_secs(60), || async {
        let rows = sqlx::query(
            "select c.topic, c.partition, min(c.next_offset) as next_offset from projection.checkpoints c
             join projection.active a using (projection, version) group by c.topic, c.partition",
        )
        .fetch_all(&system.postgres)
        .await
        .expect("the checkpoints");
        let behind = rows.iter().any(|row| {
            let of = (row.get::<String, _>("topic"), row.get::<i32, _>("partition"));
            lasts.get(&of).is_some_and(|last| row.get::<i64, _>("next_offset") <= *last)
        });
        (!behind && !rows.is_empty()).then_some(())
    })
    .await;
    let parked: i64 = sqlx::query_scalar("select count(*) from projection.parked")
        .fetch_one(&system.postgres)
        .await
        .expect("the parked records");
    assert_eq!(parked, 0, "no record had to be parked");
}

/// The digest of every table that a projection fills.
async fn digests(system: &System) -> Digests {
    let tables: Vec<String> = sqlx::query_scalar(
        "select n.nspname || '.' || c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
         where c.relkind = 'p' order by 1",
    )
    .fetch_all(&system.postgres)
    .await
    .expect("the catalog");
    let mut digests = Digests::new();
    for table in tables {
        let statement = format!("select md5(string_agg(t::text, E'\\n' order by t::text)) from {table} t");
        let digest: Option<String> = sqlx::query_scalar(sqlx::AssertSqlSafe(statement))
            .fetch_one(&system.postgres)
            .await
            .expect("readable");
        digests.insert(table, digest.unwrap_or_else(|| "empty".to_owned()));
    }
    digests
}
