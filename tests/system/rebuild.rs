//! Replay: read models folded again from the first record are the same, row by row.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::{Duration, Instant};

use sqlx::Row;
use tests::eventually::eventually;
use tests::services::{System, karmyq, karmyq_command, said};
use tokio_util::sync::CancellationToken;

/// Digest of the rows of each read table.
pub(crate) type Digests = BTreeMap<String, String>;

pub(crate) async fn every_projection_rebuilt_from_the_start_equals_the_live_one(system: &System) {
    assert_rebuild_equals_live(system).await;
}

/// Processes that are killed.
const KILLS: u32 = 8;

pub(crate) async fn a_rebuild_that_is_killed_at_any_point_leaves_nothing_behind(system: &System) {
    folded(system).await;
    let live = digests(system).await;
    let begun = Instant::now();
    let output = karmyq(&system.environment, &["projections", "rebuild", "requests"]);
    assert!(output.status.success(), "{}", said(&output));
    let whole = begun.elapsed();
    let mut killed = 0;
    for kill in 1..=KILLS {
        let mut rebuilding = karmyq_command(&system.environment, &["projections", "rebuild", "requests"])
            .spawn()
            .expect("`cargo build --bins` makes karmyq");
        let until = whole.mul_f64(f64::from(kill) / f64::from(KILLS));
        killed += u32::from(tokio::time::timeout(until, ended(&mut rebuilding)).await.is_err());
        rebuilding.kill().expect("it is ours");
        rebuilding.wait().expect("it is reaped");
        let output = karmyq(&system.environment, &["projections", "cancel", "requests"]);
        assert!(output.status.success(), "{}", said(&output));
        let leftovers: Vec<String> = sqlx::query_scalar(
            "select c.oid::regclass::text from pg_class c where c.relkind = 'r' and c.relname ~ '_v[0-9]+$'
             and not exists (select from pg_inherits i where i.inhrelid = c.oid)
             and c.oid::regclass::text <> all (
                 select name || '_v' || version from projection.kept, unnest(tables) as name)",
        )
        .fetch_all(&system.postgres)
        .await
        .expect("the catalog");
        assert_eq!(leftovers, Vec::<String>::new(), "after kill {kill}");
        assert_eq!(digests(system).await, live, "after kill {kill}");
    }
    assert!(killed > KILLS / 2, "{killed} of {KILLS} were killed before they had ended");
    assert_rebuild_equals_live(system).await;
}

/// Waits until a process has ended by itself.
async fn ended(child: &mut Child) {
    let mut looks = tokio::time::interval(Duration::from_millis(5));
    while child.try_wait().expect("a child").is_none() {
        looks.tick().await;
    }
}

/// Rebuilds and rollbacks while clients read.
const SWAPS: usize = 20;

pub(crate) async fn clients_notice_nothing_of_swaps_and_rollbacks(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Sol").await;
    let community = api.found(&mut founder).await;
    let mut asked = Vec::new();
    for number in 0..5 {
        asked.push(api.ask(&founder, &community, &format!("Errand {number}")).await);
    }
    folded(system).await;
    let done = CancellationToken::new();
    let reading = async {
        let mut readings = 0;
        while !done.is_cancelled() {
            let listed = api.get("/requests").query("requester_id", "me").by(&founder).expect(200).await;
            assert_eq!(listed.items().len(), asked.len(), "{listed}");
            api.get(&format!("/requests/{}", asked[0].id)).by(&founder).expect(200).await;
            readings += 1;
        }
        readings
    };
    let swapping = async {
        for round in 0..SWAPS {
            let what = if round % 2 == 0 { "rebuild" } else { "rollback" };
            let environment = system.environment.clone();
            let output =
                tokio::task::spawn_blocking(move || karmyq(&environment, &["projections", what, "requests"]));
            let output = output.await.expect("no panic");
            assert!(output.status.success(), "{}", said(&output));
        }
        done.cancel();
    };
    let (readings, ()) = futures::join!(reading, swapping);
    assert!(readings > 5 * SWAPS, "clients have read {readings} times");
    folded(system).await;
}

/// What CI runs after all traffic: a comparison of every projection, each at one moment.
pub(crate) async fn all_rows_are_what_the_log_says_after_all_of_this(system: &System) {
    folded(system).await;
    let output = karmyq(&system.environment, &["projections", "verify", "--all", "--json"]);
    assert!(output.status.success(), "{}", said(&output));
    let verified: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it answers in JSON");
    let verified = verified.as_array().expect("a list");
    assert_eq!(verified.len(), projectors::registry::PROJECTIONS.len());
    for it in verified {
        assert!(it["equal"] == true && it["rows"].as_i64().is_some_and(|rows| rows > 0), "{it}");
    }
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
