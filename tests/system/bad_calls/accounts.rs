//! Bad calls of accounts and sessions.

use serde_json::{Value, json};
use uuid::Uuid;

use super::{Bad, DELETE, INVALID, PATCH, POST, PUT, Stage, Who, bad};

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
