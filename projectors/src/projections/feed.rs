//! `feed`: the facts that cards are made of, one row per community of the fact.
//!
//! Two topics feed it; rows are inserted by event id, so their order does not matter.

use event_schemas::community::CommunityEvent;
use event_schemas::request::RequestEvent;
use event_schemas::{CommunityId, Event, EventId, Timestamp, UserId};
use serde_json::{Value, json};

use crate::projection::{Fact, Interest, Projection, Unfoldable};
use crate::row::row;
use crate::table::{AnyTable, Table};

row! {
    /// Something that happened in a community.
    struct Activity in "feed.activities" (id: EventId, community_id: CommunityId) {
        user_id: Option<UserId>,
        r#type: String,
        data: Value,
        created_at: Timestamp,
    }
}

/// The projection.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    pub(super) activities: Table<Activity>,
}

impl Projection for Feed {
    fn interest(&self, event_type: &str) -> Interest {
        match event_type {
            "RequestCreated" | "MatchCompleted" | "UserJoinedCommunity" => Interest::Facts,
            _ => Interest::Nothing,
        }
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        match &fact.event {
            Event::Request(RequestEvent::RequestCreated(it)) => {
                let data = json!({"requestId": it.request_id, "requestType": it.request_type, "urgency": it.urgency});
                let approved = it.community_ids.iter().filter(|id| !it.pending_community_ids.contains(id));
                self.happened(
                    fact,
                    "request_created",
                    it.requester_id,
                    fact.envelope.timestamp,
                    approved,
                    &data,
                );
            }
            Event::Request(RequestEvent::MatchCompleted(it)) => {
                let data = json!({
                    "matchId": it.match_id, "requestId": it.request_id, "requestType": it.request_type,
                    "helperId": it.responder_id, "requesterId": it.requester_id,
                });
                self.happened(
                    fact,
                    "match_completed",
                    it.responder_id,
                    it.completed_at,
                    &it.community_ids,
                    &data,
                );
            }
            Event::Community(CommunityEvent::UserJoinedCommunity(it)) => {
                let data = json!({"role": it.role, "via": it.via});
                self.happened(
                    fact,
                    "user_joined_community",
                    it.user_id,
                    it.joined_at,
                    [&it.community_id],
                    &data,
                );
            }
            Event::User(_)
            | Event::Community(_)
            | Event::Request(_)
            | Event::Reputation(_)
            | Event::Notification(_) => {}
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![&mut self.activities]
    }
}

impl Feed {
    fn happened<'a>(
        &mut self,
        fact: &Fact,
        r#type: &str,
        by: UserId,
        at: Timestamp,
        communities: impl IntoIterator<Item = &'a CommunityId>,
        data: &Value,
    ) {
        for &community_id in communities {
            self.activities.put(Activity {
                id: fact.envelope.event_id,
                community_id,
                user_id: Some(by),
                r#type: r#type.to_owned(),
                data: data.clone(),
                created_at: at,
            });
        }
    }
}
