//! Rebuilds as jobs: seen and stopped from elsewhere, and cleaned up after wherever they die.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use projectors::Source;
use projectors::rebuild::{self, Cancelled, Error, JobState, Options, Phase, rebuild};
use projectors::rollback::rollback;
use projectors::status::{State, look};
use sqlx::PgPool;
use tests::eventually::eventually;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::fixture::World;
use crate::story::Story;

const SOON: Duration = Duration::from_secs(20);

/// Ways to die in one test.
const DEATHS: u32 = 25;

#[tokio::test]
async fn a_rebuild_is_seen_alone_and_stopped_from_elsewhere() {
    let (world, running) = folded(20).await;
    let before = world.tables().await;
    let (source, owner) = (world.source.clone(), world.owner());
    let options = Options { throttle: NonZeroU32::new(20), by: "ana@home".to_owned(), ..Options::default() };
    let rebuilding = tokio::spawn(async move {
        rebuild(&source, &owner, "requests", &options, |_| {}, &CancellationToken::new()).await
    });
    let seen = eventually("others see how far it is", SOON, || async {
        rebuild::latest(&world.reader(), "requests")
            .await
            .expect("query-api may see it")
            .filter(|it| it.records > 0)
    })
    .await;
    assert_eq!((seen.state, seen.phase, seen.throttle), (JobState::Running, Phase::Folding, Some(20)));
    assert_eq!((seen.started_by.as_str(), seen.kind.as_str()), ("ana@home", "rebuild"));
    assert!(seen.partitions.iter().any(|it| it.next > 0) && seen.seconds_left.is_some(), "{seen:?}");
    let state = async |name| look(&world.source, &world.owner(), Some(name)).await.expect("told")[0].state;
    assert_eq!((state("requests").await, state("feed").await), (State::Rebuilding, State::Live));
    // What is worse is not hidden by it.
    sqlx::query(
        "INSERT INTO projection.troubles SELECT projection, topic, partition, 'stopped', 'a flood'
         FROM projection.checkpoints WHERE projection = 'requests' LIMIT 1",
    )
    .execute(&world.owner())
    .await
    .expect("the owner may do it");
    assert_eq!(state("requests").await, State::Stopped);
    sqlx::query("DELETE FROM projection.troubles")
        .execute(&world.owner())
        .await
        .expect("the owner may do it");

    let never = CancellationToken::new();
    let second =
        rebuild(&world.source, &world.owner(), "requests", &Options::default(), |_| {}, &never).await;
    let refusal = second.expect_err("two refuse each other").to_string();
    assert!(refusal.contains("a rebuild by ana@home since"), "{refusal}");

    let became = rebuild::cancel(&world.owner(), "requests", "bob@work").await.expect("it can be told");
    assert_eq!(became, Cancelled::Ended(JobState::Cancelled));
    assert!(matches!(rebuilding.await.expect("no panic"), Err(Error::Cancelled)));
    assert_eq!(world.tables().await, before);
    let became = rebuild::cancel(&world.owner(), "requests", "bob@work").await.expect("it can be told");
    assert_eq!(became, Cancelled::NothingRan);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn whatever_dies_at_whatever_point_leaves_nothing_behind() {
    let (mut world, running) = folded(60).await;
    for kind in ["rebuild", "rollback"] {
        let begun = Instant::now();
        job(kind, &world.source, &world.owner()).await.expect("who does not die gets through");
        let (whole, mut unfinished) = (begun.elapsed().mul_f64(1.2), 0);
        for death in 1..=DEATHS {
            // Something for a version that comes back to catch up with.
            world.append(Story::new().events()).await;
            world.folded().await;
            let live = world.checksums().await;
            // Connections of its own, as a process has.
            let owner = world.owner();
            let (source, patience) =
                (world.source.clone(), whole.mul_f64(f64::from(death) / f64::from(DEATHS)));
            // Dropping it is what a killed process is to PostgreSQL: connections end in the middle of whatever they do.
            let survived = tokio::time::timeout(patience, job(kind, &source, &owner)).await;
            unfinished += u32::from(survived.is_err());
            if let Ok(result) = survived {
                result.expect("who does not die gets through");
            }
            eventually("the next projector that starts cleans up", SOON, || async {
                rebuild::clean_up_all(&world.projector()).await.expect("it may look");
                let last = rebuild::latest(&owner, "requests").await.expect("it is recorded");
                let last = last.expect("there was one");
                assert!(!matches!(last.state, JobState::Failed | JobState::Cancelled), "{last:?}");
                matches!(last.state, JobState::Interrupted | JobState::Done).then_some(())
            })
            .await;
            assert_eq!(world.leftovers().await, Vec::<String>::new(), "after death {death} of a {kind}");
            assert_eq!(world.checksums().await, live, "after death {death} of a {kind}");
        }
        assert!(unfinished > DEATHS / 3, "only {unfinished} of {DEATHS} died in a {kind}");
    }
    for kind in ["rollback", "rebuild"] {
        job(kind, &world.source, &world.owner()).await.expect("it gets through");
        world.verify().await;
    }
    running.stop().await;
    world.drop().await;
}

async fn job(kind: &str, source: &Source, owner: &PgPool) -> Result<(), Error> {
    let (never, options) = (CancellationToken::new(), Options::default());
    if kind == "rebuild" {
        rebuild(source, owner, "requests", &options, |_| {}, &never).await.map(|_| ())
    } else {
        rollback(source, owner, "requests", &options, |_| {}, &never).await.map(|_| ())
    }
}

#[tokio::test]
async fn a_rebuild_goes_on_when_postgresql_cuts_all_its_connections_in_every_phase() {
    let (world, running) = folded(60).await;
    let live = world.checksums().await;
    let (superuser, (told, mut phases)) = (world.superuser(), mpsc::unbounded_channel());
    let mut last = None;
    let tell = move |it: &rebuild::Progress| {
        if last.replace(it.phase) != Some(it.phase) {
            told.send(it.phase).expect("somebody listens");
        }
    };
    let (source, owner) = (world.source.clone(), world.owner());
    let rebuilding = tokio::spawn(async move {
        rebuild(&source, &owner, "requests", &Options::default(), tell, &CancellationToken::new()).await
    });
    let mut cut = 0;
    while phases.recv().await.is_some() {
        cut += cut_connections(&superuser).await;
    }
    let report = rebuilding.await.expect("no panic").expect("it is rebuilt all the same");
    assert!(cut >= 3, "{cut} connections were cut");
    assert_eq!((report.version, world.leftovers().await), (2, Vec::new()));
    assert_eq!(world.checksums().await, live);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

/// Ends all sessions of the owner of the tables in this database.
async fn cut_connections(superuser: &PgPool) -> i64 {
    sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
         WHERE datname = current_database() AND usename = 'karmyq_owner'",
    )
    .fetch_one(superuser)
    .await
    .expect("the superuser may do it")
}

/// A world with so many stories folded, and the projectors that go on.
pub(crate) async fn folded(stories: usize) -> (World, crate::fixture::Running) {
    let mut world = World::new().await;
    for _ in 0..stories {
        world.append(Story::new().events()).await;
    }
    let running = world.start();
    world.folded().await;
    (world, running)
}
