//! `community`: communities, members, join requests, settings and config.
//!
//! A value that settings, config and details share (half-life, member cap) is one fact: either event changes all copies.

use event_schemas::community::{
    CommunityCreated, CommunityEvent, CommunityUpdated, JoinRequestCreated, UserJoinedCommunity,
    UserLeftCommunity,
};
use event_schemas::{CommunityId, Event, Placeholder, Timestamp, UserId};

use super::{change, change_or_clear, text};
use crate::projection::{Fact, Interest, Projection, Unfoldable};
use crate::row::row;
use crate::table::{AnyTable, Table};

mod config;

use config::{Config, Settings};

row! {
    /// A community.
    struct CommunityRow in "community.communities" (id: CommunityId) {
        name: String,
        description: Option<String>,
        location: Option<String>,
        category: Option<String>,
        r#type: String,
        access_type: String,
        max_members: i32,
        current_members: i32,
        creator_id: UserId,
        status: String,
        lat: Option<f64>,
        lng: Option<f64>,
        tags: Vec<String>,
        visibility_mode: String,
        outsider_response_allowed: bool,
        last_activity_at: Timestamp,
        created_at: Timestamp,
        updated_at: Timestamp,
        version: i64,
    }
}

row! {
    /// A member, active or not any more.
    struct Membership in "community.memberships" (community_id: CommunityId, user_id: UserId) {
        role: String,
        status: String,
        joined_at: Timestamp,
        left_at: Option<Timestamp>,
        invited_by: Option<UserId>,
        version: i64,
    }
}

row! {
    /// The latest wish of a person to be let in.
    struct JoinRequest in "community.join_requests" (community_id: CommunityId, user_id: UserId) {
        status: String,
        message: Option<String>,
        invited_by: Option<UserId>,
        created_at: Timestamp,
        decided_at: Option<Timestamp>,
        decided_by: Option<UserId>,
        version: i64,
    }
}

/// The projection.
#[derive(Debug, Default)]
pub(crate) struct Community {
    pub(super) communities: Table<CommunityRow>,
    pub(super) memberships: Table<Membership>,
    pub(super) join_requests: Table<JoinRequest>,
    pub(super) settings: Table<Settings>,
    pub(super) configs: Table<Config>,
}

/// Which community, when, and the community's version afterwards.
#[derive(Clone, Copy)]
struct At {
    community: CommunityId,
    time: Timestamp,
    version: i64,
}

impl Projection for Community {
    fn interest(&self, event_type: &str) -> Interest {
        if event_type == "JoinRequestCreated" { Interest::Texts } else { Interest::Facts }
    }

    fn fold(&mut self, fact: &Fact) -> Result<(), Unfoldable> {
        let Event::Community(event) = &fact.event else { return Ok(()) };
        let community = subject(event);
        let at = At { community, time: fact.envelope.timestamp, version: fact.envelope.aggregate_version };
        match event {
            CommunityEvent::CommunityCreated(it) => self.created(it, at),
            CommunityEvent::CommunityUpdated(it) => self.updated(it, at),
            CommunityEvent::CommunityArchived(_) => {
                self.change(at, |row| "archived".clone_into(&mut row.status))
            }
            CommunityEvent::UserJoinedCommunity(it) => self.joined(it, at),
            CommunityEvent::UserLeftCommunity(it) => self.left(it, at),
            CommunityEvent::MemberRoleChanged(it) => {
                if let Some(member) = self.memberships.get(&(community, it.user_id)) {
                    member.role.clone_from(&it.to);
                    member.version = at.version;
                }
            }
            CommunityEvent::JoinRequestCreated(it) => self.join_requested(it, at),
            CommunityEvent::JoinRequestApproved(it) => {
                self.decided(it.user_id, "approved", it.decided_by_id, at)
            }
            CommunityEvent::JoinRequestRejected(it) => {
                self.decided(it.user_id, "rejected", it.decided_by_id, at)
            }
            CommunityEvent::JoinRequestWithdrawn(it) => {
                self.decided(it.user_id, "withdrawn", it.decided_by_id, at)
            }
            CommunityEvent::JoinMessageForgotten(it) => self.message_forgotten(it.user_id, at),
            CommunityEvent::CommunitySettingsChanged(it) => self.settings_changed(it, at),
            CommunityEvent::CommunityConfigChanged(it) => self.config_changed(it, at),
            CommunityEvent::ExchangeCounted(_) => self.active(at),
            CommunityEvent::QualityCounted(_) => {}
        }
        if let Some(row) = self.communities.get(&community) {
            row.version = at.version;
        }
        Ok(())
    }

    fn tables(&mut self) -> Vec<&mut dyn AnyTable> {
        vec![
            &mut self.communities,
            &mut self.memberships,
            &mut self.join_requests,
            &mut self.settings,
            &mut self.configs,
        ]
    }
}

impl Community {
    fn created(&mut self, it: &CommunityCreated, at: At) {
        self.communities.put(CommunityRow {
            id: it.community_id,
            name: it.name.clone(),
            description: it.description.clone(),
            location: it.location.clone(),
            category: it.category.clone(),
            r#type: it.community_type.clone(),
            access_type: it.access_type.clone(),
            max_members: it.max_members,
            current_members: 0,
            creator_id: it.creator_id,
            status: "active".to_owned(),
            lat: None,
            lng: None,
            tags: Vec::new(),
            visibility_mode: "public".to_owned(),
            outsider_response_allowed: false,
            last_activity_at: at.time,
            created_at: at.time,
            updated_at: at.time,
            version: at.version,
        });
        self.settings.put(Settings::initial(at));
        self.configs.put(Config::initial(it, at));
    }

    fn updated(&mut self, it: &CommunityUpdated, at: At) {
        self.change(at, |row| {
            change(&mut row.name, it.name.as_ref());
            change_or_clear(&mut row.description, it.description.as_ref(), "description", &it.cleared);
            change_or_clear(&mut row.location, it.location.as_ref(), "location", &it.cleared);
            change_or_clear(&mut row.category, it.category.as_ref(), "category", &it.cleared);
            change(&mut row.access_type, it.access_type.as_ref());
            change(&mut row.max_members, it.max_members.as_ref());
            change(&mut row.tags, it.tags.as_ref());
            change_or_clear(&mut row.lat, it.lat.as_ref(), "lat", &it.cleared);
            change_or_clear(&mut row.lng, it.lng.as_ref(), "lng", &it.cleared);
        });
        if let (Some(cap), Some(config)) = (it.max_members, self.configs.get(&at.community)) {
            config.member_cap = cap;
            config.updated_at = at.time;
            config.version = at.version;
        }
    }

    /// The counter follows the membership row, so it is the size of the active set whatever is said twice.
    fn joined(&mut self, it: &UserJoinedCommunity, at: At) {
        let was_active =
            self.memberships.get(&(at.community, it.user_id)).is_some_and(|it| it.status == "active");
        self.memberships.put(Membership {
            community_id: at.community,
            user_id: it.user_id,
            role: it.role.clone(),
            status: "active".to_owned(),
            joined_at: it.joined_at,
            left_at: None,
            invited_by: it.invited_by_id,
            version: at.version,
        });
        self.active(at);
        if let (false, Some(row)) = (was_active, self.communities.get(&at.community)) {
            row.current_members += 1;
        }
    }

    fn left(&mut self, it: &UserLeftCommunity, at: At) {
        let Some(member) = self.memberships.get(&(at.community, it.user_id)) else { return };
        let was_active = member.status == "active";
        "inactive".clone_into(&mut member.status);
        member.left_at = Some(at.time);
        member.version = at.version;
        if let (true, Some(row)) = (was_active, self.communities.get(&at.community)) {
            row.current_members -= 1;
        }
    }

    fn join_requested(&mut self, it: &JoinRequestCreated, at: At) {
        self.join_requests.put(JoinRequest {
            community_id: at.community,
            user_id: it.user_id,
            status: "pending".to_owned(),
            message: text(it.message.as_ref()),
            invited_by: it.invited_by_id,
            created_at: at.time,
            decided_at: None,
            decided_by: None,
            version: at.version,
        });
    }

    fn decided(&mut self, applicant: UserId, status: &str, by: Option<UserId>, at: At) {
        if let Some(request) = self.join_requests.get(&(at.community, applicant)) {
            status.clone_into(&mut request.status);
            request.decided_at = Some(at.time);
            request.decided_by = by;
            request.version = at.version;
        }
    }

    fn message_forgotten(&mut self, applicant: UserId, at: At) {
        if let Some(request) = self.join_requests.get(&(at.community, applicant)) {
            if let Some(message) = &mut request.message {
                Placeholder::Forgotten.text().clone_into(message);
            }
            request.version = at.version;
        }
    }

    /// Something happened there that counts as life.
    fn active(&mut self, at: At) {
        if let Some(row) = self.communities.get(&at.community) {
            row.last_activity_at = row.last_activity_at.max(at.time);
        }
    }

    fn change(&mut self, at: At, change: impl FnOnce(&mut CommunityRow)) {
        if let Some(row) = self.communities.get(&at.community) {
            change(row);
            row.updated_at = at.time;
        }
    }
}

/// Which community an event is about.
fn subject(event: &CommunityEvent) -> CommunityId {
    match event {
        CommunityEvent::CommunityCreated(it) => it.community_id,
        CommunityEvent::CommunityUpdated(it) => it.community_id,
        CommunityEvent::CommunityArchived(it) => it.community_id,
        CommunityEvent::UserJoinedCommunity(it) => it.community_id,
        CommunityEvent::UserLeftCommunity(it) => it.community_id,
        CommunityEvent::MemberRoleChanged(it) => it.community_id,
        CommunityEvent::JoinRequestCreated(it) => it.community_id,
        CommunityEvent::JoinRequestApproved(it) => it.community_id,
        CommunityEvent::JoinRequestRejected(it) => it.community_id,
        CommunityEvent::JoinRequestWithdrawn(it) => it.community_id,
        CommunityEvent::JoinMessageForgotten(it) => it.community_id,
        CommunityEvent::CommunitySettingsChanged(it) => it.community_id,
        CommunityEvent::CommunityConfigChanged(it) => it.community_id,
        CommunityEvent::ExchangeCounted(it) => it.community_id,
        CommunityEvent::QualityCounted(it) => it.community_id,
    }
}
