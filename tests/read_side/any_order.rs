//! Any order, same rows (invariant R2): whatever the interleaving of partitions and topics, the borders of batches, and
//! workers that die and whose successors read the same again.
//!
//! Over the registry: a projection is covered by being registered.

use std::collections::BTreeMap;
use std::time::Duration;

use event_log::TopicPartition;
use event_schemas::{Domain, topics};
use projectors::{Claimed, Limits, Registration, Shared, Stop, registry};
use sqlx::{AssertSqlSafe, PgPool};

use crate::chance::Chance;
use crate::fixture::{PROFILE, World};
use crate::history::history;
use crate::planted::{self, ARRIVAL, CLOCK, PEEKING};

/// Events of each type.
const OF_EACH: usize = 20;

/// Rows and their hash, per table.
type Checksums = BTreeMap<String, (i64, String)>;

#[tokio::test]
async fn every_projection_comes_out_the_same_whatever_the_order() {
    let world = recorded().await;
    let all: Vec<_> = registry::PROJECTIONS.iter().collect();
    let expected = fold(&world, &all, None).await;
    for (table, (rows, _)) in &expected {
        assert!(*rows > 0, "no event of the history makes a row of {table}");
    }
    for seed in 1..=seeds() {
        let shuffled = fold(&world, &all, Some(Chance(seed))).await;
        assert_eq!(shuffled, expected, "seed {seed}");
    }
    world.drop().await;
}

#[tokio::test]
async fn a_projection_that_looks_at_what_it_must_not_is_found() {
    let world = recorded().await;
    planted::plant(
        &world,
        &[
            ("clock", "id", "at bigint NOT NULL"),
            ("arrival", "community_id", "last text NOT NULL"),
            ("peeked", "id", "name text NOT NULL"),
        ],
    )
    .await;
    let directory = registry::named("user_directory").expect("it is registered");
    for planted in [&CLOCK, &ARRIVAL, &PEEKING] {
        let folded = [directory, planted];
        let expected = fold(&world, &folded, None).await;
        let mut found = false;
        for seed in 1..=20 {
            let shuffled = fold(&world, &folded, Some(Chance(seed))).await;
            let differs = |it: &&String| shuffled[*it] != expected[*it];
            let different: Vec<_> = expected.keys().filter(differs).collect();
            assert!(different.iter().all(|it| it.starts_with("planted.")), "{different:?}");
            found |= !different.is_empty();
        }
        assert!(found, "{} came out the same in twenty orders", planted.name);
    }
    world.drop().await;
}

/// A log with a history.
async fn recorded() -> World {
    let mut world = World::new().await;
    let mut chance = Chance(1);
    let mut events = history(&mut chance, OF_EACH);
    while !events.is_empty() {
        let rest = events.split_off(events.len().min(1 + chance.below(20)));
        world.append(std::mem::replace(&mut events, rest)).await;
    }
    world
}

/// Folds everything from the start, in the order of the partitions or in one of chance, and sums up the rows.
async fn fold(world: &World, projections: &[&'static Registration], mut chance: Option<Chance>) -> Checksums {
    let owner = world.owner();
    forget(&owner, projections).await;
    let shared = Shared { source: world.source.clone(), pool: world.projector(), limits: Limits::default() };
    let mut open = Vec::new();
    for registration in projections {
        for of in partitions(registration) {
            open.push(claim(&shared, registration, &of).await);
        }
    }
    while !open.is_empty() {
        let (at, most) = match &mut chance {
            Some(chance) => (chance.below(open.len()), 1 + chance.below(30)),
            None => (0, 1_000),
        };
        let (registration, of, claimed) = &mut open[at];
        if let Some(chance) = &mut chance
            && chance.one_in(10)
        {
            // It dies, perhaps after it has read or even committed; its successor reads what is not committed again.
            let patience = Duration::from_micros(chance.below(4_000) as u64);
            let _ = tokio::time::timeout(patience, claimed.fold_next(most, Duration::ZERO)).await;
            let mut dead = std::mem::replace(claimed, claim(&shared, registration, of).await.2);
            let late = dead.fold_next(most, Duration::ZERO).await;
            assert!(matches!(late, Ok(0) | Err(Stop::Fenced)), "a dead worker folded: {late:?}");
        }
        let before = claimed.next_offset();
        claimed.fold_next(most, Duration::ZERO).await.expect("it can be folded");
        if claimed.next_offset() == before {
            open.swap_remove(at);
        }
    }
    let parked: i64 = sqlx::query_scalar("SELECT count(*) FROM projection.parked")
        .fetch_one(&owner)
        .await
        .expect("readable");
    assert_eq!(parked, 0, "the history has something that cannot be folded");
    checksums(&owner, projections).await
}

async fn claim(
    shared: &Shared,
    registration: &'static Registration,
    of: &TopicPartition,
) -> (&'static Registration, TopicPartition, Claimed) {
    let claimed = Claimed::open(shared, registration, of).await.expect("it can be claimed");
    (registration, of.clone(), claimed)
}

fn partitions(registration: &Registration) -> Vec<TopicPartition> {
    let of_domain = |domain: &Domain| {
        let topic = domain.events_topic();
        (0..topics::partitions(*domain, PROFILE)).map(move |it| TopicPartition::new(topic, it))
    };
    registration.domains.iter().flat_map(of_domain).collect()
}

/// Table and columns of a projection, as its fingerprint names them.
fn tables(registration: &Registration) -> Vec<(String, String)> {
    let fingerprint = registration.fingerprint();
    let (_, tables) = fingerprint.split_once(": ").expect("a revision comes first");
    let table = |it: &str| {
        let (name, columns) = it.split_once(" (").expect("columns follow");
        let columns = columns.trim_end_matches(')').split(", ");
        let columns: Vec<_> = columns.map(|it| it.split(' ').next().unwrap_or_default()).collect();
        (name.to_owned(), format!("\"{}\"", columns.join("\", \"")))
    };
    tables.split("; ").map(table).collect()
}

async fn forget(owner: &PgPool, projections: &[&'static Registration]) {
    let mut statements = vec!["DELETE FROM projection.checkpoints".to_owned()];
    for (table, _) in projections.iter().flat_map(|it| tables(it)) {
        statements.push(format!("DELETE FROM {table}"));
    }
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(owner).await.expect("deleted");
    }
}

async fn checksums(owner: &PgPool, projections: &[&'static Registration]) -> Checksums {
    let mut all = Checksums::new();
    for (table, columns) in projections.iter().flat_map(|it| tables(it)) {
        let sql = format!(
            "SELECT count(*), COALESCE(sum(hashtextextended(ROW({columns})::text, 0)::numeric), 0)::text FROM {table}"
        );
        let sums = sqlx::query_as(AssertSqlSafe(sql)).fetch_one(owner).await.expect("it can be summed up");
        all.insert(table, sums);
    }
    all
}

/// `KARMYQ_SEEDS`, else few.
fn seeds() -> u64 {
    std::env::var("KARMYQ_SEEDS").ok().and_then(|it| it.parse().ok()).unwrap_or(5)
}
