//! Healing a spot: the rows of one aggregate or community made what the log says, in place, in one transaction.
//!
//! Which facts made a row nobody can tell from the row: other aggregates touch it, too. So the whole projection is folded in
//! memory, and only what bears the id is compared and written. That costs as much reading as a rebuild, but no table is
//! filled and nothing is swapped.

use std::collections::HashSet;

use sqlx::PgPool;
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use crate::known::Known;
use crate::pace::Pace;
use crate::rebuild::{self, Error, Options};
use crate::replay::{Replay, Source};
use crate::{swap, verify};

/// What healing came to.
#[derive(Clone, Debug, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Healed {
    /// The projection.
    pub projection: &'static str,
    /// The id whose rows were looked at.
    pub id: Uuid,
    /// Rows that bear it, live or by the log, or the id of one that does.
    pub rows: u64,
    /// Those that were not what the log says, and are now.
    pub healed: u64,
}

/// Makes every row what the log says that has this id in its key or in another column, live or by the log, and those that have
/// the id of such a row: the matches of a community's requests, say, which know no community.
///
/// # Errors
/// [`Error`]; nothing is changed then.
pub async fn heal(
    source: &Source,
    owner: &PgPool,
    name: &str,
    id: Uuid,
    options: &Options,
    cancelled: &CancellationToken,
) -> Result<Healed, Error> {
    let registration = rebuild::named(name)?;
    // No version is swapped in meanwhile.
    let _alone = rebuild::lock(owner, registration.name).await?;
    let healing = async {
        let mut replay = Replay::new(registration, Known::of(owner, registration).await?);
        // Most of the way without holding anybody up, and never further than the workers are.
        let goals = verify::checkpoints(&mut *owner.acquire().await?, registration).await?;
        replay.fold_to(source, &goals, &Pace::of(options.throttle), |_, _| {}).await?;
        let mut transaction = owner.begin().await?;
        let goals = swap::hold_workers(&mut transaction, registration).await?.1;
        replay.fold_to(source, &goals, &Pace::of(None), |_, _| {}).await?;
        parks_the_same(&mut transaction, &replay, registration.name).await?;
        let (mut ids, mut rows, mut healed) = (HashSet::from([id]), 0, 0);
        for table in replay.projection.tables() {
            let beside = table.ids_beside(&mut transaction, &HashSet::from([id])).await?;
            ids.extend(beside);
        }
        for table in replay.projection.tables() {
            let (of_table, of_them) = table.heal(&mut transaction, &ids).await?;
            rows += of_table;
            healed += of_them;
        }
        transaction.commit().await?;
        info!(projection = registration.name, %id, rows, healed, "healed the rows of an id");
        Ok(Healed { projection: registration.name, id, rows, healed })
    };
    cancelled.run_until_cancelled(healing).await.ok_or(Error::Cancelled)?
}

/// Rows that the replay made from records that wait among the dead letters would get them a second time at their redrive.
async fn parks_the_same(
    connection: &mut sqlx::PgConnection,
    replay: &Replay,
    projection: &'static str,
) -> Result<(), Error> {
    let mut live: Vec<(String, i32, i64)> = sqlx::query_as(
        "SELECT topic, partition, record_offset FROM projection.active JOIN projection.parked USING (projection, version)
         WHERE projection = $1",
    )
    .bind(projection)
    .fetch_all(connection)
    .await?;
    let position = |it: &event_log::Position| (it.of.topic.to_string(), it.of.partition, it.offset);
    let mut replayed: Vec<_> = replay.parked.iter().map(|it| position(&it.0.position)).collect();
    live.sort_unstable();
    replayed.sort_unstable();
    if live == replayed { Ok(()) } else { Err(Error::DeadLetters(projection)) }
}
