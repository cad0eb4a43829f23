//! One batch of one partition: rows, parked records and checkpoint in one transaction.

use std::time::{Duration, Instant};

use sqlx::PgPool;

use crate::checkpoint::{self, Advance, Claim};
use crate::folding::{Item, Run, is_permanent};
use crate::parking::{self, Limits, ParkedKeys};
use crate::projection::Registration;

/// A batch did not go through; none of it is in the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Somebody else claimed the partition, or another version is live.
    #[error("the claim on the partition is lost")]
    Fenced,
    /// So many keys would be parked that the code must be at fault.
    #[error(
        "stopped: with this batch {keys} keys or more would be parked, and more than {limit} (PARKED_KEYS_STOPPED) mean \
         that the code is at fault and not the data. See `karmyq dead-letters list {projection}`; with the code \
         corrected it goes on by itself"
    )]
    Flood {
        /// The projection.
        projection: &'static str,
        /// Keys found so far.
        keys: usize,
        /// As many are allowed.
        limit: usize,
    },
    /// Another partition of the projection is stopped.
    #[error("held, because {0}")]
    Held(String),
    /// The database failed, in a way that may pass.
    #[error(transparent)]
    Database(#[from] sqlx::Error),
}

/// What a batch did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Done {
    /// Rows written.
    pub(crate) rows: u64,
    /// Records parked.
    pub(crate) parked: u64,
    /// Time spent folding.
    pub(crate) folding: Duration,
    /// Time of the transaction, folding aside.
    pub(crate) writing: Duration,
}

/// Folds and commits the items up to `next_offset`, and notes newly parked keys in `parked`.
///
/// When the database refuses the batch for good, it is halved until the guilty records are found, so that only their keys
/// are held back.
///
/// # Errors
/// [`Error`]; the same call may be repeated after a passing one.
pub(crate) async fn apply(
    pool: &PgPool,
    claim: &Claim,
    parked: &mut ParkedKeys,
    batch: &Batch<'_>,
) -> Result<Done, Error> {
    let run = match batch.run(pool, claim, parked, Pace::Together).await {
        Err(Error::Database(error)) if is_permanent(&error) => {
            tracing::warn!(projection = claim.projection, partition = %claim.of, %error,
                "the database refused a batch, looking for what it refuses");
            batch.run(pool, claim, parked, Pace::Bisecting).await
        }
        other => other,
    };
    let (done, now_parked) = run?;
    *parked = now_parked;
    Ok(done)
}

/// What is to be folded.
#[derive(Debug)]
pub(crate) struct Batch<'a> {
    /// Into which projection.
    pub(crate) registration: &'a Registration,
    /// The records, in order.
    pub(crate) items: &'a [Item],
    /// Where the checkpoint is to stand afterwards.
    pub(crate) next_offset: i64,
    /// How much may be parked.
    pub(crate) limits: Limits,
}

/// How the items of a batch are folded.
#[derive(Clone, Copy)]
enum Pace {
    /// All at once.
    Together,
    /// In halves of halves, down to what the database refuses.
    Bisecting,
}

impl Batch<'_> {
    async fn run(
        &self,
        pool: &PgPool,
        claim: &Claim,
        parked: &ParkedKeys,
        pace: Pace,
    ) -> Result<(Done, ParkedKeys), Error> {
        let started = Instant::now();
        let mut transaction = pool.begin().await?;
        // First, because it locks: a rebuild that is about to swap waits for this batch, or this batch for the swap. So
        // does a redrive, which is how a record of its key is either parked before it or folded after it.
        match checkpoint::advance(&mut transaction, claim, self.next_offset).await? {
            Advance::Moved => {}
            Advance::Fenced => return Err(Error::Fenced),
            Advance::Held(reason) => return Err(Error::Held(reason)),
        }
        let held_back = if parked.is_empty() {
            ParkedKeys::new()
        } else {
            // Somebody may have redriven them meanwhile.
            parking::parked_keys(&mut transaction, claim).await?
        };
        let mut run = Run::new(self.registration, held_back);
        run.detached = claim.detached.then_some(claim.version);
        let limit = self.limits.stopped_keys;
        match pace {
            Pace::Together => run.together(&mut transaction, self.items).await?,
            Pace::Bisecting => run.bisect(&mut transaction, self.items, limit).await?,
        }
        let flood = |keys| Error::Flood { projection: claim.projection, keys, limit };
        if run.parked.len() > limit {
            return Err(flood(run.parked.len()));
        }
        if !run.to_park.is_empty() {
            let of = (claim.projection, claim.version);
            let to_park = run.to_park.iter().map(|(index, cause)| (&self.items[*index].record, cause));
            parking::park(&mut transaction, of, to_park).await?;
            let keys = parking::count_keys(&mut transaction, claim.projection, claim.version).await?;
            if keys > limit {
                return Err(flood(keys));
            }
        }
        transaction.commit().await?;
        self.tell(&run);
        let writing = started.elapsed().saturating_sub(run.folding);
        let done = Done { rows: run.rows, parked: run.to_park.len() as u64, folding: run.folding, writing };
        Ok((done, run.parked))
    }

    fn tell(&self, run: &Run<'_>) {
        for (index, cause) in &run.to_park {
            let (projection, position) = (self.registration.name, &self.items[*index].record.position);
            tracing::error!(projection, %position, kind = ?cause.kind, reason = cause.reason, "parked a record");
        }
    }
}
