//! `karmyq dead-letters show`: the parked records of a key, as far as they can be read.

use std::process::ExitCode;

use anyhow::Result;
use projectors::dead_letters;
use serde_json::json;
use service_kit::config::Reader;
use sqlx::PgPool;

use super::{Of, hints};
use crate::engine::Engine;
use crate::terminal::{mention, say};

/// Shows what was asked for.
pub(super) async fn run(owner: &PgPool, of: &Of, most: u32) -> Result<ExitCode> {
    let key = of.find(owner).await?;
    let records = dead_letters::records(owner, &key, most.into()).await?;
    let engine = Engine::connect(Reader::from_environment()).await?;
    let mut shown = Vec::new();
    for it in &records {
        shown.push(dead_letters::shown(&engine.decoder, it).await);
    }
    if of.json {
        say(json!({ "key": key, "records": shown }));
        return Ok(ExitCode::SUCCESS);
    }
    let left = key.records - i64::try_from(shown.len()).unwrap_or(i64::MAX);
    for it in shown {
        say(format_args!("{it:#}"));
    }
    if left > 0 {
        say(format_args!("… and {left} more"));
    }
    mention(hints::to_heal(&key));
    Ok(ExitCode::SUCCESS)
}
