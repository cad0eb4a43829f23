//! Random histories of a read model, with readers all the while: no answer lacks the position that it was asked for.

use std::collections::BTreeSet;

use futures::future::join_all;
use tests::chance::Chance;
use uuid::Uuid;

use crate::fixture::{Answer, World};
use crate::models::{Models, Wish};
use crate::versions::{Item, Versions};

/// Steps of a history.
const STEPS: usize = 60;
/// Readers during each step.
const READERS: usize = 6;
/// Records at most, which one page shows.
const RECORDS: usize = 90;

#[tokio::test]
async fn no_answer_lacks_the_position_that_it_was_asked_for() {
    of_all_seeds(history).await;
}

/// Many projections and partitions, of which each moves on its own, and versions in their place that have come less far.
#[tokio::test]
async fn no_answer_lacks_a_position_in_one_of_its_projections() {
    of_all_seeds(composed_history).await;
}

async fn composed_history(seed: u64) -> (usize, usize) {
    let mut chance = Chance(seed);
    let mut world = World::new().await;
    let ana = world.person("Ana").await;
    let mut models = Models::begin(&world).await;
    let (mut kept, mut refused) = (0, 0);
    for step in 0..STEPS {
        let wishes: Vec<_> = (0..READERS).map(|_| models.wish(&mut chance, 2 + step / 4)).collect();
        let before = models.clone();
        let paths = wishes.iter().map(|it| {
            let wait_ms = [0, 1, 30, 150][chance.below(4)];
            format!("/feed?wait_ms={wait_ms}{}", it.iter().map(Wish::parameter).collect::<String>())
        });
        let paths: Vec<_> = paths.collect();
        let reading = join_all(paths.iter().map(|it| world.get(it, ana)));
        let (answers, ()) = tokio::join!(reading, models.change(&world, &mut chance));
        for (wish, answer) in wishes.iter().zip(answers) {
            if is_put_off(&answer) {
                refused += 1;
                continue;
            }
            assert_eq!(answer.status, 200, "{:?}", answer.body);
            // It reads all models in one transaction, from before the change or from after it.
            let there = before.have(wish) || models.have(wish);
            assert!(there, "KARMYQ_SEED={seed}, step {step}: {wish:?} was promised and is not there");
            kept += 1;
        }
        if chance.one_in(10) {
            world.restart(0).await;
        }
    }
    world.drop().await;
    (kept, refused)
}

async fn of_all_seeds(history: impl AsyncFn(u64) -> (usize, usize)) {
    let (mut kept, mut refused) = (0, 0);
    for seed in seeds() {
        let (of_kept, of_refused) = history(seed).await;
        kept += of_kept;
        refused += of_refused;
    }
    assert!(kept > 0 && refused > 0, "{kept} promises were kept, {refused} refused: this shows nothing");
}

/// One seed of the environment, to see it again, or a few.
fn seeds() -> Vec<u64> {
    match std::env::var("KARMYQ_SEED") {
        Ok(seed) => vec![seed.parse().expect("KARMYQ_SEED is a number")],
        Err(_) => (1..=3).collect(),
    }
}

/// How many promises were kept, and how many not given.
async fn history(seed: u64) -> (usize, usize) {
    let mut chance = Chance(seed);
    let mut world = World::new().await;
    let ana = world.person("Ana").await;
    let mut versions = Versions::begin(&world).await;
    versions.log = (0..RECORDS as i64).map(|offset| Item { user: ana, offset }).collect();
    let (mut kept, mut refused) = (0, 0);
    for step in 0..STEPS {
        let what = format!("KARMYQ_SEED={seed}, step {step}");
        let readers: Vec<_> = (0..READERS)
            .map(|_| (chance.below(RECORDS - versions.left() + 3), [0, 1, 30, 150][chance.below(4)]))
            .map(|(offset, wait_ms)| is_kept(&world, ana, offset, wait_ms, &what))
            .collect();
        let (answers, ()) = tokio::join!(join_all(readers), act(&world, &mut versions, &mut chance));
        kept += answers.iter().filter(|it| **it).count();
        refused += answers.iter().filter(|it| !**it).count();
        if chance.one_in(10) {
            world.restart(0).await;
        }
    }
    versions.redrive(&world).await;
    while versions.left() > 0 {
        versions.fold(&world, false).await;
    }
    for offset in 0..RECORDS {
        assert!(
            is_kept(&world, ana, offset, 10_000, "at the end").await,
            "{offset} is visible (seed {seed})"
        );
    }
    world.drop().await;
    (kept, refused)
}

/// What may happen to a model.
async fn act(world: &World, versions: &mut Versions, chance: &mut Chance) {
    match chance.below(8) {
        0..=3 => {
            for _ in 0..versions.left().min(1 + chance.below(4)) {
                versions.fold(world, chance.one_in(4)).await;
            }
        }
        4 => versions.redrive(world).await,
        // One that is behind, and has parked others.
        5 | 6 => {
            let records = chance.below(RECORDS - versions.left() + 1);
            let parked: BTreeSet<_> = (0..records).filter(|_| chance.one_in(6)).collect();
            versions.rebuild(world, records, parked).await;
        }
        _ => versions.roll_back(world).await,
    }
}

/// Whether nothing is promised: it is not there yet, or this machine is so busy that the database was asked for too long.
fn is_put_off(answer: &Answer) -> bool {
    let codes = ["NOT_YET_VISIBLE", "DEPENDENCY_UNAVAILABLE"];
    answer.status == 503 && codes.contains(&answer.refusal().1)
}

/// Whether the position is promised; then the answer has it.
async fn is_kept(world: &World, ana: Uuid, offset: usize, wait_ms: u32, what: &str) -> bool {
    let position = format!("notification-events/0@{offset}");
    let path = format!("/notifications/{ana}?limit=100&min_position={position}&wait_ms={wait_ms}");
    let answer = world.get(&path, ana).await;
    if is_put_off(&answer) {
        return false;
    }
    let items = answer.data().as_array().expect("a list");
    let offset = offset.to_string();
    let is_it = |it: &serde_json::Value| it["data"]["params"]["offset"] == offset.as_str();
    assert!(items.iter().any(is_it), "{what}: {position} was promised and is not there");
    true
}
