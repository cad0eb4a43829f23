//! `karmyq console`: a way into the console of query-api for whoever has the keys of the services.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use chrono::Utc;
use service_kit::auth::{AUDIENCE, Claims, ISSUER, PlatformRole, PublicKeys, Signer, Verifier};
use service_kit::config::Reader;
use uuid::Uuid;

use crate::terminal::{mention, say, somebody};

/// How long the token counts, in seconds. As short as those of a login: it belongs to no session that anybody could revoke.
const LIFE_S: i64 = 900;

/// Prints a token on standard output, and on standard error what to do with it.
pub(super) fn run() -> Result<ExitCode> {
    let mut settings = Reader::from_environment();
    let key = settings.required_file("JWT_SIGNING_KEY_FILE");
    let keys: Option<PathBuf> = settings.required("JWT_PUBLIC_KEYS_DIR");
    let address: Option<String> = settings.required("KARMYQ_QUERY_API");
    let (key, keys, address) = settings.build(|| Some((key?, keys?, address?)))?;
    let verifier = Verifier::new(PublicKeys::from_directory(&keys)?);
    let claims = claims();
    let token = Signer::new(&key, &verifier)?.sign(&claims).context("the token cannot be signed")?;
    mention(format_args!(
        "open {address}/console and paste this token, which is good for 15 minutes; what you do there is recorded as operator {}",
        claims.user_id
    ));
    say(token);
    Ok(ExitCode::SUCCESS)
}

/// An operator without an account, the same for the same person on the same machine.
fn claims() -> Claims {
    let user_id = Uuid::new_v5(&Uuid::NAMESPACE_OID, somebody().as_bytes());
    let now = Utc::now().timestamp();
    Claims {
        user_id,
        email: String::new(),
        community_memberships: Vec::new(),
        iat: now,
        exp: now + LIFE_S,
        jti: Uuid::now_v7(),
        sub: user_id,
        sid: Uuid::now_v7(),
        iss: ISSUER.to_owned(),
        aud: AUDIENCE.to_owned(),
        email_verified: false,
        platform_role: Some(PlatformRole::Operator),
    }
}
