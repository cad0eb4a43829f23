//! Reads what was raised, for all whose news are visible, and hands it to their streams.
//!
//! One transaction for as many people as have come together while the one before was under way: under load a round trip
//! serves hundreds, a lone item waits for nobody.

use std::collections::HashMap;
use std::time::Duration;

use event_schemas::Domain;
use metrics::{counter, histogram};
use sqlx::PgPool;
use tokio::sync::mpsc;
use tracing::warn;
use uuid::Uuid;

use super::connected::Live;
use super::message::Message;
use crate::position::{self, Goal, Need};
use crate::projections::Projection;
use crate::reading::BEGIN_READING;
use crate::views::notifications;

/// Most people read for at once.
const PEOPLE: usize = 200;
/// Most items of one of them at once; the rest follows.
const ITEMS: usize = 100;
/// Pause after a database that failed.
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

/// What one transaction has found.
struct Found {
    /// In the order of those who were due: whether it saw what was due.
    visible: Vec<bool>,
    items: HashMap<Uuid, Vec<Message>>,
}

/// Delivers until the process stops.
pub(super) async fn deliver(live: Live, pool: PgPool, mut visible: mpsc::UnboundedReceiver<Due>) {
    let mut told = Vec::with_capacity(PEOPLE);
    while visible.recv_many(&mut told, PEOPLE).await > 0 {
        histogram!("karmyq_live_people_per_reading").record(told.len() as f64);
        let mut due: HashMap<Uuid, Due> = told.drain(..).map(|it| (it.user_id, it)).collect();
        loop {
            let present = due.values().filter_map(|it| Some((*it, live.handed(it)?)));
            let asked: Vec<(Due, i64)> = present.collect();
            match find(&pool, &asked).await {
                Ok(found) => break hand(&live, asked, found),
                // Nothing is lost by waiting: whoever is due stays so.
                Err(error) => warn!(%error, people = asked.len(), "news could not be read, trying again"),
            }
            tokio::time::sleep(RETRY_AFTER).await;
            due.retain(|_, it| live.handed(it).is_some());
        }
    }
}

/// Reads what these people have not been handed, each from an offset on.
async fn find(pool: &PgPool, asked: &[(Due, i64)]) -> sqlx::Result<Found> {
    let mut transaction = pool.begin_with(BEGIN_READING).await?;
    let goals: Vec<_> = asked.iter().map(|(due, _)| due.goal()).collect();
    let visible = position::visible(&mut *transaction, &goals).await?;
    let handed: Vec<_> = asked.iter().map(|(due, handed)| (due.user_id, *handed)).collect();
    let mut items: HashMap<Uuid, Vec<Message>> = HashMap::new();
    for (user_id, item) in notifications::after_each(&mut transaction, &handed, ITEMS).await? {
        let message = Message::of(&item).map_err(|it| sqlx::Error::Encode(it.into()))?;
        items.entry(user_id).or_default().push(message);
    }
    transaction.rollback().await?;
    Ok(Found { visible, items })
}

fn hand(live: &Live, asked: Vec<(Due, i64)>, mut found: Found) {
    for ((due, _), visible) in asked.into_iter().zip(found.visible) {
        let messages = found.items.remove(&due.user_id).unwrap_or_default();
        counter!("karmyq_live_items_total").increment(messages.len() as u64);
        // Not visible after all when another version is live now, which has parked it.
        live.hand(&due, &messages, visible && messages.len() < ITEMS);
    }
}
