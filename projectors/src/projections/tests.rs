//! Folds as sentences: given these events, these rows.

use event_log::{Position, TopicPartition};
use event_schemas::community::{
    CommunityConfigChanged, CommunityCreated, CommunitySettingsChanged, JoinMessageForgotten,
    JoinRequestCreated, UserJoinedCommunity, UserLeftCommunity,
};
use event_schemas::request::RequestCreated;
use event_schemas::{
    AggregateType, CommandId, CommunityId, CorrelationId, Envelope, Event, EventId, MatchId, Metadata,
    NotificationId, RequestId, Sealable, Timestamp, UserId,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

use super::community::Community;
use super::feed::Feed;
use super::notifications::Notifications;
use super::reputation::Reputation;
use super::requests::Requests;
use super::user_directory::UserDirectory;
use crate::projection::{Fact, Projection};

/// An id by its last digits.
pub(super) fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(0x0199_0000_0000_7000, 0x8000_0000_0000_0000 | number)
}

fn user(number: u64) -> UserId {
    UserId::new(id(number))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

/// A payload from JSON: absent fields are absent on the wire, too. Sealed fields are set afterwards.
fn payload<T: DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).expect("the payload has all required fields")
}

fn clear(text: &str) -> Option<Sealable<String>> {
    Some(Sealable::Clear(text.to_owned()))
}

/// The projection after these events, the n-th of them with version n at second n.
fn given<P: Projection + Default>(events: impl IntoIterator<Item = Event>) -> P {
    let mut projection = P::default();
    projection.tables().into_iter().for_each(|table| table.hold_everything());
    for (number, event) in (1_u64..).zip(events) {
        let offset = i64::try_from(number).expect("few events");
        let envelope = Envelope {
            event_id: EventId::new(id(9_000 + number)),
            timestamp: at(offset),
            correlation_id: CorrelationId::parse("test").expect("it is one"),
            causation_id: None,
            aggregate_type: AggregateType::User,
            aggregate_id: "1".to_owned(),
            aggregate_version: offset,
            community_id: None,
            actor: None,
            command_id: CommandId::new(id(number)),
            metadata: Metadata::default(),
        };
        let position = Position { of: TopicPartition::new("test-events", 3), offset };
        projection.fold(&Fact { position, envelope, event }).expect("it can be folded");
    }
    projection
}

mod user_directory {
    use event_schemas::user::{UserEvent, UserRegistered, UserSkillAdded, UserUpdated};

    use super::{Sealable, UserDirectory, Value, at, clear, given, id, json, payload, user};

    fn registered(name: Option<Sealable<String>>) -> super::Event {
        let event: UserRegistered = payload(json!({"userId": user(1), "createdAt": 0}));
        UserEvent::from(UserRegistered { email: clear("ana@example.org"), name, ..event }).into()
    }

    #[test]
    fn registering_creates_the_account_with_default_settings() {
        let directory: UserDirectory = given([registered(clear("Ana"))]);
        let [account] = directory.users.rows()[..] else { panic!("one account") };
        assert_eq!(
            (account.name.as_str(), account.email.as_deref(), account.version),
            ("Ana", Some("ana@example.org"), 1)
        );
        let [settings] = directory.settings.rows()[..] else { panic!("one row of settings") };
        assert!(!settings.share_reputation && settings.show_connection_path);
    }

    #[test]
    fn a_forgotten_name_reads_as_deleted_user() {
        let directory: UserDirectory = given([registered(Some(Sealable::Forgotten))]);
        assert_eq!(directory.users.rows()[0].name, "[deleted user]");
    }

    #[test]
    fn an_update_changes_what_it_names_and_clears_what_it_lists() {
        let event: UserUpdated =
            payload(json!({"userId": user(1), "vehicle": {"kind": "sedan", "seats": 4}, "cleared": []}));
        let first = UserUpdated { bio: clear("hello"), phone: clear("123"), ..event };
        let second: UserUpdated = payload(json!({"userId": user(1), "cleared": ["phone", "vehicle"]}));
        let events =
            [registered(clear("Ana")), UserEvent::from(first).into(), UserEvent::from(second).into()];
        let directory: UserDirectory = given(events);
        let account = directory.users.rows()[0];
        assert_eq!(
            (account.bio.as_deref(), account.phone.as_deref(), &account.vehicle),
            (Some("hello"), None, &None::<Value>)
        );
        assert_eq!((account.version, account.updated_at), (3, at(3)));
    }

    #[test]
    fn a_skill_whose_id_is_no_uuid_is_refused_before_anything_changes() {
        use crate::projection::Projection as _;
        let event: UserSkillAdded = payload(json!({"userId": user(1), "skillId": "x", "slug": "driving"}));
        let mut directory: UserDirectory = given([registered(clear("Ana"))]);
        let mut fact = super::fact(UserEvent::from(event).into());
        fact.envelope.aggregate_version = 2;
        assert!(directory.fold(&fact).is_err());
        assert_eq!((directory.skills.rows().len(), directory.users.rows()[0].version), (0, 1));
        let _ = id(0);
    }
}

/// An event on its own.
fn fact(event: Event) -> Fact {
    let position = Position { of: TopicPartition::new("test-events", 3), offset: 0 };
    let envelope = Envelope {
        event_id: EventId::new(id(1)),
        timestamp: at(0),
        correlation_id: CorrelationId::parse("test").expect("it is one"),
        causation_id: None,
        aggregate_type: AggregateType::User,
        aggregate_id: "1".to_owned(),
        aggregate_version: 1,
        community_id: None,
        actor: None,
        command_id: CommandId::new(id(1)),
        metadata: Metadata::default(),
    };
    Fact { position, envelope, event }
}

mod community {
    use event_schemas::community::CommunityEvent;

    use super::{
        Community, CommunityConfigChanged, CommunityCreated, CommunityId, CommunitySettingsChanged, Event,
        JoinMessageForgotten, JoinRequestCreated, UserJoinedCommunity, UserLeftCommunity, at, clear, given,
        id, json, payload, user,
    };

    fn event(event: impl Into<CommunityEvent>) -> Event {
        event.into().into()
    }

    fn created() -> Event {
        event(payload::<CommunityCreated>(json!({
            "communityId": CommunityId::new(id(1)), "creatorId": user(1), "name": "Elm Street",
            "accessType": "public", "communityType": "mutual_aid", "maxMembers": 150,
        })))
    }

    fn joined(who: u64) -> Event {
        event(payload::<UserJoinedCommunity>(json!({
            "userId": user(who), "communityId": CommunityId::new(id(1)), "role": "member", "via": "public", "joinedAt": 5,
        })))
    }

    fn left(who: u64) -> Event {
        event(payload::<UserLeftCommunity>(json!({
            "communityId": CommunityId::new(id(1)), "userId": user(who), "isSelfRemove": true, "cause": "left",
        })))
    }

    #[test]
    fn the_member_count_is_the_size_of_the_active_set_whatever_is_said_twice() {
        let community: Community =
            given([created(), joined(1), joined(2), joined(2), left(1), left(1), left(3)]);
        let row = community.communities.rows()[0];
        assert_eq!((row.current_members, row.version), (1, 7));
        assert_eq!(row.last_activity_at, at(4));
    }

    #[test]
    fn who_comes_back_is_active_again() {
        let community: Community = given([created(), joined(1), left(1), joined(1)]);
        let [member] = community.memberships.rows()[..] else { panic!("one membership") };
        assert_eq!((member.status.as_str(), member.left_at), ("active", None));
    }

    #[test]
    fn the_half_life_is_one_value_in_settings_and_config() {
        let months: CommunitySettingsChanged =
            payload(json!({"communityId": CommunityId::new(id(1)), "reputationHalfLifeMonths": 3.0}));
        let days: CommunityConfigChanged = payload(
            json!({"communityId": CommunityId::new(id(1)), "karmaDecayHalfLifeDays": 360.0, "memberCap": 20}),
        );
        let by_settings: Community = given([created(), event(months.clone())]);
        assert!((by_settings.configs.rows()[0].karma_decay_half_life_days - 90.0).abs() < f64::EPSILON);
        let by_config: Community = given([created(), event(months), event(days)]);
        assert!((by_config.settings.rows()[0].reputation_half_life_months - 12.0).abs() < f64::EPSILON);
        assert_eq!(by_config.communities.rows()[0].max_members, 20);
    }

    #[test]
    fn a_join_message_is_forgotten_and_the_request_stays() {
        let base: JoinRequestCreated =
            payload(json!({"communityId": CommunityId::new(id(1)), "userId": user(2)}));
        let request = JoinRequestCreated { message: clear("let me in"), ..base };
        let forgotten: JoinMessageForgotten =
            payload(json!({"communityId": CommunityId::new(id(1)), "userId": user(2)}));
        let community: Community = given([created(), event(request), event(forgotten)]);
        let [request] = community.join_requests.rows()[..] else { panic!("one request") };
        assert_eq!((request.message.as_deref(), request.status.as_str()), (Some("[forgotten]"), "pending"));
    }
}

mod requests {
    use event_schemas::request::{
        FeedbackGiven, MatchAccepted, MatchCreated, MatchRejected, RequestCancelled, RequestCompleted,
        RequestEvent, RequestTextForgotten, RequestUpdated,
    };

    use super::{
        CommunityId, Event, MatchId, RequestCreated, RequestId, Requests, Sealable, Value, clear, given, id,
        json, payload, user,
    };

    fn event(event: impl Into<RequestEvent>) -> Event {
        event.into().into()
    }

    fn created() -> Event {
        let base: RequestCreated = payload(json!({
            "requestId": RequestId::new(id(1)), "requesterId": user(1), "communityId": CommunityId::new(id(1)),
            "communityIds": [CommunityId::new(id(1)), CommunityId::new(id(2))], "pendingCommunityIds": [CommunityId::new(id(2))],
            "requestType": "ride", "urgency": "high", "visibilityScope": "community", "visibilityMaxDegrees": 3,
            "expiresAt": 1_000_000_000_000_i64,
        }));
        event(RequestCreated {
            category_sealed: clear("stargazing"),
            title: clear("A ride"),
            description: clear("To the hospital, please"),
            payload: Some(Sealable::Clear(json!({"seatsNeeded": 1}))),
            ..base
        })
    }

    fn proposed(number: u64) -> Event {
        let base: MatchCreated = payload(json!({
            "requestId": RequestId::new(id(1)), "matchId": MatchId::new(id(number)), "requesterId": user(1),
            "responderId": user(number), "via": "proposal", "communityIds": [], "outsider": false,
        }));
        event(MatchCreated { message: clear("I can drive"), ..base })
    }

    fn parties(number: u64) -> Value {
        json!({
            "requestId": RequestId::new(id(1)), "matchId": MatchId::new(id(number)), "requesterId": user(1),
            "responderId": user(number), "requestType": "ride", "travelTimeMinutes": 60, "reason": "sibling_accepted",
        })
    }

    fn accepted(number: u64) -> Event {
        event(payload::<MatchAccepted>(parties(number)))
    }

    fn rejected(number: u64) -> Event {
        event(payload::<MatchRejected>(parties(number)))
    }

    fn forgotten() -> Event {
        event(payload::<RequestTextForgotten>(json!({"requestId": RequestId::new(id(1)), "forgottenAt": 9})))
    }

    #[test]
    fn a_request_is_linked_to_its_communities_in_order() {
        let requests: Requests = given([created()]);
        let row = requests.help_requests.rows()[0];
        assert_eq!((row.status.as_str(), row.category.as_str()), ("open", "stargazing"));
        assert_eq!(row.community_ids, [CommunityId::new(id(1))]);
        assert_eq!(row.pending_community_ids, [CommunityId::new(id(2))]);
        let mut links: Vec<_> =
            requests.request_communities.rows().iter().map(|it| (it.position, it.status.clone())).collect();
        links.sort_unstable();
        assert_eq!(links, [(0, "approved".to_owned()), (1, "pending".to_owned())]);
    }

    #[test]
    fn only_live_proposals_are_counted() {
        let requests: Requests = given([created(), proposed(2), proposed(3), accepted(2), rejected(3)]);
        let row = requests.help_requests.rows()[0];
        assert_eq!((row.proposal_count, row.version), (0, 5));
        let requests: Requests = given([created(), proposed(2), proposed(3), rejected(3), rejected(3)]);
        assert_eq!(requests.help_requests.rows()[0].proposal_count, 1);
    }

    #[test]
    fn a_completed_request_keeps_its_facts_when_its_texts_are_forgotten() {
        let done =
            payload::<RequestCompleted>(json!({"requestId": RequestId::new(id(1)), "at": 5, "forgetAt": 9}));
        let base: FeedbackGiven = payload(json!({
            "requestId": RequestId::new(id(1)), "matchId": MatchId::new(id(2)), "requesterId": user(1),
            "responderId": user(2), "fromUserId": user(1), "toUserId": user(2), "rating": 5.0,
            "allowFeaturing": false, "showName": false, "communityIds": [], "at": 6,
        }));
        let feedback = FeedbackGiven { comment: clear("kind"), ..base };
        let requests: Requests = given([created(), proposed(2), event(done), event(feedback), forgotten()]);
        let row = requests.help_requests.rows()[0];
        assert_eq!((row.title.as_str(), row.category.as_str()), ("[forgotten]", "[forgotten]"));
        assert_eq!((row.payload.clone(), row.status.as_str()), (Some(json!({})), "completed"));
        assert_eq!(requests.matches.rows()[0].message.as_deref(), Some("[forgotten]"));
        let rating = requests.feedback.rows()[0];
        assert_eq!((rating.comment.as_deref(), rating.helpfulness), (Some("[forgotten]"), None));
    }

    #[test]
    fn a_cancelled_request_goes_altogether_and_its_matches_stay() {
        let cancelled: RequestCancelled = payload(
            json!({"requestId": RequestId::new(id(1)), "at": 5, "forgetAt": 9, "reason": "requester"}),
        );
        let requests: Requests = given([created(), proposed(2), event(cancelled), forgotten()]);
        assert_eq!((requests.help_requests.rows().len(), requests.request_communities.rows().len()), (0, 0));
        assert_eq!(requests.matches.rows().len(), 1);
    }

    #[test]
    fn an_update_changes_what_it_names_and_clears_what_it_lists() {
        let base: RequestUpdated = payload(json!({
            "requestId": RequestId::new(id(1)), "statusFrom": "open", "statusTo": "matched", "cleared": ["payload"],
        }));
        let requests: Requests =
            given([created(), event(RequestUpdated { title: clear("Two rides"), ..base })]);
        let row = requests.help_requests.rows()[0];
        assert_eq!((row.title.as_str(), row.status.as_str(), &row.payload), ("Two rides", "matched", &None));
        assert_eq!(row.description, "To the hospital, please");
    }
}

mod reputation {
    use event_schemas::reputation::{ExchangeCredited, ExchangeReceived, KarmaAwarded, ReputationEvent};

    use super::{CommunityId, Event, MatchId, Reputation, RequestId, given, id, json, payload, user};

    fn event(event: impl Into<ReputationEvent>) -> Event {
        event.into().into()
    }

    fn awarded(points: i32, reason: &str) -> Event {
        event(payload::<KarmaAwarded>(json!({
            "userId": user(1), "communityId": CommunityId::new(id(1)), "points": points, "reason": reason,
            "matchId": MatchId::new(id(1)), "requestId": RequestId::new(id(1)), "earnedAt": 7, "communityKarma": 0,
            "totalKarma": 0, "details": {"pool": 100, "multiplierHundredths": 100, "sharePercent": 60, "communities": 1},
        })))
    }

    #[test]
    fn a_standing_sums_karma_and_tells_bonuses_apart() {
        let reputation: Reputation = given([
            awarded(60, "helped_with_request"),
            awarded(15, "first_help_bonus"),
            awarded(-7, "received_help"),
        ]);
        let [standing] = reputation.standings.rows()[..] else { panic!("one standing") };
        assert_eq!((standing.total_karma, standing.bonus_karma, standing.version), (68, 15, 3));
        assert_eq!(reputation.karma_records.rows().len(), 3);
    }

    #[test]
    fn an_exchange_is_a_row_per_side_and_community() {
        let both = [CommunityId::new(id(1)), CommunityId::new(id(2))];
        let credit = |community| {
            json!({"communityId": community, "helperPoints": 30, "requesterPoints": 20, "bonusPoints": 0, "pool": 100,
                   "multiplierHundredths": 100, "requesterSharePercent": 40})
        };
        let credited: ExchangeCredited = payload(json!({
            "matchId": MatchId::new(id(1)), "requestId": RequestId::new(id(1)), "helperId": user(1), "requesterId": user(2),
            "requestType": "ride", "completedAt": 7, "credits": both.map(credit),
        }));
        let received: ExchangeReceived = payload(json!({
            "matchId": MatchId::new(id(1)), "requestId": RequestId::new(id(1)), "helperId": user(1), "requesterId": user(2),
            "completedAt": 7, "communityIds": both, "points": 40,
        }));
        let reputation: Reputation = given([event(credited), event(received)]);
        assert_eq!(reputation.exchanges.rows().len(), 4);
        let helps: (i32, i32) = reputation
            .standings
            .rows()
            .iter()
            .fold((0, 0), |sum, it| (sum.0 + it.helps_given, sum.1 + it.helps_received));
        assert_eq!(helps, (2, 2));
    }
}

mod notifications {
    use event_schemas::notification::{
        NotificationDeleted, NotificationEvent, NotificationPreferencesChanged, NotificationRaised,
        NotificationsRead,
    };

    use super::{Event, NotificationId, Notifications, given, id, json, payload, user};

    fn event(event: impl Into<NotificationEvent>) -> Event {
        event.into().into()
    }

    fn raised(number: u64, channels: &[&str]) -> Event {
        event(payload::<NotificationRaised>(json!({
            "notificationId": NotificationId::new(id(number)), "userId": user(1), "type": "match_accepted", "priority": "high",
            "subjectType": "match", "subjectId": id(5), "params": {}, "count": 1, "channels": channels,
            "actionUrl": "/matches/5", "expiresAt": 1_000,
        })))
    }

    #[test]
    fn an_item_without_the_in_app_channel_is_not_stored() {
        let inbox: Notifications = given([raised(1, &["push"]), raised(2, &["in_app", "push"])]);
        let [item] = inbox.notifications.rows()[..] else { panic!("one item") };
        assert_eq!((item.id, item.position.as_str()), (NotificationId::new(id(2)), "test-events/3@2"));
        assert_eq!(inbox.deliveries.rows().len(), 3);
    }

    #[test]
    fn reading_all_reads_what_was_raised_until_then() {
        let until = payload::<NotificationsRead>(json!({"userId": user(1), "upToAt": 2_000_000, "count": 2}));
        let inbox: Notifications =
            given([raised(1, &["in_app"]), raised(2, &["in_app"]), raised(3, &["in_app"]), event(until)]);
        let mut unread: Vec<_> =
            inbox.notifications.rows().iter().filter(|it| !it.read).map(|it| it.id).collect();
        assert_eq!(unread.pop(), Some(NotificationId::new(id(3))));
        assert_eq!(unread, []);
    }

    #[test]
    fn a_deleted_item_takes_its_deliveries_along() {
        let deleted = payload::<NotificationDeleted>(json!({"userId": user(1), "notificationId": id(1)}));
        let inbox: Notifications = given([raised(1, &["in_app", "email"]), event(deleted)]);
        assert_eq!((inbox.notifications.rows().len(), inbox.deliveries.rows().len()), (0, 0));
    }

    #[test]
    fn preferences_are_kept_per_type_and_globally() {
        let of_type = payload::<NotificationPreferencesChanged>(
            json!({"userId": user(1), "type": "new_request", "inApp": false, "cleared": []}),
        );
        let global = payload::<NotificationPreferencesChanged>(
            json!({"userId": user(1), "push": false, "quietHoursStart": "22:00", "cleared": []}),
        );
        let cleared = payload::<NotificationPreferencesChanged>(
            json!({"userId": user(1), "cleared": ["quietHoursStart"]}),
        );
        let inbox: Notifications = given([event(of_type), event(global), event(cleared)]);
        assert_eq!(inbox.preferences.rows()[0].in_app, Some(false));
        let global = inbox.global_preferences.rows()[0];
        assert_eq!((global.push, &global.quiet_hours_start), (Some(false), &None));
    }
}

mod feed {
    use event_schemas::request::RequestEvent;

    use super::{CommunityId, Feed, RequestCreated, RequestId, given, id, json, payload, user};

    #[test]
    fn a_request_is_an_activity_of_every_community_that_approved_it() {
        let created: RequestCreated = payload(json!({
            "requestId": RequestId::new(id(1)), "requesterId": user(1), "communityId": CommunityId::new(id(1)),
            "communityIds": [CommunityId::new(id(1)), CommunityId::new(id(2)), CommunityId::new(id(3))],
            "pendingCommunityIds": [CommunityId::new(id(2))], "requestType": "generic", "urgency": "low",
            "visibilityScope": "community", "visibilityMaxDegrees": 3, "expiresAt": 0,
        }));
        let feed: Feed = given([RequestEvent::from(created).into()]);
        let mut communities: Vec<_> = feed.activities.rows().iter().map(|it| it.community_id).collect();
        communities.sort_unstable();
        assert_eq!(communities, [CommunityId::new(id(1)), CommunityId::new(id(3))]);
    }
}
