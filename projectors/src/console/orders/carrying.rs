//! What each kind of order does. What takes long ends early when it is to stop; what is short comes to its end also in a
//! process that stops, so that nobody has to guess whether it was done.

use anyhow::{Context as _, anyhow, bail};
use serde_json::{Value, json};
use sqlx::PgPool;
use tokio_util::sync::CancellationToken;

use super::{HEAVY, Hands, Order, this_process};
use crate::dead_letters::{self, Discard, ParkedKey, Redriven};
use crate::rebuild::{self, Cancelled, Options};
use crate::{heal, outdated, registry, retire, rollback, verify};

/// Most records that are shown of a parked key, and most keys that are named of those that stay parked.
const SHOWN: usize = 20;

impl Hands {
    /// Does what the order says; the answer in the form of `karmyq … --json`.
    pub(super) async fn carry_out(&self, order: &Order, stop: &CancellationToken) -> anyhow::Result<Value> {
        let name = order.projection.as_str();
        match order.kind.as_str() {
            "rebuild" => {
                let options = self.options(order);
                let report =
                    rebuild::rebuild(&self.source, self.owner()?, name, &options, |_| {}, stop).await;
                Ok(serde_json::to_value(report?)?)
            }
            "rebuild_all" => self.rebuild_all(order, stop).await,
            "rollback" => {
                let options = self.options(order);
                let report =
                    rollback::rollback(&self.source, self.owner()?, name, &options, |_| {}, stop).await;
                Ok(serde_json::to_value(report?)?)
            }
            "heal" => {
                let id = order.details.id.context("an id must be named")?;
                let options = self.options(order);
                let healed = heal::heal(&self.source, self.owner()?, name, id, &options, |_| {}, stop).await;
                Ok(serde_json::to_value(healed?)?)
            }
            // Without values: those are for whoever may read the database.
            "verify" => {
                let verifying = verify::verify(&self.source, self.owner()?, name, false, |_| {});
                let verified = stop.run_until_cancelled(verifying).await.ok_or_else(stopped)?;
                Ok(serde_json::to_value(verified?)?)
            }
            "cancel" => self.cancel(order).await,
            "drop" => {
                let version = rollback::drop_kept(self.owner()?, name, order.details.version).await?;
                Ok(json!({ "version": version }))
            }
            "retire" => {
                let tables = retire::retire(self.source.log.as_ref(), self.owner()?, name).await?;
                Ok(json!({ "tables": tables }))
            }
            "show" => self.show(order).await,
            "redrive" => {
                let key = self.parked_key(order).await?;
                Ok(json!({ "redriven": self.redrive(&key, stop).await? }))
            }
            "redrive_all" => self.redrive_all(order, stop).await,
            "discard" => self.discard(order, stop).await,
            kind => bail!("nobody knows how to {kind}"),
        }
    }

    /// One projection after the other. Which ones are outdated is looked up when it begins, and not when somebody asks.
    async fn rebuild_all(&self, order: &Order, stop: &CancellationToken) -> anyhow::Result<Value> {
        let owner = self.owner()?;
        let mut due: Vec<_> = registry::PROJECTIONS.iter().collect();
        if order.details.outdated {
            due = outdated::outdated(owner, &due).await?;
        }
        let (options, mut rebuilt) = (self.options(order), Vec::new());
        for it in &due {
            let report = rebuild::rebuild(&self.source, owner, it.name, &options, |_| {}, stop).await;
            let so_far =
                || format!("{} of {} projections are rebuilt; {}", rebuilt.len(), due.len(), it.name);
            let report = report.with_context(so_far)?;
            rebuilt.push(report);
        }
        Ok(json!({ "rebuilt": rebuilt }))
    }

    /// Stops the job of the projection, whoever runs it, and then what orders do with it beside, but for those that were
    /// asked for later or of which nothing will come any more. Without a projection, the orders that rebuild several.
    async fn cancel(&self, order: &Order) -> anyhow::Result<Value> {
        let became = match order.projection.as_str() {
            "" => Cancelled::NothingRan,
            name => rebuild::cancel(self.owner()?, name, &by(order)).await?,
        };
        let told = sqlx::query(
            "UPDATE projection.orders SET cancelled_by = $3,
                 ended_at = CASE WHEN taken_at IS NULL THEN now() END,
                 outcome = CASE WHEN taken_at IS NULL THEN 'failed' END,
                 error = CASE WHEN taken_at IS NULL THEN 'cancelled before anybody took it' END
             WHERE projection = $1 AND kind = ANY ($2) AND ended_at IS NULL
               AND COALESCE(told_at + interval '30 seconds', lapses_at) > now()
               AND (asked_at, id) < (SELECT asked_at, id FROM projection.orders WHERE id = $4)",
        )
        .bind(&order.projection)
        .bind(HEAVY)
        .bind(&order.asked_by)
        .bind(order.id)
        .execute(&self.pool)
        .await?;
        Ok(json!({ "became": became, "orders": told.rows_affected() }))
    }

    async fn show(&self, order: &Order) -> anyhow::Result<Value> {
        let key = self.parked_key(order).await?;
        let mut shown = Vec::new();
        for it in dead_letters::records(&self.pool, &key, SHOWN as i64).await? {
            shown.push(dead_letters::shown(self.source.decoding.decoder(), &it).await);
        }
        Ok(json!({ "key": key, "records": shown }))
    }

    async fn redrive(&self, key: &ParkedKey, stop: &CancellationToken) -> anyhow::Result<Redriven> {
        let redriving =
            dead_letters::redrive(&self.source, &self.pool, dead_letters::with_code(&key.projection)?, key);
        Ok(stop.run_until_cancelled(redriving).await.ok_or_else(stopped)??)
    }

    async fn redrive_all(&self, order: &Order, stop: &CancellationToken) -> anyhow::Result<Value> {
        let keys = dead_letters::list(&self.pool, Some(&order.projection)).await?;
        let (mut folded, mut stopped) = (0, Vec::new());
        for (done, key) in keys.iter().enumerate() {
            let redriven = self.redrive(key, stop).await;
            let redriven = redriven.with_context(|| format!("{done} of {} keys are redriven", keys.len()))?;
            folded += redriven.folded;
            if redriven.stopped_at.is_some() {
                stopped.push(json!({ "key": key, "stoppedAt": redriven.stopped_at }));
            }
        }
        let stopped_keys = stopped.len();
        stopped.truncate(SHOWN);
        Ok(json!({ "keys": keys.len(), "folded": folded, "stoppedKeys": stopped_keys, "stopped": stopped }))
    }

    async fn discard(&self, order: &Order, stop: &CancellationToken) -> anyhow::Result<Value> {
        let reason = order.details.reason.as_deref().map(str::trim).filter(|it| !it.is_empty());
        let reason = reason.context("a reason must be given")?;
        let key = self.parked_key(order).await?;
        dead_letters::with_code(&key.projection)?;
        let details = &order.details;
        let (whole_key, first_offset) = (details.whole_key, details.first_offset);
        let what = Discard { whole_key, first_offset, by: &order.asked_by, reason };
        let discarded = dead_letters::take_out(&self.pool, &key, what).await?;
        let redriven = self.redrive(&key, stop).await;
        let redriven = redriven
            .with_context(|| format!("{discarded} record(s) are discarded, the rest is not redriven yet"))?;
        Ok(json!({ "discarded": discarded, "redriven": redriven }))
    }

    async fn parked_key(&self, order: &Order) -> anyhow::Result<ParkedKey> {
        let key = order.details.key.as_deref().context("a key must be named")?;
        Ok(dead_letters::find(&self.pool, &order.projection, order.details.topic.as_deref(), key).await?)
    }

    fn options(&self, order: &Order) -> Options {
        let (throttle, version) = (order.details.throttle, order.details.version);
        Options { throttle, version, by: by(order), limits: self.limits }
    }

    fn owner(&self) -> anyhow::Result<&PgPool> {
        self.owner.as_ref().context("this process has no MIGRATIONS_DATABASE_URL")
    }
}

/// Who wants it, and where it is done.
fn by(order: &Order) -> String {
    format!("{} on the console ({})", order.asked_by, this_process())
}

fn stopped() -> anyhow::Error {
    anyhow!("stopped before it had ended")
}
