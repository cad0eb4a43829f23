//! Records as any Kafka consumer sees them.

use event_schemas::topics::{Profile, manifest};
use event_schemas::{Codec, Event, Timestamp, partitioner};

use super::{DEAD_LETTERS, Encoder};
use crate::suite::{any_event, record_of};
use crate::{Decoder, NewRecord};

fn encoder() -> Encoder {
    Encoder::new(Codec::local(), &manifest(Profile::Standard))
}

fn header<'a>(record: &'a NewRecord, name: &str) -> Option<&'a str> {
    let found = record.headers.iter().find(|(it, _)| it == name)?;
    Some(std::str::from_utf8(&found.1).expect("text"))
}

#[tokio::test]
async fn an_event_stands_on_its_owners_partition_with_everything_to_route_by() {
    let event = any_event();
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let record =
        encoder().event(&event, 5, Some([0, 1, 2, 3, 4, 5, 6, 0xff]), Some(traceparent)).expect("it fits");

    assert_eq!(record.to.to_string(), "user-events/5");
    assert_eq!(record.key, event.envelope.aggregate_id.as_bytes());
    assert_eq!(record.timestamp_ms, event.envelope.timestamp.millis());
    let subject = format!("user/{}", event.envelope.aggregate_id);
    let expected = [
        ("ce_specversion", Some("1.0")),
        ("ce_type", Some("SessionsRevoked")),
        ("ce_source", Some("user-service")),
        ("ce_subject", Some(subject.as_str())),
        ("ce_time", Some("2023-11-14T22:13:20.000001Z")),
        ("content-type", Some("application/avro")),
        ("traceparent", Some(traceparent)),
        ("kq_fingerprint", Some("00010203040506ff")),
        ("ce_causationid", None),
    ];
    for (name, value) in expected {
        assert_eq!(header(&record, name), value, "{name}");
    }
    let value = record.value.expect("an event has a value");
    assert_eq!(Decoder::local().decode::<Event>(&record_of(value)).await.expect("it is readable"), event);
}

#[test]
fn the_partition_of_a_key_is_that_of_every_kafka_client() {
    let encoder = encoder();
    for key in ["21", "foobar", "a-little-bit-long-string"] {
        assert_eq!(
            encoder.partition("user-events", key.as_bytes()),
            partitioner::partition(key.as_bytes(), 12)
        );
    }
}

#[test]
fn a_dead_letter_is_the_record_unchanged_with_what_went_wrong() {
    let mut record = record_of(vec![0xde, 0xad]);
    record.key = b"key".to_vec();
    record.headers = vec![("ce_id".to_owned(), b"1".to_vec())];
    let letter =
        encoder().dead_letter(&record, "karmyq-writers", "UNDECODABLE: no magic byte", Timestamp::default());

    assert_eq!(&*letter.to.topic, DEAD_LETTERS);
    assert_eq!((&letter.key, &letter.value), (&record.key, &record.value));
    let expected = [
        ("ce_id", "1"),
        ("kq_dl_group", "karmyq-writers"),
        ("kq_dl_topic", "user-events"),
        ("kq_dl_partition", "0"),
        ("kq_dl_offset", "0"),
        ("kq_dl_attempts", "1"),
        ("kq_dl_error", "UNDECODABLE: no magic byte"),
        ("kq_dl_at", "1970-01-01T00:00:00.000000Z"),
    ];
    for (name, value) in expected {
        assert_eq!(header(&letter, name), Some(value), "{name}");
    }
}
