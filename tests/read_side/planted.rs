//! Projections that a test plants, each with a fault of its own.

use std::sync::LazyLock;

use event_schemas::community::CommunityEvent;
use event_schemas::request::RequestEvent;
use event_schemas::user::UserEvent;
use event_schemas::{CommunityId, Domain, Event, EventId, UserId};
use parking_lot::Mutex;
use projectors::{AnyTable, Fact, Interest, Projection, Registration, Table, Unfoldable, row};
use sqlx::AssertSqlSafe;
use uuid::Uuid;

use crate::fixture::World;

row! {
    /// How many events there are of a person.
    struct Count in "planted.counts" (user_id: UserId) {
        events: i64,
    }
}

/// Panics, in the middle of its work, on every event of these people until they are taken off the list.
static PANICS_ON: LazyLock<Mutex<Vec<Uuid>>> = LazyLock::new(Mutex::default);

/// Counts events per person, and panics where it is told to.
#[derive(Debug, Default)]
struct Fragile {
    counts: Table<Count>,
}

pub(crate) static FRAGILE: Registration = Registration::of::<Fragile>("fragile", 1, &[Domain::User]);

impl Projection for Fragile {
    fn interest(&self, _event_type: &str) -> Interest {
        Interest::Facts
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let Event::User(event) = &fact.event else { return Ok(()) };
        let user = Uuid::parse_str(&fact.envelope.aggregate_id).expect("users have ids");
        let user_id = UserId::new(user);
        match self.counts.get(&user_id) {
            Some(row) => row.events += 1,
            None => self.counts.put(Count { user_id, events: 1 }),
        }
        let renamed = matches!(event, UserEvent::UserUpdated(_));
        assert!(!(renamed && PANICS_ON.lock().contains(&user)), "does not like {user}");
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.counts]
    }
}

row! {
    /// When an event was folded.
    struct FoldedAt in "planted.clock" (id: EventId) {
        at: i64,
    }
}

/// Looks at the clock.
#[derive(Debug, Default)]
struct Clock {
    folded: Table<FoldedAt>,
}

pub(crate) static CLOCK: Registration = Registration::of::<Clock>("clock", 1, &[Domain::Community]);

impl Projection for Clock {
    fn interest(&self, _event_type: &str) -> Interest {
        Interest::Facts
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let at = chrono::Utc::now().timestamp_micros();
        self.folded.put(FoldedAt { id: fact.envelope.event_id, at });
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.folded]
    }
}

row! {
    /// What came last about a community.
    struct Latest in "planted.arrival" (community_id: CommunityId) {
        last: String,
    }
}

/// Takes what arrives last for what happened last, although two topics tell of it.
#[derive(Debug, Default)]
struct Arrival {
    latest: Table<Latest>,
}

pub(crate) static ARRIVAL: Registration =
    Registration::of::<Arrival>("arrival", 1, &[Domain::Community, Domain::Request]);

impl Projection for Arrival {
    fn interest(&self, event_type: &str) -> Interest {
        if matches!(event_type, "RequestCreated" | "UserJoinedCommunity") {
            Interest::Facts
        } else {
            Interest::Nothing
        }
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let last = fact.position.to_string();
        let mut communities = Vec::new();
        if let Event::Community(CommunityEvent::UserJoinedCommunity(it)) = &fact.event {
            communities.push(it.community_id);
        }
        if let Event::Request(RequestEvent::RequestCreated(it)) = &fact.event {
            communities.extend(&it.community_ids);
        }
        for community_id in communities {
            self.latest.put(Latest { community_id, last: last.clone() });
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.latest]
    }
}

row! {
    /// Who joined, by the name that somebody else's table has at the moment.
    struct Joined in "planted.peeked" (id: EventId) {
        name: String,
    }
}

row! {
    /// A row of the user directory.
    struct Somebody in "auth.users" (id: UserId) {
        name: String,
    }
}

/// Looks into the table of another projection.
#[derive(Debug, Default)]
struct Peeking {
    joined: Table<Joined>,
    users: Table<Somebody>,
}

pub(crate) static PEEKING: Registration = Registration::of::<Peeking>("peeking", 1, &[Domain::Community]);

impl Projection for Peeking {
    fn interest(&self, _event_type: &str) -> Interest {
        Interest::Facts
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        if let Event::Community(CommunityEvent::UserJoinedCommunity(it)) = &fact.event {
            let name = self.users.get(&it.user_id).map_or_else(String::new, |it| it.name.clone());
            self.joined.put(Joined { id: fact.envelope.event_id, name });
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.joined, &mut self.users]
    }
}

/// Lets the fold panic on whoever is renamed of these people.
pub(crate) fn panic_on(users: impl IntoIterator<Item = Uuid>) {
    PANICS_ON.lock().extend(users);
}

/// Corrects the fold.
pub(crate) fn correct() {
    PANICS_ON.lock().clear();
}

/// Creates the tables of planted projections, `schema.table (columns)` with the key's column first.
pub(crate) async fn plant(world: &World, tables: &[(&str, &str, &str)]) {
    let owner = world.owner();
    let mut statements = vec!["CREATE SCHEMA IF NOT EXISTS planted".to_owned()];
    statements.push("GRANT USAGE ON SCHEMA planted TO karmyq_projector, karmyq_query".to_owned());
    for (table, key, columns) in tables {
        statements.push(format!(
            "CREATE TABLE planted.{table} ({key} uuid PRIMARY KEY, {columns}) PARTITION BY LIST ({key})"
        ));
        statements.push(format!("CALL projection.make_read_table('planted.{table}')"));
    }
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&owner).await.expect("the owner may create tables");
    }
}
