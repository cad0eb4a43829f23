//! Reads what was raised, for all whose news are visible, and hands it to their streams.
//!
//! One transaction for as many people as have come together while the one before was under way: under load a round trip
//! serves hundreds, a lone item waits for nobody. What fails is tried again in halves, so that an item that cannot be read
//! holds back nobody but its own person.

use std::collections::HashMap;
use std::time::Duration;

use event_schemas::Domain;
use metrics::{counter, histogram};
use sqlx::{PgPool, Postgres, Transaction};
use tokio::sync::mpsc;
use tracing::warn;
use uuid::Uuid;

use super::connected::Live;
use super::message::Message;
use crate::position::{self, Goal, Need};
use crate::projections::Projection;
use crate::reading::open_reading;
use crate::views::notifications;

/// Most people read for at once.
const PEOPLE: usize = 200;
/// Most items of one of them at once; the rest follows.
const ITEMS: usize = 100;
/// Most items of all of them at once, far from what a statement may take.
const ITEMS_OF_ALL: usize = 2_000;
/// Pause after a database that failed, and before somebody is tried again of whom nothing can be read.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// Somebody has news.
#[derive(Clone, Copy, Debug)]
pub(super) struct Due {
    /// Who.
    pub(super) user_id: Uuid,
    /// Their partition.
    pub(super) partition: i32,
    /// The record that the projection has to have come to.
    pub(super) offset: i64,
    /// Whether it is theirs.
    pub(super) need: Need,
}

impl Due {
    /// What the projection has to have come to.
    pub(super) const fn goal(&self) -> Goal {
        goal(self.partition, self.offset, self.need)
    }
}

/// A record of the topic.
pub(super) const fn goal(partition: i32, offset: i64, need: Need) -> Goal {
    Goal { by: Projection::Notifications, domain: Domain::Notification, partition, offset, need }
}

/// For whom one transaction reads.
struct Batch {
    due: Vec<Due>,
    /// Items of each at most.
    most: usize,
}

impl Batch {
    /// All of them, with as many items as one transaction may read.
    fn of(due: Vec<Due>) -> Self {
        let most = (ITEMS_OF_ALL / due.len().max(1)).clamp(1, ITEMS);
        Self { due, most }
    }

    /// What to read instead of a batch that failed, the last one first: half of the people, and of one alone a single item.
    /// When that failed, too, whose it was.
    fn smaller(mut self) -> Result<Vec<Self>, Due> {
        match self.due[..] {
            [alone] if self.most == 1 => Err(alone),
            [_] => Ok(vec![Self { most: 1, ..self }]),
            _ => {
                let rest = self.due.split_off(self.due.len() / 2);
                Ok(vec![Self { due: rest, ..self }, self])
            }
        }
    }
}

/// What one transaction has found.
struct Found {
    /// In the order of those who were due: whether it saw what was due.
    visible: Vec<bool>,
    items: HashMap<Uuid, Vec<Message>>,
    /// The last record that is parked, of those whose last record nobody knew.
    parked: HashMap<Uuid, i64>,
}

/// Delivers until the process stops.
pub(super) async fn deliver(live: Live, pool: PgPool, mut visible: mpsc::UnboundedReceiver<Due>) {
    let mut told = Vec::with_capacity(PEOPLE);
    while visible.recv_many(&mut told, PEOPLE).await > 0 {
        histogram!("karmyq_live_people_per_reading").record(told.len() as f64);
        let due: HashMap<Uuid, Due> = told.drain(..).map(|it| (it.user_id, it)).collect();
        let mut batches = vec![Batch::of(due.into_values().collect())];
        while let Some(batch) = batches.pop() {
            let present = batch.due.iter().filter_map(|it| Some((*it, live.handed(it)?)));
            let asked: Vec<(Due, i64)> = present.collect();
            let transaction = begin(&pool).await;
            match find(transaction, &asked, batch.most).await {
                Ok(found) => hand(&live, asked, found, batch.most),
                Err(error) => {
                    warn!(%error, people = asked.len(), "news could not be read, trying again");
                    // Nothing is lost by waiting: whoever is due stays so.
                    match batch.smaller() {
                        Ok(smaller) => batches.extend(smaller),
                        Err(due) => live.put_off(due, RETRY_AFTER),
                    }
                }
            }
        }
    }
}

/// Begins a reading, for however long it takes: a database that is away is nobody's fault.
async fn begin(pool: &PgPool) -> Transaction<'static, Postgres> {
    loop {
        match open_reading(pool, None).await {
            Ok(transaction) => return transaction,
            Err(error) => warn!(%error, "news cannot be read, trying again"),
        }
        tokio::time::sleep(RETRY_AFTER).await;
    }
}

/// Reads what these people have not been handed, each from an offset on, and at most so many items of each.
async fn find(
    mut transaction: Transaction<'static, Postgres>,
    asked: &[(Due, i64)],
    most: usize,
) -> sqlx::Result<Found> {
    let goals: Vec<_> = asked.iter().map(|(due, _)| due.goal()).collect();
    let visible = position::visible(&mut *transaction, &goals).await?;
    let handed: Vec<_> = asked.iter().map(|(due, handed)| (due.user_id, *handed)).collect();
    let mut items: HashMap<Uuid, Vec<Message>> = HashMap::new();
    for (user_id, item) in notifications::after_each(&mut transaction, &handed, most).await? {
        let message = Message::of(&item).map_err(|it| sqlx::Error::Encode(it.into()))?;
        items.entry(user_id).or_default().push(message);
    }
    let unknown = asked.iter().map(|(due, _)| due).filter(|it| it.need == Need::Passed);
    let unknown: Vec<_> = unknown.map(|it| (it.user_id, it.partition)).collect();
    let parked = notifications::parked(&mut transaction, &unknown).await?;
    transaction.rollback().await?;
    Ok(Found { visible, items, parked })
}

fn hand(live: &Live, asked: Vec<(Due, i64)>, mut found: Found, most: usize) {
    for ((due, after), visible) in asked.into_iter().zip(found.visible) {
        let messages = found.items.remove(&due.user_id).unwrap_or_default();
        counter!("karmyq_live_items_total").increment(messages.len() as u64);
        let left = if visible && messages.len() < most {
            // A redrive is no record that the tail would pass.
            found.parked.get(&due.user_id).map(|offset| Due { offset: *offset, need: Need::Folded, ..due })
        } else {
            // There is more, or it is not visible after all: another version is live now, which has parked it.
            Some(due)
        };
        live.hand(&due, after, &messages, left);
    }
}
