//! One batch of one partition: fold in memory, write rows, parked records and checkpoint in one transaction.

use std::time::{Duration, Instant};

use event_log::Record;
use sqlx::postgres::PgConnection;
use sqlx::{Connection as _, PgPool};

use crate::checkpoint::{self, Claim};
use crate::parking::{self, BEHIND_PARKED, ParkedKeys};
use crate::projection::{Fact, Projection, Registration};

/// A record on its way into the tables.
#[derive(Debug)]
pub(crate) struct Item {
    /// As it was read.
    pub(crate) record: Record,
    /// What is to be done with it.
    pub(crate) content: Content,
}

/// What a record is to a projection.
#[derive(Debug)]
pub(crate) enum Content {
    /// Nothing.
    Ignored,
    /// Something to fold.
    Fact(Box<Fact>),
    /// Unreadable, for this reason.
    Unreadable(String),
}

/// A batch did not go through; none of it is in the database.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Somebody else claimed the partition, or another version is live.
    #[error("the claim on the partition is lost")]
    Fenced,
    /// The database failed; whether for good is for [`is_permanent`] to say.
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
/// When the database refuses the batch for good, every record is tried on its own, so that only the guilty key is held
/// back.
///
/// # Errors
/// [`Error`]; the same call may be repeated after a passing one.
pub(crate) async fn apply(
    pool: &PgPool,
    registration: &Registration,
    claim: &Claim,
    parked: &mut ParkedKeys,
    items: &[Item],
    next_offset: i64,
) -> Result<Done, Error> {
    let mut batch = Batch { registration, claim, parked: parked.clone(), done: Done::default() };
    match batch.run(pool, items, next_offset, Pace::Together).await {
        Err(Error::Database(error)) if is_permanent(&error) => {
            tracing::warn!(projection = registration.name, partition = %claim.of, %error,
                "the database refused a batch, trying its records one by one");
            batch = Batch { registration, claim, parked: parked.clone(), done: Done::default() };
            batch.run(pool, items, next_offset, Pace::OneByOne).await?;
        }
        other => other?,
    }
    *parked = batch.parked;
    Ok(batch.done)
}

/// Whether the data is at fault: it would be refused for ever (SQLSTATE classes data exception, integrity violation).
fn is_permanent(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|it| it.code());
    code.is_some_and(|it| it.starts_with("22") || it.starts_with("23"))
}

/// How the items of a batch are folded.
#[derive(Clone, Copy)]
enum Pace {
    /// All at once.
    Together,
    /// Each on its own, under a savepoint.
    OneByOne,
}

struct Batch<'a> {
    registration: &'a Registration,
    claim: &'a Claim,
    parked: ParkedKeys,
    done: Done,
}

impl Batch<'_> {
    async fn run(
        &mut self,
        pool: &PgPool,
        items: &[Item],
        next_offset: i64,
        pace: Pace,
    ) -> Result<(), Error> {
        let started = Instant::now();
        let mut transaction = pool.begin().await?;
        // First, because it locks: a rebuild that is about to swap waits for this batch, or this batch for the swap.
        if !checkpoint::advance(&mut transaction, self.claim, next_offset).await? {
            return Err(Error::Fenced);
        }
        if !self.parked.is_empty() {
            // Somebody may have redriven them meanwhile.
            self.parked = parking::parked_keys(&mut transaction, self.claim).await?;
        }
        match pace {
            Pace::Together => self.fold(&mut transaction, items).await?,
            Pace::OneByOne => {
                for item in items {
                    self.try_one(&mut transaction, item).await?;
                }
            }
        }
        transaction.commit().await?;
        self.done.writing = started.elapsed().saturating_sub(self.done.folding);
        Ok(())
    }

    /// Folds one item; when the database refuses it for good, parks it.
    async fn try_one(&mut self, connection: &mut PgConnection, item: &Item) -> Result<(), Error> {
        let mut savepoint = connection.begin().await?;
        match self.fold(&mut savepoint, std::slice::from_ref(item)).await {
            Ok(()) => savepoint.commit().await?,
            Err(Error::Database(error)) if is_permanent(&error) => {
                savepoint.rollback().await?;
                self.park(connection, item, &error.to_string()).await?;
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Folds the items together and writes what changed.
    async fn fold(&mut self, connection: &mut PgConnection, items: &[Item]) -> Result<(), Error> {
        let mut projection = (self.registration.new)();
        let mut to_park;
        loop {
            let started = Instant::now();
            to_park = fold_all(projection.as_mut(), items, &self.parked);
            self.done.folding += started.elapsed();
            if !projection.tables().iter().any(|table| table.lacks_rows()) {
                break;
            }
            for table in projection.tables() {
                table.reset();
                table.load_missing(connection).await?;
            }
        }
        for (index, reason) in to_park {
            self.park(connection, &items[index], &reason).await?;
        }
        for table in projection.tables() {
            let target = table.name();
            self.done.rows += table.write_changes(connection, target).await?;
        }
        Ok(())
    }

    async fn park(&mut self, connection: &mut PgConnection, item: &Item, reason: &str) -> Result<(), Error> {
        let record = &item.record;
        parking::park(connection, self.claim, record, reason).await?;
        self.parked.insert(record.key.clone());
        self.done.parked += 1;
        tracing::error!(projection = self.registration.name, position = %record.position, reason, "parked a record");
        Ok(())
    }
}

/// Folds every item whose key is not held back; which ones are to be parked, and why.
pub(crate) fn fold_all(
    projection: &mut dyn Projection,
    items: &[Item],
    parked: &ParkedKeys,
) -> Vec<(usize, String)> {
    let mut held_back = parked.clone();
    let mut to_park = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let reason = match &item.content {
            Content::Ignored => continue,
            _ if held_back.contains(&item.record.key) => BEHIND_PARKED.to_owned(),
            Content::Unreadable(reason) => reason.clone(),
            Content::Fact(fact) => match projection.fold(fact) {
                Ok(()) => continue,
                Err(unfoldable) => unfoldable.to_string(),
            },
        };
        held_back.insert(item.record.key.clone());
        to_park.push((index, reason));
    }
    to_park
}
