//! Bad calls of requests.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bad, DELETE, INVALID, POST, PUT, Stage, Who, bad};

pub(crate) fn requests(stage: &Stage) -> Vec<Bad> {
    let own = format!("/requests/{}", stage.request.id);
    let good = json!({"communityId": stage.community.id, "description": "Ten characters and more"});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    let ride = |payload: Value| {
        let mut body = with("requestType", json!("ride"));
        body["payload"] = payload;
        body
    };
    vec![
        bad(Who::Nobody, POST, "/requests", &good, (401, "UNAUTHENTICATED"), &[]),
        bad(Who::Stranger, POST, "/requests", &good, (403, "NOT_A_MEMBER"), &[]),
        bad(
            Who::Member,
            POST,
            "/requests",
            &json!({"description": "Ten characters and more"}),
            (400, "COMMUNITY_CONTEXT_REQUIRED"),
            &[],
        ),
        bad(Who::Member, POST, "/requests", &with("description", json!("short")), INVALID, &["description"]),
        bad(Who::Member, POST, "/requests", &with("title", json!("abc")), INVALID, &["title"]),
        bad(Who::Member, POST, "/requests", &with("title", json!(5)), INVALID, &["title"]),
        bad(Who::Member, POST, "/requests", &with("urgency", json!("now")), INVALID, &["urgency"]),
        bad(
            Who::Member,
            POST,
            "/requests",
            &with("requestType", json!("miracle")),
            INVALID,
            &["requestType"],
        ),
        bad(Who::Member, POST, "/requests", &with("payload", json!({"a": 1})), INVALID, &["payload"]),
        bad(
            Who::Member,
            POST,
            "/requests",
            &with("scheduledFor", json!("soon")),
            (400, "INVALID_SCHEDULED_FOR"),
            &[],
        ),
        bad(
            Who::Member,
            POST,
            "/requests",
            &ride(json!({})),
            INVALID,
            &["payload.origin", "payload.destination", "payload.seatsNeeded", "payload.departureTime"],
        ),
        bad(
            Who::Member,
            POST,
            "/requests",
            &ride(json!({"origin": {"address": "x", "lat": 91, "lng": 0}})),
            INVALID,
            &["payload.origin.lat"],
        ),
        bad(Who::Member, PUT, &own, &json!({"title": "Paint it blue"}), (403, "FORBIDDEN"), &[]),
        bad(Who::Stranger, PUT, &own, &json!({"title": "Paint it blue"}), (404, "REQUEST_NOT_FOUND"), &[]),
        bad(Who::Founder, PUT, &own, &json!({}), (400, "NOTHING_TO_CHANGE"), &[]),
        bad(Who::Founder, PUT, &own, &json!({"status": "completed"}), INVALID, &["status"]),
        bad(Who::Member, DELETE, &own, &Value::Null, (403, "FORBIDDEN"), &[]),
        bad(
            Who::Founder,
            DELETE,
            &format!("/requests/{}", Uuid::now_v7()),
            &Value::Null,
            (404, "REQUEST_NOT_FOUND"),
            &[],
        ),
    ]
}
