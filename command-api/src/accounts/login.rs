//! Proving who one is. An unknown address and a wrong password cost the same time and read the same.

use axum::http::StatusCode;
use event_schemas::UserId;
use service_kit::answer::Problem;

use super::credentials::{Credential, Standing};
use super::passwords::Verdict;
use crate::app::App;
use crate::edge::Refused;

/// The person whose address and password these are.
pub(crate) async fn prove(app: &App, address: &str, password: String) -> Result<UserId, Refused> {
    let credential = app.accounts.credential(address).await?;
    let failures = match &credential {
        Some(credential) => credential.failures,
        None => app.accounts.failures_at_unknown(address),
    };
    let locked_for =
        failures.zip(app.most_failed_logins).and_then(|(failures, most)| failures.locked_for(most));
    if let Some(remaining) = locked_for {
        return Err(Problem::rate_limited(remaining).into());
    }
    let hash = credential.as_ref().and_then(|it| it.password_hash.clone());
    let verdict = app.accounts.passwords.verify(password.clone(), hash).await?;
    match (credential, verdict) {
        (Some(credential), Verdict::Right { outdated }) if exists(app, &credential).await? => {
            let stronger = if outdated { Some(app.accounts.passwords.hash(password).await?) } else { None };
            app.accounts.note_success(credential.user, stronger).await?;
            Ok(credential.user)
        }
        _ => {
            app.accounts.note_failure(address).await?;
            Err(Problem::new(StatusCode::UNAUTHORIZED, "INVALID_CREDENTIALS", "address or password is wrong")
                .into())
        }
    }
}

/// Whether an account stands behind the credential; one that a crash left reserved is activated.
async fn exists(app: &App, credential: &Credential) -> Result<bool, Refused> {
    match credential.standing {
        Standing::Active => Ok(true),
        Standing::Reserved | Standing::Lapsed => {
            let exists = app.user(credential.user).await?.is_some();
            if exists {
                app.accounts.activate(credential.user).await?;
            }
            Ok(exists)
        }
    }
}
