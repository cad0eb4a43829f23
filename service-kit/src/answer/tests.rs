//! Successes and problems have the envelope that the specification gives them.

use axum::body::to_bytes;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Answer, FieldFault, JsonBody, Pagination, Problem};

async fn body(response: Response) -> Value {
    let bytes = to_bytes(response.into_body(), usize::MAX).await.expect("a body in memory");
    serde_json::from_slice(&bytes).expect("answers are JSON")
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Roles {
    #[expect(dead_code, reason = "only its reading matters")]
    roles: Vec<Role>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Role {
    #[expect(dead_code, reason = "only its reading matters")]
    role_name: String,
}

fn fault(bytes: &str) -> FieldFault {
    let problem = JsonBody::<Roles>::parse(bytes.as_bytes()).expect_err("the body is wrong");
    assert_eq!((problem.status(), problem.code()), (StatusCode::BAD_REQUEST, "VALIDATION_ERROR"));
    problem.fields()[0].clone()
}

#[test]
fn a_body_that_cannot_be_read_names_the_field() {
    let missing = fault(r#"{"roles":[{}]}"#);
    assert_eq!((missing.field.as_str(), &*missing.code), ("roles[0].roleName", "REQUIRED"));
    let wrong = fault(r#"{"roles":[{"roleName":"a"},{"roleName":7}]}"#);
    assert_eq!((wrong.field.as_str(), &*wrong.code), ("roles[1].roleName", "INVALID_TYPE"));
    assert_eq!(wrong.message, "roles[1].roleName must be a string");
    assert_eq!(fault("[[]]").message, "the body must be an object");
    for garbage in ["", "{", r#"{"roles":[]} x"#] {
        assert_eq!(&*fault(garbage).code, "INVALID_JSON", "{garbage}");
    }
}

#[tokio::test]
async fn a_success_has_only_what_was_given() {
    let plain = Answer::ok(json!([1])).into_response();
    assert_eq!(body(plain).await, json!({"success": true, "data": [1]}));
    let page = Pagination { page: Some(1), limit: 20, total: 1, pages: 1, next_cursor: None };
    let full =
        Answer::created(json!({}), "/api/v1/x").version(3).message("done").pagination(page).into_response();
    assert_eq!(full.status(), StatusCode::CREATED);
    assert_eq!(full.headers()["etag"], "\"3\"");
    assert_eq!(full.headers()["location"], "/api/v1/x");
    let expected = json!({"page": 1, "limit": 20, "total": 1, "pages": 1, "next_cursor": null});
    assert_eq!(body(full).await["pagination"], expected);
}

#[tokio::test]
async fn a_problem_has_code_message_and_details() {
    let fields = vec![FieldFault::new("email", "REQUIRED", "email is required")];
    let response = Problem::validation(fields).into_response();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let expected = json!({"success": false, "error": {
        "code": "VALIDATION_ERROR", "message": "email is required",
        "details": {"fields": [{"field": "email", "code": "REQUIRED", "message": "email is required"}]},
    }});
    assert_eq!(body(response).await, expected);
}

#[tokio::test]
async fn a_limited_call_is_told_when_to_come_back() {
    let response = Problem::rate_limited(std::time::Duration::from_millis(1_200)).into_response();
    assert_eq!(response.headers()["retry-after"], "2");
    assert_eq!(body(response).await["error"]["details"], json!({"retryAfter": 2}));
}
