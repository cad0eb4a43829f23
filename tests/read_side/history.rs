//! A history in which every event type of the catalog occurs, made from the golden samples: a new type is in it by having
//! a sample.
//!
//! Ids in an event are text of one length, so a sample becomes the event of somebody else by replacing them in its bytes.
//! The order of events is chance, also where no domain would decide so: a fold is a function of what it reads, whatever
//! that is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use event_schemas::notification::NotificationEvent;
use event_schemas::{
    Codec, DataKey, Domain, Entry, Event, EventId, Payload as _, RecordKind, Recorded, SealedFields as _,
    Timestamp, entries, open_field,
};
use serde_json::Value;
use uuid::Uuid;

use crate::chance::Chance;

/// Ids that a field may name beside its own aggregate's, per kind.
const POOL: u64 = 4;

/// Events in an order that a log could have, so many of each type.
pub(crate) fn history(chance: &mut Chance, of_each: usize) -> Vec<Recorded<Event>> {
    let codec = Codec::local();
    let mut types: Vec<&'static Entry> = Vec::new();
    for entry in entries().filter(|it| it.kind == RecordKind::Event) {
        types.extend(std::iter::repeat_n(entry, of_each));
    }
    chance.shuffle(&mut types);
    // Much of what exists is made at the start: without it all others would change nothing.
    let mut begun = BTreeMap::new();
    types.sort_by_cached_key(|it| {
        let count: &mut usize = begun.entry(it.name).or_default();
        *count += 1;
        !(BEGINNINGS.contains(&it.name) && *count <= of_each / 2)
    });
    let mut versions = BTreeMap::new();
    types.into_iter().map(|it| event(&codec, chance, it, &mut versions)).collect()
}

/// What the personal fields of golden samples are sealed under.
const SAMPLES_KEY: [u8; 32] = [0x5a; 32];

const BEGINNINGS: [&str; 4] = ["UserRegistered", "CommunityCreated", "RequestCreated", "NotificationRaised"];

/// The field that names the aggregate, by domain and, in reputation, by type.
fn own_field(entry: &Entry) -> &'static str {
    match (entry.domain, entry.name) {
        (Domain::Community, _) => "communityId",
        (Domain::Request, _) => "requestId",
        (Domain::Reputation, "ExchangeCredited") => "helperId",
        (Domain::Reputation, "ExchangeReceived") => "requesterId",
        (Domain::Reputation, "FeedbackRecorded") => "toUserId",
        (Domain::User | Domain::Reputation | Domain::Notification, _) => "userId",
    }
}

fn event(
    codec: &Codec,
    chance: &mut Chance,
    entry: &'static Entry,
    versions: &mut BTreeMap<(Domain, Uuid), i64>,
) -> Recorded<Event> {
    let kind = match entry.domain {
        Domain::Community => "community",
        Domain::Request => "request",
        Domain::User | Domain::Reputation | Domain::Notification => "user",
    };
    let aggregate = id(kind, chance.below(POOL as usize) as u64);
    let version = versions.entry((entry.domain, aggregate)).and_modify(|it| *it += 1).or_insert(1);
    let mut binary = std::fs::read(sample(entry, "bin")).expect("every type has a sample");
    let readable = std::fs::read(sample(entry, "json")).expect("every sample is also readable");
    let readable: Value = serde_json::from_slice(&readable).expect("it is JSON");
    let mut fields = BTreeSet::new();
    ids(&readable["data"], "data", &mut fields);
    for (name, old) in fields {
        let new = if name == own_field(entry) {
            aggregate
        } else {
            named(&name, entry, aggregate, *version, chance)
        };
        replace(&mut binary, &old, &new.to_string());
    }
    let local = entries().position(|it| std::ptr::eq(it, entry)).expect("it is in the catalog") + 1;
    let mut value = vec![0];
    value.extend_from_slice(&u32::try_from(local).expect("a small catalog").to_be_bytes());
    value.extend_from_slice(&binary);
    let mut recorded: Recorded<Event> = codec.decode(&value).expect("samples are readable");
    for mut slot in recorded.payload.sealed_fields() {
        open_field(&mut slot, entry.name, &recorded.envelope.aggregate_id, Some(&DataKey::new(SAMPLES_KEY)))
            .expect("samples are sealed under one key");
    }
    // Samples have every field; without a type these are about all notifications.
    if let Event::Notification(NotificationEvent::NotificationPreferencesChanged(it)) = &mut recorded.payload
        && chance.one_in(2)
    {
        it.r#type = None;
    }
    // What is not shown in the app is in no inbox.
    if let Event::Notification(NotificationEvent::NotificationRaised(it)) = &mut recorded.payload {
        it.channels.push("in_app".to_owned());
    }
    recorded.envelope.aggregate_id = aggregate.to_string();
    recorded.envelope.aggregate_version = *version;
    recorded.envelope.event_id =
        EventId::new(id(&aggregate.to_string(), *version as u64 + entry.domain as u64 * 10_000));
    recorded.envelope.timestamp = Timestamp::from_micros(1_700_000_000_000_000 + *version);
    assert_eq!(recorded.payload.entry().name, entry.name);
    recorded
}

/// What a field of this name may name: things that belong to one aggregate are that aggregate's own.
fn named(field: &str, entry: &Entry, aggregate: Uuid, version: i64, chance: &mut Chance) -> Uuid {
    let number = chance.below(POOL as usize) as u64;
    let lower = field.to_lowercase();
    match () {
        // An exchange is rewarded once.
        () if entry.domain == Domain::Reputation && lower.contains("match") => {
            id(&format!("{aggregate} {lower}"), version.unsigned_abs())
        }
        () if ["match", "notification", "offer", "skill"].iter().any(|it| lower.contains(it)) => {
            id(&format!("{aggregate} {lower}"), number % 2)
        }
        () if lower.contains("communit") => id("community", number),
        () if lower.contains("requestid") => id("request", number),
        () => id("user", number),
    }
}

fn id(kind: &str, number: u64) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind} {number}").as_bytes())
}

fn sample(entry: &Entry, extension: &str) -> PathBuf {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../event-schemas/samples").join(entry.domain.name());
    let files = std::fs::read_dir(&folder).expect("the domain has samples");
    let begins = format!("{}.", entry.name);
    let fits = |it: &PathBuf| {
        let name = it.file_name().unwrap_or_default().to_string_lossy().into_owned();
        name.starts_with(&begins) && name.ends_with(&format!(".{extension}"))
    };
    let newest = files.map(|it| it.expect("readable").path()).filter(fits).max();
    newest.unwrap_or_else(|| panic!("{} has no sample", entry.name))
}

/// Every id in a value, with the name of its field.
fn ids(value: &Value, field: &str, into: &mut BTreeSet<(String, String)>) {
    match value {
        Value::String(text) if text.len() == 36 && Uuid::parse_str(text).is_ok() => {
            into.insert((field.to_owned(), text.clone()));
        }
        Value::Array(items) => items.iter().for_each(|it| ids(it, field, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, it)| ids(it, name, into)),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn replace(binary: &mut [u8], old: &str, new: &str) {
    assert_eq!(old.len(), new.len());
    let places: Vec<usize> = binary
        .windows(old.len())
        .enumerate()
        .filter(|(_, it)| *it == old.as_bytes())
        .map(|it| it.0)
        .collect();
    for at in places {
        binary[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
}
