//! Whoever appends records to a log by hand: for tests that have a log of their own and no writer.

use std::sync::Arc;
use std::time::Duration;

use event_log::{EventLog, GroupConfig, GroupEvent, Lane, Membership, NewRecord, TopicPartition, Window};

/// A member of a group of its own, because only members may append.
#[derive(Debug)]
pub struct Author {
    lane: Box<dyn Lane>,
    membership: Arc<dyn Membership>,
    /// The position that proves the membership.
    fence_at: (TopicPartition, i64),
}

impl Author {
    /// One with this transactional id.
    ///
    /// # Panics
    /// When the log does not let it join.
    pub async fn join(log: &dyn EventLog, transactional_id: &str) -> Self {
        let config = GroupConfig {
            group: "test-writers".to_owned(),
            topics: vec!["community-commands".to_owned()],
            fetch: false,
            session_timeout: Duration::from_secs(10),
        };
        let (membership, mut events) = log.join(config).await.expect("a group of one");
        let Some(GroupEvent::Assigned(assigned)) = events.recv().await else {
            panic!("an assignment comes first")
        };
        // The receiver lives as long as the membership, or the log would take it for gone.
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        let fence_at = assigned.into_iter().next().expect("a partition");
        let lane = log.lane(transactional_id).await.expect("a lane");
        Self { lane, membership, fence_at }
    }

    /// Appends records as they are, in one transaction; their offsets.
    ///
    /// # Panics
    /// When they are not committed.
    pub async fn append(&mut self, records: Vec<NewRecord>) -> Vec<i64> {
        let window = self.window(records);
        self.lane.append(window).await.expect("it is committed").offsets
    }

    /// One transaction of these records.
    #[must_use]
    pub fn window(&self, records: Vec<NewRecord>) -> Window {
        Window { records, consumed: vec![self.fence_at.clone()], fence: self.membership.fence() }
    }
}
