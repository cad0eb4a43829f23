//! Communities: `/communities`. `founding` creates them, `joining` and `members` say who belongs to them, `terms` on
//! which terms they live, `names` keeps their names unique.

mod founding;
pub(crate) mod joining;
pub(crate) mod members;
pub(crate) mod names;
mod shown;
pub(crate) mod terms;

use axum::Extension;
use axum::extract::State;
use domain::community::{
    AccessType, ArchiveCommunity, Command, Coordinates, Identity, MemberCap, Role, SetLocation, SetTags,
    Tags, UpdateCommunity,
};
use event_schemas::{AggregateType, CommunityId};
use serde_json::json;
use service_kit::answer::Problem;
use service_kit::middleware::correlation;
use tracing::warn;

use self::founding::{Founded, found, meet_held};
use self::names::Claim;
use crate::app::App;
use crate::edge::done::{self, Reply};
use crate::edge::fields::{Fields, list};
use crate::edge::forward::Holder;
use crate::edge::values::{integer, number, one_of, raw, text};
use crate::edge::{Call, Refused};
use crate::writer::{Executed, Target};

/// POST /communities
pub(crate) async fn create_community(
    State(app): State<App>,
    holder: Option<Extension<Holder>>,
    call: Call,
) -> Reply {
    let wish = call.read(founding::wish)?;
    let founded = match holder {
        Some(Extension(Holder(holder))) => meet_held(&app, &call, holder, wish).await?,
        None => found(&app, &call, wish).await?,
    };
    match founded {
        Founded::New(executed) => {
            let (id, mut data) = shown::founded(&executed)?;
            data["token"] = fresh_token(&app, &call, id, Role::Admin)?.into();
            Ok(done::created(&executed, data, format!("/communities/{id}")))
        }
        Founded::Met(met) => met.answer(&app, &call),
    }
}

/// PUT /communities/{id}
pub(crate) async fn update_community(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let update = call.read(|fields| details(fields, &call))?;
    let executed = if update.name.is_some() || update.location.is_named() {
        rename(&app, &call, id, update).await?
    } else {
        app.execute(&call, target(id), Command::UpdateCommunity(Box::new(update))).await?
    };
    Ok(done::ok(&executed, shown::updated(id, &executed)))
}

/// DELETE /communities/{id}
pub(crate) async fn archive_community(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let command = Command::ArchiveCommunity(ArchiveCommunity { by: call.user });
    let executed = app.execute(&call, target(id), command).await?;
    if let Err(refused) = names::free(&app, id).await {
        // Whoever founds a community of this name frees it then.
        warn!(community_id = %id, reason = %refused, "the name of an archived community could not be freed");
    }
    Ok(done::ok(&executed, json!({ "id": id, "status": "archived" })))
}

/// PUT /communities/{id}/tags
pub(crate) async fn set_tags(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let tags = call.read(tags)?;
    let command = Command::SetTags(SetTags { by: call.user, tags: tags.clone() });
    let executed = app.execute(&call, target(id), command).await?;
    Ok(done::ok(&executed, json!({ "id": id, "tags": tags.as_slice() })))
}

/// PUT /communities/{id}/location
pub(crate) async fn set_location(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let coordinates = call.read(coordinates)?;
    let command = Command::SetLocation(SetLocation { by: call.user, coordinates });
    let executed = app.execute(&call, target(id), command).await?;
    Ok(done::ok(&executed, json!({ "id": id, "lat": coordinates.lat(), "lng": coordinates.lng() })))
}

/// The community of the path.
fn community_id(call: &Call) -> Result<CommunityId, Problem> {
    let id: CommunityId = call.id("id", "COMMUNITY_NOT_FOUND")?;
    correlation::note_community(id.uuid());
    Ok(id)
}

fn target(id: CommunityId) -> Target {
    Target::new(AggregateType::Community, id)
}

/// A token with a membership that the views may not know yet.
fn fresh_token(app: &App, call: &Call, community: CommunityId, role: Role) -> Result<String, Problem> {
    let bearer = crate::accounts::tokens::Bearer::of(&call.claims);
    app.accounts.tokens.issue(bearer, &app.views, Some((community, role)))
}

/// Changes a community whose name or place may change: the new one is claimed first.
async fn rename(
    app: &App,
    call: &Call,
    id: CommunityId,
    update: UpdateCommunity,
) -> Result<Executed, Refused> {
    let command = |update| Command::UpdateCommunity(Box::new(update));
    let present = names::state_of(app, id).await?;
    let Some((active, before)) =
        present.as_ref().and_then(|it| it.active()).map(|it| (it, names::identity_of(it)))
    else {
        return app.execute(call, target(id), command(update)).await;
    };
    let name = update.name.as_ref().map_or(active.details.name.as_str(), |it| it.as_str());
    let location = update.location.clone().map(String::from).applied_to(&active.details.location);
    let after = Identity::of(name, location.as_deref());
    let may_edit = active.role_of(call.user) == Some(Role::Admin);
    if after == before || !may_edit {
        return app.execute(call, target(id), command(update)).await;
    }
    if let Claim::Held(holder) = names::claim(app, &after, id).await? {
        // It may be taken because this very call was carried out, and the name given up again.
        let repeated = app.repeated(call, target(id), command(update)).await?;
        return match repeated {
            Some(executed) => Ok(executed),
            None => Err(held(app, holder).await),
        };
    }
    let executed = app.execute(call, target(id), command(update)).await;
    founding::settle_claim(app, &after, id, &executed).await;
    executed
}

/// What is said about a name that another community holds.
async fn held(app: &App, holder: CommunityId) -> Refused {
    match names::free_if_archived(app, holder).await {
        Ok(true) => names::in_motion(),
        Ok(false) => Problem::conflict("NAME_TAKEN", "another community has this name and place").into(),
        Err(refused) => refused,
    }
}

fn details(fields: &mut Fields<'_>, call: &Call) -> Option<UpdateCommunity> {
    let name = fields.set("name", text);
    let description = fields.change("description", text);
    let location = fields.change("location", text);
    let category = fields.change("category", text);
    let max_members = fields.set("maxMembers", member_cap);
    let access_type = fields.set("accessType", one_of(AccessType::named, "public, private"));
    Some(UpdateCommunity {
        by: call.user,
        name: name?,
        description: description?,
        location: location?,
        category: category?,
        max_members: max_members?,
        access_type: access_type?,
    })
}

fn member_cap(place: crate::edge::fields::Place<'_>) -> Option<MemberCap> {
    // The reader knows the range.
    integer(1, 150)(place).and_then(|it| MemberCap::parse(it.into()).ok())
}

fn tags(fields: &mut Fields<'_>) -> Option<Tags> {
    let written = fields.required("tags", list(1_000, raw))?;
    match Tags::parse(written.iter().map(String::as_str)) {
        Ok(tags) => Some(tags),
        Err(faults) => fields.note(faults),
    }
}

fn coordinates(fields: &mut Fields<'_>) -> Option<Coordinates> {
    let lat = fields.required("lat", number(-90.0, 90.0));
    let lng = fields.required("lng", number(-180.0, 180.0));
    Coordinates::parse(lat?, lng?).ok()
}
