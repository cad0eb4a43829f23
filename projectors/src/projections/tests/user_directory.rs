//! Accounts: what an update changes, what is forgotten, what is refused.

use event_schemas::user::{UserEvent, UserRegistered, UserSkillAdded, UserUpdated};
use serde_json::json;

use super::{Event, Sealable, Value, at, clear, fact, given, payload, user};
use crate::projection::Projection as _;
use crate::projections::user_directory::UserDirectory;

fn registered(name: Option<Sealable<String>>) -> Event {
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
    let events = [registered(clear("Ana")), UserEvent::from(first).into(), UserEvent::from(second).into()];
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
    let event: UserSkillAdded = payload(json!({"userId": user(1), "skillId": "x", "slug": "driving"}));
    let mut directory: UserDirectory = given([registered(clear("Ana"))]);
    assert!(directory.fold(&fact(2, UserEvent::from(event).into())).is_err());
    assert_eq!((directory.skills.rows().len(), directory.users.rows()[0].version), (0, 1));
}
