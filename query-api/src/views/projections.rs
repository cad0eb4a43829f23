//! GET /admin/projections: what is live, what is kept, and which rebuild is under way or was the last. For operators.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use service_kit::answer::{Answer, Problem};
use sqlx::FromRow;

use super::Answered;
use crate::at::At;
use crate::page;
use crate::reading::Reading;

/// A projection.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ProjectionState {
    projection: String,
    version: i32,
    live_since: At,
    /// The rows were built by other code than folds now: a rebuild is due.
    outdated: bool,
    /// Records set aside.
    parked: i64,
    kept: Option<Kept>,
    /// As `projection.latest_jobs` forms it.
    job: Option<Value>,
    partitions: Vec<Checkpoint>,
}

/// The version that a rollback brings back.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept {
    version: i32,
    replaced_at: At,
}

/// How far a partition is folded.
#[derive(Debug, FromRow, Serialize)]
#[serde(rename_all = "camelCase")]
struct Checkpoint {
    #[serde(skip)]
    projection: String,
    topic: String,
    partition: i32,
    next_offset: i64,
    updated_at: At,
}

#[derive(FromRow)]
struct Row {
    projection: String,
    version: i32,
    switched_at: At,
    outdated: bool,
    parked: i64,
    kept_version: Option<i32>,
    replaced_at: Option<DateTime<Utc>>,
    job: Option<Value>,
}

/// All projections, by name.
pub(crate) async fn list(mut reading: Reading) -> Answered<Vec<ProjectionState>> {
    if !reading.claims.is_operator() {
        return Err(Problem::role_required("operator"));
    }
    let rows: Vec<Row> = sqlx::query_as(
        "SELECT a.projection, a.version, a.switched_at, COALESCE(a.folded_by <> a.fingerprint, false) AS outdated,
                (SELECT count(*) FROM projection.parked AS p
                 WHERE p.projection = a.projection AND p.version = a.version) AS parked,
                k.version AS kept_version, k.replaced_at, j.job
         FROM projection.active AS a
         LEFT JOIN projection.kept AS k USING (projection)
         LEFT JOIN projection.latest_jobs AS j USING (projection)
         ORDER BY a.projection",
    )
    .fetch_all(reading.db())
    .await?;
    let mut checkpoints: Vec<Checkpoint> = sqlx::query_as(
        "SELECT c.projection, c.topic, c.partition, c.next_offset, c.updated_at
         FROM projection.active AS a JOIN projection.checkpoints AS c USING (projection, version)
         ORDER BY c.topic, c.partition",
    )
    .fetch_all(reading.db())
    .await?;
    let states: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let partitions = checkpoints.extract_if(.., |it| it.projection == row.projection).collect();
            let kept = row.kept_version.zip(row.replaced_at);
            ProjectionState {
                projection: row.projection,
                version: row.version,
                live_since: row.switched_at,
                outdated: row.outdated,
                parked: row.parked,
                kept: kept.map(|(version, at)| Kept { version, replaced_at: At(at) }),
                job: row.job,
                partitions,
            }
        })
        .collect();
    let pagination = page::whole(states.len());
    Ok(Answer::ok(states).pagination(pagination))
}
