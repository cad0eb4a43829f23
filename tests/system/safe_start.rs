//! Invariant W4: a service that finds a topic altered does not start, and says which, why and what to do.

use std::process::Command;

use tests::services::{Kind, Service, System, free_address, said};

/// No aggregate of ours stands on it, so nothing else notices.
const TOPIC: &str = "alert-events";

pub(crate) async fn a_topic_that_was_altered_stops_every_service(system: &System) {
    let altered = Altered::retention("60000");
    for kind in [Kind::CommandApi, Kind::Projectors, Kind::QueryApi] {
        let mut service = Service::start(&system.environment, kind, &free_address(), &[]);
        let (code, log) = service.ended().await;
        assert_eq!(code, Some(78), "{kind:?}: {log}");
        assert!(
            log.contains(TOPIC) && log.contains("retention.ms"),
            "{kind:?} names topic and setting: {log}"
        );
    }
    drop(altered);

    // In the other profile every partition count differs.
    let other = if system.environment.get("TOPIC_PROFILE") == "small" { "standard" } else { "small" };
    let variables = [("TOPIC_PROFILE", other)];
    let mut service = Service::start(&system.environment, Kind::CommandApi, &free_address(), &variables);
    let (code, log) = service.ended().await;
    assert_eq!(code, Some(78), "{log}");
    assert!(log.contains("community-events") && log.contains("partitions"), "{log}");
}

/// A topic with another retention, until this goes.
struct Altered;

impl Altered {
    fn retention(milliseconds: &str) -> Self {
        configure(&["--alter", "--add-config", &format!("retention.ms={milliseconds}")]);
        Self
    }
}

impl Drop for Altered {
    fn drop(&mut self) {
        configure(&["--alter", "--add-config", "retention.ms=-1"]);
    }
}

/// Kafka's own tool, on the servers of this environment.
fn configure(arguments: &[&str]) {
    let dev = concat!(env!("CARGO_MANIFEST_DIR"), "/../dev");
    let output = Command::new(dev)
        .args(["kafka", "configs", "--entity-type", "topics", "--entity-name", TOPIC])
        .args(arguments)
        .output()
        .expect("./dev runs");
    assert!(output.status.success(), "kafka configs {arguments:?}: {}", said(&output));
}
