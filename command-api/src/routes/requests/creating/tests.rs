//! Where a new request goes, and the faults of its body.

use event_schemas::CommunityId;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Destination, asked_for};

fn id(n: u128) -> CommunityId {
    CommunityId::new(Uuid::from_u128(n))
}

/// The destination of a body with these members beside a description; else code and paths of the faults.
fn read(members: Value, context: Option<CommunityId>) -> Result<Destination, (String, Vec<String>)> {
    let mut body = json!({ "description": "help me carry a piano" });
    for (name, value) in members.as_object().expect("an object") {
        body[name] = value.clone();
    }
    match asked_for(body.as_object().expect("an object"), context) {
        Ok((_, destination)) => Ok(destination),
        Err(problem) => {
            let body = serde_json::to_value(response(problem)).expect("is JSON");
            let fields = body["error"]["details"]["fields"].as_array().cloned().unwrap_or_default();
            let paths = fields.iter().map(|it| it["field"].as_str().unwrap_or_default().to_owned());
            Err((body["error"]["code"].as_str().unwrap_or_default().to_owned(), paths.collect()))
        }
    }
}

fn response(problem: service_kit::answer::Problem) -> Value {
    use axum::response::IntoResponse;
    let body = problem.into_response().into_body();
    let bytes = futures::executor::block_on(axum::body::to_bytes(body, 100_000)).expect("is read");
    serde_json::from_slice(&bytes).expect("is JSON")
}

#[test]
fn communities_are_named_one_by_one_together_or_not_at_all() {
    let (one, two) = (id(1), id(2));
    let named = |ids: &[CommunityId]| Ok(Destination::Named(ids.to_vec()));
    assert_eq!(read(json!({ "communityId": one }), None), named(&[one]));
    assert_eq!(read(json!({ "communityIds": [two, one, two] }), None), named(&[two, one]));
    assert_eq!(read(json!({ "communityId": one, "communityIds": [two, one] }), None), named(&[one, two]));
    assert_eq!(read(json!({}), Some(two)), named(&[two]));
    assert_eq!(read(json!({ "communityId": one }), Some(one)), named(&[one]));
    assert_eq!(read(json!({}), None), named(&[]));
    assert_eq!(read(json!({ "postToAllCommunities": true }), None), Ok(Destination::Everywhere));
    assert_eq!(read(json!({ "postToAllCommunities": false, "communityId": one }), None), named(&[one]));
}

#[test]
fn faults_of_destination_and_draft_are_told_together() {
    let body = json!({
        "description": "short",
        "communityId": 7,
        "communityIds": [id(1), "there"],
        "postToAllCommunities": "yes",
    });
    let (code, paths) = read(body, None).expect_err("it is faulty");
    assert_eq!(code, "VALIDATION_ERROR");
    assert_eq!(paths, ["description", "postToAllCommunities", "communityId", "communityIds[1]"]);
}

#[test]
fn at_most_fifty_communities_are_named() {
    let ids: Vec<_> = (0..51).map(id).collect();
    assert!(read(json!({ "communityIds": ids[..50] }), None).is_ok());
    assert_eq!(read(json!({ "communityIds": ids }), None).expect_err("too many").1, ["communityIds"]);
}

#[test]
fn an_unreadable_time_has_its_own_code() {
    let (code, _) =
        read(json!({ "scheduledFor": "soon", "communityId": 1 }), None).expect_err("it is faulty");
    assert_eq!(code, "INVALID_SCHEDULED_FOR");
}
