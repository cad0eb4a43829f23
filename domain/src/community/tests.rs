//! What a community answers, in sentences.

mod counting;
mod details;
mod founding;
mod invariants;
mod joining;
mod members;
mod terms;

use event_schemas::community::{
    CommunityArchived, CommunityCreated, CommunityEvent, CommunityUpdated, JoinRequestCreated,
    UserJoinedCommunity, UserLeftCommunity,
};
use event_schemas::{CommunityId, Sealable, Timestamp, UserId};
use serde_json::Value;
use uuid::Uuid;

use super::{
    ArchiveCommunity, Command, ConfigChange, CreateCommunity, JoinCommunity, MemberCap, SettingsChange, State,
};
use crate::given::{Given, given};

/// The founder and admin of every community here.
const ANA: UserId = user(1);
/// A moderator, where there is one.
const MO: UserId = user(2);
/// Plain members.
const BEN: UserId = user(3);
const CLEO: UserId = user(4);
/// Nobody, to begin with.
const DORA: UserId = user(5);

const GARDEN: CommunityId = CommunityId::new(Uuid::from_u128(0xC0));

const fn user(n: u128) -> UserId {
    UserId::new(Uuid::from_u128(n))
}

/// So many days after the epoch.
const fn day(n: i64) -> Timestamp {
    Timestamp::from_micros(n * 86_400_000_000)
}

fn created() -> CommunityCreated {
    CommunityCreated {
        community_id: GARDEN,
        creator_id: ANA,
        name: "Elm Street Garden".to_owned(),
        description: None,
        location: None,
        category: None,
        access_type: "public".to_owned(),
        community_type: "mutual_aid".to_owned(),
        max_members: 150,
        template_id: None,
    }
}

fn joined(user_id: UserId, role: &str, via: &str) -> CommunityEvent {
    let joined = UserJoinedCommunity {
        user_id,
        community_id: GARDEN,
        role: role.to_owned(),
        via: via.to_owned(),
        invited_by_id: None,
        joined_at: day(0),
    };
    joined.into()
}

fn left(user_id: UserId, cause: &str, by: Option<UserId>) -> CommunityEvent {
    let left = UserLeftCommunity {
        community_id: GARDEN,
        user_id,
        removed_by_id: by,
        is_self_remove: by.is_none(),
        cause: cause.to_owned(),
    };
    left.into()
}

fn applied(user_id: UserId, message: Option<&str>) -> CommunityEvent {
    let message = message.map(|it| Sealable::Clear(it.to_owned()));
    JoinRequestCreated { community_id: GARDEN, user_id, message, invited_by_id: None }.into()
}

fn archived() -> CommunityEvent {
    CommunityArchived { community_id: GARDEN, reason: "admin".to_owned() }.into()
}

fn updated() -> CommunityUpdated {
    CommunityUpdated {
        community_id: GARDEN,
        name: None,
        description: None,
        location: None,
        category: None,
        access_type: None,
        max_members: None,
        tags: None,
        lat: None,
        lng: None,
        cleared: Vec::new(),
    }
}

/// A public community with these people beside its founder, and what happened since.
fn garden(since: impl IntoIterator<Item = CommunityEvent>) -> Given<State> {
    given([created().into(), joined(ANA, "admin", "founding")].into_iter().chain(since))
}

/// The same with approval for joining.
fn private_garden(since: impl IntoIterator<Item = CommunityEvent>) -> Given<State> {
    let created = CommunityCreated { access_type: "private".to_owned(), ..created() };
    given([created.into(), joined(ANA, "admin", "founding")].into_iter().chain(since))
}

/// The same with room for so many.
fn garden_of(max_members: i32, since: impl IntoIterator<Item = CommunityEvent>) -> Given<State> {
    let created = CommunityCreated { max_members, ..created() };
    given([created.into(), joined(ANA, "admin", "founding")].into_iter().chain(since))
}

fn create() -> CreateCommunity {
    CreateCommunity {
        community_id: GARDEN,
        by: ANA,
        name: super::Name::parse("Elm Street Garden").expect("a name"),
        description: None,
        location: None,
        category: None,
        max_members: MemberCap::default(),
        access_type: super::AccessType::Public,
        community_type: super::CommunityType::MutualAid,
        config: None,
    }
}

fn join(by: UserId) -> Command {
    Command::JoinCommunity(JoinCommunity { by, message: None })
}

fn archive(by: UserId) -> Command {
    Command::ArchiveCommunity(ArchiveCommunity { by })
}

fn config(json: &Value) -> ConfigChange {
    ConfigChange::parse(json.as_object().expect("an object")).expect("a config change")
}

fn settings(json: &Value) -> SettingsChange {
    SettingsChange::parse(json.as_object().expect("an object")).expect("a settings change")
}
