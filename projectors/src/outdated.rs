//! A deploy with other code: the rows that stand serve on and are folded on, and whoever operates this is told to rebuild.

use std::time::Duration;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::backoff::Backoff;
use crate::parking::Limits;
use crate::projection::Registration;
use crate::rebuild::{Error, Options, rebuild};
use crate::replay::Source;

/// How long somebody else's rebuild is left alone before it is looked at again.
const RUNNING: Duration = Duration::from_secs(15);

/// The projections of these whose rows were not made by this code, or that nobody has ever folded.
///
/// # Errors
/// When the database fails.
pub async fn outdated(
    pool: &PgPool,
    registrations: &[&'static Registration],
) -> sqlx::Result<Vec<&'static Registration>> {
    let mut due = Vec::new();
    for registration in registrations {
        let fingerprint: Option<String> =
            sqlx::query_scalar("SELECT fingerprint FROM projection.active WHERE projection = $1")
                .bind(registration.name)
                .fetch_optional(pool)
                .await?;
        if fingerprint != Some(registration.fingerprint()) {
            due.push(*registration);
        }
    }
    Ok(due)
}

/// Notes whose code folds from now on, and warns where the rows were made by other code.
pub(crate) async fn note(pool: &PgPool, registrations: &[&'static Registration]) -> sqlx::Result<()> {
    for registration in registrations {
        let (projection, fingerprint) = (registration.name, registration.fingerprint());
        let of_rows: Option<String> = sqlx::query_scalar(
            "UPDATE projection.active SET folded_by = $2 WHERE projection = $1 RETURNING fingerprint",
        )
        .bind(projection)
        .bind(&fingerprint)
        .fetch_optional(pool)
        .await?;
        if of_rows.is_some_and(|it| it != fingerprint) {
            warn!(
                projection,
                "its rows were made by other code and serve on: run `karmyq projections rebuild --auto`"
            );
        }
    }
    Ok(())
}

/// What `AUTO_REBUILD` does: rebuilds what is due, one after the other, until nothing is or shutdown begins. Several
/// instances may do this at once: one rebuilds, the others wait for it.
pub async fn rebuild_all(
    source: &Source,
    owner: &PgPool,
    due: Vec<&'static Registration>,
    limits: Limits,
    shutdown: &CancellationToken,
) {
    let by = format!("AUTO_REBUILD of projectors (process {})", std::process::id());
    let options = Options { by, limits, ..Options::default() };
    for registration in due {
        let mut backoff = Backoff::default();
        while !shutdown.is_cancelled() {
            match rebuild(source, owner, registration.name, &options, |_| {}, shutdown).await {
                Ok(report) => {
                    info!(projection = report.projection, version = report.version, "is up to date")
                }
                Err(Error::Cancelled) => info!(projection = registration.name, "its rebuild was cancelled"),
                Err(Error::Running { by, .. }) => {
                    info!(projection = registration.name, by, "somebody else is at it");
                    shutdown.run_until_cancelled(tokio::time::sleep(RUNNING)).await;
                    if is_still_due(owner, registration).await {
                        continue;
                    }
                }
                Err(error) => {
                    error!(projection = registration.name, %error, "cannot be rebuilt, trying again");
                    backoff.wait(shutdown).await;
                    continue;
                }
            }
            break;
        }
    }
}

async fn is_still_due(owner: &PgPool, registration: &'static Registration) -> bool {
    // When that cannot be told, trying tells it.
    outdated(owner, &[registration]).await.map_or(true, |it| !it.is_empty())
}
