//! GET /auth/verify: whether the token counts, and where its person belongs.

use serde::Serialize;
use service_kit::answer::Answer;
use uuid::Uuid;

use super::Answered;
use crate::reading::Reading;

/// A valid token.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Verified {
    valid: bool,
    user_id: Uuid,
    email: String,
    communities: Vec<Belonging>,
    current_community_id: Option<Uuid>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Belonging {
    community_id: Uuid,
    role: String,
}

/// Live memberships, not those of the token.
pub(crate) async fn verify(reading: Reading) -> Answered<Verified> {
    let communities = reading.who.memberships.iter();
    Ok(Answer::ok(Verified {
        valid: true,
        user_id: reading.who.user_id,
        email: reading.claims.email.clone(),
        communities: communities
            .map(|it| Belonging { community_id: it.community_id, role: it.role.clone() })
            .collect(),
        current_community_id: reading.who.community,
    }))
}
