//! Verify: the live rows against a replay of exactly what they have folded, by checksum of table and range of keys; where
//! those differ, row by row.

use std::collections::BTreeSet;
use std::sync::atomic::AtomicU64;

use event_log::{Position, TopicPartition};
use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Connection as _, PgPool, Postgres, Transaction};
use tokio::sync::watch;

use crate::known::Known;
use crate::pace::Pace;
use crate::projection::Registration;
use crate::rebuild::{self, Error, Meter, Phase, Progress};
use crate::replay::{Offsets, Replay, Source};
use crate::table::{self, AnyTable};
use crate::versions;

/// Most differing rows of a table that are named.
const NAMED: i64 = 20;

/// Number of rows, and a hash of them that does not depend on their order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Checksum {
    /// Rows of the table.
    pub rows: i64,
    /// Sum of the 64-bit hashes of the rows, decimal.
    pub hash: String,
}

/// What a comparison of a projection came to.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verified {
    /// The projection.
    pub projection: &'static str,
    /// The version that was compared; none when nobody has ever folded it, and then nothing is equal.
    pub version: Option<i32>,
    /// All rows are what the log says.
    pub equal: bool,
    /// Live rows of all its tables.
    pub rows: i64,
    /// Records that the replay could not fold either: what they say is in no row.
    pub parked: usize,
    /// Dead letters that this code can fold: the replay has, so what they say makes a difference until they are redriven.
    pub foldable: usize,
    /// Its tables.
    pub tables: Vec<Comparison>,
}

/// One table, live and replayed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Comparison {
    /// `schema.name`.
    pub table: &'static str,
    /// Both are the same.
    pub equal: bool,
    /// What queries see.
    pub live: Checksum,
    /// What the log says.
    pub replayed: Checksum,
    /// The ranges of keys, of 16, in which they differ.
    pub ranges: Vec<i32>,
    /// How many rows differ.
    pub differing: i64,
    /// The first of them.
    pub differences: Vec<Difference>,
}

/// A row that is not what the log says.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// The columns of its key.
    pub key: Value,
    /// How it differs.
    pub kind: DifferenceKind,
    /// The other columns that differ, when the row stands on both sides.
    pub columns: Vec<String>,
    /// The live row, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Value>,
    /// The replayed row, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replayed: Option<Value>,
}

/// How a row differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The log says that there is such a row.
    Missing,
    /// The log knows of no such row.
    Surplus,
    /// Columns have other values.
    Changed,
}

/// Checksums of the ranges of a table, and of all of it without a range.
type Ranges = Vec<(Option<i32>, i64, String)>;

/// The checksums of the live tables of a projection.
///
/// # Errors
/// When there is no such projection, or the database fails.
pub async fn checksums(pool: &PgPool, name: &str) -> Result<Vec<(&'static str, Checksum)>, Error> {
    let registration = rebuild::named(name)?;
    let mut connection = pool.acquire().await?;
    let live = live_ranges(&mut connection, registration).await?;
    Ok(live.into_iter().map(|(table, ranges)| (table, whole(&ranges))).collect())
}

/// Replays what the live version has folded and compares. `owner` connects as the owner of the tables. Rows that differ are
/// named by their keys; `values` shows all of them, personal texts included.
///
/// # Errors
/// When there is no such projection, or log or database fail. A difference is no error.
pub async fn verify(
    source: &Source,
    owner: &PgPool,
    name: &str,
    values: bool,
    mut progress: impl FnMut(&Progress) + Send,
) -> Result<Verified, Error> {
    let registration = rebuild::named(name)?;
    let (version, goals, parked, live) = {
        let mut connection = owner.acquire().await?;
        let mut moment = moment(&mut connection, registration).await?;
        let version = versions::live_version(&mut moment, registration.name).await?;
        let goals = checkpoints(&mut moment, registration).await?;
        let parked = parked(&mut moment, registration.name).await?;
        (version, goals, parked, live_ranges(&mut moment, registration).await?)
    };
    let mut replay = Replay::new(registration, Known::of(owner, registration).await?);
    let mut meter = Meter::new(watch::channel(Progress::beginning()).0, &mut progress);
    meter.reading(Phase::Folding, &replay.next, &goals);
    replay.fold_to(source, &goals, &Pace::of(None), |next, records| meter.folded(next, records)).await?;
    let not_folded: BTreeSet<_> = replay.parked.iter().map(|it| place(&it.0.position)).collect();
    let mut tables = Vec::new();
    {
        let mut connection = table::copying(owner).await?;
        let mut scratch = connection.begin().await?;
        for (table, (name, live)) in replay.projection.tables().into_iter().zip(live) {
            let replayed = replayed_ranges(&mut scratch, table).await?;
            tables.push(compare(name, &live, &replayed));
        }
    }
    if tables.iter().any(|it| !it.equal) {
        name_rows(source, owner, registration, &mut replay, &mut tables, values).await?;
    }
    Ok(Verified {
        projection: registration.name,
        version,
        equal: version.is_some() && tables.iter().all(|it| it.equal),
        rows: tables.iter().map(|it| it.live.rows).sum(),
        parked: not_folded.len(),
        foldable: parked.difference(&not_folded).count(),
        tables,
    })
}

/// Topic, partition and offset of a record.
pub(crate) type Place = (String, i32, i64);

/// Where a record stands.
pub(crate) fn place(it: &Position) -> Place {
    (it.of.topic.to_string(), it.of.partition, it.offset)
}

/// The dead letters of the live version.
pub(crate) async fn parked(connection: &mut PgConnection, projection: &str) -> sqlx::Result<BTreeSet<Place>> {
    let parked: Vec<Place> = sqlx::query_as(
        "SELECT topic, partition, record_offset FROM projection.active JOIN projection.parked USING (projection, version)
         WHERE projection = $1",
    )
    .bind(projection)
    .fetch_all(connection)
    .await?;
    Ok(parked.into_iter().collect())
}

/// A transaction that sees the live version and its checkpoints at one moment. The locks come before the snapshot, so that
/// no swap comes between the two.
async fn moment<'a>(
    connection: &'a mut PgConnection,
    registration: &Registration,
) -> sqlx::Result<Transaction<'a, Postgres>> {
    let tables = registration.tables().join(", ");
    let begin = format!("BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE {tables} IN ACCESS SHARE MODE");
    connection.begin_with(AssertSqlSafe(begin)).await
}

/// How far the live version is.
pub(crate) async fn checkpoints(
    connection: &mut PgConnection,
    registration: &Registration,
) -> sqlx::Result<Offsets> {
    let checkpoints: Vec<(String, i32, i64)> = sqlx::query_as(
        "SELECT c.topic, c.partition, c.next_offset
         FROM projection.active AS a JOIN projection.checkpoints AS c USING (projection, version)
         WHERE a.projection = $1",
    )
    .bind(registration.name)
    .fetch_all(connection)
    .await?;
    let of = |(topic, partition, next): (String, _, _)| (TopicPartition::new(topic, partition), next);
    Ok(checkpoints.into_iter().map(of).collect())
}

async fn live_ranges(
    connection: &mut PgConnection,
    registration: &Registration,
) -> sqlx::Result<Vec<(&'static str, Ranges)>> {
    let mut live = Vec::new();
    for table in (registration.new)().tables() {
        live.push((table.name(), ranges(connection, table.checksums_sql(table.name())).await?));
    }
    Ok(live)
}

async fn replayed_ranges(connection: &mut PgConnection, table: &mut dyn AnyTable) -> sqlx::Result<Ranges> {
    put_beside(connection, table).await?;
    let replayed = ranges(connection, table.checksums_sql(REPLAYED)).await?;
    sqlx::query("DROP TABLE pg_temp.replayed").execute(connection).await?;
    Ok(replayed)
}

/// Where the replayed rows of a table stand while they are compared.
const REPLAYED: &str = "pg_temp.replayed";

async fn put_beside(connection: &mut PgConnection, table: &mut dyn AnyTable) -> sqlx::Result<()> {
    let create = format!("CREATE TEMP TABLE replayed (LIKE {} INCLUDING DEFAULTS)", table.name());
    sqlx::query(AssertSqlSafe(create)).execute(&mut *connection).await?;
    table.copy_all(connection, REPLAYED, &AtomicU64::new(0), &Pace::of(None)).await
}

async fn ranges(connection: &mut PgConnection, sql: String) -> sqlx::Result<Ranges> {
    sqlx::query_as(AssertSqlSafe(sql)).fetch_all(connection).await
}

fn whole(ranges: &Ranges) -> Checksum {
    let all = ranges.iter().find(|it| it.0.is_none());
    all.map_or_else(
        || Checksum { rows: 0, hash: "0".to_owned() },
        |it| Checksum { rows: it.1, hash: it.2.clone() },
    )
}

fn compare(table: &'static str, live: &Ranges, replayed: &Ranges) -> Comparison {
    let mut differing: Vec<i32> =
        live.iter().filter(|it| !replayed.contains(it)).filter_map(|it| it.0).collect();
    differing.extend(replayed.iter().filter(|it| !live.contains(it)).filter_map(|it| it.0));
    differing.sort_unstable();
    differing.dedup();
    let (live, replayed) = (whole(live), whole(replayed));
    let equal = live == replayed && differing.is_empty();
    Comparison { table, equal, live, replayed, ranges: differing, differing: 0, differences: Vec::new() }
}

/// Names the rows of the ranges that differ, at a new moment: the first one has passed while the log was replayed.
async fn name_rows(
    source: &Source,
    owner: &PgPool,
    registration: &Registration,
    replay: &mut Replay,
    comparisons: &mut [Comparison],
    values: bool,
) -> Result<(), Error> {
    let mut connection = table::copying(owner).await?;
    let mut moment = moment(&mut connection, registration).await?;
    let goals = checkpoints(&mut moment, registration).await?;
    replay.fold_to(source, &goals, &Pace::of(None), |_, _| {}).await?;
    for (table, comparison) in replay.projection.tables().into_iter().zip(comparisons) {
        if comparison.equal {
            continue;
        }
        put_beside(&mut moment, table).await?;
        let rows: Vec<(Option<Value>, Option<Value>, i64)> =
            sqlx::query_as(AssertSqlSafe(table.differences_sql(table.name(), REPLAYED)))
                .bind(&comparison.ranges)
                .bind(NAMED)
                .fetch_all(&mut *moment)
                .await?;
        comparison.differing = rows.first().map_or(0, |it| it.2);
        let keys = table.key_columns();
        let named = rows.into_iter().map(|(live, replayed, _)| difference(&keys, live, replayed, values));
        comparison.differences = named.collect();
        sqlx::query("DROP TABLE pg_temp.replayed").execute(&mut *moment).await?;
    }
    Ok(())
}

fn difference(keys: &[&str], live: Option<Value>, replayed: Option<Value>, values: bool) -> Difference {
    let kind = match (&live, &replayed) {
        (None, _) => DifferenceKind::Missing,
        (_, None) => DifferenceKind::Surplus,
        (Some(_), Some(_)) => DifferenceKind::Changed,
    };
    let row = replayed.as_ref().or(live.as_ref()).cloned().unwrap_or_default();
    let key = keys.iter().map(|it| ((*it).to_owned(), row[*it].clone())).collect();
    let columns = match (&live, &replayed) {
        (Some(Value::Object(live)), Some(replayed)) => live
            .iter()
            .filter(|(name, value)| replayed[name.as_str()] != **value)
            .map(|it| it.0.clone())
            .collect(),
        _ => Vec::new(),
    };
    let (live, replayed) = if values { (live, replayed) } else { (None, None) };
    Difference { key: Value::Object(key), kind, columns, live, replayed }
}
