//! Items of inboxes, appended at a rate.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Result;
use event_log::{Lane, NewRecord};
use event_schemas::notification::{NotificationEvent, NotificationRaised};
use event_schemas::{
    AggregateType, CommandId, CorrelationId, Domain, Envelope, Event, EventId, Metadata, NotificationId,
    Recorded, Timestamp, UserId,
};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::super::ceiling::{Member, create_topic};
use super::streams::Position;
use crate::engine::Engine;

/// What is due in such a time is appended in one transaction.
const BEAT: Duration = Duration::from_millis(5);
/// Until an item is hidden, in microseconds.
const LIFE_US: i64 = 30 * 86_400 * 1_000_000;

/// Appends items.
pub(super) struct Items<'a> {
    engine: &'a Engine,
    member: Member,
    lane: Box<dyn Lane>,
    people: Vec<Uuid>,
    /// What the items of each are about.
    requests: Vec<Uuid>,
    /// Items so far.
    count: usize,
}

/// What was appended.
#[derive(Debug)]
pub(super) struct Raised {
    /// When each item was due.
    pub(super) due: HashMap<Position, Instant>,
    /// Items a second.
    pub(super) per_second: f64,
}

impl<'a> Items<'a> {
    /// For these people in turn, about a request for each.
    pub(super) async fn begin(engine: &'a Engine, people: Vec<Uuid>, requests: Vec<Uuid>) -> Result<Self> {
        create_topic(engine).await?;
        let member = Member::join(engine.log.as_ref()).await?;
        let lane = engine.log.lane(&format!("karmyq-bench-{}", Uuid::now_v7())).await?;
        Ok(Self { engine, member, lane, people, requests, count: 0 })
    }

    /// Raises items at a rate for so long.
    pub(super) async fn run(&mut self, per_second: f64, time: Duration) -> Result<Raised> {
        let (began, mut raised) = (Instant::now(), HashMap::new());
        let all = (per_second * time.as_secs_f64()) as usize;
        let due = |number: usize| began + Duration::from_secs_f64(number as f64 / per_second);
        while raised.len() < all {
            sleep_until(due(raised.len()) + BEAT).await;
            let so_far = (began.elapsed().as_secs_f64() * per_second) as usize;
            let times: Vec<_> = (raised.len()..so_far.min(all)).map(due).collect();
            raised.extend(self.raise(times.len(), &times).await?);
        }
        Ok(Raised { due: raised, per_second: all as f64 / began.elapsed().as_secs_f64() })
    }

    /// Appends the next items, and tells where each stands that was due at these times.
    pub(super) async fn raise(&mut self, count: usize, due: &[Instant]) -> Result<Vec<(Position, Instant)>> {
        let records = (0..count).map(|_| self.next()).collect::<Result<Vec<_>>>()?;
        let partitions: Vec<_> = records.iter().map(|it| it.to.partition).collect();
        let appended = self.member.append_window(self.lane.as_mut(), records).await?;
        Ok(partitions.into_iter().zip(appended.offsets).zip(due.iter().copied()).collect())
    }

    fn next(&mut self) -> Result<NewRecord> {
        let place = self.count % self.people.len();
        let (person, request) = (self.people[place], self.requests[place]);
        let version = i64::try_from(self.count / self.people.len())? + 1;
        self.count += 1;
        let now = chrono::Utc::now().timestamp_micros();
        let raised = NotificationRaised {
            notification_id: NotificationId::new(Uuid::now_v7()),
            user_id: UserId::new(person),
            r#type: "karma_awarded".to_owned(),
            priority: "medium".to_owned(),
            subject_type: "match".to_owned(),
            subject_id: Uuid::now_v7().to_string(),
            actor_id: Some(UserId::new(self.people[0])),
            community_id: None,
            params: BTreeMap::from([
                ("points".to_owned(), "12".to_owned()),
                ("requestId".to_owned(), request.to_string()),
            ]),
            count: 1,
            channels: vec!["in_app".to_owned()],
            action_url: "/reputation".to_owned(),
            due_at: None,
            expires_at: Timestamp::from_micros(now + LIFE_US),
        };
        let command_id = CommandId::new(Uuid::now_v7());
        let envelope = Envelope {
            event_id: EventId::new(Uuid::now_v7()),
            timestamp: Timestamp::from_micros(now),
            correlation_id: CorrelationId::from(command_id),
            causation_id: None,
            aggregate_type: AggregateType::Inbox,
            aggregate_id: person.to_string(),
            aggregate_version: version,
            community_id: None,
            actor: None,
            command_id,
            metadata: Metadata::default(),
        };
        let payload = Event::Notification(NotificationEvent::NotificationRaised(raised));
        let encoder = &self.engine.encoder;
        let to = encoder.partition(Domain::Notification.events_topic(), person.to_string().as_bytes());
        Ok(encoder.event(&Recorded { envelope, payload }, to, None, None)?)
    }
}
