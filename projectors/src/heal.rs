//! Healing a spot: the rows of one aggregate or community made what the log says, in place, in one transaction.
//!
//! Which facts made a row nobody can tell from the row: other aggregates touch it, too. So the whole projection is folded in
//! memory, and only what bears the id is compared and written. That costs as much reading as a rebuild, but no table is
//! filled and nothing is swapped.

use std::collections::{BTreeSet, HashSet};

use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Postgres, Transaction};
use tokio_util::sync::CancellationToken;
use tracing::info;
use uuid::Uuid;

use crate::known::Known;
use crate::pace::Pace;
use crate::rebuild::{self, Error, Job, Kind, Meter, Options, Patience, Phase, Progress};
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
    let job = Job::start(owner, registration, Kind::Heal, options, cancelled).await?;
    let mut meter = Meter::new(job.progress(), &mut progress);
    let healing = Healing { source, owner, job: &job, pace: Pace::of(options.throttle) };
    let result = healing.make_so(id, &mut meter).await;
    job.end(result).await
}

/// What rows are healed from, where and for whom.
struct Healing<'a> {
    source: &'a Source,
    owner: &'a PgPool,
    job: &'a Job,
    pace: Pace,
}

impl Healing<'_> {
    async fn make_so(&self, id: Uuid, meter: &mut Meter<'_>) -> Result<Healed, Error> {
        let job = self.job;
        let mut replay = Replay::new(job.registration, Known::of(self.owner, job.registration).await?);
        // Most of the way without holding anybody up, and never further than the workers are.
        let mut patience = Patience::default();
        while let Err(error) = self.read_on(&mut replay, meter).await {
            meter.trouble(error.to_string());
            patience.after(error, &job.cancelled).await?;
        }
        // What was replayed is not thrown away because somebody held the rows for a moment.
        let mut patience = Patience::default();
        let mut healed = Healed { projection: job.registration.name, id, rows: 0, healed: 0 };
        while let Err(error) = self.write(&mut replay, &mut healed).await {
            if job.is_done_despite(&error, &mut patience).await? {
                break;
            }
            meter.trouble(error.to_string());
            patience.after(error, &job.cancelled).await?;
        }
        let Healed { projection, id, rows, healed: changed } = healed;
        info!(projection, %id, rows, healed = changed, "healed the rows of an id");
        Ok(healed)
    }

    async fn read_on(&self, replay: &mut Replay, meter: &mut Meter<'_>) -> Result<(), Error> {
        let reading = async {
            let goals = verify::checkpoints(&mut *self.owner.acquire().await?, self.job.registration).await?;
            meter.reading(Phase::Folding, &replay.next, &goals);
            replay
                .fold_to(self.source, &goals, &self.pace, |next, records| meter.folded(next, records))
                .await?;
            Ok(())
        };
        self.job.cancelled.run_until_cancelled(reading).await.ok_or(Error::Cancelled)?
    }

    async fn write(&self, replay: &mut Replay, healed: &mut Healed) -> Result<(), Error> {
        let preparing = self.prepare(replay, healed);
        let prepared = self.job.cancelled.run_until_cancelled(preparing).await.ok_or(Error::Cancelled)?;
        let mut transaction = prepared?;
        self.job.done(&mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// A transaction in which the rows are healed, and what that came to. Can be given up.
    async fn prepare(
        &self,
        replay: &mut Replay,
        healed: &mut Healed,
    ) -> Result<Transaction<'static, Postgres>, Error> {
        let mut transaction = self.owner.begin().await?;
        let goals = swap::hold_workers(&mut transaction, self.job.registration).await?.1;
        // An earlier attempt whose commit was still under way is over now.
        self.job.hold(&mut transaction).await?;
        replay.fold_to(self.source, &goals, &Pace::of(None), |_, _| {}).await?;
        parks_the_same(&mut transaction, replay, healed.projection).await?;
        let mut ids = HashSet::from([healed.id]);
        for table in replay.projection.tables() {
            let beside = table.ids_beside(&mut transaction, &HashSet::from([healed.id])).await?;
            ids.extend(beside);
        }
        (healed.rows, healed.healed) = (0, 0);
        for table in replay.projection.tables() {
            let (of_table, of_them) = table.heal(&mut transaction, &ids).await?;
            healed.rows += of_table;
            healed.healed += of_them;
        }
        Ok(transaction)
    }
}

/// Rows that the replay made from records that wait among the dead letters would get them a second time at their redrive.
async fn parks_the_same(
    connection: &mut PgConnection,
    replay: &Replay,
    projection: &'static str,
) -> Result<(), Error> {
    let replayed: BTreeSet<_> = replay.parked.iter().map(|it| verify::place(&it.0.position)).collect();
    let live = verify::parked(connection, projection).await?;
    if live == replayed { Ok(()) } else { Err(Error::DeadLetters(projection)) }
}
