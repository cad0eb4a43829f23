//! Which requests leave a community.

use event_schemas::community::{CommunityArchived, UserLeftCommunity};
use event_schemas::request::RequestCommand;
use event_schemas::{
    AggregateType, CommandId, CorrelationId, Envelope, EventId, Metadata, Timestamp, UserId,
};
use uuid::Uuid;

use super::*;
use crate::known::Known;

const ANA: UserId = UserId::new(Uuid::from_u128(1));
const BEN: UserId = UserId::new(Uuid::from_u128(2));
const ELM: CommunityId = CommunityId::new(Uuid::from_u128(0xe1));
const OAK: CommunityId = CommunityId::new(Uuid::from_u128(0xe2));

const fn request(n: u128) -> RequestId {
    RequestId::new(Uuid::from_u128(n))
}

/// Two requests of Ana's in Elm, one of them also in Oak; one in Oak alone; one of Ben's in Elm.
fn known() -> Known {
    Known::default()
        .open_request(request(1), ANA, &[ELM])
        .open_request(request(2), ANA, &[ELM, OAK])
        .open_request(request(3), ANA, &[OAK])
        .open_request(request(4), BEN, &[ELM])
}

/// The requests that are to leave Elm because of the event.
fn leaving(event: impl Into<CommunityEvent>) -> Vec<RequestId> {
    let command_id = CommandId::new(Uuid::from_u128(7));
    let envelope = Envelope {
        event_id: EventId::new(Uuid::from_u128(8)),
        timestamp: Timestamp::from_micros(0),
        correlation_id: CorrelationId::from(command_id),
        causation_id: None,
        aggregate_type: AggregateType::Community,
        aggregate_id: ELM.to_string(),
        aggregate_version: 3,
        community_id: Some(ELM),
        actor: None,
        command_id,
        metadata: Metadata::default(),
    };
    let event = Recorded { envelope, payload: Event::Community(event.into()) };
    let asked = react(&event, &State::initial(AggregateType::Community), &known());
    asked
        .into_iter()
        .map(|(target, command)| {
            let Command::Request(RequestCommand::DetachCommunity(detach)) = command else {
                panic!("no detachment: {command:?}")
            };
            assert_eq!((target, detach.community_id), (detach.request_id.to_string(), ELM));
            detach.request_id
        })
        .collect()
}

#[test]
fn whoever_leaves_takes_their_open_requests_along() {
    let left = UserLeftCommunity {
        community_id: ELM,
        user_id: ANA,
        removed_by_id: None,
        is_self_remove: true,
        cause: "left".to_owned(),
    };
    assert_eq!(leaving(left), [request(1), request(2)]);
}

#[test]
fn a_closed_community_lets_go_of_all() {
    let archived = CommunityArchived { community_id: ELM, reason: "admin".to_owned() };
    assert_eq!(leaving(archived), [request(1), request(2), request(4)]);
}
