//! Tokens: only those that we signed, for us, and not for ever.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tests::services::System;

pub(crate) async fn every_token_that_is_not_ours_is_refused(system: &System) {
    let api = &system.api;
    let person = api.register("Tilda").await;
    let [header, claims, signature] = person.token.split('.').collect::<Vec<_>>()[..] else {
        panic!("{} is no token", person.token)
    };
    let pem = std::fs::read(system.environment.get("JWT_SIGNING_KEY_FILE")).expect("a key");
    let key = EncodingKey::from_ed_pem(&pem).expect("a key");
    let decoded = jsonwebtoken::dangerous::insecure_decode::<Value>(&person.token).expect("a token");
    let signed = |alter: &dyn Fn(&mut Value)| {
        let (mut claims, mut header) = (decoded.claims.clone(), Header::new(Algorithm::EdDSA));
        header.kid.clone_from(&decoded.header.kid);
        alter(&mut claims);
        encode(&header, &claims, &key).expect("a token")
    };
    // Our own key makes a token that is ours, so the refusals below are for the altered part alone.
    api.get("/users/me").token(&signed(&|_| {})).seeing(&person.position).expect(200).await;
    // {"alg":"none","typ":"JWT"}
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";
    for (token, code) in [
        (format!("{header}.{claims}."), "TOKEN_INVALID"),
        (format!("{none}.{claims}."), "TOKEN_INVALID"),
        (format!("{none}.{claims}.{signature}"), "TOKEN_INVALID"),
        (format!("{header}.{claims}.{}", signature.chars().rev().collect::<String>()), "TOKEN_INVALID"),
        ("garbage".to_owned(), "TOKEN_INVALID"),
        (signed(&|it| it["exp"] = json!(1_700_000_000)), "TOKEN_EXPIRED"),
        (signed(&|it| it["iss"] = json!("somebody else")), "TOKEN_INVALID"),
        (signed(&|it| it["aud"] = json!("somebody else")), "TOKEN_INVALID"),
    ] {
        api.get("/users/me").token(&token).refused(401, code).await;
        let path = format!("/users/{}", person.id);
        api.put(&path, &json!({"name": "Eve"})).token(&token).refused(401, code).await;
    }
    api.get("/users/me").refused(401, "UNAUTHENTICATED").await;
}
