//! Orders: what operators ask for on the console, carried out by the same functions as the command line's.
//!
//! An order is taken by one process, or by nobody once it has lapsed. Whoever could take it and is at work on others holds it
//! meanwhile, so that it stands in line and does not lapse. While somebody is at an order they say so every few seconds; one
//! that is silent and has not ended was cut off, and what a rebuild leaves behind is cleaned up as ever. `carrying` does what
//! an order says.

mod carrying;

use std::num::NonZeroU32;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use sqlx::types::Json;
use sqlx::{FromRow, PgPool};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::backoff::Backoff;
use crate::parking::Limits;
use crate::replay::Source;

/// How often somebody looks for orders.
const LOOK: Duration = Duration::from_secs(1);

/// How often it is said that an order is being worked on, and looked whether it is still wanted.
const TELL: Duration = Duration::from_secs(2);

/// Attempts to write down what came of an order, for a process that is to stop.
const ATTEMPTS: u32 = 6;

/// What folds a whole projection, beside the workers of the same process.
const HEAVY: &[&str] = &["rebuild", "rebuild_all", "rollback", "verify", "heal"];

/// What is done soon.
const LIGHT: &[&str] = &["drop", "retire", "show", "redrive", "redrive_all", "discard"];

/// Never waits for others, because it is what ends them.
const CANCEL: &[&str] = &["cancel"];

/// How many of a kind one process carries out at a time.
const AT_ONCE: [(&[&str], usize); 3] = [(HEAVY, 1), (LIGHT, 4), (CANCEL, usize::MAX)];

/// Whoever may write the rows can do it. The rest needs the owner of the tables.
const OF_PROJECTOR: [&str; 4] = ["show", "redrive", "redrive_all", "discard"];

/// What orders are carried out with.
#[derive(Clone, Debug)]
pub struct Hands {
    /// Where facts come from.
    pub source: Source,
    /// PostgreSQL as `karmyq_projector`.
    pub pool: PgPool,
    /// PostgreSQL as the owner of the tables, if this process may.
    pub owner: Option<PgPool>,
    /// How much may be parked.
    pub limits: Limits,
}

#[derive(Debug, FromRow)]
struct Order {
    id: Uuid,
    kind: String,
    projection: String,
    details: Json<Details>,
    asked_by: String,
}

/// What an order says beside kind and projection, as `0020_console.sql` tells.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Details {
    throttle: Option<NonZeroU32>,
    outdated: bool,
    version: Option<i32>,
    id: Option<Uuid>,
    topic: Option<String>,
    key: Option<String>,
    first_offset: Option<i64>,
    reason: Option<String>,
    whole_key: bool,
}

/// An order that this process is at.
struct UnderWay {
    id: Uuid,
    kind: String,
    task: JoinHandle<()>,
}

/// Takes orders until shutdown; those under way are ended first.
pub async fn keep_taking(hands: Hands, shutdown: &CancellationToken) {
    let mut under_way: Vec<UnderWay> = Vec::new();
    while !shutdown.is_cancelled() {
        under_way.retain(|it| !it.task.is_finished());
        match look(&hands, &under_way).await {
            Ok(Some(order)) => {
                let (hands, shutdown) = (hands.clone(), shutdown.clone());
                let (id, kind) = (order.id, order.kind.clone());
                let task = tokio::spawn(async move { hands.see_to(order, &shutdown).await });
                under_way.push(UnderWay { id, kind, task });
                continue;
            }
            Ok(None) => {}
            Err(error) => warn!(%error, "could not look for orders of the console"),
        }
        shutdown.run_until_cancelled(tokio::time::sleep(LOOK)).await;
    }
    for it in under_way {
        if let Err(error) = it.task.await {
            error!(kind = it.kind, %error, "an order was not ended in order");
        }
    }
}

/// Takes an order that there is a place for, and holds those that there is none for.
async fn look(hands: &Hands, under_way: &[UnderWay]) -> sqlx::Result<Option<Order>> {
    let mut free = Vec::new();
    for (kinds, most) in AT_ONCE {
        let of_kinds = under_way.iter().filter(|it| kinds.contains(&it.kind.as_str()));
        let at_work: Vec<Uuid> = of_kinds.map(|it| it.id).collect();
        if at_work.len() < most {
            free.extend(kinds);
        } else {
            hold(hands, kinds, &at_work).await?;
        }
    }
    take(hands, &free).await
}

/// Takes the order that waits longest and carries it out; false when none waits that these hands can carry out.
///
/// # Errors
/// When the database fails before an order is taken. What becomes of the order stands in its row.
pub async fn carry_out_next(hands: &Hands, shutdown: &CancellationToken) -> sqlx::Result<bool> {
    let Some(order) = take(hands, &AT_ONCE.map(|it| it.0).concat()).await? else { return Ok(false) };
    hands.see_to(order, shutdown).await;
    Ok(true)
}

/// Keeps the orders of these kinds from lapsing while this process is at work on others, and says on which. Another process
/// may say the same: its turn comes after any of them. Without need nothing is written.
async fn hold(hands: &Hands, kinds: &[&str], at_work: &[Uuid]) -> sqlx::Result<()> {
    sqlx::query(
        "UPDATE projection.orders AS o SET lapses_at = now() + interval '1 minute', waits_for = ARRAY(
             SELECT w.id FROM projection.orders AS w WHERE w.id = ANY (o.waits_for || $2) AND w.ended_at IS NULL)
         WHERE o.id IN (
             SELECT id FROM projection.orders
             WHERE taken_at IS NULL AND ended_at IS NULL AND kind = ANY ($1) AND lapses_at > now()
               AND (lapses_at < now() + interval '50 seconds' OR NOT waits_for @> $2)
             ORDER BY id FOR UPDATE SKIP LOCKED)",
    )
    .bind(hands.able(kinds))
    .bind(at_work)
    .execute(&hands.pool)
    .await?;
    Ok(())
}

async fn take(hands: &Hands, free: &[&str]) -> sqlx::Result<Option<Order>> {
    sqlx::query_as(
        "UPDATE projection.orders SET taken_by = $2, taken_at = now(), told_at = now()
         WHERE id = (
             SELECT id FROM projection.orders
             WHERE taken_at IS NULL AND ended_at IS NULL AND kind = ANY ($1) AND lapses_at > now()
             ORDER BY asked_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
         RETURNING id, kind, projection, details, asked_by",
    )
    .bind(hands.able(free))
    .bind(this_process())
    .fetch_optional(&hands.pool)
    .await
}

impl Hands {
    /// Of these kinds those that this process may carry out.
    fn able<'a>(&self, kinds: &[&'a str]) -> Vec<&'a str> {
        let may = |kind: &&str| self.owner.is_some() || OF_PROJECTOR.contains(kind);
        kinds.iter().copied().filter(may).collect()
    }

    /// Carries an order out and writes down what came of it; tells meanwhile that somebody is at it.
    async fn see_to(&self, order: Order, shutdown: &CancellationToken) {
        info!(order = %order.id, kind = order.kind, projection = order.projection, by = order.asked_by, "took an order");
        let stop = shutdown.child_token();
        let ending = async {
            let result = self.carry_out(&order, &stop).await;
            self.write_down(order.id, result, shutdown).await;
        };
        tokio::select! {
            () = ending => {}
            () = self.keep_telling(order.id, &stop) => {}
        }
    }

    /// Writes down what came of an order, as often as it takes: it would look cut off.
    async fn write_down(&self, id: Uuid, result: anyhow::Result<Value>, shutdown: &CancellationToken) {
        let (outcome, answer, error) = match result {
            Ok(answer) => ("done", Some(answer), None),
            Err(error) => ("failed", None, Some(format!("{error:#}"))),
        };
        let mut backoff = Backoff::default();
        loop {
            let noted = sqlx::query(
                "UPDATE projection.orders SET ended_at = now(), outcome = $2, answer = $3, error = $4 WHERE id = $1",
            );
            let noted = noted.bind(id).bind(outcome).bind(&answer).bind(&error).execute(&self.pool).await;
            let Err(error) = noted else { return };
            warn!(order = %id, %error, "what came of an order is not written down yet");
            if shutdown.is_cancelled() && backoff.attempts() >= ATTEMPTS {
                return;
            }
            backoff.wait(&CancellationToken::new()).await;
        }
    }

    /// Never ends. Whoever cancels the order is heard here.
    async fn keep_telling(&self, id: Uuid, stop: &CancellationToken) {
        loop {
            tokio::time::sleep(TELL).await;
            let told = sqlx::query_scalar(
                "UPDATE projection.orders SET told_at = now() WHERE id = $1 RETURNING cancelled_by IS NOT NULL",
            );
            match told.bind(id).fetch_one(&self.pool).await {
                Ok(true) => stop.cancel(),
                Ok(false) => {}
                Err(error) => warn!(order = %id, %error, "could not tell that an order is being worked on"),
            }
        }
    }
}

fn this_process() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("projectors@{}, process {}", host.trim(), std::process::id())
}
