//! A process that was set back to an earlier snapshot of its machine, within its session: member and holder of its ids still,
//! it appends to a log that has gone on without its knowing.

use std::sync::Arc;

use super::kafka::Kafka;
use super::{Bench, keys, record};
use crate::AppendError;

/// Counting by the producer's numbers, a broker takes as many records as it has had for those, and says that it has them. More
/// or fewer are out of order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_set_back_tells_nothing_as_appended_that_is_not() {
    let Some(kafka) = Kafka::of_environment() else { return };
    let kafka = Arc::new(kafka);
    for (forgotten, next) in [(1, 1), (2, 2), (1, 2), (2, 1)] {
        let bench = Bench::new(Arc::clone(&kafka)).await;
        let (owner, mut lane) = (bench.owner().await, bench.lane("a").await);
        let records = |key: &str, count| vec![record(bench.events(0), key); count];
        let window = |key: &str, count| owner.window(records(key, count), (bench.commands(0), 0));
        lane.append(window("before", 1)).await.expect("appended");
        kafka.append_as_holder(&bench.id("a"), 1, &records("forgotten", forgotten)).await;
        let told = lane.append(window("next", next)).await;
        assert!(matches!(told, Err(AppendError::Fenced(_))), "{next} after {forgotten}: {told:?}");
        let all = [vec!["before"], vec!["forgotten"; forgotten]].concat();
        assert_eq!(keys(&bench.everything(0).await), all);
        bench.clean().await;
    }
}
