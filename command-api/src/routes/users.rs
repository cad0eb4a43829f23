//! One's own account: `/users`.

use axum::extract::State;
use domain::user::{
    Active, AddSkill, AvatarUrl, ChangeSettings, Command, Home, Locale, RemoveSkill, Settings, SkillId,
    SkillName, Timezone, UpdateProfile, Vehicle,
};
use event_schemas::user::{UserEvent, UserSettingsChanged, UserUpdated};
use event_schemas::{AggregateType, Event, UserId};
use serde_json::{Value, json};
use service_kit::answer::Problem;
use uuid::Uuid;

use crate::app::App;
use crate::edge::done::{self, Reply};
use crate::edge::fields::{Fields, Place, object};
use crate::edge::shown::Shown;
use crate::edge::values::{boolean, integer, number, parsed, text};
use crate::edge::{Call, Refused};
use crate::writer::{Executed, Target};

/// PUT and PATCH /users/{id}
pub(crate) async fn update_profile(State(app): State<App>, call: Call) -> Reply {
    let user_id = own_id(&call)?;
    let update = call.read(|fields| profile(fields, user_id))?;
    let executed = app.execute(&call, target(user_id), Command::UpdateProfile(Box::new(update))).await?;
    Ok(done::ok(&executed, shown_profile(user_id, &executed)))
}

/// POST /users/{id}/skills
pub(crate) async fn add_skill(State(app): State<App>, call: Call) -> Reply {
    let user_id = own_id(&call)?;
    let skill: SkillName = call.read(|fields| fields.required("skill", text))?;
    let skill_id = SkillId::new(Uuid::now_v7());
    let command = Command::AddSkill(AddSkill { user_id, by: call.user, skill_id, skill });
    let executed = app.execute(&call, target(user_id), command).await?;
    let (skill_id, data) = shown_skill(&executed)?;
    Ok(done::created(&executed, data, format!("/users/{user_id}/skills/{skill_id}")))
}

/// DELETE /users/{id}/skills/{skillId}
pub(crate) async fn remove_skill(State(app): State<App>, call: Call) -> Reply {
    let user_id = own_id(&call)?;
    let skill_id: Uuid = call.id("skillId", "SKILL_NOT_FOUND")?;
    let command =
        Command::RemoveSkill(RemoveSkill { user_id, by: call.user, skill_id: SkillId::new(skill_id) });
    let executed = app.execute(&call, target(user_id), command).await?;
    Ok(done::ok(&executed, json!({ "skillId": skill_id })))
}

/// PATCH /users/me/settings
pub(crate) async fn change_settings(State(app): State<App>, call: Call) -> Reply {
    let change = call.read(settings)?;
    let executed = app.execute(&call, target(call.user), Command::ChangeSettings(change)).await?;
    Ok(done::ok(&executed, shown_settings(&executed)))
}

fn target(user: UserId) -> Target {
    Target::new(AggregateType::User, user)
}

/// The id of the path, which must be the caller's.
fn own_id(call: &Call) -> Result<UserId, Refused> {
    let user_id = call.id("id", "USER_NOT_FOUND")?;
    if user_id == call.user { Ok(user_id) } else { Err(Problem::forbidden().into()) }
}

fn profile(fields: &mut Fields<'_>, user_id: UserId) -> Option<UpdateProfile> {
    let name = fields.set("name", text);
    let bio = fields.change("bio", text);
    let avatar_url = fields.change("avatarUrl", parsed(AvatarUrl::parse));
    let phone = fields.change("phone", text);
    let home = fields.change("home", object(home));
    let vehicle = fields.change("vehicle", vehicle);
    Some(UpdateProfile {
        name: name?,
        bio: bio?,
        avatar_url: avatar_url?,
        phone: phone?,
        home: home?,
        vehicle: vehicle?,
        ..UpdateProfile::of(user_id)
    })
}

fn home(fields: &mut Fields<'_>) -> Option<Home> {
    let label = fields.required("label", text);
    let lat = fields.required("lat", number(-90.0, 90.0));
    let lng = fields.required("lng", number(-180.0, 180.0));
    // The readers know the ranges, so that each fault has its own path.
    Home::new(label?, lat?, lng?).ok()
}

fn vehicle(place: Place<'_>) -> Option<Vehicle> {
    object(|fields| {
        let kind = fields.required("kind", text);
        let seats = fields.required("seats", integer(1, 10));
        match Vehicle::new(kind?, seats?) {
            Ok(vehicle) => Some(vehicle),
            Err(fault) => fields.refuse("seats", fault),
        }
    })(place)
}

fn settings(fields: &mut Fields<'_>) -> Option<ChangeSettings> {
    let show_my_karma_to_me = fields.set("showMyKarmaToMe", boolean);
    let share_reputation = fields.set("shareReputation", boolean);
    let show_connection_path = fields.set("showConnectionPath", boolean);
    let show_who_invited_me = fields.set("showWhoInvitedMe", boolean);
    let show_who_i_invited = fields.set("showWhoIInvited", boolean);
    let timezone = fields.set("timezone", parsed(Timezone::parse));
    let locale = fields.set("locale", parsed(Locale::parse));
    Some(ChangeSettings {
        show_my_karma_to_me: show_my_karma_to_me?,
        share_reputation: share_reputation?,
        show_connection_path: show_connection_path?,
        show_who_invited_me: show_who_invited_me?,
        show_who_i_invited: show_who_i_invited?,
        timezone: timezone?,
        locale: locale?,
    })
}

/// Changed fields, else the whole profile.
fn shown_profile(user_id: UserId, executed: &Executed) -> Value {
    let shown = Shown::with_id(user_id);
    if let Some(Event::User(UserEvent::UserUpdated(event))) = executed.events.first().map(|it| &it.payload) {
        let UserUpdated { user_id: _, name, bio, avatar_url, phone, home, vehicle, cleared } = event;
        return shown
            .maybe_text("name", name)
            .maybe_text("bio", bio)
            .maybe_text("avatarUrl", avatar_url)
            .maybe_text("phone", phone)
            .maybe_object("home", home)
            .maybe("vehicle", vehicle)
            .cleared(cleared.iter().map(String::as_str))
            .into();
    }
    let Some(Active { profile, since, .. }) = state(executed) else { return shown.into() };
    shown
        .cleared(["name", "email", "bio", "avatarUrl", "phone", "home", "vehicle"])
        .maybe_text("name", &profile.name)
        .maybe_text("email", &profile.email)
        .maybe_text("bio", &profile.bio)
        .maybe_text("avatarUrl", &profile.avatar_url)
        .maybe_text("phone", &profile.phone)
        .maybe_object("home", &profile.home)
        .maybe("vehicle", &profile.vehicle)
        .maybe_at("createdAt", Some(*since))
        .into()
}

fn shown_skill(executed: &Executed) -> Result<(String, Value), Refused> {
    let added = executed.events.first();
    let Some((Event::User(UserEvent::UserSkillAdded(event)), envelope)) =
        added.map(|it| (&it.payload, &it.envelope))
    else {
        return Err(Problem::internal("a skill was added without an event").into());
    };
    let shown = Shown::default()
        .put("skillId", &event.skill_id)
        .maybe_text("skill", &event.skill)
        .maybe_text("slug", &event.slug_sealed)
        .maybe("slug", &event.slug)
        .maybe_at("createdAt", Some(envelope.timestamp));
    Ok((event.skill_id.clone(), shown.into()))
}

/// Changed settings, else all of them.
fn shown_settings(executed: &Executed) -> Value {
    if let Some(Event::User(UserEvent::UserSettingsChanged(event))) =
        executed.events.first().map(|it| &it.payload)
    {
        let UserSettingsChanged {
            user_id: _,
            show_my_karma_to_me,
            share_reputation,
            show_connection_path,
            show_who_invited_me,
            show_who_i_invited,
            timezone,
            locale,
        } = event;
        return Shown::default()
            .maybe("showMyKarmaToMe", show_my_karma_to_me)
            .maybe("shareReputation", share_reputation)
            .maybe("showConnectionPath", show_connection_path)
            .maybe("showWhoInvitedMe", show_who_invited_me)
            .maybe("showWhoIInvited", show_who_i_invited)
            .maybe("timezone", timezone)
            .maybe("locale", locale)
            .into();
    }
    let Some(Active { settings, .. }) = state(executed) else { return json!({}) };
    let Settings {
        show_my_karma_to_me,
        share_reputation,
        show_connection_path,
        show_who_invited_me,
        show_who_i_invited,
        timezone,
        locale,
    } = settings;
    json!({
        "showMyKarmaToMe": show_my_karma_to_me,
        "shareReputation": share_reputation,
        "showConnectionPath": show_connection_path,
        "showWhoInvitedMe": show_who_invited_me,
        "showWhoIInvited": show_who_i_invited,
        "timezone": timezone,
        "locale": locale,
    })
}

fn state(executed: &Executed) -> Option<&Active> {
    let domain::State::User(domain::user::State::Active(active)) = executed.state.as_ref()? else {
        return None;
    };
    Some(active)
}
