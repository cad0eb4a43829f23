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
        let mut lane = self.log.lane(id).await.expect("a lane opens");
        let config =
            GroupConfig { group: id.to_owned(), topics: vec![], fetch: false, session_timeout: SESSION };
        let (membership, events) = self.log.join(config).await.expect("a group is joined");
        let member = Member { membership, events };
        let consumed = (TopicPartition::new("nothing", 0), 0);
        let mut held = self.log.hold_next();
        let window: Window = member.window(vec![record], consumed);
        tokio::spawn(async move {
            let _member = member;
            lane.append(window).await
        });
        held.reached().await;
        self.held.lock().await.push(held);
    }

    async fn evict(&self, member: &Arc<dyn Membership>) {
        self.log.evict(member.as_ref());
    }

    async fn delete_topics(&self, _names: &[String]) {}
}
