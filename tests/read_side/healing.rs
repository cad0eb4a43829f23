//! Healing a spot: the rows of one id become what the log says, in place, and no others.

use std::num::NonZeroU32;
use std::time::Duration;

use projectors::heal::heal;
use projectors::rebuild::{self, Cancelled, Error, JobState, Options, Phase, rebuild};
use projectors::registry;
use sqlx::AssertSqlSafe;
use tests::eventually::eventually;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::fixture::World;
use crate::jobs::folded;
use crate::story::Story;

async fn mend(world: &World, name: &str, id: Uuid) -> (u64, u64) {
    let (options, never) = (Options::default(), CancellationToken::new());
    let healed = heal(&world.source, &world.owner(), name, id, &options, |_| {}, &never).await;
    let healed = healed.expect("it is healed");
    (healed.rows, healed.healed)
}

async fn spoil(world: &World, sql: String) {
    let changed = sqlx::query(AssertSqlSafe(sql)).execute(&world.owner()).await.expect("the owner may do it");
    assert!(changed.rows_affected() > 0);
}

#[tokio::test]
async fn a_spoilt_aggregate_is_healed_while_others_stay_as_they_are() {
    let (mut world, running) = folded(10).await;
    let story = Story::new();
    world.append(story.events()).await;
    world.folded().await;
    let live = world.checksums().await;
    let id = story.request;
    assert_eq!(mend(&world, "requests", id).await.1, 0);
    spoil(&world, format!("UPDATE requests.help_requests SET title = 'no', version = 1 WHERE id = '{id}'"))
        .await;
    spoil(&world, format!("DELETE FROM requests.matches WHERE request_id = '{id}'")).await;
    spoil(&world, format!(
        "INSERT INTO requests.request_communities (request_id, community_id, position, status, created_at) VALUES ('{id}', gen_random_uuid(), 9, 'x', now())"
    ))
    .await;
    // Another one that is not asked for.
    spoil(&world, format!(
        "UPDATE requests.help_requests SET title = 'no' WHERE id = (SELECT id FROM requests.help_requests WHERE id <> '{id}' LIMIT 1)"
    ))
    .await;
    let (rows, healed) = mend(&world, "requests", id).await;
    assert!(rows >= 4 && healed == 3, "{healed} of {rows}");
    assert_ne!(world.checksums().await, live, "the other one is as it was");
    world.rebuild("requests").await;
    assert_eq!(world.checksums().await, live);
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_communitys_rows_are_healed_in_every_projection_under_traffic() {
    let (mut world, running) = folded(5).await;
    let story = Story::new();
    world.append(story.events()).await;
    world.folded().await;
    let community = story.community;
    spoil(&world, format!("DELETE FROM community.memberships WHERE community_id = '{community}'")).await;
    spoil(&world, format!("UPDATE community.communities SET name = 'no' WHERE id = '{community}'")).await;
    // These know their request and their match, and no community.
    let request = story.request;
    spoil(&world, format!("UPDATE requests.matches SET status = 'no' WHERE request_id = '{request}'")).await;
    spoil(
        &world,
        format!(
            "INSERT INTO reputation.ratings (match_id, user_id, rating, given_at)
             SELECT DISTINCT match_id, gen_random_uuid(), 1, now() FROM reputation.exchanges
             WHERE community_id = '{community}'"
        ),
    )
    .await;
    spoil(&world, format!("DELETE FROM feed.activities WHERE community_id = '{community}'")).await;
    spoil(&world, format!("DELETE FROM reputation.karma_records WHERE community_id = '{community}'")).await;
    for registration in registry::PROJECTIONS {
        world.append(Story::new().events()).await;
        mend(&world, registration.name, community).await;
    }
    world.folded().await;
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

const SOON: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_healing_is_seen_refuses_others_with_its_name_and_is_stopped_from_elsewhere() {
    let (world, running) = folded(20).await;
    let (source, owner, never) = (world.source.clone(), world.owner(), CancellationToken::new());
    let options = Options { throttle: NonZeroU32::new(20), by: "ana@home".to_owned(), ..Options::default() };
    let healing = tokio::spawn(async move {
        let never = CancellationToken::new();
        heal(&source, &owner, "requests", Uuid::now_v7(), &options, |_| {}, &never).await
    });
    let seen = eventually("others see how far it is", SOON, || async {
        let job = rebuild::latest(&world.reader(), "requests").await.expect("query-api may see it");
        job.filter(|it| it.records > 0)
    })
    .await;
    assert_eq!((seen.kind.as_str(), seen.state), ("heal", JobState::Running));
    let second =
        rebuild(&world.source, &world.owner(), "requests", &Options::default(), |_| {}, &never).await;
    let refusal = second.expect_err("two refuse each other").to_string();
    assert!(refusal.contains("a heal by ana@home since"), "{refusal}");
    let became = rebuild::cancel(&world.owner(), "requests", "bob@work").await.expect("it can be told");
    assert_eq!(became, Cancelled::Ended(JobState::Cancelled));
    assert!(matches!(healing.await.expect("no panic"), Err(Error::Cancelled)));
    assert_eq!(mend(&world, "requests", Uuid::now_v7()).await, (0, 0));
    world.rebuild("requests").await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_healing_waits_for_whoever_holds_the_rows_and_does_not_begin_again() {
    let (mut world, running) = folded(5).await;
    let story = Story::new();
    world.append(story.events()).await;
    world.folded().await;
    running.stop().await;
    let id = story.request;
    spoil(&world, format!("UPDATE requests.help_requests SET title = 'no' WHERE id = '{id}'")).await;
    let mut holding = world.owner().begin().await.expect("a transaction");
    sqlx::query("SELECT FROM projection.checkpoints WHERE projection = 'requests' FOR UPDATE")
        .execute(&mut *holding)
        .await
        .expect("they are held");
    let (source, owner) = (world.source.clone(), world.owner());
    let healing = tokio::spawn(async move {
        let (options, never) = (Options::default(), CancellationToken::new());
        heal(&source, &owner, "requests", id, &options, |_| {}, &never).await
    });
    eventually("it is told what it waits for", SOON, || async {
        let job = rebuild::latest(&world.reader(), "requests").await.expect("readable");
        job.and_then(|it| it.trouble).filter(|it| it.contains("hold the tables"))
    })
    .await;
    holding.rollback().await.expect("they are let go");
    assert_eq!(healing.await.expect("no panic").expect("it is healed").healed, 1);
    let job = rebuild::latest(&world.reader(), "requests").await.expect("readable").expect("it was there");
    assert_eq!(
        (job.state, job.phase, job.trouble),
        (JobState::Done, Phase::Folding, None),
        "nothing is swapped"
    );
    world.verify().await;
    world.drop().await;
}
