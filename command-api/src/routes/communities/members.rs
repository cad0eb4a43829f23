//! Who belongs to a community: `/communities/{id}/members`.

use axum::extract::State;
use domain::community::{AddMember, ChangeMember, Command, MemberStatus, Membership, RemoveMember, Role};
use event_schemas::community::CommunityEvent;
use event_schemas::{Event, UserId};
use serde_json::{Value, json};

use super::{community_id, target};
use crate::app::App;
use crate::edge::Call;
use crate::edge::done::{self, Reply};
use crate::edge::fields::Fields;
use crate::edge::shown::Shown;
use crate::edge::values::{id, one_of};
use crate::writer::Executed;

const ROLES: &str = "member, moderator, admin";
const STATUSES: &str = "active, inactive";

/// POST /communities/{id}/members
pub(crate) async fn add_member(State(app): State<App>, call: Call) -> Reply {
    let community = community_id(&call)?;
    let (user, role) = call.read(newcomer)?;
    let known = app.user(user).await?.is_some_and(|it| it.active);
    let command = Command::AddMember(AddMember { by: call.user, user, known, role });
    let executed = app.execute(&call, target(community), command).await?;
    let data = shown_member(user, &executed);
    Ok(done::created(&executed, data, format!("/communities/{community}/members/{user}")))
}

/// PUT /communities/{id}/members/{userId}
pub(crate) async fn change_member(State(app): State<App>, call: Call) -> Reply {
    let community = community_id(&call)?;
    let user = call.id("userId", "MEMBER_NOT_FOUND")?;
    let (role, status) = call.read(standing)?;
    let command = Command::ChangeMember(ChangeMember { by: call.user, user, role, status });
    let executed = app.execute(&call, target(community), command).await?;
    Ok(done::ok(&executed, shown_member(user, &executed)))
}

/// DELETE /communities/{id}/members/{userId}
pub(crate) async fn remove_member(State(app): State<App>, call: Call) -> Reply {
    let community = community_id(&call)?;
    let user = call.id("userId", "MEMBER_NOT_FOUND")?;
    let command = Command::RemoveMember(RemoveMember { by: call.user, user });
    let executed = app.execute(&call, target(community), command).await?;
    Ok(done::ok(&executed, json!({ "userId": user, "status": MemberStatus::Inactive.name() })))
}

fn newcomer(fields: &mut Fields<'_>) -> Option<(UserId, Role)> {
    let user = fields.required("userId", id);
    let role = fields.or("role", Role::Member, one_of(Role::named, ROLES));
    Some((user?, role?))
}

fn standing(fields: &mut Fields<'_>) -> Option<(Option<Role>, Option<MemberStatus>)> {
    let role = fields.set("role", one_of(Role::named, ROLES));
    let status = fields.set("status", one_of(MemberStatus::named, STATUSES));
    Some((role?, status?))
}

/// `{userId, role, status, joinedAt?}`: what the command changed, else what is so.
fn shown_member(user: UserId, executed: &Executed) -> Value {
    let shown = Shown::default().put("userId", user);
    if executed.events.is_empty() {
        return shown_membership(shown, user, executed).into();
    }
    let told = executed.events.iter().fold(shown, |shown, it| {
        if let Event::Community(CommunityEvent::UserJoinedCommunity(event)) = &it.payload {
            let shown = shown.put("role", &event.role).put("status", MemberStatus::Active.name());
            shown.maybe_at("joinedAt", Some(event.joined_at))
        } else if let Event::Community(CommunityEvent::MemberRoleChanged(event)) = &it.payload {
            shown.put("role", &event.to).put("status", MemberStatus::Active.name())
        } else if let Event::Community(CommunityEvent::UserLeftCommunity(_)) = &it.payload {
            shown.put("status", MemberStatus::Inactive.name())
        } else {
            shown
        }
    });
    told.into()
}

fn shown_membership(shown: Shown, user: UserId, executed: &Executed) -> Shown {
    let Some(domain::State::Community(domain::community::State::Active(active))) = &executed.state else {
        return shown;
    };
    match active.members.get(user) {
        Some(Membership::Active { role, joined_at }) => shown
            .put("role", role.name())
            .put("status", MemberStatus::Active.name())
            .maybe_at("joinedAt", Some(*joined_at)),
        Some(Membership::Inactive { role, .. }) => {
            shown.put("role", role.name()).put("status", MemberStatus::Inactive.name())
        }
        None => shown,
    }
}
