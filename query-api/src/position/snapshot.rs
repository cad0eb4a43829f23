//! What one snapshot of the database includes.
//!
//! Rows and checkpoint are committed together (invariant R1), so a snapshot whose checkpoint has passed a record has it in
//! its rows, unless the record is parked. That holds for the version that is live in this very snapshot, whatever another
//! transaction saw before.

use std::collections::HashMap;

use event_schemas::Domain;
use sqlx::postgres::PgExecutor;

use super::{Goal, Need};
use crate::projections::Projection;

/// Per projection and partition the offset to be folded next.
pub(crate) type Checkpoints = HashMap<(Projection, Domain, i32), i64>;

/// The checkpoints of the live versions.
pub(crate) async fn checkpoints(db: impl PgExecutor<'_>) -> sqlx::Result<Checkpoints> {
    let rows: Vec<(String, String, i32, i64)> = sqlx::query_as(
        "SELECT c.projection, c.topic, c.partition, c.next_offset
         FROM projection.active AS a JOIN projection.checkpoints AS c USING (projection, version)",
    )
    .fetch_all(db)
    .await?;
    let known = |(projection, topic, partition, next): (String, String, i32, i64)| {
        let projection = Projection::ALL.into_iter().find(|it| it.name() == projection)?;
        let domain = Domain::ALL.into_iter().find(|it| it.events_topic() == topic)?;
        Some(((projection, domain, partition), next))
    };
    Ok(rows.into_iter().filter_map(known).collect())
}

/// Which of these goals are reached in what this transaction, or this moment, sees; in their order.
pub(crate) async fn visible<'a>(
    db: impl PgExecutor<'_>,
    goals: impl IntoIterator<Item = &'a Goal>,
) -> sqlx::Result<Vec<bool>> {
    let (mut projections, mut topics) = (Vec::new(), Vec::new());
    let (mut partitions, mut offsets, mut folded) = (Vec::new(), Vec::new(), Vec::new());
    for goal in goals {
        projections.push(goal.by.name());
        topics.push(goal.domain.events_topic());
        partitions.push(goal.partition);
        offsets.push(goal.offset);
        folded.push(goal.need == Need::Folded);
    }
    sqlx::query_scalar(
        "SELECT EXISTS (
                    SELECT FROM projection.active AS a JOIN projection.checkpoints AS c USING (projection, version)
                    WHERE a.projection = g.projection AND c.topic = g.topic AND c.partition = g.partition
                      AND c.next_offset > g.record_offset)
                AND NOT (g.folded AND EXISTS (
                    SELECT FROM projection.active AS a JOIN projection.parked AS p USING (projection, version)
                    WHERE a.projection = g.projection AND p.topic = g.topic AND p.partition = g.partition
                      AND p.record_offset = g.record_offset))
         FROM unnest($1::text[], $2::text[], $3::integer[], $4::bigint[], $5::boolean[])
              WITH ORDINALITY AS g (projection, topic, partition, record_offset, folded, place)
         ORDER BY g.place",
    )
    .bind(projections)
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .bind(folded)
    .fetch_all(db)
    .await
}
