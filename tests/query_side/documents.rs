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

/// The routes of command-api stand one after the other in its router: `.api("/path", post(…).delete(…))`.
#[test]
fn every_command_is_described_and_every_described_command_exists() {
    const ROUTER: &str = include_str!("../../command-api/src/router.rs");
    const METHODS: [&str; 4] = ["post", "put", "patch", "delete"];
    let mut served = BTreeSet::new();
    for route in ROUTER.split(".api(").skip(1) {
        let path = route.split('"').nth(1).expect("a route has a path");
        let named = METHODS.iter().filter(|method| route.contains(&format!("{method}(")));
        served.extend(named.map(|method| format!("{method} {}", nameless(path))));
    }
    let document = query_api::openapi_document();
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        let methods = item.as_object().expect("methods").keys().filter(|it| *it != "get");
        described.extend(methods.map(|method| format!("{method} {}", nameless(path))));
    }
    let differing: Vec<_> = served.symmetric_difference(&described).collect();
    assert!(differing.is_empty(), "served or described only: {differing:?}");
}

/// The path without the names of its parameters.
fn nameless(path: &str) -> String {
    path.split('/').map(|it| if it.starts_with('{') { "{}" } else { it }).collect::<Vec<_>>().join("/")
}
