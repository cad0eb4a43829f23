//! Checkpoints: how far a projection has come in a partition, and who may go on from there.
//!
//! Whoever is assigned a partition claims it by raising its epoch. From then on only a batch that carries this epoch
//! moves the checkpoint; rows and checkpoint commit together, so a worker that lost its claim changes nothing
//! (invariant R1).

use event_log::TopicPartition;
use sqlx::PgPool;
use sqlx::postgres::PgConnection;

use crate::projection::Registration;
use crate::troubles;

/// The right to fold one partition into the live version of a projection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// Name of the projection.
    pub(crate) projection: &'static str,
    /// The version that was live when it was claimed.
    pub(crate) version: i32,
    /// The partition.
    pub(crate) of: TopicPartition,
    /// Grows with every claim.
    pub(crate) epoch: i64,
    /// The first offset that is not folded yet, as its holder knows it.
    pub(crate) next_offset: i64,
    /// The version is not the live one: its tables are found under their own names.
    pub(crate) detached: bool,
}

/// Claims the partition for the live version; whoever held it before is fenced.
pub(crate) async fn claim(
    pool: &PgPool,
    registration: &Registration,
    of: &TopicPartition,
) -> sqlx::Result<Claim> {
    let mut transaction = pool.begin().await?;
    let version = live_version(&mut transaction, registration).await?;
    let claim = claim_version(&mut transaction, registration, version, of).await?;
    transaction.commit().await?;
    Ok(claim)
}

/// Claims the partition for a version, whether it is live or not.
pub(crate) async fn claim_version(
    connection: &mut PgConnection,
    registration: &Registration,
    version: i32,
    of: &TopicPartition,
) -> sqlx::Result<Claim> {
    let (next_offset, epoch) = sqlx::query_as(
        "INSERT INTO projection.checkpoints AS c (projection, version, topic, partition, next_offset, owner_epoch)
         VALUES ($1, $2, $3, $4, 0, 1)
         ON CONFLICT (projection, version, topic, partition)
         DO UPDATE SET owner_epoch = c.owner_epoch + 1, updated_at = now()
         RETURNING next_offset, owner_epoch",
    )
    .bind(registration.name)
    .bind(version)
    .bind(&*of.topic)
    .bind(of.partition)
    .fetch_one(connection)
    .await?;
    let of = of.clone();
    Ok(Claim { projection: registration.name, version, of, epoch, next_offset, detached: false })
}

/// A new projection starts with version 1.
pub(crate) async fn begin(connection: &mut PgConnection, registration: &Registration) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO projection.active (projection, version, fingerprint, tables) VALUES ($1, 1, $2, $3)
         ON CONFLICT DO NOTHING",
    )
    .bind(registration.name)
    .bind(registration.fingerprint())
    .bind(registration.tables())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Writes the first checkpoint of a version that is not live yet.
pub(crate) async fn begin_at(
    connection: &mut PgConnection,
    registration: &Registration,
    version: i32,
    of: &TopicPartition,
    next_offset: i64,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO projection.checkpoints (projection, version, topic, partition, next_offset, owner_epoch)
         VALUES ($1, $2, $3, $4, $5, 0)",
    )
    .bind(registration.name)
    .bind(version)
    .bind(&*of.topic)
    .bind(of.partition)
    .bind(next_offset)
    .execute(connection)
    .await
    .map(|_| ())
}

/// The live version, held until the end of the transaction: a swap waits for it.
async fn live_version(connection: &mut PgConnection, registration: &Registration) -> sqlx::Result<i32> {
    begin(&mut *connection, registration).await?;
    sqlx::query_scalar("SELECT version FROM projection.active WHERE projection = $1 FOR SHARE")
        .bind(registration.name)
        .fetch_one(connection)
        .await
}

/// What became of an attempt to move a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Advance {
    /// It moved, and stays locked until the end of the transaction.
    Moved,
    /// The claim is lost, and nothing of this transaction may be committed.
    Fenced,
    /// Another partition of the projection is stopped, for this reason, and nothing of this transaction may be committed.
    Held(String),
}

/// Moves the checkpoint, if the claim still stands. It is lost, too, when the checkpoint is not where its holder left it:
/// a database that was set back, by a crash that forgot commits or from a backup, has lost the rows before this batch.
pub(crate) async fn advance(
    connection: &mut PgConnection,
    claim: &Claim,
    next_offset: i64,
) -> sqlx::Result<Advance> {
    let moved = sqlx::query(
        "UPDATE projection.checkpoints SET next_offset = $6, updated_at = now()
         WHERE projection = $1 AND version = $2 AND topic = $3 AND partition = $4 AND owner_epoch = $5
           AND next_offset = $7 AND next_offset <= $6
           AND ($8 OR NOT EXISTS (
               SELECT FROM projection.troubles WHERE projection = $1 AND state = 'stopped'
               AND (topic, partition) <> ($3, $4) AND told_at > now() - interval '2 minutes'))",
    )
    .bind(claim.projection)
    .bind(claim.version)
    .bind(&*claim.of.topic)
    .bind(claim.of.partition)
    .bind(claim.epoch)
    .bind(next_offset)
    .bind(claim.next_offset)
    // What is stopped is the live version.
    .bind(claim.detached)
    .execute(&mut *connection)
    .await?;
    if moved.rows_affected() == 1 {
        return Ok(Advance::Moved);
    }
    if claim.detached {
        return Ok(Advance::Fenced);
    }
    let held = troubles::stopped_elsewhere(connection, claim.projection, &claim.of).await?;
    Ok(held.map_or(Advance::Fenced, Advance::Held))
}
