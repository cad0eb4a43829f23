//! Looking around: every ten seconds one of all processes writes down how far every projection is, as
//! `karmyq projections status` tells it, so that the console shows the last hour without asking the log itself.

use std::time::Duration;

use serde_json::Value;
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::rebuild::Error;
use crate::replay::Source;
use crate::status::{self, ProjectionStatus};

/// How often.
const EVERY: Duration = Duration::from_secs(10);

/// Looks around until shutdown. What cannot be looked at is not written, and shows as a gap.
pub(super) async fn keep_looking(source: &Source, pool: &PgPool, shutdown: &CancellationToken) {
    loop {
        match shutdown.run_until_cancelled(look_in_turn(source, pool)).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => warn!(%error, "could not look around for the console"),
            None => return,
        }
        if shutdown.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_none() {
            return;
        }
    }
}

/// Looks around, unless another process has just done so; whether it did.
///
/// # Errors
/// When log or database fail.
pub async fn look_in_turn(source: &Source, pool: &PgPool) -> Result<bool, Error> {
    if !is_our_turn(pool).await? {
        return Ok(false);
    }
    forget(pool).await?;
    let all = status::status(source, pool, None).await?;
    note(pool, &all).await?;
    Ok(true)
}

/// Takes the turn of these ten seconds. A little sooner counts, or clocks that differ would halve the rate.
async fn is_our_turn(pool: &PgPool) -> sqlx::Result<bool> {
    let taken = sqlx::query(
        "INSERT INTO projection.look_out AS o VALUES (true, now()) ON CONFLICT (alone) DO UPDATE SET looked_at = now()
         WHERE o.looked_at < now() - interval '9 seconds'",
    )
    .execute(pool)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// What orders have shown of records goes after an hour, and the orders themselves after ninety days.
async fn forget(pool: &PgPool) -> sqlx::Result<()> {
    let showed = "UPDATE projection.orders SET answer = NULL
         WHERE kind = 'show' AND answer IS NOT NULL AND asked_at < now() - interval '1 hour'";
    sqlx::query(showed).execute(pool).await?;
    let orders = "DELETE FROM projection.orders WHERE asked_at < now() - interval '90 days'";
    sqlx::query(orders).execute(pool).await?;
    Ok(())
}

async fn note(pool: &PgPool, all: &[ProjectionStatus]) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    for it in all {
        let events: i64 = it.partitions.iter().filter_map(|it| it.lag_events).sum();
        let seconds = it.partitions.iter().map(|it| it.lag_seconds).fold(0.0, f64::max);
        let status = serde_json::to_value(it).unwrap_or(Value::Null);
        sqlx::query(
            "WITH sample AS (
                 INSERT INTO projection.samples (projection, state, lag_events, lag_seconds) VALUES ($1, $2, $3, $4))
             INSERT INTO projection.whereabouts (projection, status) VALUES ($1, $5)
             ON CONFLICT (projection) DO UPDATE SET seen_at = now(), status = excluded.status",
        )
        .bind(it.projection)
        .bind(status["state"].as_str().unwrap_or_default())
        .bind(events)
        .bind(seconds)
        .bind(&status)
        .execute(&mut *transaction)
        .await?;
    }
    let names: Vec<&str> = all.iter().map(|it| it.projection).collect();
    sqlx::query("DELETE FROM projection.whereabouts WHERE projection <> ALL ($1)")
        .bind(names)
        .execute(&mut *transaction)
        .await?;
    sqlx::query("DELETE FROM projection.samples WHERE seen_at < now() - interval '65 minutes'")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}
