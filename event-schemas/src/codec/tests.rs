//! Records keep their value on the way through bytes, and bad bytes are refused with a reason.

use uuid::Uuid;

use crate::community::{CommunityEvent, JoinRequestCreated};
use crate::{
    Actor, AggregateType, Codec, CommandId, CommunityId, CorrelationId, DataKey, DecodeError, Envelope,
    Event, EventId, Metadata, Recorded, Sealable, SealedFields, Timestamp, UserId, open_field, seal_field,
};

fn record() -> Recorded<Event> {
    let id = |n: u128| Uuid::from_u128(0x0199_c7e2_6d1b_7c3a_9a51_0f6f_1f7f_0000 + n);
    let command_id = CommandId::new(id(2));
    Recorded {
        envelope: Envelope {
            event_id: EventId::new(id(1)),
            timestamp: Timestamp::from_micros(1_763_633_730_123_456),
            correlation_id: CorrelationId::from(command_id),
            causation_id: None,
            aggregate_type: AggregateType::Community,
            aggregate_id: id(3).to_string(),
            aggregate_version: 7,
            community_id: Some(CommunityId::new(id(3))),
            actor: Some(Actor::User(UserId::new(id(4)))),
            command_id,
            metadata: Metadata { user_id: Some(UserId::new(id(4))), session_id: None, traceparent: None },
        },
        payload: Event::from(CommunityEvent::from(JoinRequestCreated {
            community_id: CommunityId::new(id(3)),
            user_id: UserId::new(id(4)),
            message: Some(Sealable::Clear("let me in".to_owned())),
            invited_by_id: None,
        })),
    }
}

fn sealed(key: &DataKey) -> Recorded<Event> {
    let mut record = record();
    let aggregate_id = record.envelope.aggregate_id.clone();
    for mut slot in record.payload.sealed_fields() {
        seal_field(&mut slot, "JoinRequestCreated", &aggregate_id, key, [7; 12]).expect("seals");
    }
    record
}

#[test]
fn a_sealed_record_survives_the_wire_and_opens_with_its_key() {
    let (codec, key) = (Codec::local(), DataKey::new([9; 32]));
    let bytes = codec.encode(&sealed(&key)).expect("encodes");
    let mut back: Recorded<Event> = codec.decode(&bytes).expect("decodes");
    assert_eq!(back, sealed(&key));

    let aggregate_id = back.envelope.aggregate_id.clone();
    for mut slot in back.payload.sealed_fields() {
        open_field(&mut slot, "JoinRequestCreated", &aggregate_id, Some(&key)).expect("opens");
    }
    assert_eq!(back, record());
}

#[test]
fn a_clear_personal_field_is_never_encoded() {
    Codec::local().encode(&record()).expect_err("must be sealed first");
}

#[test]
fn a_sealed_value_does_not_open_in_another_place() {
    let key = DataKey::new([9; 32]);
    let mut record = sealed(&key);
    for mut slot in record.payload.sealed_fields() {
        open_field(&mut slot, "JoinRequestCreated", "another aggregate", Some(&key))
            .expect_err("bound to its aggregate");
    }
}

#[test]
fn garbage_is_refused() {
    let codec = Codec::local();
    assert!(matches!(codec.decode::<Event>(b"{}"), Err(DecodeError::NoWireFormat)));
    assert!(matches!(codec.decode::<Event>(&[0, 0, 1, 0, 0]), Err(DecodeError::UnknownSchema(65536))));
    let mut bytes = codec.encode(&sealed(&DataKey::new([9; 32]))).expect("encodes");
    bytes.push(0);
    assert!(matches!(codec.decode::<Event>(&bytes), Err(DecodeError::TrailingBytes(1))));
}
