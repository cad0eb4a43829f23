//! GET /feed: the personal feed, composed on read (feed.md 3). The parts find candidates, `composition` shares the
//! places out.

mod asks;
mod composition;
mod suggested;
mod yours;

use std::collections::HashSet;

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::{Value, json};
use service_kit::answer::Answer;
use sqlx::Connection;
use sqlx::postgres::PgConnection;
use tracing::warn;
use uuid::Uuid;

use super::Answered;
use super::feed_preferences::Preferences;
use crate::at::At;
use crate::page;
use crate::params::Params;
use crate::reading::{Reading, Who};
use composition::{Profile, compose};

/// A card.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Item {
    /// `<type>_<uuid of the subject>`.
    id: String,
    r#type: &'static str,
    priority: f64,
    created_at: At,
    community_id: Option<Uuid>,
    data: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<String>,
}

impl Item {
    fn new(r#type: &'static str, subject: Uuid, priority: f64, created_at: At, data: Value) -> Self {
        Self {
            id: format!("{type}_{subject}"),
            r#type,
            priority,
            created_at,
            community_id: None,
            data,
            explanation: None,
        }
    }

    fn of(self, community: Option<Uuid>) -> Self {
        Self { community_id: community, ..self }
    }

    fn because(self, explanation: impl Into<String>) -> Self {
        Self { explanation: Some(explanation.into()), ..self }
    }
}

/// The feed. A part that fails is left out and named in `meta.missing`.
pub(crate) async fn show(mut reading: Reading, mut params: Params) -> Answered<Vec<Item>> {
    let limit = params.integer("limit", 1..=50).unwrap_or(20);
    params.finish()?;
    let preferences = Preferences::default();
    let (db, who) = reading.parts();
    let dismissed = dismissed(db, who).await?;
    let profile = profile(db, who).await?;
    let mut missing = Vec::new();
    let yours = part(
        "your_communities",
        yours::items(&mut *savepoint(db).await?, who, &preferences).await,
        &mut missing,
    );
    let suggested = part(
        "suggested",
        suggested::items(&mut *savepoint(db).await?, who, &preferences).await,
        &mut missing,
    );
    // Stories and milestones have no read models yet; their places pass on.
    let parts = [yours, suggested, Vec::new()].map(|part| {
        let mut part: Vec<Item> = part.into_iter().filter(|it| !dismissed.contains(&it.id)).collect();
        if !preferences.show_explanations {
            part.iter_mut().for_each(|it| it.explanation = None);
        }
        part
    });
    let items = compose(profile, limit, parts);
    let mut meta = json!({"count": items.len()});
    if !missing.is_empty() {
        meta["missing"] = json!(missing);
    }
    let pagination = page::whole(items.len());
    Ok(Answer::ok(items).pagination(pagination).meta(meta))
}

/// A failed statement ends only its own part.
async fn savepoint(db: &mut PgConnection) -> sqlx::Result<sqlx::Transaction<'_, sqlx::Postgres>> {
    db.begin().await
}

fn part(name: &'static str, items: sqlx::Result<Vec<Item>>, missing: &mut Vec<&'static str>) -> Vec<Item> {
    items.unwrap_or_else(|error| {
        warn!(%error, part = name, "a part of the feed failed");
        missing.push(name);
        Vec::new()
    })
}

async fn dismissed(db: &mut PgConnection, who: &Who) -> sqlx::Result<HashSet<String>> {
    let dismissed: Vec<(String, Uuid)> =
        sqlx::query_as("SELECT item_type, item_id FROM feed.dismissals WHERE user_id = $1 AND until > $2")
            .bind(who.user_id)
            .bind(who.now)
            .fetch_all(db)
            .await?;
    Ok(dismissed.into_iter().map(|(r#type, id)| format!("{type}_{id}")).collect())
}

async fn profile(db: &mut PgConnection, who: &Who) -> sqlx::Result<Profile> {
    let exchanges: i64 = sqlx::query_scalar(
        "SELECT count(DISTINCT match_id) FROM reputation.exchanges WHERE user_id = $1 AND completed_at > $2",
    )
    .bind(who.user_id)
    .bind(who.now - TimeDelta::days(30))
    .fetch_one(db)
    .await?;
    Ok(Profile::of(who.memberships.len(), exchanges))
}
