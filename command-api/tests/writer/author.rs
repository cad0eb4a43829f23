//! Whoever appends by hand: policies of instances that a test does not run, other owners, and strangers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use domain::inbox::Kind;
use event_log::{
    Encoder, EventLog as _, GroupConfig, GroupEvent, Lane, Membership, MemoryLog, NewRecord, TopicPartition,
    Window,
};
use event_schemas::notification::RaiseNotification;
use event_schemas::topics::{Profile, manifest};
use event_schemas::{
    Actor, AggregateType, Codec, Command, CommandId, CorrelationId, Domain, Envelope, EventId, Metadata,
    Recorded, Timestamp, UserId,
};
use tokio::sync::mpsc;
use uuid::Uuid;

/// A member of a group, because only members may append.
pub(crate) struct Author {
    lane: Box<dyn Lane>,
    membership: Arc<dyn Membership>,
    /// The log takes whoever does not listen for gone.
    _events: mpsc::Receiver<GroupEvent>,
    /// What it was given first.
    pub(crate) assigned: Vec<(TopicPartition, i64)>,
}

impl Author {
    /// Joins a group that shares out the commands of these domains; returns once it has something.
    pub(crate) async fn join(log: &MemoryLog, group: &str, domains: &[Domain]) -> Self {
        let config = GroupConfig {
            group: group.to_owned(),
            topics: domains.iter().map(|it| it.commands_topic().to_owned()).collect(),
            fetch: false,
            session_timeout: Duration::from_secs(6),
        };
        let (membership, mut events) = log.join(config).await.expect("joins");
        let Some(GroupEvent::Assigned(assigned)) = events.recv().await else {
            panic!("an assignment comes first")
        };
        let lane = log.lane(&format!("by hand in {group}")).await.expect("a lane");
        Self { lane, membership, _events: events, assigned }
    }

    /// Appends records as they are, in one transaction; their offsets.
    pub(crate) async fn append(&mut self, records: Vec<NewRecord>) -> Vec<i64> {
        let at = self.assigned[0].1;
        self.consume(records, at).await
    }

    /// The same, and goes on at this offset of its first partition.
    pub(crate) async fn consume(&mut self, records: Vec<NewRecord>, next: i64) -> Vec<i64> {
        let consumed = vec![(self.assigned[0].0.clone(), next)];
        let window = Window { records, consumed, fence: self.membership.fence() };
        self.lane.append(window).await.expect("it is committed").offsets
    }
}

/// A policy's command to tell a person something new, and its id.
pub(crate) fn notice(to: UserId) -> (NewRecord, CommandId) {
    let id = Uuid::now_v7();
    let raise = RaiseNotification {
        user_id: to,
        r#type: Kind::Welcome.name().to_owned(),
        priority: Kind::Welcome.priority().name().to_owned(),
        subject_type: Kind::Welcome.subject().to_owned(),
        subject_id: to.to_string(),
        part: Some(id.to_string()),
        actor_id: None,
        community_id: None,
        params: BTreeMap::new(),
        action_url: Kind::Welcome.action().to_owned(),
        ttl_days: 30,
    };
    let command = Recorded {
        envelope: Envelope {
            event_id: EventId::new(id),
            timestamp: Timestamp::from(chrono::Utc::now()),
            correlation_id: CorrelationId::from(CommandId::new(id)),
            causation_id: None,
            aggregate_type: AggregateType::Inbox,
            aggregate_id: to.to_string(),
            aggregate_version: 0,
            community_id: None,
            actor: Some(Actor::Policy("by-hand".to_owned())),
            command_id: CommandId::new(id),
            metadata: Metadata::default(),
        },
        payload: Command::Notification(raise.into()),
    };
    let encoder = Encoder::new(Codec::local(), &manifest(Profile::Small));
    (encoder.command(&command, None).expect("encodes"), CommandId::new(id))
}

/// Something that no writer wrote.
pub(crate) fn scribble(to: TopicPartition, key: &str) -> NewRecord {
    let value = Some(b"not in wire format".to_vec());
    NewRecord { to, key: key.as_bytes().to_vec(), value, headers: Vec::new(), timestamp_ms: 1_000 }
}
