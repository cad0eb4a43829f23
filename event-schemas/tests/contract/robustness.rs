//! Whatever bytes and texts come in, the decoder and the parsers of names answer; they never panic.

use event_schemas::{Actor, Codec, Command, CorrelationId, Event, Timestamp, entries, resolve_alias};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};
use proptest::sample::Index;

use crate::files::versions;
use crate::making::{Fill, made};

/// A good record in wire format, as [`Codec::local`] numbers the schemas.
fn good() -> impl Strategy<Value = Vec<u8>> {
    let records: Vec<Vec<u8>> = versions()
        .filter_map(|version| {
            // Only the newest version is written, and only it is known to the local codec.
            let entry = version.entry.filter(|it| it.written_schema() == version.schema)?;
            let id = (1_u32..).zip(entries()).find(|(_, it)| it.subject() == entry.subject())?.0;
            Some([&[0], &id.to_be_bytes()[..], &made(&version, Fill::Everything)].concat())
        })
        .collect();
    any::<Index>().prop_map(move |it| it.get(&records).clone())
}

/// A good record with some bytes overwritten, cut off or added.
fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let damage = vec((any::<Index>(), any::<u8>()), 1..8);
    let cut = prop_oneof![Just(None), any::<Index>().prop_map(Some)];
    (good(), damage, cut, vec(any::<u8>(), 0..4)).prop_map(|(mut bytes, damage, cut, more)| {
        for (index, byte) in damage {
            *index.get_mut(&mut bytes) = byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        bytes.extend(more);
        bytes
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn any_damage_to_a_record_is_read_or_refused(bytes in damaged()) {
        read(&bytes);
    }

    #[test]
    fn any_text_is_a_name_or_is_refused_with_the_nearest(text in "\\PC{0,80}") {
        if let Err(unknown) = resolve_alias(&text) {
            assert_eq!(unknown.nearest.len(), 3);
        }
    }

    #[test]
    fn any_text_is_an_actor_or_is_refused(text in "(policy:|timer:|provider:|apikey:)?\\PC{0,40}") {
        if let Ok(actor) = text.parse::<Actor>() {
            assert_eq!(actor.to_string().parse::<Actor>().as_ref(), Ok(&actor));
        }
    }

    #[test]
    fn any_text_is_a_correlation_id_or_is_refused(text in "\\PC{0,140}") {
        if let Ok(id) = CorrelationId::parse(&text) {
            assert_eq!(id.as_str(), text);
        }
    }

    #[test]
    fn any_instant_can_be_printed(micros in any::<i64>()) {
        assert!(Timestamp::from_micros(micros).to_string().ends_with('Z'));
    }
}

fn read(bytes: &[u8]) {
    thread_local! {
        static CODEC: Codec = Codec::local();
    }
    CODEC.with(|codec| {
        let _event = codec.decode::<Event>(bytes);
        let _command = codec.decode::<Command>(bytes);
    });
}
