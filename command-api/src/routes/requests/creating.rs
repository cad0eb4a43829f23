//! Where a new request is to stand.

use domain::help_request::{Draft, Faults, Place, Rejection};
use domain::text::{Fault, FieldFault};
use domain::views::Views;
use event_schemas::{CommunityId, UserId};
use serde_json::{Map, Value};
use service_kit::answer::Problem;

use crate::app::App;
use crate::edge::Refused;
use crate::edge::refused::problem;

/// Most communities that a request may name.
const MOST_COMMUNITIES: usize = 50;

/// Where the body says that the request is to stand.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Destination {
    /// In these communities, in this order.
    Named(Vec<CommunityId>),
    /// In all communities of the poster.
    Everywhere,
}

impl Destination {
    pub(super) const fn is_everywhere(&self) -> bool {
        matches!(self, Self::Everywhere)
    }
}

/// Reads the body: what is asked, and where. `context` serves when the body names no community.
pub(super) fn asked_for(
    body: &Map<String, Value>,
    context: Option<CommunityId>,
) -> Result<(Draft, Destination), Problem> {
    let (destination, misplaced) = destination(body, context);
    match Draft::parse(body) {
        Ok(draft) if misplaced.is_empty() => Ok((draft, destination)),
        Ok(_) => Err(problem(Faults(misplaced).into())),
        Err(Faults(faults)) => Err(problem(Faults(faults.into_iter().chain(misplaced).collect()).into())),
    }
}

fn destination(body: &Map<String, Value>, context: Option<CommunityId>) -> (Destination, Vec<FieldFault>) {
    let mut faults = Vec::new();
    let present = |name: &str| body.get(name).filter(|it| !it.is_null());
    let everywhere = match present("postToAllCommunities") {
        None => false,
        Some(Value::Bool(everywhere)) => *everywhere,
        Some(_) => {
            faults.push(FieldFault::new("postToAllCommunities", Fault::WrongType("true or false")));
            false
        }
    };
    let mut named = Vec::new();
    if let Some(id) = present("communityId") {
        named.extend(community(id, "communityId", &mut faults));
    }
    match present("communityIds") {
        None => {}
        Some(Value::Array(ids)) if ids.len() > MOST_COMMUNITIES => {
            faults.push(FieldFault::new("communityIds", Fault::TooMany { max: MOST_COMMUNITIES }));
        }
        Some(Value::Array(ids)) => {
            let ids = ids.iter().enumerate();
            named.extend(ids.filter_map(|(n, id)| community(id, &format!("communityIds[{n}]"), &mut faults)));
        }
        Some(_) => faults.push(FieldFault::new("communityIds", Fault::WrongType("an array"))),
    }
    if everywhere {
        return (Destination::Everywhere, faults);
    }
    let mut once = Vec::with_capacity(named.len());
    for id in named {
        if !once.contains(&id) {
            once.push(id);
        }
    }
    if once.is_empty() {
        once.extend(context);
    }
    (Destination::Named(once), faults)
}

fn community(id: &Value, path: &str, faults: &mut Vec<FieldFault>) -> Option<CommunityId> {
    let parsed = id.as_str().ok_or(Fault::WrongType("a text"));
    let parsed = parsed.and_then(|it| it.trim().parse().map_err(|_| Fault::Malformed("a UUID")));
    parsed.map_err(|fault| faults.push(FieldFault::new(path, fault))).ok()
}

/// The communities as the poster finds them, with everybody who belongs there now: whoever has just joined posts there,
/// and is told of what is posted. Whether they may post there is decided with the command: whoever has posted and left
/// since gets the same answer to a repeat.
pub(super) async fn places(
    app: &App,
    poster: UserId,
    destination: Destination,
) -> Result<Vec<Place>, Refused> {
    app.memberships.catch_up().await?;
    let communities = match destination {
        Destination::Named(communities) => communities,
        Destination::Everywhere => app.views.communities_of(poster),
    };
    let place = |community: CommunityId| {
        // Whether it exists is not the business of people outside.
        let outside = || problem(Rejection::NotAMember(community).into()).into();
        Place::of(community, poster, &app.views).ok_or_else(outside)
    };
    communities.into_iter().map(place).collect()
}

#[cfg(test)]
mod tests;
