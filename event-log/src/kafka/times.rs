//! Finding a time in partitions.

use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::consumer::Consumer;
use rdkafka::topic_partition_list::Offset;

use super::client::{self, PlainConsumer};
use super::{ANSWER, blocking};
use crate::{LogError, TopicPartition};

/// The first offsets of this time or later, as the brokers' indexes know them.
pub(super) async fn since(
    asker: &Arc<PlainConsumer>,
    of: &[TopicPartition],
    time_ms: i64,
) -> Result<Vec<Option<i64>>, LogError> {
    let (asker, of) = (Arc::clone(asker), of.to_vec());
    blocking(move || {
        let refused = |error| client::log_error("cannot look a time up", &error);
        let mut times = TopicPartitionList::with_capacity(of.len());
        for it in &of {
            times.add_partition_offset(&it.topic, it.partition, Offset::Offset(time_ms)).map_err(refused)?;
        }
        let found = asker.offsets_for_times(times, ANSWER).map_err(refused)?;
        of.iter()
            .map(|it| {
                let found = found.find_partition(&it.topic, it.partition);
                let found = found.ok_or_else(|| LogError::Refused(format!("there is no partition {it}")))?;
                found.error().map_err(refused)?;
                // Without such a record the client says "the end".
                Ok(found.offset().to_raw().filter(|it| *it >= 0))
            })
            .collect()
    })
    .await
}
