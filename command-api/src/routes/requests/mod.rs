//! Help requests: `/requests`. `creating` finds where a new one may stand, `audience` who sees an existing one.

pub(crate) mod audience;
mod creating;
mod shown;

use axum::extract::State;
use domain::help_request::{CancelRequest, Command, CreateRequest, Edit, SetRequestPrivacy, UpdateRequest};
use event_schemas::{AggregateType, Domain, RequestId};
use serde_json::json;
use service_kit::answer::Problem;
use service_kit::middleware::correlation;

use self::audience::caller;
use self::creating::{asked_for, places};
use crate::app::App;
use crate::edge::Call;
use crate::edge::done::{self, Reply};
use crate::edge::fields::Fields;
use crate::edge::refused::problem;
use crate::edge::values::boolean;
use crate::writer::Target;

/// POST /requests
pub(crate) async fn create_request(State(app): State<App>, call: Call) -> Reply {
    let (draft, destination) = call.members().and_then(|body| asked_for(body, call.context()))?;
    let request_id = RequestId::new(app.writer.new_id_for(Domain::Request, call.origin().command_id));
    let everywhere = destination.is_everywhere();
    let places = places(&app, call.user, destination).await?;
    if let Some(first) = places.first() {
        correlation::note_community(first.community.uuid());
    }
    let create = CreateRequest { request_id, requester: call.user, draft, places, everywhere };
    let command = Command::CreateRequest(Box::new(create));
    let executed = app.execute(&call, target(request_id), command).await?;
    let (id, data) = shown::created(&executed)?;
    Ok(done::created(&executed, data, format!("/requests/{id}")))
}

/// PUT /requests/{id}
pub(crate) async fn update_request(State(app): State<App>, call: Call) -> Reply {
    let id = request_id(&call)?;
    let edit = Edit::parse(call.members()?).map_err(|faults| problem(faults.into()))?;
    let by = caller(&app, id, call.user).await?;
    let command = Command::UpdateRequest(Box::new(UpdateRequest { by, edit }));
    let executed = app.execute(&call, target(id), command).await?;
    Ok(done::ok(&executed, shown::updated(id, &executed)))
}

/// DELETE /requests/{id}
pub(crate) async fn cancel_request(State(app): State<App>, call: Call) -> Reply {
    let id = request_id(&call)?;
    let by = caller(&app, id, call.user).await?;
    let executed = app.execute(&call, target(id), Command::CancelRequest(CancelRequest { by })).await?;
    Ok(done::ok(&executed, json!({ "id": id, "status": "cancelled" })))
}

/// PUT /requests/{id}/privacy
pub(crate) async fn set_request_privacy(State(app): State<App>, call: Call) -> Reply {
    let id = request_id(&call)?;
    let (is_public, visibility_consent) = call.read(privacy)?;
    let by = caller(&app, id, call.user).await?;
    let command = Command::SetRequestPrivacy(SetRequestPrivacy { by, is_public, visibility_consent });
    let executed = app.execute(&call, target(id), command).await?;
    Ok(done::ok(&executed, shown::privacy(id, &executed)))
}

fn request_id(call: &Call) -> Result<RequestId, Problem> {
    call.id("id", "REQUEST_NOT_FOUND")
}

/// The aggregate of a request.
pub(crate) fn target(id: RequestId) -> Target {
    Target::new(AggregateType::HelpRequest, id)
}

fn privacy(fields: &mut Fields<'_>) -> Option<(Option<bool>, Option<bool>)> {
    let is_public = fields.set("isPublic", boolean);
    let consent = fields.set("requesterVisibilityConsent", boolean);
    Some((is_public?, consent?))
}
