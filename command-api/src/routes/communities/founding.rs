//! Founding a community. Whoever founds one that is there already meets it instead: nothing is created, and they are
//! joined when they may be (specification, community 6.1).

use domain::community::{
    AccessType, Active, Category, Command, CommunityType, ConfigChange, CreateCommunity, Description,
    Identity, JoinCommunity, Location, MemberCap, Membership, Name, Role, State,
};
use domain::text::Fault;
use event_schemas::community::CommunityEvent;
use event_schemas::{CommunityId, Domain, Event};
use serde_json::json;
use tracing::warn;

use super::names::{self, Claim, Present};
use super::{fresh_token, member_cap, shown, target};
use crate::app::App;
use crate::edge::done::{self, Reply};
use crate::edge::fields::{Fields, Place, object};
use crate::edge::refused::Elsewhere;
use crate::edge::values::{one_of, text};
use crate::edge::{Call, Refused};
use crate::writer::Executed;

/// A community as its founder wants it.
pub(super) struct Wish {
    name: Name,
    description: Option<Description>,
    location: Option<Location>,
    category: Option<Category>,
    max_members: MemberCap,
    access_type: AccessType,
    community_type: CommunityType,
    config: Option<ConfigChange>,
}

/// What came of it.
pub(super) enum Founded {
    /// A community of their own.
    New(Executed),
    /// One that was there already.
    Met(Met),
}

/// A community that was there already.
pub(super) struct Met {
    present: Present,
    joined: Result<Role, &'static str>,
    /// The joining, when this call did it.
    executed: Option<Executed>,
}

/// Reads the body.
pub(super) fn wish(fields: &mut Fields<'_>) -> Option<Wish> {
    let name = fields.required("name", text);
    let description = fields.optional("description", text);
    let location = fields.optional("location", text);
    let category = fields.optional("category", text);
    let max_members = fields.or("maxMembers", MemberCap::default(), member_cap);
    let access_type =
        fields.or("accessType", AccessType::default(), one_of(AccessType::named, "public, private"));
    let community_type = fields.or(
        "communityType",
        CommunityType::default(),
        one_of(CommunityType::named, "mutual_aid, group"),
    );
    let config = fields.optional("config", object(first_config));
    Some(Wish {
        name: name?,
        description: description?,
        location: location?,
        category: category?,
        max_members: max_members?,
        access_type: access_type?,
        community_type: community_type?,
        config: config?,
    })
}

fn first_config(fields: &mut Fields<'_>) -> Option<ConfigChange> {
    fields.only(&["templateId", "customConfig"])?;
    if fields.has("templateId") {
        return fields.refuse("templateId", Fault::Malformed("left out: there are no templates yet"));
    }
    fields.required("customConfig", |place: Place<'_>| place.parse_object(ConfigChange::parse))
}

/// Creates the community, or meets the one that has its name and place.
pub(super) async fn found(app: &App, call: &Call, wish: Wish) -> Result<Founded, Refused> {
    let drawn = CommunityId::new(app.writer.new_id_for(Domain::Community, call.origin().command_id));
    app.owned_here(&target(drawn))?;
    // A repeat tells of the founding again, whoever has the name by now.
    let repeated = app.repeated(call, target(drawn), wish.command(call, drawn)).await?;
    if let Some(founded) = repeated.filter(is_founding) {
        return Ok(Founded::New(founded));
    }
    let identity = Identity::of(wish.name.as_str(), wish.location.as_ref().map(|it| it.as_str()));
    match names::claim(app, &identity, drawn).await? {
        Claim::Ours => create(app, call, &identity, drawn, wish).await.map(Founded::New),
        Claim::Held(holder) => {
            let present = state_at_owner(app, holder).await?;
            // An earlier attempt of this very call claimed the name and came no further.
            if present.is_none() && partition(app, holder) == partition(app, drawn) {
                return create(app, call, &identity, holder, wish).await.map(Founded::New);
            }
            meet(app, call, holder, present, wish).await
        }
    }
}

/// Meets the community that has the name, on the word of the instance that keeps the answers to this call and has none.
pub(super) async fn meet_held(
    app: &App,
    call: &Call,
    holder: CommunityId,
    wish: Wish,
) -> Result<Founded, Refused> {
    let present = names::state_of(app, holder).await?;
    meet(app, call, holder, present, wish).await
}

/// The state of the holder; when it lives elsewhere, the call is sent there with its id.
async fn state_at_owner(app: &App, holder: CommunityId) -> Result<Option<Present>, Refused> {
    names::state_of(app, holder).await.map_err(|refused| match refused {
        Refused::Elsewhere(there) => Refused::Elsewhere(Elsewhere { holder: Some(holder), ..there }),
        refused @ Refused::Problem(_) => refused,
    })
}

async fn create(
    app: &App,
    call: &Call,
    identity: &Identity,
    id: CommunityId,
    wish: Wish,
) -> Result<Executed, Refused> {
    let executed = app.execute(call, target(id), wish.command(call, id)).await;
    settle_claim(app, identity, id, &executed).await;
    executed
}

/// Confirms the claim of a name that is used now; gives up one that nothing came of.
pub(super) async fn settle_claim(
    app: &App,
    identity: &Identity,
    id: CommunityId,
    executed: &Result<Executed, Refused>,
) {
    let settled = match executed {
        Ok(executed)
            if executed.events.first().is_none_or(|it| it.envelope.aggregate_id == id.to_string()) =>
        {
            names::confirm(app, identity, id).await
        }
        // A repeat of a call that founded a community before, whose name was freed since.
        Ok(_) => names::release(app, identity, id).await,
        Err(Refused::Problem(problem)) if problem.code() == "OUTCOME_UNKNOWN" => Ok(()),
        Err(_) => names::release(app, identity, id).await,
    };
    if let Err(refused) = settled {
        warn!(community_id = %id, reason = %refused, "the claim of a name is settled later");
    }
}

/// Whether a community was founded, and not joined.
fn is_founding(executed: &Executed) -> bool {
    let first = executed.events.first().map(|it| &it.payload);
    matches!(first, Some(Event::Community(CommunityEvent::CommunityCreated(_))))
}

/// Meets the community that has the name, frees the name of one that is archived, and comes back later to one that is
/// still being founded.
async fn meet(
    app: &App,
    call: &Call,
    holder: CommunityId,
    present: Option<Present>,
    wish: Wish,
) -> Result<Founded, Refused> {
    let Some(present) = present else { return Err(names::in_motion()) };
    let Some(active) = present.active() else {
        names::free(app, holder).await?;
        return Err(names::in_motion());
    };
    // The ledger may know this call: as the founding of this community, or as joining it.
    let known = app.execute(call, target(holder), wish.command(call, holder)).await?;
    if is_founding(&known) {
        return Ok(Founded::New(known));
    }
    if !known.events.is_empty() {
        return Ok(Founded::Met(Met { joined: Ok(Role::Member), executed: Some(known), present }));
    }
    let outcome = match active.role_of(call.user) {
        Some(role) => (Ok(role), None),
        None => join(app, call, holder, active).await?,
    };
    Ok(Founded::Met(Met { joined: outcome.0, executed: outcome.1, present }))
}

/// Joins where joining takes nobody's decision.
async fn join(
    app: &App,
    call: &Call,
    holder: CommunityId,
    active: &Active,
) -> Result<(Result<Role, &'static str>, Option<Executed>), Refused> {
    const PRIVATE: &str = "the community exists and is private; ask to be let in";
    const FULL: &str = "the community exists and is full";
    const REMOVED: &str = "the community exists; an admin has to let you in again";
    let removed = matches!(
        active.members.get(call.user),
        Some(Membership::Inactive { cause, .. }) if cause.by_others()
    );
    let active_members = active.members.active().count();
    let full = usize::try_from(active.terms.config.member_cap).is_ok_and(|cap| active_members >= cap);
    match active.details.access_type {
        AccessType::Private => return Ok((Err(PRIVATE), None)),
        AccessType::Public if removed => return Ok((Err(REMOVED), None)),
        AccessType::Public if full => return Ok((Err(FULL), None)),
        AccessType::Public => {}
    }
    let command = Command::JoinCommunity(JoinCommunity { by: call.user, message: None });
    match app.execute(call, target(holder), command).await {
        Ok(executed) => Ok((Ok(Role::Member), Some(executed))),
        Err(Refused::Problem(problem)) if problem.code() == "COMMUNITY_FULL" => Ok((Err(FULL), None)),
        Err(refused) => Err(refused),
    }
}

impl Wish {
    fn command(&self, call: &Call, community_id: CommunityId) -> Command {
        Command::CreateCommunity(Box::new(CreateCommunity {
            community_id,
            by: call.user,
            name: self.name.clone(),
            description: self.description.clone(),
            location: self.location.clone(),
            category: self.category.clone(),
            max_members: self.max_members,
            access_type: self.access_type,
            community_type: self.community_type,
            config: self.config.clone(),
        }))
    }
}

impl Met {
    /// 200 `{community, existing:true, joined, token?}`.
    pub(super) fn answer(&self, app: &App, call: &Call) -> Reply {
        let State::Active(active) = &self.present.state else { return Err(names::in_motion()) };
        let role = self.joined.ok();
        let mut data =
            json!({ "community": shown::present(active, role), "existing": true, "joined": role.is_some() });
        if let Some(role) = role {
            data["token"] = fresh_token(app, call, active.id, role)?.into();
        }
        let answer = done::ok(self.executed.as_ref().unwrap_or(&self.present.executed), data);
        Ok(match self.joined {
            Ok(_) => answer.message("the community exists already"),
            Err(why) => answer.message(why),
        })
    }
}

fn partition(app: &App, id: CommunityId) -> i32 {
    app.writer.partition(Domain::Community, &id.to_string())
}
