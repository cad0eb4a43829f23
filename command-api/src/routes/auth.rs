//! Accounts and sessions: `/auth`.

use axum::extract::State;
use domain::user::{DisplayName, EmailAddress, RevocationReason};
use event_schemas::user::UserEvent;
use event_schemas::{AggregateType, Event, SessionId, Timestamp, UserId};
use serde_json::{Value, json};
use service_kit::answer::{Answer, Problem};
use service_kit::auth::TOKEN_LIFE_S;

use crate::accounts::completion::{announce, own_origin};
use crate::accounts::login;
use crate::accounts::registration::{Registration, register};
use crate::accounts::sessions::{Opened, Rotation};
use crate::accounts::tokens::Bearer;
use crate::app::App;
use crate::edge::done::{self, Reply};
use crate::edge::fields::Fields;
use crate::edge::values::{parsed, text, verbatim};
use crate::edge::{Asked, Call, Refused};
use crate::writer::{Executed, Target};
use domain::text::{Fault, fold};
use domain::views::Views;

/// POST /auth/register
pub(crate) async fn register_user(State(app): State<App>, asked: Asked) -> Reply {
    let (newcomer, invitation) = asked.read(registration)?;
    // Invitations come with the trust graph; until then no code leads anywhere.
    if invitation {
        return Err(Problem::bad_request("INVITATION_NOT_FOUND", "there is no such invitation").into());
    }
    let executed = register(&app, &asked, &newcomer).await?;
    let person =
        Person::registered(&executed).ok_or_else(|| Problem::internal("no registration in the answer"))?;
    let opened = app.accounts.open_session(person.id, &asked.device).await?;
    let data = logged_in(&app, &person, opened, json!([]))?;
    Ok(done::created(&executed, data, format!("/users/{}", person.id)))
}

/// POST /auth/login
pub(crate) async fn log_in(State(app): State<App>, asked: Asked) -> Reply {
    let (email, password) = asked.read(credentials)?;
    let user = login::prove(&app, email.as_str(), password).await?;
    let person = Person::present(&app, user, email.as_str()).await?;
    let opened = app.accounts.open_session(user, &asked.device).await?;
    let communities = communities_of(&app, user);
    Ok(Answer::ok(logged_in(&app, &person, opened, communities)?))
}

/// POST /auth/refresh
pub(crate) async fn refresh(State(app): State<App>, asked: Asked) -> Reply {
    let token = asked.read(|fields| fields.required("refreshToken", text::<1, 200>))?;
    match app.accounts.rotate(token.as_str()).await? {
        Rotation::Opened(opened) => {
            let email = app.accounts.address_of(opened.user).await?;
            Ok(Answer::ok(tokens(&app, email, opened)?))
        }
        Rotation::Invalid => Err(refused_token("REFRESH_INVALID", "the refresh token is not valid")),
        Rotation::Reused { user, session, unannounced } => {
            if unannounced {
                announce(&app, user, vec![session], RevocationReason::RefreshReuse).await?;
            }
            Err(refused_token("REFRESH_REUSED", "the refresh token was used before; its session has ended"))
        }
    }
}

/// POST /auth/logout
pub(crate) async fn log_out(State(app): State<App>, asked: Asked) -> Reply {
    let token = asked.read(|fields| fields.optional("refreshToken", text::<1, 200>))?;
    match token {
        Some(token) => app.accounts.end_session_of(token.as_str()).await?,
        None => {
            let claims = asked.claims()?;
            app.accounts.end_session(UserId::new(claims.user_id), SessionId::new(claims.sid)).await?;
        }
    }
    Ok(Answer::ok(json!({})))
}

/// POST /auth/logout-all
pub(crate) async fn log_out_everywhere(State(app): State<App>, call: Call) -> Reply {
    let target = Target::new(AggregateType::User, call.user);
    app.owned_here(&target)?;
    let sessions = app.accounts.end_all_sessions(call.user).await?;
    let command =
        domain::user::RevokeSessions { sessions: sessions.clone(), reason: RevocationReason::LogoutAll };
    let command = domain::user::Command::RevokeSessions(command);
    let executed = app.execute(&call, target, command).await?;
    app.accounts.announced(&sessions).await?;
    Ok(done::ok(&executed, json!({ "sessions": sessions.len() })))
}

/// DELETE /auth/sessions/{sessionId}
pub(crate) async fn revoke_session(State(app): State<App>, call: Call) -> Reply {
    let session = call.id("sessionId", "SESSION_NOT_FOUND")?;
    if !app.accounts.end_session(call.user, session).await? {
        return Err(Problem::not_found("SESSION_NOT_FOUND").into());
    }
    Ok(Answer::ok(json!({ "sessionId": session })))
}

/// POST /auth/stream-ticket
pub(crate) async fn draw_stream_ticket(State(app): State<App>, call: Call) -> Reply {
    let ticket = app.accounts.draw_ticket(call.user, call.claims.sid, call.claims.exp).await?;
    Ok(Answer::ok(json!({ "ticket": ticket, "expiresIn": 60 })))
}

/// The newcomer, and whether they name an invitation.
fn registration(fields: &mut Fields<'_>) -> Option<(Registration, bool)> {
    let email = fields.required("email", parsed(EmailAddress::parse));
    let name: Option<DisplayName> = fields.required("name", text);
    let password = fields.required("password", verbatim::<8, 128>);
    let is_address = email
        .as_ref()
        .zip(password.as_ref())
        .is_some_and(|(email, password)| fold(password) == email.as_str());
    if is_address {
        return fields.refuse("password", Fault::Malformed("another text than the e-mail address"));
    }
    let invitation = fields.optional("invitationCode", text::<1, 200>);
    Some((Registration { email: email?, name: name?, password: password? }, invitation?.is_some()))
}

fn credentials(fields: &mut Fields<'_>) -> Option<(EmailAddress, String)> {
    let email = fields.required("email", parsed(EmailAddress::parse));
    let password = fields.required("password", verbatim::<1, 1000>);
    Some((email?, password?))
}

/// What a login tells about the person.
struct Person {
    id: UserId,
    email: String,
    name: String,
    created_at: Timestamp,
}

impl Person {
    /// Whoever the registration created.
    fn registered(executed: &Executed) -> Option<Self> {
        let Event::User(UserEvent::UserRegistered(event)) = &executed.events.first()?.payload else {
            return None;
        };
        let reveal = |field: &Option<event_schemas::Sealable<String>>| {
            field.as_ref().map(|it| it.reveal(event_schemas::Placeholder::DeletedUser)).unwrap_or_default()
        };
        Some(Self {
            id: event.user_id,
            email: reveal(&event.email),
            name: reveal(&event.name),
            created_at: event.created_at,
        })
    }

    /// The person as the owner of the account knows them.
    async fn present(app: &App, user: UserId, email: &str) -> Result<Self, Refused> {
        // No session is named, so that nothing changes and the state comes back.
        let nothing =
            domain::user::RevokeSessions { sessions: Vec::new(), reason: RevocationReason::LogoutAll };
        let command = domain::user::Command::RevokeSessions(nothing);
        let executed = app.submit(own_origin(user), Target::new(AggregateType::User, user), command).await?;
        let Some(domain::State::User(domain::user::State::Active(active))) = executed.state else {
            return Err(Problem::internal("an account without a state").into());
        };
        let name = active.profile.name.as_ref();
        Ok(Self {
            id: user,
            email: email.to_owned(),
            name: name.map(|it| it.reveal(event_schemas::Placeholder::DeletedUser)).unwrap_or_default(),
            created_at: active.since,
        })
    }
}

/// `{user, token, refreshToken, expiresIn}`.
fn logged_in(app: &App, person: &Person, opened: Opened, communities: Value) -> Result<Value, Refused> {
    let mut data = tokens(app, person.email.clone(), opened)?;
    data["user"] = json!({
        "id": person.id,
        "email": person.email,
        "name": person.name,
        "createdAt": person.created_at.to_string(),
        "communities": communities,
    });
    Ok(data)
}

/// `{token, refreshToken, expiresIn}`.
fn tokens(app: &App, email: String, opened: Opened) -> Result<Value, Refused> {
    let bearer = Bearer { user: opened.user, email, session: opened.session };
    let token = app.accounts.tokens.issue(bearer, &app.views, None)?;
    Ok(json!({ "token": token, "refreshToken": opened.refresh_token, "expiresIn": TOKEN_LIFE_S }))
}

fn communities_of(app: &App, user: UserId) -> Value {
    let community = |id| {
        let role = app.views.member(id, user)?.role;
        Some(json!({ "communityId": id, "name": app.views.community_name(id), "role": role.name() }))
    };
    app.views.communities_of(user).into_iter().filter_map(community).collect()
}

fn refused_token(code: &'static str, message: &'static str) -> Refused {
    Problem::new(axum::http::StatusCode::UNAUTHORIZED, code, message).into()
}
