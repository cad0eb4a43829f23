//! Access tokens: 15 minutes, with the memberships of the moment as hints for clients.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::Utc;
use domain::community::Role;
use domain::views::Views;
use event_schemas::{CommunityId, SessionId, UserId};
use service_kit::answer::Problem;
use service_kit::auth::{AUDIENCE, Claims, ISSUER, MembershipClaim, PlatformRole, Signer, TOKEN_LIFE_S};
use uuid::Uuid;

/// Most memberships in a token.
const MOST_MEMBERSHIPS: usize = 50;

/// Issues access tokens. Clones share the key.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    signer: Arc<Signer>,
    operators: Arc<BTreeSet<UserId>>,
}

/// For whom a token is.
#[derive(Clone, Debug)]
pub(crate) struct Bearer {
    /// The person.
    pub(crate) user: UserId,
    /// Their address.
    pub(crate) email: String,
    /// The session.
    pub(crate) session: SessionId,
}

impl Bearer {
    /// Whoever carries a token with these claims.
    pub(crate) fn of(claims: &Claims) -> Self {
        Self {
            user: UserId::new(claims.user_id),
            email: claims.email.clone(),
            session: SessionId::new(claims.sid),
        }
    }
}

impl Tokens {
    /// Signs with this key; `operators` get their platform role.
    pub(crate) fn new(signer: Signer, operators: BTreeSet<UserId>) -> Self {
        Self { signer: Arc::new(signer), operators: Arc::new(operators) }
    }

    /// A token with the memberships that the views know, and with one that they may not know yet.
    ///
    /// # Errors
    /// 500 when the key cannot sign.
    pub(crate) fn issue(
        &self,
        bearer: Bearer,
        views: &dyn Views,
        joined: Option<(CommunityId, Role)>,
    ) -> Result<String, Problem> {
        let now = Utc::now().timestamp();
        let Bearer { user, email, session } = bearer;
        let claims = Claims {
            user_id: user.uuid(),
            email,
            community_memberships: memberships(user, views, joined),
            iat: now,
            exp: now + TOKEN_LIFE_S,
            jti: Uuid::now_v7(),
            sub: user.uuid(),
            sid: session.uuid(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            email_verified: views.user(user).is_some_and(|it| it.email_verified),
            platform_role: self.operators.contains(&user).then_some(PlatformRole::Operator),
        };
        self.signer.sign(&claims).map_err(Problem::internal)
    }
}

/// At most 50, newest joined first.
fn memberships(user: UserId, views: &dyn Views, joined: Option<(CommunityId, Role)>) -> Vec<MembershipClaim> {
    let claim = |community: CommunityId, role: Role| MembershipClaim {
        community_id: community.uuid(),
        role: role.name().to_owned(),
    };
    let just_joined = joined.map(|it| it.0);
    let known = views.communities_of(user).into_iter().rev().filter(|it| Some(*it) != just_joined);
    let known = known.filter_map(|it| views.member(it, user).map(|member| claim(it, member.role)));
    joined
        .map(|(community, role)| claim(community, role))
        .into_iter()
        .chain(known)
        .take(MOST_MEMBERSHIPS)
        .collect()
}
