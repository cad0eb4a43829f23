//! Only tokens that we signed, for us, are accepted, and not for ever.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{AUDIENCE, Claims, ISSUER, KeyError, PublicKeys, Revocations, Signer, TokenError, Verifier};
use crate::config::Secret;
use crate::health::Health;
use crate::postgres;

// Made for these tests with `openssl genpkey -algorithm ed25519`.
const PRIVATE: &str = include_str!("test-key.pem");
const PUBLIC: &str = include_str!("test-key.pub.pem");
const OTHER_PUBLIC: &str = include_str!("other-test-key.pub.pem");

fn secret(text: &str) -> Secret {
    text.parse().expect("any text is a secret")
}

fn verifier() -> Verifier {
    Verifier::new(
        PublicKeys::from_pems([("other", OTHER_PUBLIC), ("ours", PUBLIC)]).expect("both are Ed25519"),
    )
}

fn claims() -> Claims {
    let user = Uuid::from_u128(7);
    Claims {
        user_id: user,
        email: "ana@example.org".to_owned(),
        community_memberships: Vec::new(),
        iat: 1_000,
        exp: 1_900,
        jti: Uuid::from_u128(8),
        sub: user,
        sid: Uuid::from_u128(9),
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        email_verified: true,
        platform_role: None,
    }
}

fn signed(claims: &Claims) -> String {
    Signer::new(&secret(PRIVATE), &verifier())
        .expect("the public half is there")
        .sign(claims)
        .expect("the key signs")
}

#[test]
fn a_token_is_accepted_until_it_expires() {
    let (verifier, token) = (verifier(), signed(&claims()));
    for _ in 0..2 {
        assert_eq!(verifier.verify(&token, 1_899).as_deref(), Ok(&claims()));
    }
    assert_eq!(verifier.verify(&token, 1_900), Err(TokenError::Expired));
    assert!(!format!("{:?}", claims()).contains("ana@"));
}

#[test]
fn a_forged_or_garbled_token_is_invalid() {
    let token = signed(&claims());
    let parts: Vec<_> = token.split('.').collect();
    let header = |json: &str| URL_SAFE_NO_PAD.encode(json);
    let none = format!("{}.{}.", header(r#"{"alg":"none","kid":"ours"}"#), parts[1]);
    let symmetric = format!("{}.{}.{}", header(r#"{"alg":"HS256","kid":"ours"}"#), parts[1], parts[2]);
    let unknown_key = format!("{}.{}.{}", header(r#"{"alg":"EdDSA","kid":"x"}"#), parts[1], parts[2]);
    let other_key = format!("{}.{}.{}", header(r#"{"alg":"EdDSA","kid":"other"}"#), parts[1], parts[2]);
    let changed = format!("{}.{}.{}", parts[0], header(r#"{"userId":"x"}"#), parts[2]);
    for token in [&none, &symmetric, &unknown_key, &other_key, &changed, "", "a.b.c", "x"] {
        assert_eq!(verifier().verify(token, 1_001), Err(TokenError::Invalid), "{token}");
    }
}

#[test]
fn a_token_for_somebody_else_or_from_elsewhere_is_invalid() {
    let changes: [fn(&mut Claims); 3] =
        [|it| it.aud = "other".to_owned(), |it| it.iss = "other".to_owned(), |it| it.sub = Uuid::nil()];
    for change in changes {
        let mut claims = claims();
        change(&mut claims);
        assert_eq!(verifier().verify(&signed(&claims), 1_001), Err(TokenError::Invalid), "{claims:?}");
    }
}

#[test]
fn a_signer_without_its_public_half_is_refused() {
    let others = Verifier::new(PublicKeys::from_pems([("other", OTHER_PUBLIC)]).expect("it is Ed25519"));
    assert!(matches!(Signer::new(&secret(PRIVATE), &others), Err(KeyError::Signing)));
}

#[test]
fn the_key_set_names_every_key() {
    let keys = verifier().jwks();
    assert_eq!(keys["keys"][1]["kid"], "ours");
    assert_eq!(keys["keys"][1]["crv"], "Ed25519");
    assert_eq!(keys["keys"][1]["x"].as_str().map(str::len), Some(43));
}

#[test]
fn a_revoked_session_is_refused() {
    let revocations = Revocations::none();
    let sid = Uuid::from_u128(9);
    assert_eq!(revocations.check(sid), Ok(()));
    revocations.revoke(sid);
    assert_eq!(revocations.check(sid), Err(TokenError::Invalid));
}

#[tokio::test]
async fn who_does_not_know_what_was_revoked_is_not_ready() {
    // Nothing listens there.
    let url = secret("postgres://karmyq@127.0.0.1:1/karmyq");
    let pool = postgres::pool(&url, &postgres::Options::for_service("test")).expect("a URL");
    let revocations = Revocations::follow_with_patience(pool, CancellationToken::new());
    let health = Health::new("test");
    revocations.gate(&health);
    assert_eq!(revocations.check(Uuid::from_u128(9)), Err(TokenError::RevocationsUnknown));
    let reasons = health.reasons().await;
    assert_eq!(reasons.iter().map(|it| it.name).collect::<Vec<_>>(), ["revoked_sessions"]);
}
