//! Events of a small story, as the domain would write them: a community, people, a request and its exchange.

use event_schemas::community::{CommunityCreated, CommunityEvent, UserJoinedCommunity};
use event_schemas::notification::{NotificationEvent, NotificationRaised, NotificationsRead};
use event_schemas::reputation::{ExchangeCredited, KarmaAwarded, ReputationEvent};
use event_schemas::request::{
    MatchAccepted, MatchCompleted, MatchCreated, RequestCompleted, RequestCreated, RequestEvent,
    RequestUpdated,
};
use event_schemas::user::{UserEvent, UserRegistered, UserUpdated};
use event_schemas::{
    CommandId, CorrelationId, Envelope, Event, EventId, Metadata, Payload as _, Recorded, Sealable, Timestamp,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

/// Ids of one story.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Story {
    pub(crate) community: Uuid,
    pub(crate) asker: Uuid,
    pub(crate) helper: Uuid,
    pub(crate) request: Uuid,
    exchange: Uuid,
}

impl Story {
    pub(crate) fn new() -> Self {
        let [community, asker, helper, request, exchange] = std::array::from_fn(|_| Uuid::now_v7());
        Self { community, asker, helper, request, exchange }
    }

    /// Everything from founding to thanks.
    pub(crate) fn events(&self) -> Vec<Recorded<Event>> {
        let mut events = self.beginning();
        events.extend(self.exchange());
        events
    }

    /// People, their community, a request.
    pub(crate) fn beginning(&self) -> Vec<Recorded<Event>> {
        vec![
            self.registered(self.asker, "Ana", 1),
            self.registered(self.helper, "Ben", 1),
            self.renamed(self.helper, "Benjamin", 2),
            record(self.community, 1, self.founded()),
            record(self.community, 2, self.joined(self.asker, "founding")),
            record(self.community, 3, self.joined(self.helper, "public")),
            self.asked("A ride to the hospital"),
        ]
    }

    /// From a proposal to karma and notices.
    fn exchange(&self) -> Vec<Recorded<Event>> {
        let request = |version, event: RequestEvent| record(self.request, version, event.into());
        vec![
            request(2, self.proposed()),
            request(3, payload::<MatchAccepted>(self.parties(json!({"requestType": "ride", "travelTimeMinutes": 5}))).into()),
            self.matched(4),
            request(5, payload::<MatchCompleted>(self.parties(json!({
                "communityId": self.community, "communityIds": [self.community], "requestType": "ride", "completedAt": 50,
            }))).into()),
            request(6, payload::<RequestCompleted>(json!({"requestId": self.request, "at": 50, "forgetAt": 99})).into()),
            request(7, self.status("matched", "completed")),
            record(self.helper, 1, self.karma()),
            record(self.helper, 2, self.credited()),
            record(self.asker, 1, self.notice(1)),
            record(self.asker, 2, self.notice(2)),
            record(self.asker, 3, self.read_all()),
        ]
    }

    fn registered(&self, user: Uuid, name: &str, version: i64) -> Recorded<Event> {
        let event: UserRegistered = payload(json!({"userId": user, "createdAt": 1}));
        let email = text(&format!("{}@example.org", name.to_lowercase()));
        record(user, version, UserEvent::from(UserRegistered { email, name: text(name), ..event }).into())
    }

    pub(crate) fn renamed(&self, user: Uuid, name: &str, version: i64) -> Recorded<Event> {
        let event: UserUpdated = payload(json!({"userId": user, "cleared": []}));
        record(user, version, UserEvent::from(UserUpdated { name: text(name), ..event }).into())
    }

    fn founded(&self) -> Event {
        CommunityEvent::from(payload::<CommunityCreated>(json!({
            "communityId": self.community, "creatorId": self.asker, "name": "Elm Street", "accessType": "public",
            "communityType": "mutual_aid", "maxMembers": 150,
        })))
        .into()
    }

    fn joined(&self, user: Uuid, via: &str) -> Event {
        CommunityEvent::from(payload::<UserJoinedCommunity>(json!({
            "userId": user, "communityId": self.community, "role": "member", "via": via, "joinedAt": 2,
        })))
        .into()
    }

    pub(crate) fn asked(&self, title: &str) -> Recorded<Event> {
        let event: RequestCreated = payload(json!({
            "requestId": self.request, "requesterId": self.asker, "communityId": self.community,
            "communityIds": [self.community], "pendingCommunityIds": [], "requestType": "ride", "category": "transportation",
            "urgency": "high", "visibilityScope": "community", "visibilityMaxDegrees": 3,
            "expiresAt": 4_000_000_000_000_000_i64,
        }));
        let event = RequestCreated { title: text(title), description: text("On Monday,\tearly"), ..event };
        record(self.request, 1, RequestEvent::from(event).into())
    }

    fn proposed(&self) -> RequestEvent {
        let event: MatchCreated = payload(
            self.parties(json!({"via": "proposal", "communityIds": [self.community], "outsider": false})),
        );
        MatchCreated { message: text("I have a car"), ..event }.into()
    }

    pub(crate) fn matched(&self, version: i64) -> Recorded<Event> {
        record(self.request, version, self.status("open", "matched").into())
    }

    fn status(&self, from: &str, to: &str) -> RequestEvent {
        let event = json!({"requestId": self.request, "statusFrom": from, "statusTo": to, "cleared": []});
        payload::<RequestUpdated>(event).into()
    }

    fn karma(&self) -> Event {
        ReputationEvent::from(payload::<KarmaAwarded>(json!({
            "userId": self.helper, "communityId": self.community, "points": 60, "reason": "helped_with_request",
            "matchId": self.exchange, "requestId": self.request, "earnedAt": 50, "communityKarma": 60, "totalKarma": 60,
            "details": {"pool": 100, "multiplierHundredths": 100, "sharePercent": 60, "communities": 1},
        })))
        .into()
    }

    fn credited(&self) -> Event {
        let credit = json!({
            "communityId": self.community, "helperPoints": 60, "requesterPoints": 40, "bonusPoints": 0, "pool": 100,
            "multiplierHundredths": 100, "requesterSharePercent": 40,
        });
        ReputationEvent::from(payload::<ExchangeCredited>(json!({
            "matchId": self.exchange, "requestId": self.request, "helperId": self.helper, "requesterId": self.asker,
            "requestType": "ride", "completedAt": 50, "credits": [credit],
        })))
        .into()
    }

    fn notice(&self, number: u32) -> Event {
        NotificationEvent::from(payload::<NotificationRaised>(json!({
            "notificationId": Uuid::new_v5(&self.exchange, &number.to_be_bytes()), "userId": self.asker,
            "type": "match_created", "priority": "high", "subjectType": "match", "subjectId": self.exchange, "params": {},
            "count": 1, "channels": ["in_app", "push"], "actionUrl": "/requests/1", "expiresAt": 4_000_000_000_000_000_i64,
        })))
        .into()
    }

    fn read_all(&self) -> Event {
        let event = json!({"userId": self.asker, "upToAt": 1_500_000_000_000_001_i64, "count": 1});
        NotificationEvent::from(payload::<NotificationsRead>(event)).into()
    }

    /// Fields of every match event, with more.
    fn parties(&self, more: Value) -> Value {
        let mut fields = json!({
            "requestId": self.request, "matchId": self.exchange, "requesterId": self.asker, "responderId": self.helper,
        });
        if let (Some(fields), Value::Object(more)) = (fields.as_object_mut(), more) {
            fields.extend(more);
        }
        fields
    }
}

/// The event with an envelope.
fn record(aggregate: Uuid, version: i64, event: Event) -> Recorded<Event> {
    let envelope = Envelope {
        event_id: EventId::new(Uuid::now_v7()),
        timestamp: Timestamp::from_micros(1_500_000_000_000_000 + version),
        correlation_id: CorrelationId::parse("read-side").expect("it is one"),
        causation_id: None,
        aggregate_type: event.entry().aggregate,
        aggregate_id: aggregate.to_string(),
        aggregate_version: version,
        community_id: None,
        actor: None,
        command_id: CommandId::new(Uuid::now_v7()),
        metadata: Metadata::default(),
    };
    Recorded { envelope, payload: event }
}

/// A payload from its fields in JSON; sealed ones are set afterwards.
fn payload<T: DeserializeOwned>(fields: Value) -> T {
    serde_json::from_value(fields).expect("all required fields are there")
}

fn text(clear: &str) -> Option<Sealable<String>> {
    Some(Sealable::Clear(clear.to_owned()))
}
