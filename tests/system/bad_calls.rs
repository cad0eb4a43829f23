//! Bad calls of every endpoint, a line each, with what must come back.

use reqwest::Method;
use serde_json::{Value, json};
use tests::people::{Person, Thing};
use uuid::Uuid;

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Nobody,
    Stranger,
    Member,
    Founder,
}

/// A bad call and what must come back: who, method, path, body, status, code, fields.
pub(crate) type Bad = (Who, Method, String, String, u16, &'static str, &'static [&'static str]);

/// What the bad calls are about.
pub(crate) struct Stage {
    pub(crate) founder: Person,
    pub(crate) member: Person,
    pub(crate) stranger: Person,
    pub(crate) community: Thing,
    pub(crate) request: Thing,
    pub(crate) proposal: Thing,
}

/// A case whose body is JSON.
fn bad(
    who: Who,
    method: Method,
    path: &str,
    body: &Value,
    (status, code): (u16, &'static str),
    fields: &'static [&'static str],
) -> Bad {
    (who, method, path.to_owned(), body.to_string(), status, code, fields)
}

const INVALID: (u16, &str) = (400, "VALIDATION_ERROR");
const POST: Method = Method::POST;
const PUT: Method = Method::PUT;
const PATCH: Method = Method::PATCH;
const DELETE: Method = Method::DELETE;

pub(crate) fn accounts(stage: &Stage) -> Vec<Bad> {
    let (register, login) = ("/auth/register", "/auth/login");
    let own = format!("/users/{}", stage.member.id);
    let other = format!("/users/{}", stage.founder.id);
    let good = json!({"email": "good@example.org", "name": "Good", "password": "good password"});
    let with = |field: &str, value: Value| {
        let mut body = good.clone();
        body[field] = value;
        body
    };
    vec![
        (Who::Nobody, POST, register.to_owned(), "{not json".to_owned(), 400, "VALIDATION_ERROR", &[]),
        (Who::Nobody, POST, register.to_owned(), "[]".to_owned(), 400, "VALIDATION_ERROR", &[]),
        bad(Who::Nobody, POST, register, &json!({}), INVALID, &["email", "name", "password"]),
        bad(Who::Nobody, POST, register, &with("email", json!("nobody")), INVALID, &["email"]),
        bad(Who::Nobody, POST, register, &with("email", json!(7)), INVALID, &["email"]),
        bad(Who::Nobody, POST, register, &with("name", json!("")), INVALID, &["name"]),
        bad(Who::Nobody, POST, register, &with("name", json!("x".repeat(101))), INVALID, &["name"]),
        bad(Who::Nobody, POST, register, &with("password", json!("short")), INVALID, &["password"]),
        bad(
            Who::Nobody,
            POST,
            register,
            &with("password", json!("good@example.org")),
            INVALID,
            &["password"],
        ),
        bad(
            Who::Nobody,
            POST,
            register,
            &with("email", json!(stage.member.email)),
            (409, "EMAIL_TAKEN"),
            &[],
        ),
        bad(
            Who::Nobody,
            POST,
            register,
            &with("name", json!("x".repeat(1_100_000))),
            (413, "PAYLOAD_TOO_LARGE"),
            &[],
        ),
        bad(Who::Nobody, POST, login, &json!({}), INVALID, &["email", "password"]),
        bad(Who::Nobody, POST, login, &good, (401, "INVALID_CREDENTIALS"), &[]),
        bad(
            Who::Nobody,
            POST,
            login,
            &json!({"email": stage.member.email, "password": "wrong password"}),
            (401, "INVALID_CREDENTIALS"),
            &[],
        ),
        bad(Who::Nobody, POST, "/auth/refresh", &json!({}), INVALID, &["refreshToken"]),
        bad(
            Who::Nobody,
            POST,
            "/auth/refresh",
            &json!({"refreshToken": "unknown"}),
            (401, "REFRESH_INVALID"),
            &[],
        ),
        bad(Who::Nobody, PUT, &own, &json!({"name": "Eve"}), (401, "UNAUTHENTICATED"), &[]),
        bad(Who::Member, PUT, &other, &json!({"name": "Eve"}), (403, "FORBIDDEN"), &[]),
        bad(Who::Member, PUT, &own, &json!({}), (400, "NOTHING_TO_CHANGE"), &[]),
        bad(Who::Member, PUT, &own, &json!({"name": ""}), INVALID, &["name"]),
        bad(Who::Member, PUT, &own, &json!({"bio": "x".repeat(2001)}), INVALID, &["bio"]),
        bad(
            Who::Member,
            PUT,
            &own,
            &json!({"avatarUrl": "http://example.org/a.png"}),
            INVALID,
            &["avatarUrl"],
        ),
        bad(Who::Member, PUT, &own, &json!({"phone": "1".repeat(33)}), INVALID, &["phone"]),
        bad(
            Who::Member,
            PUT,
            &own,
            &json!({"vehicle": {"kind": "bus", "seats": 11}}),
            INVALID,
            &["vehicle.seats"],
        ),
        bad(
            Who::Member,
            PUT,
            &own,
            &json!({"home": {"label": "x", "lat": 91, "lng": 0}}),
            INVALID,
            &["home.lat"],
        ),
        bad(Who::Member, POST, &format!("{own}/skills"), &json!({}), INVALID, &["skill"]),
        bad(
            Who::Member,
            DELETE,
            &format!("{own}/skills/{}", Uuid::now_v7()),
            &Value::Null,
            (404, "SKILL_NOT_FOUND"),
            &[],
        ),
        bad(
            Who::Member,
            PATCH,
            "/users/me/settings",
            &json!({"shareReputation": "yes"}),
            INVALID,
            &["shareReputation"],
        ),
        bad(
            Who::Member,
            PATCH,
            "/users/me/settings",
            &json!({"timezone": "Middle/Earth"}),
            INVALID,
            &["timezone"],
        ),
    ]
}

pub(crate) fn communities(stage: &Stage) -> Vec<Bad> {
    let own = format!("/communities/{}", stage.community.id);
    let unknown = format!("/communities/{}", Uuid::now_v7());
    let member = format!("{own}/members/{}", stage.founder.id);
    vec![
        bad(Who::Nobody, POST, "/communities", &json!({"name": "Somewhere"}), (401, "UNAUTHENTICATED"), &[]),
        bad(Who::Member, POST, "/communities", &json!({}), INVALID, &["name"]),
        bad(Who::Member, POST, "/communities", &json!({"name": "ab"}), INVALID, &["name"]),
        bad(
            Who::Member,
            POST,
            "/communities",
            &json!({"name": "abc", "maxMembers": 151}),
            INVALID,
            &["maxMembers"],
        ),
        bad(
            Who::Member,
            POST,
            "/communities",
            &json!({"name": "abc", "maxMembers": "many"}),
            INVALID,
            &["maxMembers"],
        ),
        bad(
            Who::Member,
            POST,
            "/communities",
            &json!({"name": "abc", "accessType": "secret"}),
            INVALID,
            &["accessType"],
        ),
        bad(Who::Member, PUT, &own, &json!({"name": "Taken over"}), (403, "ROLE_REQUIRED"), &[]),
        bad(Who::Stranger, PUT, &own, &json!({"name": "Taken over"}), (403, "NOT_A_MEMBER"), &[]),
        bad(Who::Founder, PUT, &own, &json!({"maxMembers": 1}), (400, "MAX_MEMBERS_BELOW_COUNT"), &[]),
        bad(Who::Founder, PUT, &own, &json!({}), (400, "NOTHING_TO_CHANGE"), &[]),
        bad(Who::Founder, PUT, &unknown, &json!({"name": "Nowhere"}), (404, "COMMUNITY_NOT_FOUND"), &[]),
        bad(
            Who::Founder,
            PUT,
            "/communities/no-uuid",
            &json!({"name": "Nowhere"}),
            (404, "COMMUNITY_NOT_FOUND"),
            &[],
        ),
        bad(Who::Founder, PUT, &format!("{own}/tags"), &json!({"tags": "one"}), INVALID, &["tags"]),
        bad(Who::Founder, PUT, &format!("{own}/location"), &json!({"lat": 91, "lng": 0}), INVALID, &["lat"]),
        bad(Who::Member, POST, &format!("{own}/join"), &json!({}), (409, "ALREADY_MEMBER"), &[]),
        bad(Who::Stranger, POST, &format!("{unknown}/join"), &json!({}), (404, "COMMUNITY_NOT_FOUND"), &[]),
        bad(Who::Founder, DELETE, &member, &Value::Null, (400, "LAST_ADMIN"), &[]),
        bad(Who::Member, DELETE, &member, &Value::Null, (403, "ROLE_REQUIRED"), &[]),
        bad(Who::Founder, PUT, &member, &json!({"role": "member"}), (400, "LAST_ADMIN"), &[]),
        bad(Who::Founder, PUT, &member, &json!({"role": "king"}), INVALID, &["role"]),
        bad(
            Who::Founder,
            PATCH,
            &format!("{own}/settings"),
            &json!({"requestTtlDays": 0}),
            INVALID,
            &["requestTtlDays"],
        ),
        bad(
            Who::Member,
            PATCH,
            &format!("{own}/settings"),
            &json!({"requestTtlDays": 30}),
            (403, "ROLE_REQUIRED"),
            &[],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/config"),
            &json!({"configUpdates": {"memberCap": 20}}),
            (403, "FOUNDER_ONLY"),
            &[],
        ),
    ]
}

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

pub(crate) fn inboxes(stage: &Stage) -> Vec<Bad> {
    let own = format!("/notifications/{}", stage.member.id);
    let other = format!("/notifications/{}", stage.founder.id);
    vec![
        bad(
            Who::Member,
            PUT,
            &format!("/notifications/{}/read", Uuid::now_v7()),
            &json!({}),
            (404, "NOTIFICATION_NOT_FOUND"),
            &[],
        ),
        bad(Who::Member, PUT, &format!("{other}/read-all"), &json!({}), (403, "FORBIDDEN"), &[]),
        bad(
            Who::Member,
            PUT,
            &format!("{other}/preferences"),
            &json!({"pushEnabled": false}),
            (403, "FORBIDDEN"),
            &[],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences"),
            &json!({"pushEnabled": "no"}),
            INVALID,
            &["pushEnabled"],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences"),
            &json!({"quietHoursStart": "25:00"}),
            INVALID,
            &["quietHoursStart"],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences/unheard_of"),
            &json!({"push": false}),
            (400, "VALIDATION_ERROR"),
            &[],
        ),
        bad(
            Who::Member,
            PUT,
            &format!("{own}/preferences/security_notice"),
            &json!({"inApp": false}),
            (400, "REQUIRED_TYPE"),
            &[],
        ),
    ]
}
