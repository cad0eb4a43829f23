//! Rollback: the version before comes back as far folded as the live one, and a second one undoes the first.

use projectors::rebuild::{Error, Options};
use projectors::rollback::{self, Report, drop_kept};
use tokio_util::sync::CancellationToken;

use crate::fixture::World;
use crate::jobs::folded;
use crate::story::Story;

async fn rollback(world: &World, name: &str) -> Result<Report, Error> {
    let (options, never) = (Options::default(), CancellationToken::new());
    rollback::rollback(&world.source, &world.owner(), name, &options, |_| {}, &never).await
}

#[tokio::test]
async fn a_version_comes_back_with_what_it_has_missed_and_again() {
    let (mut world, running) = folded(10).await;
    assert!(matches!(rollback(&world, "requests").await, Err(Error::NothingKept("requests"))));
    world.rebuild("requests").await;
    for expected in [1, 2, 1] {
        world.append(Story::new().events()).await;
        let report = rollback(&world, "requests").await.expect("it comes back");
        assert_eq!((report.version, report.same_code), (expected, true));
        world.folded().await;
        world.verify().await;
        // Workers go on with the version that has come back.
        world.append(Story::new().events()).await;
        world.folded().await;
        world.verify().await;
    }
    assert_eq!(world.leftovers().await, Vec::<String>::new());
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn nobody_is_slower_than_what_was_read_before() {
    // The projectors are gone: whatever was visible is still visible after a rollback.
    let (mut world, running) = folded(10).await;
    world.rebuild("feed").await;
    world.append(Story::new().events()).await;
    world.folded().await;
    running.stop().await;
    let before = world.checksums().await;
    rollback(&world, "feed").await.expect("it comes back");
    assert_eq!(world.checksums().await, before);
    world.drop().await;
}

#[tokio::test]
async fn one_version_is_kept_until_it_is_dropped() {
    let (world, running) = folded(3).await;
    let before = world.tables().await;
    for name in ["feed", "feed"] {
        world.rebuild(name).await;
    }
    rollback(&world, "feed").await.expect("it comes back");
    // Version 3 is kept now; the next rebuild puts 2 in its place.
    world.rebuild("feed").await;
    let versions = |tables: Vec<String>| -> Vec<String> {
        tables.into_iter().filter(|it| it.contains("activities_v")).collect()
    };
    assert_eq!(versions(world.tables().await), ["feed.activities_v2", "feed.activities_v4"]);
    assert_eq!(drop_kept(&world.owner(), "feed", None).await.expect("it is dropped"), Some(2));
    assert_eq!(drop_kept(&world.owner(), "feed", None).await.expect("nothing is there"), None);
    assert_eq!(versions(world.tables().await), ["feed.activities_v4"]);
    assert_eq!(world.tables().await.len(), before.len());
    assert!(matches!(rollback(&world, "feed").await, Err(Error::NothingKept("feed"))));
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_version_with_other_columns_stays_where_it_is() {
    let (world, running) = folded(3).await;
    world.rebuild("feed").await;
    sqlx::query("ALTER TABLE feed.activities ADD COLUMN mood text")
        .execute(&world.owner())
        .await
        .expect("a migration may do it");
    let refusal = rollback(&world, "feed").await.expect_err("it does not fit").to_string();
    assert!(refusal.contains("feed.activities") && refusal.contains("projections rebuild feed"), "{refusal}");
    world.verify().await;
    running.stop().await;
    world.drop().await;
}
