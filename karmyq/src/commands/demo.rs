//! `karmyq demo`: an exchange between neighbours, played on the running services and told live.
//!
//! `story` is what happens, `stage` how it is told.

mod stage;
mod story;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result};

use self::stage::Stage;
use self::story::Story;
use crate::api::Api;

/// How long the services may take until they are ready.
const READY: Duration = Duration::from_secs(30);

/// Plays it with new people and a new community; fails at the first thing that is not as it should be.
pub(crate) async fn run() -> Result<ExitCode> {
    let api = Api::from_environment()?;
    api.ready(READY).await.context("the services are not ready; `./dev up` starts them")?;
    let mut story = Story::new(api, Stage::open());
    let played = story.play().await;
    story.stage.close(played.as_ref().err());
    played.map(|()| ExitCode::SUCCESS)
}
