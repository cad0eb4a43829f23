//! What keeps workers from going on, where other processes can read it.

use event_log::TopicPartition;
use sqlx::postgres::PgConnection;

/// Why a worker does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, sqlx::Type)]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub(crate) enum State {
    /// Something failed that may pass.
    Retrying,
    /// So many keys are parked that the code must be at fault.
    Stopped,
    /// Another partition of the projection is stopped.
    Held,
}

/// Tells, or repeats, what keeps the worker of this partition from going on.
pub(crate) async fn tell(
    connection: &mut PgConnection,
    projection: &str,
    of: &TopicPartition,
    state: State,
    reason: &str,
) -> sqlx::Result<()> {
    sqlx::query(
        "INSERT INTO projection.troubles AS t (projection, topic, partition, state, reason) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (projection, topic, partition) DO UPDATE SET state = excluded.state, reason = excluded.reason,
             told_at = now(), since = CASE WHEN t.state = excluded.state THEN t.since ELSE now() END",
    )
    .bind(projection)
    .bind(&*of.topic)
    .bind(of.partition)
    .bind(state)
    .bind(reason)
    .execute(connection)
    .await?;
    Ok(())
}

/// The worker of this partition goes on.
pub(crate) async fn clear(
    connection: &mut PgConnection,
    projection: &str,
    of: &TopicPartition,
) -> sqlx::Result<()> {
    sqlx::query("DELETE FROM projection.troubles WHERE projection = $1 AND topic = $2 AND partition = $3")
        .bind(projection)
        .bind(&*of.topic)
        .bind(of.partition)
        .execute(connection)
        .await?;
    Ok(())
}

/// Which other partition of the projection is stopped, if one is.
pub(crate) async fn stopped_elsewhere(
    connection: &mut PgConnection,
    projection: &str,
    of: &TopicPartition,
) -> sqlx::Result<Option<String>> {
    sqlx::query_scalar(
        "SELECT topic || '/' || partition || ' is ' || reason FROM projection.troubles
         WHERE projection = $1 AND state = 'stopped' AND (topic, partition) <> ($2, $3)
           AND told_at > now() - interval '2 minutes' LIMIT 1",
    )
    .bind(projection)
    .bind(&*of.topic)
    .bind(of.partition)
    .fetch_optional(connection)
    .await
}
