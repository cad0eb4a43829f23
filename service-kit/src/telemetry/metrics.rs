//! Metrics of the process. Code anywhere uses the macros of the `metrics` crate; this is where they are collected.

use std::sync::OnceLock;
use std::time::Duration;

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

static COLLECTED: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Upper bounds of latency buckets, in seconds.
const LATENCY_S: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0];

/// How often collected samples are folded into buckets; until then each takes memory.
const UPKEEP: Duration = Duration::from_secs(5);

/// Starts collecting. Names that end in `_seconds` get latency buckets, other histograms powers of two.
pub(super) fn install() {
    COLLECTED.get_or_init(|| {
        let sizes: Vec<f64> = (0..14).map(|power| f64::from(1 << power)).collect();
        let handle = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &LATENCY_S)
            .and_then(|it| it.set_buckets(&sizes))
            .and_then(PrometheusBuilder::install_recorder)
            .inspect_err(|error| tracing::error!(%error, "metrics are not collected"))
            .ok()?;
        let upkeep = handle.clone();
        let spawned = std::thread::Builder::new().name("metrics-upkeep".to_owned()).spawn(move || {
            loop {
                std::thread::park_timeout(UPKEEP);
                upkeep.run_upkeep();
            }
        });
        spawned.inspect_err(|error| tracing::error!(%error, "metrics are not collected")).ok().map(|_| handle)
    });
}

/// `/metrics` in the text format of Prometheus. Collecting starts here if it has not yet.
pub fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    install();
    let text = || COLLECTED.get().and_then(Option::as_ref).map(PrometheusHandle::render).unwrap_or_default();
    Router::new().route(
        "/metrics",
        get(move || async move { ([(CONTENT_TYPE, "text/plain; version=0.0.4")], text()) }),
    )
}
