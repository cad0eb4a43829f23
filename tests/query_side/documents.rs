//! What is served beside the API.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::fixture::World;

#[tokio::test]
async fn keys_description_page_health_and_metrics_are_served_raw() {
    let world = World::new().await;
    let json = async |path: &str| -> Value {
        world.raw(path).send().await.expect("query-api answers").json().await.expect("it is JSON")
    };
    assert_eq!(json("/.well-known/jwks.json").await["keys"][0]["kid"], "test");
    assert_eq!(json("/health").await["status"], "healthy");
    assert_eq!(json("/api/v1/health").await["service"], "query-api");
    assert_eq!(json("/api/v1/openapi.json").await["openapi"], "3.1.0");
    let text = async |path: &str| {
        world.raw(path).send().await.expect("query-api answers").text().await.expect("it is text")
    };
    assert!(text("/docs").await.contains("openapi.json"));
    assert!(text("/metrics").await.contains("http_requests_total"));
    world.drop().await;
}

#[test]
fn every_read_is_described_and_every_described_read_exists() {
    let document = query_api::openapi_document();
    let paths = document["paths"].as_object().expect("paths");
    let reads = paths.iter().filter(|(_, item)| item.get("get").is_some());
    let described: BTreeSet<_> = reads.map(|(path, _)| nameless(path)).collect();
    let raw = ["/health", "/health/live", "/health/ready", "/openapi.json"];
    let served: BTreeSet<_> = query_api::ROUTES.iter().chain(&raw).map(|path| nameless(path)).collect();
    assert_eq!(served, described);
}

/// The path without the names of its parameters.
fn nameless(path: &str) -> String {
    path.split('/').map(|it| if it.starts_with('{') { "{}" } else { it }).collect::<Vec<_>>().join("/")
}
