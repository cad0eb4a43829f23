//! Payloads by type: what is kept, what is refused, and under which path.

use super::values::RequestType;
use super::*;

fn checked(request_type: RequestType, payload: &Value) -> Result<Option<Value>, Vec<(String, &'static str)>> {
    payload::parse(request_type, Some(payload))
        .map_err(|faults| faults.0.into_iter().map(|it| (it.field, it.fault.code())).collect())
}

/// Changes of a good payload, each with the one fault that it yields.
fn refuses(request_type: RequestType, good: &Value, changes: &[(&str, Value, &str, &str)]) {
    assert!(checked(request_type, good).is_ok(), "{good}");
    for (pointer, value, path, code) in changes {
        let mut payload = good.clone();
        set(&mut payload, pointer, value.clone());
        assert_eq!(checked(request_type, &payload), Err(vec![((*path).to_owned(), *code)]), "{payload}");
    }
}

/// Sets what a path such as `origin/lat` names, making objects on the way; null removes it.
fn set(object: &mut Value, pointer: &str, value: Value) {
    let mut place = object;
    for name in pointer.split('/') {
        place = &mut place[name];
    }
    *place = value;
}

fn ride() -> Value {
    let station = json!({ "address": "Station", "lat": 52.52, "lng": 13.405 });
    json!({ "origin": station, "destination": station, "seatsNeeded": 1, "departureTime": "2026-01-01T08:00:00Z" })
}

fn service() -> Value {
    json!({ "serviceCategory": "plumbing" })
}

fn event() -> Value {
    json!({ "eventType": "workshop", "eventDate": "2026-05-01T10:00:00Z", "eventDurationHours": 2, "participantsNeeded": 5 })
}

fn borrow() -> Value {
    json!({ "itemCategory": "tools", "durationDays": 3 })
}

#[test]
fn what_is_kept_is_normalised() {
    let mut written = ride();
    set(&mut written, "origin/address", json!("  Zoe\u{308}s Platz "));
    set(&mut written, "departureTime", json!("2026-01-01T10:00:00.5+02:00"));
    set(&mut written, "preferences", json!({ "womenOnly": true, "music": "loud", "luggageSpace": null }));
    set(&mut written, "colour", json!("red"));
    set(&mut written, "seatsNeeded", json!(2.0));
    let mut kept = ride();
    set(&mut kept, "origin/address", json!("Zo\u{eb}s Platz"));
    set(&mut kept, "departureTime", json!("2026-01-01T08:00:00.500000Z"));
    set(&mut kept, "preferences", json!({ "womenOnly": true }));
    set(&mut kept, "seatsNeeded", json!(2));
    assert_eq!(checked(RequestType::Ride, &written), Ok(Some(kept)));
}

#[test]
fn a_generic_request_has_no_payload_and_any_other_needs_one() {
    assert_eq!(payload::parse(RequestType::Generic, None), Ok(None));
    assert_eq!(checked(RequestType::Generic, &json!({})), Err(vec![("payload".to_owned(), "UNKNOWN_FIELD")]));
    for request_type in [RequestType::Ride, RequestType::Service, RequestType::Event, RequestType::Borrow] {
        assert!(payload::parse(request_type, None).is_err());
        assert_eq!(checked(request_type, &json!([])), Err(vec![("payload".to_owned(), "WRONG_TYPE")]));
    }
}

#[test]
fn a_payload_has_at_most_16_kib() {
    let mut large = service();
    set(&mut large, "note", json!("x".repeat(16 * 1024)));
    assert_eq!(checked(RequestType::Service, &large), Err(vec![("payload".to_owned(), "TOO_LONG")]));
}

#[test]
fn rides_are_checked() {
    refuses(
        RequestType::Ride,
        &ride(),
        &[
            ("origin", Value::Null, "payload.origin", "REQUIRED"),
            ("origin", json!("Station"), "payload.origin", "WRONG_TYPE"),
            ("origin/lat", json!(90.1), "payload.origin.lat", "OUT_OF_RANGE"),
            ("origin/lat", json!("52"), "payload.origin.lat", "WRONG_TYPE"),
            ("destination/lng", json!(-180.1), "payload.destination.lng", "OUT_OF_RANGE"),
            ("destination/address", json!(""), "payload.destination.address", "REQUIRED"),
            ("destination/address", json!("x".repeat(301)), "payload.destination.address", "TOO_LONG"),
            ("seatsNeeded", json!(0), "payload.seatsNeeded", "OUT_OF_RANGE"),
            ("seatsNeeded", json!(1.5), "payload.seatsNeeded", "WRONG_TYPE"),
            ("departureTime", json!("noon"), "payload.departureTime", "INVALID"),
            ("preferences/womenOnly", json!("yes"), "payload.preferences.womenOnly", "WRONG_TYPE"),
            ("preferences/luggageSpace", json!("huge"), "payload.preferences.luggageSpace", "INVALID"),
        ],
    );
}

#[test]
fn services_are_checked_and_are_on_site_by_default() {
    let kept = checked(RequestType::Service, &service());
    assert_eq!(kept, Ok(Some(json!({ "serviceCategory": "plumbing", "locationType": "on_site" }))));
    refuses(
        RequestType::Service,
        &service(),
        &[
            ("serviceCategory", json!("magic"), "payload.serviceCategory", "INVALID"),
            ("skillLevelRequired", json!("guru"), "payload.skillLevelRequired", "INVALID"),
            ("estimatedDurationHours", json!(0.4), "payload.estimatedDurationHours", "OUT_OF_RANGE"),
            ("estimatedDurationHours", json!(81), "payload.estimatedDurationHours", "OUT_OF_RANGE"),
            ("locationType", json!("moon"), "payload.locationType", "INVALID"),
            ("certificationsRequired", json!(vec!["x"; 6]), "payload.certificationsRequired", "TOO_LONG"),
            ("budgetRange", json!({ "min": -1 }), "payload.budgetRange.min", "OUT_OF_RANGE"),
            (
                "budgetRange",
                json!({ "min": 20, "max": 10, "currency": "EUR" }),
                "payload.budgetRange.max",
                "INVALID",
            ),
            (
                "budgetRange",
                json!({ "min": 1, "max": 2, "currency": "CHF" }),
                "payload.budgetRange.currency",
                "INVALID",
            ),
            (
                "preferredSchedule/days",
                json!(["mon", "someday"]),
                "payload.preferredSchedule.days[1]",
                "INVALID",
            ),
            ("preferredSchedule/timeOfDay", json!("night"), "payload.preferredSchedule.timeOfDay", "INVALID"),
        ],
    );
}

#[test]
fn events_are_checked() {
    refuses(
        RequestType::Event,
        &event(),
        &[
            ("eventType", json!("war"), "payload.eventType", "INVALID"),
            ("eventDate", json!("May"), "payload.eventDate", "INVALID"),
            ("eventDurationHours", json!(25), "payload.eventDurationHours", "OUT_OF_RANGE"),
            ("participantsNeeded", json!(1001), "payload.participantsNeeded", "OUT_OF_RANGE"),
            (
                "location",
                json!({ "isVirtual": true, "address": "x" }),
                "payload.location.virtualLink",
                "REQUIRED",
            ),
            ("location", json!({ "lat": 1, "lng": 1 }), "payload.location.address", "REQUIRED"),
            (
                "location",
                json!({ "isVirtual": true, "virtualLink": "javascript:x" }),
                "payload.location.virtualLink",
                "INVALID",
            ),
            ("roles", json!([{ "count": 1 }]), "payload.roles[0].roleName", "REQUIRED"),
            ("roles", json!([{ "roleName": "cook", "count": 0 }]), "payload.roles[0].count", "OUT_OF_RANGE"),
            (
                "roles",
                json!(vec![json!({ "roleName": "cook", "count": 1 }); 11]),
                "payload.roles",
                "TOO_LONG",
            ),
            ("requirements/ageMinimum", json!(121), "payload.requirements.ageMinimum", "OUT_OF_RANGE"),
            ("recurring/frequency", json!("hourly"), "payload.recurring.frequency", "INVALID"),
            ("recurring/endDate", json!("never"), "payload.recurring.endDate", "INVALID"),
        ],
    );
    let mut online = event();
    set(&mut online, "location", json!({ "isVirtual": true, "virtualLink": "https://meet.example/elm" }));
    assert!(checked(RequestType::Event, &online).is_ok());
}

#[test]
fn borrowed_things_are_checked() {
    refuses(
        RequestType::Borrow,
        &borrow(),
        &[
            ("itemCategory", json!("cars"), "payload.itemCategory", "INVALID"),
            ("durationDays", json!(31), "payload.durationDays", "OUT_OF_RANGE"),
            ("conditionMin", json!("broken"), "payload.conditionMin", "INVALID"),
            ("returnDate", json!("2026-02-30"), "payload.returnDate", "INVALID"),
            ("images", json!(["http://x.example/a.png"]), "payload.images[0]", "INVALID"),
            ("images", json!(vec!["https://x.example/a.png"; 6]), "payload.images", "TOO_LONG"),
        ],
    );
}
