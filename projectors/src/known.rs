//! What is known beforehand about records that a replay will meet: what an operator discarded, and what PostgreSQL
//! refuses, which a fold in memory does not notice.

use std::collections::{HashMap, HashSet};

use event_log::{Position, TopicPartition};
use sqlx::PgPool;

use crate::folding::{Cause, Content, Item, Kind};
use crate::projection::Registration;

/// What is known about single records of a projection.
#[derive(Debug, Default)]
pub(crate) struct Known {
    discarded: HashSet<Position>,
    refused: HashMap<Position, String>,
}

impl Known {
    /// What is known now.
    pub(crate) async fn of(pool: &PgPool, registration: &Registration) -> sqlx::Result<Self> {
        let discarded: Vec<(String, i32, i64)> = sqlx::query_as(
            "SELECT topic, partition, record_offset FROM projection.discarded WHERE projection = $1",
        )
        .bind(registration.name)
        .fetch_all(pool)
        .await?;
        let refused: Vec<(String, i32, i64, String)> = sqlx::query_as(
            "SELECT p.topic, p.partition, p.record_offset, p.reason
             FROM projection.active AS a JOIN projection.parked AS p USING (projection, version)
             WHERE a.projection = $1 AND p.kind = $2",
        )
        .bind(registration.name)
        .bind(Kind::Refused)
        .fetch_all(pool)
        .await?;
        let at = |topic, partition, offset| Position { of: TopicPartition::new(topic, partition), offset };
        Ok(Self {
            discarded: discarded.into_iter().map(|it| at(it.0, it.1, it.2)).collect(),
            refused: refused.into_iter().map(|it| (at(it.0, it.1, it.2), it.3)).collect(),
        })
    }

    /// Passes the discarded records over.
    pub(crate) fn pass_over_discarded(&self, items: &mut [Item]) {
        if self.discarded.is_empty() {
            return;
        }
        for item in items {
            if self.discarded.contains(&item.record.position) {
                item.content = Content::Ignored;
            }
        }
    }

    /// Passes the discarded records over, and has the refused ones parked again.
    pub(crate) fn mark(&self, items: &mut [Item]) {
        self.pass_over_discarded(items);
        if self.refused.is_empty() {
            return;
        }
        for item in items {
            let refused = self.refused.get(&item.record.position);
            if let (Some(reason), false) = (refused, matches!(item.content, Content::Ignored)) {
                let cause = Cause { kind: Kind::Refused, reason: reason.clone() };
                item.content = Content::Poison(cause);
            }
        }
    }
}
