//! Projections that come and go with the code: outdated ones are named, those without code retired.

use std::time::Duration;

use event_log::GroupConfig;
use projectors::rebuild::{Error, Options};
use projectors::{Limits, dead_letters, group, outdated, registry, retire, rollback};
use tokio_util::sync::CancellationToken;

use crate::jobs::folded;

#[tokio::test]
async fn rows_of_other_code_and_rows_that_nobody_made_are_due() {
    let (world, running) = folded(2).await;
    let all: Vec<_> = registry::PROJECTIONS.iter().collect();
    let due = async || -> Vec<&str> {
        let due = outdated::outdated(&world.owner(), &all).await.expect("it can be told");
        due.into_iter().map(|it| it.name).collect()
    };
    assert_eq!(due().await, Vec::<&str>::new());
    for sql in [
        "UPDATE projection.active SET fingerprint = 'of other code' WHERE projection = 'feed'",
        "DELETE FROM projection.active WHERE projection = 'reputation'",
    ] {
        sqlx::query(sql).execute(&world.owner()).await.expect("the owner may do it");
    }
    assert_eq!(due().await, ["feed", "reputation"]);
    world.rebuild("feed").await;
    assert_eq!(due().await, ["reputation"]);
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_is_due_is_rebuilt_at_the_start_also_after_a_rollback() {
    let (world, running) = folded(2).await;
    let (owner, never) = (world.owner(), CancellationToken::new());
    let all: Vec<_> = registry::PROJECTIONS.iter().collect();
    let due = async || outdated::outdated(&owner, &all).await.expect("it can be told");
    sqlx::query("UPDATE projection.active SET fingerprint = 'of other code' WHERE projection = 'feed'")
        .execute(&owner)
        .await
        .expect("the owner may do it");
    outdated::rebuild_all(&world.source, &owner, due().await, Limits::default(), &never).await;
    assert!(due().await.is_empty());
    let options = Options::default();
    let back = rollback::rollback(&world.source, &owner, "feed", &options, |_| {}, &never).await;
    assert!(!back.expect("it goes back").same_code);
    assert_eq!(due().await.iter().map(|it| it.name).collect::<Vec<_>>(), ["feed"]);
    outdated::rebuild_all(&world.source, &owner, due().await, Limits::default(), &never).await;
    assert!(due().await.is_empty());
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_projection_without_code_goes_with_all_that_bears_its_name() {
    let (world, running) = folded(2).await;
    world.rebuild("feed").await;
    let before = world.tables().await;
    for sql in [
        "CREATE TABLE feed.weather (id uuid PRIMARY KEY) PARTITION BY LIST (id)",
        "CALL projection.make_read_table('feed.weather')",
        "CREATE TABLE feed.weather_v2 (id uuid PRIMARY KEY)",
        "INSERT INTO projection.active (projection, version, fingerprint, tables) VALUES ('weather', 1, '', '{feed.weather}')",
        "INSERT INTO projection.kept (projection, version, fingerprint, tables) VALUES ('weather', 2, '', '{feed.weather}')",
        "INSERT INTO projection.checkpoints (projection, version, topic, partition, next_offset, owner_epoch)
         VALUES ('weather', 1, 'user-events', 0, 7, 1)",
        "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key, header_names,
             header_values, recorded_at, kind, reason)
         VALUES ('weather', 1, 'user-events', 0, 3, 'k-1', '{}', '{}', now(), 'refused', 'too wet')",
    ] {
        sqlx::query(sql).execute(&world.owner()).await.expect("the owner may do it");
    }
    // Its dead letters are seen, and whoever wants to fold them is told what can be done instead.
    let pool = world.owner();
    let keys = dead_letters::list(&pool, Some("weather")).await.expect("they can be listed");
    let key = dead_letters::find(&pool, "weather", None, "k-1").await.expect("it is found");
    assert_eq!((keys.len(), dead_letters::records(&pool, &key, 9).await.expect("readable").len()), (1, 1));
    let refused = dead_letters::with_code("weather").expect_err("nobody can fold for it").to_string();
    assert!(refused.contains("karmyq projections retire weather"), "{refused}");
    let unknown = dead_letters::list(&pool, Some("wether")).await;
    assert!(matches!(unknown, Err(dead_letters::Error::Unknown(_))), "{unknown:?}");
    let retire = async |name: &str| retire::retire(world.source.log.as_ref(), &world.owner(), name).await;
    // Projectors of another version.
    let session_timeout = Duration::from_secs(6);
    let config = GroupConfig { group: group("weather"), topics: Vec::new(), fetch: false, session_timeout };
    let (member, _events) = world.source.log.join(config).await.expect("it joins");
    assert!(matches!(retire("weather").await, Err(Error::Group(..))));
    member.leave().await.expect("it leaves");
    assert_eq!(retire("weather").await.expect("it goes"), ["feed.weather"]);
    assert_eq!(world.source.log.delete_group(&group("weather")).await, Ok(false), "its group is gone");
    assert_eq!(world.tables().await, before);
    let named: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM projection.active WHERE projection = 'weather')
              + (SELECT count(*) FROM projection.checkpoints WHERE projection = 'weather')
              + (SELECT count(*) FROM projection.kept WHERE projection = 'weather')",
    )
    .fetch_one(&world.owner())
    .await
    .expect("it can be counted");
    assert_eq!(named, 0);
    assert!(matches!(retire("weather").await, Err(Error::Unknown(_))));
    assert!(matches!(retire("feed").await, Err(Error::InUse("feed"))));
    world.verify().await;
    running.stop().await;
    world.drop().await;
}
