//! Asking to belong to a community, and deciding on it.

use axum::extract::State;
use domain::community::{Command, DecideJoin, JoinCommunity, Role, Verdict, WithdrawJoin};
use event_schemas::community::CommunityEvent;
use event_schemas::{Event, UserId};
use serde_json::{Value, json};

use super::{community_id, fresh_token, target};
use crate::app::App;
use crate::edge::Call;
use crate::edge::done::{self, Reply};
use crate::edge::values::text;
use crate::writer::Executed;

/// POST /communities/{id}/join
pub(crate) async fn join_community(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let message = call.read(|fields| fields.optional("message", text))?;
    let command = Command::JoinCommunity(JoinCommunity { by: call.user, message });
    let executed = app.execute(&call, target(id), command).await?;
    let data = match joined_as(&executed) {
        Some(role) => {
            json!({ "status": "active", "role": role.name(), "token": fresh_token(&app, &call, id, role)? })
        }
        None => json!({ "status": "pending" }),
    };
    Ok(done::ok(&executed, data))
}

/// DELETE /communities/{id}/join
pub(crate) async fn withdraw_join(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let command = Command::WithdrawJoin(WithdrawJoin { by: call.user });
    let executed = app.execute(&call, target(id), command).await?;
    Ok(done::ok(&executed, json!({ "status": "withdrawn" })))
}

/// POST /communities/{id}/join-requests/{userId}/approve
pub(crate) async fn approve_join(State(app): State<App>, call: Call) -> Reply {
    decide(&app, &call, Verdict::Approve, "approved").await
}

/// POST /communities/{id}/join-requests/{userId}/reject
pub(crate) async fn reject_join(State(app): State<App>, call: Call) -> Reply {
    decide(&app, &call, Verdict::Reject, "rejected").await
}

async fn decide(app: &App, call: &Call, verdict: Verdict, status: &str) -> Reply {
    let id = community_id(call)?;
    let applicant: UserId = call.id("userId", "JOIN_REQUEST_NOT_FOUND")?;
    let command = Command::DecideJoin(DecideJoin { by: call.user, applicant, verdict });
    let executed = app.execute(call, target(id), command).await?;
    let data: Value = json!({ "communityId": id, "userId": applicant, "status": status });
    Ok(done::ok(&executed, data))
}

/// The role of whoever this command made a member.
fn joined_as(executed: &Executed) -> Option<Role> {
    executed.events.iter().find_map(|it| {
        let Event::Community(CommunityEvent::UserJoinedCommunity(event)) = &it.payload else { return None };
        Role::named(&event.role)
    })
}
