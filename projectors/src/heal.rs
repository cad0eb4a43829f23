//! Healing a spot: the rows of one aggregate or community made what the log says, in place, in one transaction.
//!
//! Which facts made a row nobody can tell from the row: other aggregates touch it, too. So the whole projection is folded in
//! memory, and only what bears the id is compared and written. That costs as much reading as a rebuild, but no table is
//! filled and nothing is swapped. `recorded` lets others see it and stop it meanwhile.

mod recorded;

use std::collections::{BTreeSet, HashSet};

use sqlx::PgPool;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use self::recorded::Recorded;
use crate::known::Known;
use crate::pace::Pace;
use crate::projection::Registration;
use crate::rebuild::{self, Error, Meter, Options, Patience, Phase, Progress};
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
    mut progress: impl FnMut(&Progress) + Send,
    cancelled: &CancellationToken,
) -> Result<Healed, Error> {
    let registration = rebuild::named(name)?;
    // No version is swapped in meanwhile.
    let recorded = Recorded::start(owner, registration, options).await?;
    let (told, telling) = watch::channel(Progress::beginning());
    let mut meter = Meter::new(told, &mut progress);
    let result = tokio::select! {
        result = make_so(source, owner, (registration, id), options, &recorded, &mut meter, cancelled) => result,
        () = cancelled.cancelled() => Err(Error::Cancelled),
        stopped = recorded.keep(telling) => Err(stopped),
    };
    recorded.end(&result).await;
    result
}

async fn make_so(
    source: &Source,
    owner: &PgPool,
    (registration, id): (&'static Registration, Uuid),
    options: &Options,
    recorded: &Recorded,
    meter: &mut Meter<'_>,
    cancelled: &CancellationToken,
) -> Result<Healed, Error> {
    let mut replay = Replay::new(registration, Known::of(owner, registration).await?);
    let pace = Pace::of(options.throttle);
    // Most of the way without holding anybody up, and never further than the workers are.
    let mut patience = Patience::default();
    while let Err(error) = read_on(source, owner, registration, &mut replay, &pace, meter).await {
        meter.trouble(error.to_string());
        patience.after(error, cancelled).await?;
    }
    // What was replayed is not thrown away because somebody held the rows for a moment.
    let mut patience = Patience::default();
    loop {
        match write(source, owner, (registration, id), &mut replay, recorded).await {
            Ok(healed) => return Ok(healed),
            Err(error) => {
                meter.trouble(error.to_string());
                patience.after(error, cancelled).await?;
            }
        }
    }
}

async fn read_on(
    source: &Source,
    owner: &PgPool,
    registration: &'static Registration,
    replay: &mut Replay,
    pace: &Pace,
    meter: &mut Meter<'_>,
) -> Result<(), Error> {
    let goals = verify::checkpoints(&mut *owner.acquire().await?, registration).await?;
    meter.reading(Phase::Folding, &replay.next, &goals);
    replay.fold_to(source, &goals, pace, |next, records| meter.folded(next, records)).await?;
    Ok(())
}

async fn write(
    source: &Source,
    owner: &PgPool,
    (registration, id): (&'static Registration, Uuid),
    replay: &mut Replay,
    recorded: &Recorded,
) -> Result<Healed, Error> {
    let mut transaction = owner.begin().await?;
    let goals = swap::hold_workers(&mut transaction, registration).await?.1;
    replay.fold_to(source, &goals, &Pace::of(None), |_, _| {}).await?;
    parks_the_same(&mut transaction, replay, registration.name).await?;
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
    recorded.hold(&mut transaction).await?;
    transaction.commit().await?;
    info!(projection = registration.name, %id, rows, healed, "healed the rows of an id");
    Ok(Healed { projection: registration.name, id, rows, healed })
}

/// Rows that the replay made from records that wait among the dead letters would get them a second time at their redrive.
async fn parks_the_same(
    connection: &mut sqlx::PgConnection,
    replay: &Replay,
    projection: &'static str,
) -> Result<(), Error> {
    let replayed: BTreeSet<_> = replay.parked.iter().map(|it| verify::place(&it.0.position)).collect();
    let live = verify::parked(connection, projection).await?;
    if live == replayed { Ok(()) } else { Err(Error::DeadLetters(projection)) }
}
