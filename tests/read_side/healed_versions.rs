//! Dead letters across versions: what cannot be folded and what operators did about it, before a version takes the place of
//! the live one.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use event_log::Decoder;
use event_schemas::Codec;
use projectors::dead_letters::{self, Discard};
use projectors::rebuild::{self, Error, Options, Phase, Progress, Report, rebuild};
use projectors::{Decoding, Kind, Limits, Source, registry, replay, rollback};
use sqlx::AssertSqlSafe;
use tests::eventually::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::dead_letters::garbage;
use crate::fixture::{Schemas, World};
use crate::story::Story;

const SOON: Duration = Duration::from_secs(20);

const DIRECTORY: &str = "user_directory";

/// Few enough for a test to exceed.
const FEW: Limits = Limits { degraded_keys: 1, degraded_after: Duration::from_secs(3_600), stopped_keys: 3 };

#[tokio::test]
async fn a_rebuild_by_code_that_can_fold_little_leaves_the_live_version_in_place() {
    let (mut world, stories) = with_obscure_names(8).await;
    world.schemas.learn(1);
    let running = world.start_with(registry::PROJECTIONS.iter().collect(), FEW);
    world.folded().await;
    let (live, before) = (world.checksums().await, world.tables().await);
    // The code of another deploy, which does not know the schema.
    let broken = Source {
        decoding: Decoding::new(Decoder::new(Codec::local(), Arc::new(Schemas::default())), world.keys()),
        ..world.source.clone()
    };
    let refused = rebuild_with(&broken, &world, FEW).await.expect_err("it would park everybody");
    assert!(matches!(refused, Error::Replay(replay::Error::Flood { most: 3, .. })), "{refused}");
    assert!(refused.to_string().contains("PARKED_KEYS_STOPPED"), "{refused}");
    assert_eq!((world.checksums().await, world.tables().await), (live.clone(), before));

    // With another limit it is done, and stops once it is to fold under the limit of before. The version before comes back.
    assert_eq!(rebuild_with(&broken, &world, Limits::default()).await.expect("it may").parked, 8);
    world.append(vec![stories[0].renamed(stories[0].helper, "Benedict", 4)]).await;
    eventually("the new version is stopped", SOON, || async {
        running.health.reasons().await.iter().any(|it| it.reason.contains("stopped")).then_some(())
    })
    .await;
    let options = Options { limits: FEW, ..Options::default() };
    let back = rollback::rollback(
        &world.source,
        &world.owner(),
        DIRECTORY,
        &options,
        |_| {},
        &CancellationToken::new(),
    )
    .await;
    assert_eq!(back.map(|it| (it.version, it.parked)).expect("it comes back"), (1, 0));
    world.folded().await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_version_that_comes_back_is_as_well_healed_as_the_live_one() {
    let (mut world, stories) = with_obscure_names(2).await;
    let poisoned = plant_garbage(&mut world, &stories[0]).await;
    let running = world.start();
    world.folded().await;
    world.rebuild(DIRECTORY).await;
    assert_eq!(parked(&world).await.len(), 3);
    // The code is corrected, and what nothing will ever fold is taken out.
    world.schemas.learn(1);
    let owner = world.owner();
    discard_first(&world, poisoned).await;
    for key in parked(&world).await {
        let registration = registry::named(DIRECTORY).expect("it is registered");
        let redriven = dead_letters::redrive(&world.source, &owner, registration, &key).await;
        assert_eq!(redriven.expect("it can be redriven").stopped_at, None);
    }
    world.verify().await;
    for version in [1, 2] {
        let (options, never) = (Options::default(), CancellationToken::new());
        let back = rollback::rollback(&world.source, &owner, DIRECTORY, &options, |_| {}, &never).await;
        assert_eq!(back.map(|it| (it.version, it.parked)).expect("it comes back"), (version, 0));
        assert_eq!(parked(&world).await, []);
        world.verify().await;
    }
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_is_discarded_while_a_rebuild_is_about_to_swap_is_not_parked_again() {
    let (mut world, stories) = with_obscure_names(1).await;
    world.schemas.learn(1);
    let poisoned = plant_garbage(&mut world, &stories[0]).await;
    let running = world.start();
    world.folded().await;
    let mut reading = world.owner().begin().await.expect("a transaction");
    sqlx::query("SELECT FROM auth.users").execute(&mut *reading).await.expect("the owner may select");
    let (source, owner, held_up) = (world.source.clone(), world.owner(), CancellationToken::new());
    let told = held_up.clone();
    let rebuilding = tokio::spawn(async move {
        let told = move |it: &Progress| it.trouble.iter().for_each(|_| told.cancel());
        rebuild(&source, &owner, DIRECTORY, &Options::default(), told, &CancellationToken::new()).await
    });
    held_up.cancelled().await;
    discard_first(&world, poisoned).await;
    reading.rollback().await.expect("it ends");
    let report = rebuilding.await.expect("no panic").expect("it is rebuilt");
    assert_eq!((report.version, report.parked), (2, 0));
    assert_eq!(parked(&world).await, []);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_row_that_postgresql_refuses_for_the_first_time_is_parked_by_the_rebuild() {
    let mut world = World::new().await;
    let stories: Vec<_> = (0..12).map(|_| Story::new()).collect();
    for story in &stories {
        world.append(story.events()).await;
    }
    let refused = stories[5].request;
    let running = world.start();
    world.folded().await;
    sqlx::query(AssertSqlSafe(format!(
        "ALTER TABLE requests.help_requests ADD CONSTRAINT never CHECK (id <> '{refused}') NOT VALID"
    )))
    .execute(&world.owner())
    .await
    .expect("a migration may do it");

    // Broken off in the middle it leaves nothing behind.
    let owner = world.owner();
    let slow = Options { throttle: NonZeroU32::new(100), ..Options::default() };
    let (reached, never) = (CancellationToken::new(), CancellationToken::new());
    let told = |it: &Progress| {
        if it.phase == Phase::CatchingUp && it.records > 0 {
            reached.cancel();
        }
    };
    tokio::select! {
        ended = rebuild(&world.source, &owner, "requests", &slow, told, &never) => panic!("too early: {ended:?}"),
        () = reached.cancelled() => {}
    }
    eventually("somebody cleans up", SOON, || async {
        rebuild::clean_up_all(&world.projector()).await.expect("it may look");
        let left: i64 = sqlx::query_scalar(
            "SELECT (SELECT count(*) FROM projection.checkpoints WHERE version > 1)
                  + (SELECT count(*) FROM projection.parked WHERE version > 1)",
        )
        .fetch_one(&owner)
        .await
        .expect("readable");
        (left == 0 && world.leftovers().await.is_empty()).then_some(())
    })
    .await;

    let (options, never) = (Options::default(), CancellationToken::new());
    let report = rebuild(&world.source, &owner, "requests", &options, |_| {}, &never).await;
    assert!(report.expect("it is rebuilt").parked > 0);
    let keys = dead_letters::list(&owner, Some("requests")).await.expect("it can be listed");
    assert_eq!(keys.iter().map(|it| it.kind).collect::<Vec<_>>(), [Kind::Refused], "{keys:?}");
    assert_eq!(dead_letters::text_of(&keys[0].key), refused.to_string());
    let others: i64 = sqlx::query_scalar("SELECT count(*) FROM requests.help_requests")
        .fetch_one(&owner)
        .await
        .expect("readable");
    assert_eq!(others, 11);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

/// A world with so many people who were renamed by an event whose schema nobody knows before round 1 is learned.
async fn with_obscure_names(people: usize) -> (World, Vec<Story>) {
    let mut world = World::new().await;
    let stories: Vec<_> = (0..people).map(|_| Story::new()).collect();
    for story in &stories {
        world.append(story.beginning()).await;
        let mut renamed = world.encode(vec![story.renamed(story.helper, "Benno", 3)]);
        let of_users = renamed.iter_mut().filter(|it| &*it.to.topic == "user-events");
        of_users.for_each(|it| Schemas::obscure(it, 1));
        world.append_records(renamed).await;
    }
    (world, stories)
}

/// Appends a record of the asker that nothing will ever fold, and a good one behind it.
async fn plant_garbage(world: &mut World, story: &Story) -> Uuid {
    let behind = world.encode(vec![story.renamed(story.asker, "Anna", 2)]);
    world.append_records(vec![garbage(behind.last().expect("an event"))]).await;
    world.append_records(behind).await;
    story.asker
}

async fn rebuild_with(source: &Source, world: &World, limits: Limits) -> Result<Report, Error> {
    let options = Options { limits, ..Options::default() };
    rebuild(source, &world.owner(), DIRECTORY, &options, |_| {}, &CancellationToken::new()).await
}

async fn parked(world: &World) -> Vec<dead_letters::ParkedKey> {
    dead_letters::list(&world.owner(), Some(DIRECTORY)).await.expect("it can be listed")
}

/// Takes the first parked record of a person out, and folds what is behind it.
async fn discard_first(world: &World, user: Uuid) {
    let (owner, registration) = (world.owner(), registry::named(DIRECTORY).expect("it is registered"));
    let key = dead_letters::find(&owner, DIRECTORY, None, &user.to_string()).await.expect("it is parked");
    let why = Discard { whole_key: false, first_offset: None, by: "ana", reason: "written by hand" };
    let discarded = dead_letters::discard(&world.source, &owner, registration, &key, why).await;
    assert_eq!(discarded.map(|it| (it.0, it.1.folded)).expect("it is discarded"), (1, 1));
}
