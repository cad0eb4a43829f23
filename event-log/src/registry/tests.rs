//! Against a real registry, where `SCHEMA_REGISTRY_URL` names one.

use std::sync::Arc;

use event_schemas::Event;
use event_schemas::user::{UserEvent, UserRegistered};
use reqwest::Method;

use super::{LEVEL, Pushed, SchemaRegistry, Subject, Writer, subjects};
use crate::{Decoder, LogError, SchemaSource};

const V1: &str =
    r#"{"type":"record","name":"A","namespace":"suite","fields":[{"name":"a","type":"string"}]}"#;
const V2: &str = r#"{"type":"record","name":"A","namespace":"suite","fields":[{"name":"a","type":"string"},{"name":"b","type":["null","string"],"default":null}]}"#;
const INCOMPATIBLE: &str =
    r#"{"type":"record","name":"A","namespace":"suite","fields":[{"name":"a","type":"long"}]}"#;

/// The registry that the environment names.
fn registry() -> Option<SchemaRegistry> {
    let Ok(url) = std::env::var("SCHEMA_REGISTRY_URL") else {
        eprintln!("SKIPPED: SCHEMA_REGISTRY_URL names no registry (./dev servers; eval \"$(./dev env)\")");
        return None;
    };
    Some(SchemaRegistry::connect(&url).expect("a client is made"))
}

/// A subject of this test alone.
fn subject(versions: &[&'static str]) -> Subject {
    let name = format!("suite-{}-suite.A", uuid::Uuid::now_v7());
    Subject { name, versions: versions.to_vec(), writer: Writer::State("suite") }
}

impl SchemaRegistry {
    async fn remove(&self, subject: &Subject) {
        for how in ["", "?permanent=true"] {
            let path = format!("subjects/{}{how}", subject.name);
            self.call::<serde_json::Value>(Method::DELETE, &path, None::<&()>).await.expect("it is removed");
        }
    }
}

#[tokio::test]
async fn pushing_twice_registers_once_and_satisfies_the_check() {
    let Some(registry) = registry() else { return };
    let mut subject = subject(&[V1]);
    let missing = registry.check_all(std::slice::from_ref(&subject)).await.expect("it answers");
    assert!(missing.len() == 1 && missing[0].contains("karmyq schemas push"), "{missing:?}");

    for (versions, registered) in [(vec![V1], 1), (vec![V1], 0), (vec![V1, V2], 1), (vec![V1, V2], 0)] {
        subject.versions = versions;
        let pushed = registry.push_all(std::slice::from_ref(&subject)).await;
        assert_eq!(pushed, Ok(Pushed { subjects: 1, registered }));
        assert_eq!(registry.check_all(std::slice::from_ref(&subject)).await, Ok(vec![]));
    }
    registry.remove(&subject).await;
}

#[tokio::test]
async fn an_incompatible_schema_is_refused() {
    let Some(registry) = registry() else { return };
    let mut subject = subject(&[V1]);
    registry.push_all(std::slice::from_ref(&subject)).await.expect("the first version is registered");
    subject.versions = vec![V1, INCOMPATIBLE];
    let refused = registry.push_all(std::slice::from_ref(&subject)).await;
    assert!(matches!(&refused, Err(LogError::Refused(why)) if why.contains(&subject.name)), "{refused:?}");
    registry.remove(&subject).await;
}

#[tokio::test]
async fn a_lowered_level_is_told_and_restored() {
    let Some(registry) = registry() else { return };
    let subject = subject(&[V1]);
    registry.push_all(std::slice::from_ref(&subject)).await.expect("the schema is registered");
    let lowered = super::Level { compatibility: "NONE" };
    registry
        .call::<serde_json::Value>(Method::PUT, &subject.config(), Some(&lowered))
        .await
        .expect("the level is lowered");
    let told = registry.check_all(std::slice::from_ref(&subject)).await.expect("it answers");
    assert!(told.len() == 1 && told[0].contains("NONE") && told[0].contains(LEVEL), "{told:?}");

    registry.push_all(std::slice::from_ref(&subject)).await.expect("the level is restored");
    assert_eq!(registry.check_all(std::slice::from_ref(&subject)).await, Ok(vec![]));
    registry.remove(&subject).await;
}

#[tokio::test]
async fn the_whole_contract_is_registered_and_read_back_by_its_ids() {
    let Some(registry) = registry() else { return };
    registry.push().await.expect("the contract is registered");
    assert_eq!(registry.check().await, Ok(vec![]));
    let codec = registry.codec().await.expect("every schema has an id");
    let id = (0..100_000)
        .find(|id| codec.schema(*id).is_some_and(|it| it.record_name == UserRegistered::ENTRY.record_name()))
        .expect("the id of a schema");
    assert_eq!(registry.fetch(id).await.as_deref(), Ok(UserRegistered::ENTRY.written_schema()));
    assert!(matches!(registry.fetch(u32::MAX / 2).await, Err(LogError::Refused(_))));
}

#[tokio::test]
async fn a_decoder_fetches_schemas_that_it_does_not_know() {
    let Some(registry) = registry() else { return };
    registry.push().await.expect("the contract is registered");
    let codec = registry.codec().await.expect("every schema has an id");
    let record = crate::suite::any_event();
    let value = codec.encode(&record).expect("it encodes");
    let ignorant = Decoder::new(event_schemas::Codec::default(), Arc::new(registry));
    let read = ignorant.decode::<Event>(&crate::suite::record_of(value)).await.expect("it is read");
    assert!(matches!(read.payload, Event::User(UserEvent::SessionsRevoked(_))));
    assert_eq!(read, record);
}

#[test]
fn no_two_subjects_are_called_alike() {
    let mut names = subjects().into_iter().map(|it| it.name).collect::<Vec<_>>();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
}
