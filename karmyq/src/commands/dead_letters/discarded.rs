//! `karmyq dead-letters discarded`: what was taken out for good, and who says why.

use std::process::ExitCode;

use anyhow::Result;
use projectors::dead_letters::{self, Discarded, text_of};
use serde_json::json;
use sqlx::PgPool;

use crate::terminal::say;

/// Tells what was discarded, the last first.
pub(super) async fn run(
    owner: &PgPool,
    projection: Option<&str>,
    most: u32,
    as_json: bool,
) -> Result<ExitCode> {
    let all = dead_letters::discarded(owner, projection, most.into()).await?;
    if as_json {
        say(json!({ "discarded": all }));
    } else if all.is_empty() {
        say("nothing was discarded");
    } else {
        say(format_args!(
            "{:<16} {:<38} {:<24} {:<20}  by, and why; why it was parked",
            "projection", "key", "record", "when"
        ));
        all.iter().for_each(|it| say(line(it)));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(it: &Discarded) -> String {
    let position = format!("{}/{}@{}", it.topic, it.partition, it.offset);
    let (name, key, at) = (&it.projection, text_of(&it.key), it.at.format("%Y-%m-%dT%H:%M:%SZ"));
    let (by, reason, parked) = (&it.by, &it.reason, &it.parked_reason);
    format!("{name:<16} {key:<38} {position:<24} {at:<20}  {by}: {reason}; {parked}")
}
