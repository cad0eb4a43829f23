//! Versions of the read model `notifications`, put in place as a rebuild or a rollback does, also such as no rebuild makes:
//! behind the one before, or with other records parked.

use std::collections::BTreeSet;

use sqlx::{AssertSqlSafe, Executor as _};
use uuid::Uuid;

use crate::fixture::World;

/// The table whose versions these are.
const TABLE: &str = "notifications.notifications";

/// An item that a record raises.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    /// Whose.
    pub(crate) user: Uuid,
    /// Offset of the record.
    pub(crate) offset: i64,
}

/// One version.
#[derive(Clone, Debug)]
struct Version {
    number: i32,
    /// As many records of the log are folded or parked.
    records: usize,
    /// Records that are parked.
    parked: BTreeSet<usize>,
}

/// What PostgreSQL has of a log: the live version, and the one before.
#[derive(Debug)]
pub(crate) struct Versions {
    /// The log.
    pub(crate) log: Vec<Item>,
    live: Version,
    kept: Option<Version>,
    newest: i32,
}

impl Versions {
    /// The version that the migrations make, with nothing folded.
    pub(crate) async fn begin(world: &World) -> Self {
        world.checkpoint("notifications", "notification-events", 0, 0).await;
        let live = Version { number: 1, records: 0, parked: BTreeSet::new() };
        Self { log: Vec::new(), live, kept: None, newest: 1 }
    }

    /// Records that the live version has not come to.
    pub(crate) fn left(&self) -> usize {
        self.log.len() - self.live.records
    }

    /// Whether records of this person are parked, so that later ones have to be parked, too.
    pub(crate) fn holds_back(&self, user: Uuid) -> bool {
        self.live.parked.iter().any(|it| self.log[*it].user == user)
    }

    /// Folds the next record, or parks it, with the checkpoint.
    pub(crate) async fn fold(&mut self, world: &World, park: bool) {
        let index = self.live.records;
        self.live.records += 1;
        if park {
            self.live.parked.insert(index);
        }
        let row = if park { self.parking(&self.live, index) } else { self.inserting(TABLE, index) };
        world.project(format!("{row}; {}", self.moving(&self.live))).await;
    }

    /// Folds all that is parked, at once.
    pub(crate) async fn redrive(&mut self, world: &World) {
        let parked = std::mem::take(&mut self.live.parked);
        let rows: String = parked.iter().map(|it| format!("{}; ", self.inserting(TABLE, *it))).collect();
        let number = self.live.number;
        let gone = format!(
            "DELETE FROM projection.parked WHERE projection = 'notifications' AND version = {number}"
        );
        world.project(format!("{rows}{gone}")).await;
    }

    /// Builds a version that has come to so many records, with these parked, and puts it in place.
    pub(crate) async fn rebuild(&mut self, world: &World, records: usize, parked: BTreeSet<usize>) {
        self.newest += 1;
        let new = Version { number: self.newest, records, parked };
        let table = format!("{TABLE}_v{}", new.number);
        let rows = (0..records).map(|it| match new.parked.contains(&it) {
            true => format!("{}; ", self.parking(&new, it)),
            false => format!("{}; ", self.inserting(&table, it)),
        });
        let rows: String = rows.collect();
        let made = format!("CREATE TABLE {table} (LIKE {TABLE} INCLUDING ALL); {rows}");
        let begun = format!(
            "INSERT INTO projection.checkpoints (projection, version, topic, partition, next_offset, owner_epoch)
             VALUES ('notifications', {}, 'notification-events', 0, 0, 1); {};",
            new.number,
            self.moving(&new)
        );
        let swap = self.swapping(&new);
        act(world, format!("{made} {begun} {swap}")).await;
        self.kept = Some(std::mem::replace(&mut self.live, new));
    }

    /// Puts the version before in place as it was left; nothing when there is none.
    pub(crate) async fn roll_back(&mut self, world: &World) {
        let Some(kept) = self.kept.take() else { return };
        act(world, self.swapping(&kept)).await;
        self.kept = Some(std::mem::replace(&mut self.live, kept));
    }

    fn inserting(&self, table: &str, index: usize) -> String {
        let Item { user, offset } = self.log[index];
        let id = Uuid::from_u128(index as u128 + 1);
        format!(
            "INSERT INTO {table} VALUES ('{id}', '{user}', 'match_created', 'high', 'match', '{id}', NULL, NULL,
                 '{{\"offset\": \"{offset}\"}}', '/', false, 1, to_timestamp({index}), NULL, now() + interval '30 days',
                 'notification-events/0@{offset}', {offset}, 1)"
        )
    }

    fn parking(&self, of: &Version, index: usize) -> String {
        let Item { user, offset } = self.log[index];
        format!(
            "INSERT INTO projection.parked (projection, version, topic, partition, record_offset, record_key,
                 header_names, header_values, recorded_at, kind, reason)
             VALUES ('notifications', {}, 'notification-events', 0, {offset}, convert_to('{user}', 'UTF8'), '{{}}', '{{}}',
                 now(), 'unreadable', 'test')",
            of.number
        )
    }

    /// Moves the checkpoint to where the version has come.
    fn moving(&self, of: &Version) -> String {
        let next = of.records.checked_sub(1).map_or(0, |last| self.log[last].offset + 1);
        format!(
            "UPDATE projection.checkpoints SET next_offset = {next} WHERE projection = 'notifications' AND version = {}",
            of.number
        )
    }

    /// In the order of locks of a real swap.
    fn swapping(&self, to: &Version) -> String {
        let (from, to) = (self.live.number, to.number);
        format!(
            "UPDATE projection.active SET version = {to} WHERE projection = 'notifications';
             LOCK TABLE {TABLE} IN ACCESS EXCLUSIVE MODE;
             ALTER TABLE {TABLE} DETACH PARTITION {TABLE}_v{from};
             ALTER TABLE {TABLE} ATTACH PARTITION {TABLE}_v{to} DEFAULT"
        )
    }
}

/// Statements sent together are one transaction.
pub(crate) async fn act(world: &World, sql: String) {
    world.owner.execute(AssertSqlSafe(sql)).await.expect("the owner may do it");
}
