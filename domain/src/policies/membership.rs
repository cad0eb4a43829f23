//! Whoever leaves a community takes their open requests out of it; a closed community lets go of all.

use event_schemas::community::CommunityEvent;
use event_schemas::request::DetachCommunity;
use event_schemas::{Command, CommunityId, Event, Recorded, RequestId};

use super::{Asked, Policy};
use crate::State;
use crate::views::Views;

/// See the module.
pub(super) const DETACH_REQUESTS: Policy = Policy { name: "detach_requests", react };

/// What a lagging view misses is invisible anyway: the audience follows live membership.
fn react(event: &Recorded<Event>, _state: &State, views: &dyn Views) -> Asked {
    match &event.payload {
        Event::Community(CommunityEvent::UserLeftCommunity(left)) => {
            detached(left.community_id, views.open_requests(left.user_id, left.community_id))
        }
        Event::Community(CommunityEvent::CommunityArchived(archived)) => {
            detached(archived.community_id, views.open_requests_in(archived.community_id))
        }
        Event::Community(_)
        | Event::User(_)
        | Event::Request(_)
        | Event::Reputation(_)
        | Event::Notification(_) => Vec::new(),
    }
}

fn detached(community_id: CommunityId, requests: Vec<RequestId>) -> Asked {
    let detach = |request_id: RequestId| {
        (request_id.to_string(), Command::Request(DetachCommunity { request_id, community_id }.into()))
    };
    requests.into_iter().map(detach).collect()
}

#[cfg(test)]
mod tests;
