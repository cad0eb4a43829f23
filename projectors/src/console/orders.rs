//! Orders: what operators ask for on the console, carried out by the same functions as the command line's.
//!
//! An order is taken by one process, or by nobody: one that waits for longer than a minute lapses, because a rebuild that
//! begins by itself an hour after somebody wanted it would be a surprise. While somebody is at it they say so every few
//! seconds; an order that is silent and has not ended was cut off, and what a rebuild leaves behind is cleaned up as ever.

use std::num::NonZeroU32;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use uuid::Uuid;

use crate::dead_letters::{self, Discard};
use crate::rebuild::{self, Options};
use crate::registry;
use crate::replay::Source;
use crate::{rollback, verify};

/// How often somebody looks for orders.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is said that an order is being worked on.
const TELL: Duration = Duration::from_secs(5);

/// Orders that one process carries out at once.
const AT_ONCE: usize = 4;

/// Most records that are shown of a parked key.
const SHOWN: i64 = 20;

/// Needs the owner of the tables.
const OF_OWNER: [&str; 5] = ["rebuild", "cancel", "rollback", "drop", "verify"];

/// Whoever may write the rows can do it.
const OF_PROJECTOR: [&str; 3] = ["show", "redrive", "discard"];

/// What orders are carried out with.
#[derive(Clone, Debug)]
pub struct Hands {
    /// Where facts come from.
    pub source: Source,
    /// PostgreSQL as `karmyq_projector`.
    pub pool: PgPool,
    /// PostgreSQL as the owner of the tables, if this process may.
    pub owner: Option<PgPool>,
}

#[derive(Debug, FromRow)]
struct Order {
    id: Uuid,
    kind: String,
    projection: String,
    details: Json<Details>,
    asked_by: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    throttle: Option<NonZeroU32>,
    topic: Option<String>,
    key: Option<String>,
    reason: Option<String>,
    whole_key: bool,
}

/// Takes orders until shutdown; those under way are ended first.
pub(super) async fn keep_taking(hands: Hands, shutdown: &CancellationToken) {
    let mut under_way = JoinSet::new();
    while !shutdown.is_cancelled() {
        while under_way.try_join_next().is_some() {}
        if under_way.len() < AT_ONCE {
            match take(&hands).await {
                Ok(Some(order)) => {
                    let (hands, shutdown) = (hands.clone(), shutdown.clone());
                    under_way.spawn(async move { hands.see_to(order, &shutdown).await });
                    continue;
                }
                Ok(None) => {}
                Err(error) => warn!(%error, "could not look for orders of the console"),
            }
        }
        shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await;
    }
    while under_way.join_next().await.is_some() {}
}

/// Takes the order that waits longest and carries it out; false when none waits that these hands can carry out.
///
/// # Errors
/// When the database fails before an order is taken. What becomes of the order stands in its row.
pub async fn carry_out_next(hands: &Hands, shutdown: &CancellationToken) -> sqlx::Result<bool> {
    let Some(order) = take(hands).await? else { return Ok(false) };
    hands.see_to(order, shutdown).await;
    Ok(true)
}

async fn take(hands: &Hands) -> sqlx::Result<Option<Order>> {
    let owned: &[&str] = if hands.owner.is_some() { &OF_OWNER } else { &[] };
    sqlx::query_as(
        "UPDATE projection.orders SET taken_by = $2, taken_at = now(), told_at = now()
         WHERE id = (
             SELECT id FROM projection.orders
             WHERE taken_at IS NULL AND kind = ANY ($1) AND asked_at > now() - interval '1 minute'
             ORDER BY asked_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, kind, projection, details, asked_by",
    )
    .bind([owned, &OF_PROJECTOR].concat())
    .bind(this_process())
    .fetch_optional(&hands.pool)
    .await
}

impl Hands {
    /// Carries an order out, tells meanwhile that somebody is at it, and writes down what came of it.
    async fn see_to(&self, order: Order, shutdown: &CancellationToken) {
        info!(order = %order.id, kind = order.kind, projection = order.projection, by = order.asked_by, "took an order");
        let result = tokio::select! {
            result = self.carry_out(&order, shutdown) => result,
            () = self.keep_telling(order.id) => return,
        };
        let (outcome, answer, error) = match result {
            Ok(answer) => ("done", Some(answer), None),
            Err(error) => ("failed", None, Some(format!("{error:#}"))),
        };
        let noted = sqlx::query(
            "UPDATE projection.orders SET ended_at = now(), outcome = $2, answer = $3, error = $4 WHERE id = $1",
        );
        let noted = noted.bind(order.id).bind(outcome).bind(answer).bind(error).execute(&self.pool).await;
        if let Err(error) = noted {
            warn!(order = %order.id, %error, "what came of an order could not be written down");
        }
    }

    /// Never ends.
    async fn keep_telling(&self, id: Uuid) {
        loop {
            tokio::time::sleep(TELL).await;
            let told = sqlx::query("UPDATE projection.orders SET told_at = now() WHERE id = $1").bind(id);
            if let Err(error) = told.execute(&self.pool).await {
                warn!(order = %id, %error, "could not tell that an order is being worked on");
            }
        }
    }

    async fn carry_out(&self, order: &Order, shutdown: &CancellationToken) -> anyhow::Result<Value> {
        match order.kind.as_str() {
            // These clean up after themselves when they are cancelled.
            "rebuild" => self.rebuild(order, shutdown).await,
            "rollback" => self.roll_back(order, shutdown).await,
            _ => shutdown
                .run_until_cancelled(self.carry_out_short(order))
                .await
                .ok_or_else(|| anyhow!("the process was stopped meanwhile"))?,
        }
    }

    async fn carry_out_short(&self, order: &Order) -> anyhow::Result<Value> {
        let name = order.projection.as_str();
        match order.kind.as_str() {
            "cancel" => {
                let became = rebuild::cancel(self.owner()?, name, &by(order)).await?;
                Ok(json!({ "became": became }))
            }
            "drop" => Ok(json!({ "version": rollback::drop_kept(self.owner()?, name, None).await? })),
            // Without values: those are for whoever may read the database.
            "verify" => {
                Ok(serde_json::to_value(verify::verify(&self.source, self.owner()?, name, false).await?)?)
            }
            "show" => self.show(order).await,
            "redrive" => self.redrive(order).await,
            "discard" => self.discard(order).await,
            kind => bail!("nobody knows how to {kind}"),
        }
    }

    async fn rebuild(&self, order: &Order, shutdown: &CancellationToken) -> anyhow::Result<Value> {
        let options = Options { throttle: order.details.throttle, by: by(order), ..Options::default() };
        let name = order.projection.as_str();
        let report = rebuild::rebuild(&self.source, self.owner()?, name, &options, |_| {}, shutdown).await?;
        Ok(serde_json::to_value(report)?)
    }

    async fn roll_back(&self, order: &Order, shutdown: &CancellationToken) -> anyhow::Result<Value> {
        let options = Options { by: by(order), ..Options::default() };
        let name = order.projection.as_str();
        let report =
            rollback::rollback(&self.source, self.owner()?, name, &options, |_| {}, shutdown).await?;
        Ok(serde_json::to_value(report)?)
    }

    async fn show(&self, order: &Order) -> anyhow::Result<Value> {
        let key = self.parked_key(order).await?;
        let mut shown = Vec::new();
        for it in dead_letters::records(&self.pool, &key, SHOWN).await? {
            shown.push(dead_letters::shown(self.source.decoding.decoder(), &it).await);
        }
        Ok(json!({ "key": key, "records": shown }))
    }

    async fn redrive(&self, order: &Order) -> anyhow::Result<Value> {
        let key = self.parked_key(order).await?;
        let registration = registry::named(&key.projection).context("it is a projection of this version")?;
        let redriven = dead_letters::redrive(&self.source, &self.pool, registration, &key).await?;
        Ok(json!({ "redriven": redriven }))
    }

    async fn discard(&self, order: &Order) -> anyhow::Result<Value> {
        let reason = order.details.reason.as_deref().map(str::trim).filter(|it| !it.is_empty());
        let reason = reason.context("a reason must be given")?;
        let key = self.parked_key(order).await?;
        let registration = registry::named(&key.projection).context("it is a projection of this version")?;
        let what =
            Discard { whole_key: order.details.whole_key, first_offset: None, by: &order.asked_by, reason };
        let (discarded, redriven) =
            dead_letters::discard(&self.source, &self.pool, registration, &key, what).await?;
        Ok(json!({ "discarded": discarded, "redriven": redriven }))
    }

    async fn parked_key(&self, order: &Order) -> anyhow::Result<dead_letters::ParkedKey> {
        let key = order.details.key.as_deref().context("a key must be named")?;
        Ok(dead_letters::find(&self.pool, &order.projection, order.details.topic.as_deref(), key).await?)
    }

    fn owner(&self) -> anyhow::Result<&PgPool> {
        self.owner.as_ref().context("this process has no MIGRATIONS_DATABASE_URL")
    }
}

/// Who wants it, and where it is done.
fn by(order: &Order) -> String {
    format!("{} on the console ({})", order.asked_by, this_process())
}

fn this_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("projectors@{}, process {}", host.trim(), std::process::id())
}
