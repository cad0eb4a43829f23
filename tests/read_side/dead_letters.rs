//! Dead letters: whatever is parked comes back in order, once, together with what arrived meanwhile.

use std::time::Duration;

use event_log::NewRecord;
use projectors::dead_letters::{self, Discard, ParkedKey};
use projectors::{Kind, Limits, Registration, registry};
use tests::eventually::eventually;
use uuid::Uuid;

use crate::chance::Chance;
use crate::fixture::{Schemas, World};
use crate::planted::{self, FRAGILE};
use crate::story::Story;

/// How long something may take that takes milliseconds.
const SOON: Duration = Duration::from_secs(20);

const GARBAGE: &[u8] = b"not in wire format";

#[tokio::test]
async fn poison_fix_redrive_and_live_traffic_end_in_the_rows_of_a_fold_without_poison() {
    let mut world = World::new().await;
    planted::plant(&world, &[("counts", "user_id", "events bigint NOT NULL")]).await;
    let running = world.start_with(all(), Limits::default());
    let mut renames = Vec::new();
    for round in 1..=rounds() {
        renames.extend(play(&mut world, round).await);
    }
    let kinds = heal(&world).await;
    for kind in [Kind::Unreadable, Kind::Refused, Kind::Panicked] {
        assert!(kinds.contains(&kind), "{kind:?} never happened: {kinds:?}");
    }
    world.folded().await;
    assert_eq!(dead_letters::list(&world.owner(), None).await.expect("it can be listed"), []);
    world.verify().await;
    for (user, events) in renames {
        let folded: i64 = sqlx::query_scalar("SELECT events FROM planted.counts WHERE user_id = $1")
            .bind(user)
            .fetch_one(&world.owner())
            .await
            .expect("everybody was counted");
        assert_eq!(folded, events, "{user}: lost or doubled");
    }
    running.stop().await;
    world.drop().await;
}

/// A round of stories, some of whose records are poison; while they arrive, keys are redriven, and redrives broken off.
/// Who was renamed, and how many events there are of them.
async fn play(world: &mut World, round: u32) -> Vec<(Uuid, i64)> {
    let mut chance = Chance(u64::from(round) * 7_919);
    let stories: Vec<_> = (0..4).map(|_| Story::new()).collect();
    planted::panic_on(stories.iter().filter(|_| chance.one_in(2)).map(|it| it.helper));
    let mut lines: Vec<Vec<NewRecord>> = Vec::new();
    for story in &stories {
        let mut events = story.events();
        events.push(story.renamed(story.helper, "Ben\0", 3));
        events.push(story.renamed(story.helper, "Benno", 4));
        lines.push(world.encode(events));
    }
    while lines.iter().any(|it| !it.is_empty()) {
        let mut window = Vec::new();
        for line in &mut lines {
            for mut record in line.drain(..chance.below(4).min(line.len())) {
                if &*record.to.topic != event_log::DATA_KEYS && chance.one_in(6) {
                    match chance.below(2) {
                        0 => Schemas::obscure(&mut record, round),
                        _ => window.push(garbage(&record)),
                    }
                }
                window.push(record);
            }
        }
        world.append_records(window).await;
        if chance.one_in(2) {
            try_to_heal(world, &mut chance).await;
        }
    }
    world.schemas.learn(round);
    stories.iter().map(|it| (it.helper, 4)).collect()
}

/// A record that nothing will ever fold, with the key of this one.
pub(crate) fn garbage(record: &NewRecord) -> NewRecord {
    NewRecord { value: Some(GARBAGE.to_vec()), headers: vec![("x".into(), vec![0, 255])], ..record.clone() }
}

/// Redrives a key whether or not it can succeed, and perhaps breaks off in the middle.
async fn try_to_heal(world: &World, chance: &mut Chance) {
    let keys = dead_letters::list(&world.owner(), None).await.expect("it can be listed");
    if keys.is_empty() {
        return;
    }
    let key = &keys[chance.below(keys.len())];
    let owner = world.owner();
    let redriving = dead_letters::redrive(&world.source, &owner, of(key), key);
    let patience = Duration::from_micros(if chance.one_in(2) { 3_000 } else { 10_000_000 });
    if let Ok(redriven) = tokio::time::timeout(patience, redriving).await {
        redriven.expect("it can be redriven");
    }
}

/// Corrects the code, discards what nothing will ever fold and redrives the rest; what was wrong.
async fn heal(world: &World) -> Vec<Kind> {
    planted::correct();
    world.folded().await;
    let owner = world.owner();
    let waiting = dead_letters::list(&owner, None).await.expect("it can be listed");
    let mut kinds: Vec<_> = waiting.iter().map(|it| it.kind).filter(|it| *it == Kind::Panicked).collect();
    eventually("every key is healed", 3 * SOON, || async {
        let keys = dead_letters::list(&owner, None).await.expect("it can be listed");
        for key in &keys {
            let redriven = dead_letters::redrive(&world.source, &owner, of(key), key).await;
            let Some(_) = redriven.expect("it can be redriven").stopped_at else { continue };
            let why = Discard {
                whole_key: false,
                first_offset: None,
                by: "test",
                reason: "nothing will ever fold it",
            };
            dead_letters::discard(&world.source, &owner, of(key), key, why).await.expect("it is discarded");
        }
        keys.is_empty().then_some(())
    })
    .await;
    let discarded: Vec<(String, Option<Vec<u8>>)> =
        sqlx::query_as("SELECT kind, record_value FROM projection.discarded")
            .fetch_all(&owner)
            .await
            .expect("it is written down");
    for (kind, value) in discarded {
        match kind.as_str() {
            "refused" => kinds.push(Kind::Refused),
            _ => {
                assert_eq!(value.as_deref(), Some(GARBAGE), "{kind} could have been folded");
                kinds.push(Kind::Unreadable);
            }
        }
    }
    kinds
}

#[tokio::test]
async fn a_panic_parks_its_record_and_leaves_no_trace_in_the_rows() {
    let mut world = World::new().await;
    planted::plant(&world, &[("counts", "user_id", "events bigint NOT NULL")]).await;
    let (story, other) = (Story::new(), Story::new());
    planted::panic_on([story.asker]);
    world.append(story.beginning()).await;
    world.append(vec![story.renamed(story.asker, "Anna", 2), story.renamed(story.asker, "Anne", 3)]).await;
    world.append(other.beginning()).await;
    let running = world.start_with(all(), Limits::default());
    world.folded().await;
    let owner = world.owner();
    let parked = eventually("it is parked", SOON, || async {
        dead_letters::list(&owner, None).await.expect("it can be listed").into_iter().next()
    })
    .await;
    assert_eq!((parked.kind, parked.records), (Kind::Panicked, 2), "{parked:?}");
    assert!(parked.reason.contains("does not like"), "{parked:?}");
    let counted = async || -> i64 {
        let count =
            sqlx::query_scalar("SELECT events FROM planted.counts WHERE user_id = $1").bind(story.asker);
        count.fetch_one(&owner).await.expect("the one before it is counted")
    };
    assert_eq!(counted().await, 1, "what the panic left half done");
    planted::correct();
    let redriven = dead_letters::redrive(&world.source, &owner, &FRAGILE, &parked).await.expect("redriven");
    assert_eq!((redriven.folded, redriven.stopped_at), (2, None));
    assert_eq!(counted().await, 3);
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_long_key_is_redriven_in_pieces_and_goes_on_where_it_was_broken_off() {
    let mut world = World::new().await;
    let story = Story::new();
    world.append(story.beginning()).await;
    let mut poison = world.encode(vec![story.renamed(story.helper, "Obscure", 3)]);
    poison.iter_mut().filter(|it| &*it.to.topic == "user-events").for_each(|it| Schemas::obscure(it, 1));
    world.append_records(poison).await;
    for version in 4..1_604 {
        if version % 100 == 4 {
            let many =
                (version..version + 100).map(|it| story.renamed(story.helper, &format!("Ben {it}"), it));
            world.append(many.collect()).await;
        }
    }
    let running = world.start();
    world.folded().await;
    let owner = world.owner();
    let key = dead_letters::find(&owner, "user_directory", None, &story.helper.to_string()).await;
    let key = key.expect("it is parked");
    assert_eq!(key.records, 1_601);
    world.schemas.learn(1);
    let redriving = {
        let (source, owner, key) = (world.source.clone(), owner.clone(), key.clone());
        tokio::spawn(async move { dead_letters::redrive(&source, &owner, of(&key), &key).await })
    };
    let left = eventually("some pieces are folded", SOON, || async {
        let keys = dead_letters::list(&owner, None).await.expect("it can be listed");
        keys.first().map_or(Some(0), |it| (it.records < 1_601).then_some(it.records))
    })
    .await;
    redriving.abort();
    assert!(redriving.await.is_err() && left > 0, "it was done before it could be broken off");
    world.append(vec![story.renamed(story.helper, "Benedict", 1_604)]).await;
    let rest = dead_letters::redrive(&world.source, &owner, of(&key), &key).await.expect("redriven");
    assert!(rest.stopped_at.is_none() && rest.folded < 1_601, "{rest:?}");
    world.folded().await;
    assert_eq!(dead_letters::list(&owner, None).await.expect("it can be listed"), []);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn what_was_discarded_is_written_down_and_passed_over_by_a_rebuild() {
    let mut world = World::new().await;
    let story = Story::new();
    world.append(story.beginning()).await;
    let after = world.encode(vec![story.renamed(story.helper, "In time", 3)]);
    let poison = garbage(after.last().expect("an event"));
    world.append_records(vec![poison]).await;
    world.append_records(after).await;
    let running = world.start();
    world.folded().await;
    let owner = world.owner();
    let key = dead_letters::find(&owner, "user_directory", None, &story.helper.to_string()).await;
    let key = key.expect("it is parked");
    let why = Discard { whole_key: false, first_offset: None, by: "ana", reason: "written by hand" };
    let (discarded, redriven) =
        dead_letters::discard(&world.source, &owner, of(&key), &key, why).await.expect("discarded");
    assert_eq!((discarded, redriven.folded), (1, 1));
    let kept: (Vec<u8>, String, String) =
        sqlx::query_as("SELECT record_value, discarded_by, reason FROM projection.discarded")
            .fetch_one(&owner)
            .await
            .expect("it is written down");
    assert_eq!(kept, (GARBAGE.to_vec(), "ana".to_owned(), "written by hand".to_owned()));
    world.verify().await;
    let never = tokio_util::sync::CancellationToken::new();
    let rebuilt = projectors::rebuild::rebuild(
        &world.source,
        &owner,
        "user_directory",
        &Default::default(),
        |_| {},
        &never,
    )
    .await;
    assert_eq!(rebuilt.expect("it is rebuilt").parked, 0);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

#[tokio::test]
async fn a_flood_stops_the_projection_where_it_is_and_nothing_else() {
    let mut world = World::new().await;
    let stories: Vec<_> = (0..8).map(|_| Story::new()).collect();
    let mut poison = Vec::new();
    for story in &stories {
        let events = world.encode(vec![story.renamed(story.helper, "Ben", 3)]);
        poison.push(garbage(events.last().expect("an event")));
    }
    world.append_records(poison).await;
    for story in &stories {
        world.append(story.beginning()).await;
    }
    let limits = Limits { stopped_keys: 3, ..Limits::default() };
    let running = world.start_with(registry::PROJECTIONS.iter().collect(), limits);
    let reason = eventually("it stops, and says so", SOON, || async {
        running
            .health
            .reasons()
            .await
            .into_iter()
            .find(|it| it.name == "user_directory" && it.reason.contains("stopped"))
    })
    .await;
    assert!(reason.reason.contains("karmyq dead-letters list user_directory"), "{reason:?}");
    assert!(running.health.reasons().await.iter().all(|it| it.name == "user_directory"), "others go on");
    let parked = dead_letters::list(&world.owner(), Some("user_directory")).await.expect("it can be listed");
    assert!(parked.len() <= 3, "{parked:?}");
    running.stop().await;
    // As after a deploy that knows what to do with them, or with other limits.
    let running = world.start_with(registry::PROJECTIONS.iter().collect(), Limits::default());
    world.folded().await;
    eventually("it is ready again", SOON, || async {
        running.health.reasons().await.is_empty().then_some(())
    })
    .await;
    let parked = dead_letters::list(&world.owner(), Some("user_directory")).await.expect("it can be listed");
    assert_eq!(parked.len(), 8);
    let troubles: i64 = sqlx::query_scalar("SELECT count(*) FROM projection.troubles")
        .fetch_one(&world.owner())
        .await
        .expect("readable");
    assert_eq!(troubles, 0);
    world.verify().await;
    running.stop().await;
    world.drop().await;
}

/// Every projection, and the one that panics.
fn all() -> Vec<&'static Registration> {
    registry::PROJECTIONS.iter().chain([&FRAGILE]).collect()
}

fn of(key: &ParkedKey) -> &'static Registration {
    all().into_iter().find(|it| it.name == key.projection).expect("it is one of these")
}

/// `KARMYQ_ROUNDS`, else few.
fn rounds() -> u32 {
    std::env::var("KARMYQ_ROUNDS").ok().and_then(|it| it.parse().ok()).unwrap_or(6)
}
