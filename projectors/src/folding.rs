//! Folding records: what becomes of each, in memory and in an open transaction.
//!
//! A record that cannot be folded (unreadable, unfoldable, a panic, refused by the database) leaves nothing behind, and
//! the later records of its key wait with it; all others are folded as if it were not there.

use std::any::Any;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use event_log::Record;
use serde::Serialize;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use crate::parking::ParkedKeys;
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
    /// Nothing that could be folded, for this cause.
    Poison(Cause),
}

/// Why a record is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cause {
    /// Where it failed.
    pub(crate) kind: Kind,
    /// In words.
    pub(crate) reason: String,
}

/// Where a record failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum Kind {
    /// Its bytes are no record of ours, or of a type or major that this code does not know.
    Unreadable,
    /// A value in it has not the form that its type promises.
    Unfoldable,
    /// The code that folds it panicked.
    Panicked,
    /// PostgreSQL refuses its rows, and always will.
    Refused,
    /// Nothing is wrong with it, but an earlier record of its key waits.
    Behind,
}

impl Cause {
    /// The bytes are no record of ours.
    pub(crate) fn unreadable(error: impl ToString) -> Self {
        Self { kind: Kind::Unreadable, reason: error.to_string() }
    }

    /// The code panicked with this.
    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without a text");
        Self { kind: Kind::Panicked, reason: format!("the code panicked: {text}") }
    }

    fn behind() -> Self {
        Self { kind: Kind::Behind, reason: "an earlier record of this key is parked".to_owned() }
    }
}

/// Folds every item whose key is not held back; which ones are to be parked, and why.
pub(crate) fn fold_all(
    projection: &mut dyn Projection,
    items: &[Item],
    parked: &ParkedKeys,
) -> Vec<(usize, Cause)> {
    let mut held_back = parked.clone();
    let mut to_park = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let cause = match &item.content {
            Content::Ignored => continue,
            _ if held_back.contains(&item.record.key) => Cause::behind(),
            Content::Poison(cause) => cause.clone(),
            Content::Fact(fact) => match fold_one(projection, fact) {
                Ok(()) => continue,
                Err(cause) => cause,
            },
        };
        held_back.insert(item.record.key.clone());
        to_park.push((index, cause));
    }
    to_park
}

fn fold_one(projection: &mut dyn Projection, fact: &Fact) -> Result<(), Cause> {
    // Whatever a panic leaves half done is undone below, so nobody sees anything broken.
    let failed = match catch_unwind(AssertUnwindSafe(|| projection.fold(fact))) {
        Ok(Ok(())) => None,
        Ok(Err(unfoldable)) => Some(Cause { kind: Kind::Unfoldable, reason: unfoldable.to_string() }),
        Err(panic) => Some(Cause::panicked(panic.as_ref())),
    };
    for table in projection.tables() {
        if failed.is_none() { table.keep() } else { table.undo() }
    }
    failed.map_or(Ok(()), Err)
}

/// Items on their way into the tables of a transaction that the caller has begun and will commit.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    registration: &'a Registration,
    /// The version whose rows are meant, when it is not the live one.
    pub(crate) detached: Option<i32>,
    /// The keys that are held back, by this run or before it.
    pub(crate) parked: ParkedKeys,
    /// Indexes of the items that are to be parked, ascending, with the cause.
    pub(crate) to_park: Vec<(usize, Cause)>,
    /// Rows written.
    pub(crate) rows: u64,
    /// Time spent folding in memory.
    pub(crate) folding: Duration,
}

impl<'a> Run<'a> {
    /// Nothing folded yet; these keys are held back.
    pub(crate) fn new(registration: &'a Registration, parked: ParkedKeys) -> Self {
        Self { registration, detached: None, parked, to_park: Vec::new(), rows: 0, folding: Duration::ZERO }
    }

    /// Folds the items and writes what changed.
    ///
    /// # Errors
    /// When the database fails; where it refuses ([`is_permanent`]), [`Self::bisect`] in another transaction finds what.
    pub(crate) async fn together(
        &mut self,
        connection: &mut PgConnection,
        items: &[Item],
    ) -> sqlx::Result<()> {
        self.fold(connection, items, 0..items.len()).await
    }

    /// As [`Self::together`], but finds what the database refuses: halves what it refuses until single records are left.
    /// Gives up once more than `limit` keys are held back; what was not tried is then in no table.
    pub(crate) async fn bisect(
        &mut self,
        connection: &mut PgConnection,
        items: &[Item],
        limit: usize,
    ) -> sqlx::Result<()> {
        let mut ranges: Vec<_> = std::iter::once(0..items.len()).collect();
        // From left to right, so that records of a key keep their order.
        while let Some(range) = ranges.pop()
            && self.parked.len() <= limit
        {
            let mut savepoint = connection.begin().await?;
            match self.fold(&mut savepoint, items, range.clone()).await {
                Ok(()) => savepoint.commit().await?,
                Err(error) if is_permanent(&error) => {
                    savepoint.rollback().await?;
                    if range.len() == 1 {
                        let cause = Cause { kind: Kind::Refused, reason: error.to_string() };
                        self.hold_back(items, range.start, cause);
                    } else {
                        let middle = range.start + range.len() / 2;
                        ranges.extend([middle..range.end, range.start..middle]);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn fold(
        &mut self,
        connection: &mut PgConnection,
        items: &[Item],
        range: Range<usize>,
    ) -> sqlx::Result<()> {
        let mut projection = (self.registration.new)();
        if let Some(version) = self.detached {
            projection.tables().into_iter().for_each(|table| table.detach(version));
        }
        let mut to_park;
        loop {
            let started = Instant::now();
            to_park = fold_all(projection.as_mut(), &items[range.clone()], &self.parked);
            self.folding += started.elapsed();
            if !projection.tables().iter().any(|table| table.lacks_rows()) {
                break;
            }
            for table in projection.tables() {
                table.reset();
                table.load_missing(connection).await?;
            }
        }
        let mut rows = 0;
        for table in projection.tables() {
            let target = table.target();
            rows += table.write_changes(connection, &target).await?;
        }
        self.rows += rows;
        for (index, cause) in to_park {
            self.hold_back(items, range.start + index, cause);
        }
        Ok(())
    }

    fn hold_back(&mut self, items: &[Item], index: usize, cause: Cause) {
        self.parked.insert(items[index].record.key.clone());
        self.to_park.push((index, cause));
    }
}

/// Whether the data is at fault: it would be refused for ever. SQLSTATE classes cardinality violation, data exception,
/// integrity violation, program limit exceeded.
pub(crate) fn is_permanent(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|it| it.code());
    code.is_some_and(|it| ["21", "22", "23", "54"].iter().any(|class| it.starts_with(class)))
}
