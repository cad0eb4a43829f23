//! Who sees a request, as far as the views of this instance tell (specification, request 6.1).

use domain::help_request::{Caller, Scope};
use domain::views::{RequestFacts, Views};
use event_schemas::{Domain, RequestId, UserId};

use crate::app::App;
use crate::edge::Refused;

/// The caller of a command on a request. Whoever does not seem to see it is looked at again at the head.
pub(crate) async fn caller(app: &App, request: RequestId, user: UserId) -> Result<Caller, Refused> {
    let sees = |views: &dyn Views| views.request(request).filter(|it| sees(views, it, user)).map(drop);
    let in_audience = app.known(&[Domain::Request, Domain::Community, Domain::User], sees).await?.is_some();
    Ok(Caller { user, in_audience })
}

/// Whether the person belongs to the audience, for another reason than having part in the request.
///
/// Trust paths and sister links are not among the views yet: a request for the requester's trust network is seen in its
/// communities only.
fn sees(views: &dyn Views, request: &RequestFacts, user: UserId) -> bool {
    let requester_is_active = views.user(request.requester).is_some_and(|it| it.active);
    if request.gone || !requester_is_active {
        return false;
    }
    let on_platform = Scope::named(&request.scope) == Some(Scope::Platform);
    on_platform
        || request.communities.iter().any(|community| {
            let member = |user| views.member(*community, user).is_some();
            let admits_outsiders = views.community(*community).is_some_and(|it| {
                it.config.outsider_response_allowed && it.config.visibility_mode == "public"
            });
            admits_outsiders || (member(user) && member(request.requester))
        })
}

#[cfg(test)]
mod tests;
