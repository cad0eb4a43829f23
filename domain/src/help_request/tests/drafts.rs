//! Bodies of requests: defaults, bounds, all faults at once.

use super::*;
use crate::Refusal;

fn draft(body: Value) -> Result<Draft, Faults> {
    Draft::parse(body.as_object().expect("an object"))
}

/// Path and code of each fault.
fn faults<T: std::fmt::Debug>(result: Result<T, Faults>) -> Vec<(String, &'static str)> {
    result.expect_err("faults").0.into_iter().map(|it| (it.field, it.fault.code())).collect()
}

fn changes(body: Value) -> Result<Edit, Faults> {
    Edit::parse(body.as_object().expect("an object"))
}

#[test]
fn a_description_is_enough() {
    let draft = draft(json!({ "description": "  Carry a sofa upstairs " })).expect("without faults");
    assert_eq!(draft.request_type, RequestType::Generic);
    assert_eq!((draft.title(), draft.category()), ("Carry a sofa upstairs".to_owned(), "generic".to_owned()));
    assert_eq!((draft.urgency, draft.scope, draft.max_degrees), (Urgency::Medium, None, 3));
    assert_eq!((draft.payload, draft.requirements, draft.scheduled_at), (None, None, None));
}

#[test]
fn the_title_is_the_first_80_characters_of_the_description() {
    let draft = draft(json!({ "description": "ä".repeat(300) })).expect("without faults");
    assert_eq!(draft.title(), "ä".repeat(80));
}

#[test]
fn all_faults_are_told_at_once_with_their_paths() {
    let body = json!({
        "requestType": "ride",
        "title": "abc",
        "description": "too short",
        "urgency": "yesterday",
        "visibilityScope": "everyone",
        "visibilityMaxDegrees": "many",
        "preferredStart": "soon",
        "requirements": [],
        "payload": { "origin": { "address": "Elm Street 1", "lat": 91, "lng": 0 }, "seatsNeeded": 11 },
    });
    assert_eq!(
        faults(draft(body)),
        [
            ("title".to_owned(), "TOO_SHORT"),
            ("description".to_owned(), "TOO_SHORT"),
            ("urgency".to_owned(), "INVALID"),
            ("visibilityScope".to_owned(), "INVALID"),
            ("visibilityMaxDegrees".to_owned(), "WRONG_TYPE"),
            ("preferredStart".to_owned(), "INVALID"),
            ("payload.origin.lat".to_owned(), "OUT_OF_RANGE"),
            ("payload.destination".to_owned(), "REQUIRED"),
            ("payload.seatsNeeded".to_owned(), "OUT_OF_RANGE"),
            ("payload.departureTime".to_owned(), "REQUIRED"),
            ("requirements".to_owned(), "WRONG_TYPE"),
        ]
    );
}

#[test]
fn an_unknown_type_is_a_fault_and_an_absent_one_is_generic() {
    let unknown = json!({ "description": "Carry a sofa upstairs", "requestType": "magic" });
    assert_eq!(faults(draft(unknown)), [("requestType".to_owned(), "INVALID")]);
    let null = draft(json!({ "description": "Carry a sofa upstairs", "requestType": null }));
    assert_eq!(null.expect("without faults").request_type, RequestType::Generic);
}

#[test]
fn degrees_are_clamped() {
    for (written, degrees) in [(-5, 1), (0, 1), (4, 4), (99, 6)] {
        let body = json!({ "description": "Carry a sofa upstairs", "visibilityMaxDegrees": written });
        assert_eq!(draft(body).expect("without faults").max_degrees, degrees);
    }
}

#[test]
fn an_unreadable_time_of_the_help_has_its_own_code() {
    let body = json!({ "description": "Carry a sofa upstairs", "scheduledFor": "tomorrow" });
    let refusal = Refusal::from(draft(body).expect_err("a fault"));
    assert_eq!(refusal.code, "INVALID_SCHEDULED_FOR");
    assert_eq!(refusal.details["fields"][0]["field"], "scheduledFor");
    let body = json!({ "description": "Carry a sofa upstairs", "preferredEnd": "tomorrow" });
    assert_eq!(Refusal::from(draft(body).expect_err("a fault")).code, "VALIDATION_ERROR");
}

#[test]
fn the_preferred_time_must_not_run_backwards() {
    let body = json!({
        "description": "Carry a sofa upstairs",
        "preferredStart": "2026-01-01T18:00:00Z",
        "preferredEnd": "2026-01-01T17:59:59Z",
    });
    assert_eq!(faults(draft(body)), [("preferredEnd".to_owned(), "INVALID")]);
}

#[test]
fn rides_and_events_tell_when_the_help_is_needed() {
    let place = json!({ "address": "Elm Street 1", "lat": 52.5, "lng": 13.4 });
    let ride = json!({
        "description": "To the station",
        "requestType": "ride",
        "payload": {
            "origin": place, "destination": place, "seatsNeeded": 1, "departureTime": "2026-01-01T10:00:00+02:00",
        },
    });
    assert_eq!(draft(ride.clone()).expect("without faults").scheduled_at, Some(at("2026-01-01T08:00:00Z")));

    let mut elsewhen = ride;
    elsewhen["scheduledFor"] = json!("2026-01-01T07:30:00Z");
    assert_eq!(draft(elsewhen).expect("without faults").scheduled_at, Some(at("2026-01-01T07:30:00Z")));

    let event = json!({
        "description": "Clean the park",
        "requestType": "event",
        "payload": {
            "eventType": "community_cleanup",
            "eventDate": "2026-05-01",
            "eventDurationHours": 2.5,
            "participantsNeeded": 20,
        },
    });
    assert_eq!(draft(event).expect("without faults").scheduled_at, Some(at("2026-05-01T00:00:00Z")));
}

#[test]
fn requirements_are_any_small_object() {
    let with = |requirements: Value| {
        draft(json!({ "description": "Carry a sofa upstairs", "requirements": requirements }))
    };
    let kept = with(json!({ "skills": ["moving"], "note": " a van " })).expect("without faults");
    assert_eq!(kept.requirements, Some(json!({ "skills": ["moving"], "note": "a van" })));
    for (written, code) in [
        (json!("a van"), "WRONG_TYPE"),
        (json!({ "note": "x".repeat(5000) }), "TOO_LONG"),
        (json!({ "skills": vec!["x"; 11] }), "TOO_LONG"),
        (json!({ "skills": [1] }), "WRONG_TYPE"),
        (json!({ "deep": [{ "note": "\u{0}" }] }), "INVALID"),
    ] {
        assert_eq!(faults(with(written)), [("requirements".to_owned(), code)]);
    }
}

#[test]
fn a_change_refuses_a_status_and_null_where_a_value_must_be() {
    let body = json!({ "status": "completed", "title": null, "urgency": null, "scheduledFor": "soon" });
    assert_eq!(
        faults(changes(body)),
        [
            ("status".to_owned(), "UNKNOWN_FIELD"),
            ("title".to_owned(), "REQUIRED"),
            ("urgency".to_owned(), "REQUIRED"),
            ("scheduledFor".to_owned(), "INVALID"),
        ]
    );
}

#[test]
fn a_change_without_known_fields_is_empty() {
    assert!(changes(json!({ "colour": "red" })).expect("without faults").is_empty());
    assert!(!changes(json!({ "payload": null })).expect("without faults").is_empty());
}
