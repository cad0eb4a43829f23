//! Bad calls of matches.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bad, DELETE, INVALID, POST, PUT, Stage, Who, bad};

pub(crate) fn matches(stage: &Stage) -> Vec<Bad> {
    let own = format!("/matches/{}", stage.proposal.id);
    let unknown = format!("/matches/{}", Uuid::now_v7());
    let request = json!({"requestId": stage.request.id});
    vec![
        bad(Who::Member, POST, "/matches", &json!({}), INVALID, &["requestId"]),
        bad(Who::Founder, POST, "/matches", &request, (400, "OWN_REQUEST"), &[]),
        bad(Who::Member, POST, "/matches", &request, (409, "DUPLICATE_MATCH"), &[]),
        bad(Who::Stranger, POST, "/matches", &request, (404, "REQUEST_NOT_FOUND"), &[]),
        bad(Who::Member, PUT, &format!("{own}/accept"), &json!({}), (403, "FORBIDDEN"), &[]),
        bad(Who::Stranger, PUT, &format!("{own}/accept"), &json!({}), (403, "NOT_A_PARTICIPANT"), &[]),
        bad(Who::Founder, PUT, &format!("{unknown}/accept"), &json!({}), (404, "MATCH_NOT_FOUND"), &[]),
        bad(
            Who::Founder,
            PUT,
            &format!("{own}/accept"),
            &json!({"travelTimeMinutes": 1441}),
            INVALID,
            &["travelTimeMinutes"],
        ),
        bad(Who::Founder, PUT, &format!("{own}/complete"), &json!({}), (409, "MATCH_NOT_MATCHED"), &[]),
        bad(Who::Stranger, DELETE, &own, &Value::Null, (403, "NOT_A_PARTICIPANT"), &[]),
        bad(
            Who::Founder,
            POST,
            &format!("{own}/feedback"),
            &json!({"rating": 5}),
            (409, "MATCH_NOT_COMPLETED"),
            &[],
        ),
        bad(Who::Founder, POST, &format!("{own}/feedback"), &json!({"rating": 6}), INVALID, &["rating"]),
        bad(
            Who::Stranger,
            POST,
            &format!("{own}/feedback"),
            &json!({"rating": 5}),
            (403, "NOT_A_PARTICIPANT"),
            &[],
        ),
    ]
}
