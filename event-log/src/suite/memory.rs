//! The log in memory as a subject of the contract.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::{Member, SESSION, Subject};
use crate::memory::{Held, MemoryLog};
use crate::{EventLog, GroupConfig, Membership, NewRecord, TopicPartition, Window};

#[derive(Default)]
pub(super) struct Memory {
    log: MemoryLog,
    held: Mutex<Vec<Held>>,
}

#[async_trait]
impl Subject for Memory {
    fn log(&self) -> Arc<dyn EventLog> {
        Arc::new(self.log.clone())
    }

    async fn leave_open(&self, id: &str, record: NewRecord) {
        let member = self.member(id).await;
        let window = member.window(vec![record], (TopicPartition::new("nothing", 0), 0));
        self.hold(id, window).await;
    }

    async fn leave_offset_open(&self, group: &str, id: &str, consumed: (TopicPartition, i64)) {
        let member = self.member(group).await;
        self.hold(id, member.window(vec![], consumed)).await;
    }

    async fn evict(&self, member: &Arc<dyn Membership>) {
        self.log.evict(member.as_ref());
    }

    async fn delete_topics(&self, _names: &[String]) {}
}

impl Memory {
    /// A member that asks for no partitions.
    async fn member(&self, group: &str) -> Member {
        let config =
            GroupConfig { group: group.to_owned(), topics: vec![], fetch: false, session_timeout: SESSION };
        let (membership, events) = self.log.join(config).await.expect("a group is joined");
        Member { membership, events }
    }

    /// Appends under this id and stops before the commit.
    async fn hold(&self, id: &str, window: Window) {
        let mut lane = self.log.lane(id).await.expect("a lane opens");
        let mut held = self.log.hold_next();
        tokio::spawn(async move { lane.append(window).await });
        held.reached().await;
        self.held.lock().await.push(held);
    }
}
