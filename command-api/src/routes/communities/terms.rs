//! On which terms a community lives: its settings and its config.

use axum::extract::State;
use domain::community::{ChangeConfig, ChangeSettings, Command, ConfigChange, SettingsChange, Terms};
use event_schemas::Event;
use event_schemas::community::CommunityEvent;
use serde_json::Value;

use super::{community_id, shown, target};
use crate::app::App;
use crate::edge::Call;
use crate::edge::done::{self, Reply};
use crate::edge::fields::Place;
use crate::writer::Executed;

/// PATCH /communities/{id}/settings
pub(crate) async fn change_settings(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let change = call.read_with(SettingsChange::parse)?;
    let command = Command::ChangeSettings(ChangeSettings { by: call.user, change });
    let executed = app.execute(&call, target(id), command).await?;
    Ok(done::ok(&executed, told(&executed, shown::settings)))
}

/// PUT /communities/{id}/config
pub(crate) async fn change_config(State(app): State<App>, call: Call) -> Reply {
    let id = community_id(&call)?;
    let change = call.read(|fields| {
        fields.required("configUpdates", |place: Place<'_>| place.parse_object(ConfigChange::parse))
    })?;
    let command = Command::ChangeConfig(Box::new(ChangeConfig { by: call.user, change }));
    let executed = app.execute(&call, target(id), command).await?;
    Ok(done::ok(&executed, told(&executed, |terms| shown::config(&terms.config))))
}

/// What the command changed, else everything.
fn told(executed: &Executed, everything: impl FnOnce(&Terms) -> Value) -> Value {
    match (executed.events.first().map(|it| &it.payload), &executed.state) {
        (Some(Event::Community(CommunityEvent::CommunitySettingsChanged(event))), _) => {
            shown::changed_settings(event)
        }
        (Some(Event::Community(CommunityEvent::CommunityConfigChanged(event))), _) => {
            shown::changed_config(event)
        }
        (_, Some(domain::State::Community(domain::community::State::Active(active)))) => {
            everything(&active.terms)
        }
        _ => Value::Null,
    }
}
