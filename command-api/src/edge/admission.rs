//! Whether a signed-in person may call at all, whatever the route then says.

use axum::http::StatusCode;
use domain::views::Views;
use event_schemas::{CommunityId, Domain, UserId};
use service_kit::answer::Problem;
use service_kit::auth::Claims;
use service_kit::middleware::correlation;

use super::{Asked, Refused};
use crate::app::App;

/// Routes of one's own account, which every signed-in person may call.
const OWN: [&str; 2] = ["/auth", "/users"];
/// Routes that name their community in the path and say themselves who may call.
const IN_PATH: &str = "/communities";

/// Refuses deactivated accounts, unverified addresses where the deployment says so, and strangers to the community that
/// the call names.
pub(super) async fn admit(app: &App, asked: &Asked, claims: &Claims) -> Result<(), Refused> {
    let user = UserId::new(claims.user_id);
    let known = app.views.user(user);
    let is_own = OWN.iter().any(|it| asked.route.starts_with(it));
    if known.is_some_and(|it| !it.active) && !asked.route.starts_with("/auth") {
        return Err(refused("ACCOUNT_DEACTIVATED", "the account is deactivated"));
    }
    let verified = claims.email_verified || known.is_some_and(|it| it.email_verified);
    if app.require_verified_email && !verified && !is_own {
        return Err(refused("EMAIL_NOT_VERIFIED", "the e-mail address has to be verified first"));
    }
    match asked.context() {
        Some(community) if !is_own && !asked.route.starts_with(IN_PATH) => {
            admit_to(app, community, user).await
        }
        _ => Ok(()),
    }
}

/// Members, and whomever a community that admits outsiders lets respond.
async fn admit_to(app: &App, community: CommunityId, user: UserId) -> Result<(), Refused> {
    correlation::note_community(community.uuid());
    let admitted = |views: &dyn Views| {
        let outsiders = views
            .community(community)
            .is_some_and(|it| it.config.outsider_response_allowed && it.config.visibility_mode == "public");
        (outsiders || views.member(community, user).is_some()).then_some(())
    };
    match app.known(&[Domain::Community], admitted).await? {
        Some(()) => Ok(()),
        None => Err(Problem::not_a_member().into()),
    }
}

fn refused(code: &'static str, message: &'static str) -> Refused {
    Problem::new(StatusCode::FORBIDDEN, code, message).into()
}
