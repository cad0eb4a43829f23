//! What metrics say while something is in the way, and after it.

use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tests::eventually::eventually;

use crate::cut_off::{Cut, CutOff};
use crate::fixture::World;
use crate::story::Story;

const SOON: Duration = Duration::from_secs(30);

/// The sum of a gauge over all partitions of all projections.
fn sum(metrics: &PrometheusHandle, name: &str) -> f64 {
    let text = metrics.render();
    let lines = text.lines().filter(|it| it.starts_with(&format!("karmyq_projection_{name}{{")));
    lines.filter_map(|it| it.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// Waits until it is so.
async fn until(what: &str, holds: impl Fn() -> bool) {
    eventually(what, SOON, || std::future::ready(holds().then_some(()))).await;
}

#[tokio::test]
async fn lag_is_told_while_nothing_is_folded_and_no_longer_than_it_lasts() {
    // Of this thread, on which everything of this test runs.
    let recorder = PrometheusBuilder::new().build_recorder();
    let (metrics, _collected) = (recorder.handle(), metrics::set_default_local_recorder(&recorder));
    let mut world = World::new().await;
    let log = CutOff::before(&mut world);
    world.append(Story::new().events()).await;
    let running = world.start();
    world.folded().await;
    let behind = || sum(&metrics, "lag_events") > 0.0;
    let is_ready = async || running.health.reasons().await.is_empty();
    until("it is at the end", || !behind()).await;
    eventually("it is ready", SOON, || async { is_ready().await.then_some(()) }).await;
    assert!(sum(&metrics, "records_total") > 0.0);

    // No read fails, and none yields anything.
    log.cut(Cut::All);
    eventually("it is not ready", SOON, || async { (!is_ready().await).then_some(()) }).await;
    until("others look, too", || sum(&metrics, "retries_total") > 3.0 * sum(&metrics, "retrying")).await;
    assert!(!is_ready().await && sum(&metrics, "retrying") > 0.0);
    log.cut(Cut::No);
    eventually("it is ready", SOON, || async {
        (is_ready().await && sum(&metrics, "retrying") == 0.0).then_some(())
    })
    .await;

    // The end is told, and nothing of what lies before it.
    log.cut(Cut::Records);
    world.append(Story::new().events()).await;
    until("it is behind", || behind() && sum(&metrics, "lag_seconds") > 0.0).await;
    log.cut(Cut::No);
    world.folded().await;
    until("it is at the end", || !behind()).await;

    // It cannot write, and what it cannot write becomes more.
    world.lock_out().await;
    world.append(Story::new().events()).await;
    until("it is behind", behind).await;
    let before = sum(&metrics, "lag_events");
    world.append(Story::new().events()).await;
    until("it is further behind", || sum(&metrics, "lag_events") > before).await;

    // Whoever folds nothing any more tells no lag.
    running.stop().await;
    assert_eq!((sum(&metrics, "lag_events"), sum(&metrics, "lag_seconds")), (0.0, 0.0));
    assert_eq!(sum(&metrics, "retrying"), 0.0);
    world.let_in().await;
    world.drop().await;
}
