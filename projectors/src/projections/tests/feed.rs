//! Activities: one row per community, whatever the order of the topics.

use event_schemas::CommunityId;
use event_schemas::RequestId;
use event_schemas::community::{CommunityEvent, UserJoinedCommunity};
use event_schemas::request::{RequestCreated, RequestEvent};
use serde_json::json;

use super::{Fact, fact, given, given_facts, id, payload, user};
use crate::projections::feed::Feed;

#[test]
fn a_request_is_an_activity_of_every_community_that_approved_it() {
    let created: RequestCreated = payload(json!({
        "requestId": RequestId::new(id(1)), "requesterId": user(1), "communityId": CommunityId::new(id(1)),
        "communityIds": [CommunityId::new(id(1)), CommunityId::new(id(2)), CommunityId::new(id(3))],
        "pendingCommunityIds": [CommunityId::new(id(2))], "requestType": "generic", "urgency": "low",
        "visibilityScope": "community", "visibilityMaxDegrees": 3, "expiresAt": 0,
    }));
    let feed: Feed = given([RequestEvent::from(created).into()]);
    let mut communities: Vec<_> = feed.activities.rows().iter().map(|it| it.community_id).collect();
    communities.sort_unstable();
    assert_eq!(communities, [CommunityId::new(id(1)), CommunityId::new(id(3))]);
}

#[test]
fn the_order_of_the_topics_does_not_matter() {
    let joined = |number: u32| -> Fact {
        let event: UserJoinedCommunity = payload(json!({
            "userId": user(number.into()), "communityId": id(1), "role": "member", "via": "public", "joinedAt": 1,
        }));
        fact(number, CommunityEvent::from(event).into())
    };
    let asked = |number: u32| -> Fact {
        let event: RequestCreated = payload(json!({
            "requestId": id(number.into()), "requesterId": user(1), "communityId": id(1), "communityIds": [id(1)],
            "pendingCommunityIds": [], "requestType": "generic", "urgency": "low", "visibilityScope": "community",
            "visibilityMaxDegrees": 3, "expiresAt": 0,
        }));
        fact(number, RequestEvent::from(event).into())
    };
    // Each topic in its own order, the two interleaved in every way.
    let orders = [[1, 2, 3, 4], [1, 3, 2, 4], [1, 3, 4, 2], [3, 1, 2, 4], [3, 1, 4, 2], [3, 4, 1, 2]];
    let rows = orders.map(|order| {
        let feed: Feed = given_facts(order.map(|it| if it < 3 { joined(it) } else { asked(it) }));
        let mut rows: Vec<_> = feed.activities.rows().into_iter().cloned().collect();
        rows.sort_unstable_by_key(|it| it.id);
        rows
    });
    assert!(rows.iter().all(|it| *it == rows[0] && it.len() == 4));
}
