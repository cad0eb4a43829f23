//! Analysts need nothing from us but addresses: a stock Python client reads every topic of events.

use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tests::environment::scratch;
use tests::services::{System, said};

/// The client that stands for all of them.
const CLIENT: &str = "confluent-kafka[avro]==2.11.1";

pub(crate) async fn a_stock_python_consumer_reads_every_event_topic(system: &System) {
    let mut founder = system.api.register("Paula").await;
    let community = system.api.found(&mut founder).await;
    system.api.ask(&founder, &community, "Read me in Python").await;
    let ends = |topic: &'static str| system.log.records(topic);
    let python = tokio::task::spawn_blocking(python).await.expect("a Python with the client");
    for topic in
        ["user-events", "community-events", "request-events", "reputation-events", "notification-events"]
    {
        let expected = ends(topic).await.len();
        let output = Command::new(&python)
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/system/analyst.py"))
            .args([topic, &expected.to_string()])
            .output()
            .expect("python runs");
        assert!(output.status.success(), "{topic}: {}", said(&output));
        let summary: Value = serde_json::from_slice(&output.stdout).expect("a JSON summary");
        assert_eq!(summary["records"], expected, "{topic}: {summary}");
        let headers = summary["headers"].as_array().cloned().unwrap_or_default();
        for header in
            ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "content-type"]
        {
            assert!(headers.iter().any(|it| it == header), "{topic} has no header {header}: {summary}");
        }
    }
}

/// A Python with the client; made once and kept beside the build.
fn python() -> PathBuf {
    let folder = scratch().join("python");
    let python = folder.join("bin/python");
    let has_client = |python: &PathBuf| {
        Command::new(python)
            .args(["-c", "import confluent_kafka.schema_registry.avro"])
            .output()
            .is_ok_and(|it| it.status.success())
    };
    if !has_client(&python) {
        let made =
            Command::new("python3").args(["-m", "venv"]).arg(&folder).output().expect("python3 is installed");
        assert!(made.status.success(), "python3 -m venv: {}", said(&made));
        let got = Command::new(&python)
            .args(["-m", "pip", "install", "--quiet", CLIENT])
            .output()
            .expect("pip runs");
        assert!(got.status.success(), "pip install {CLIENT}: {}", said(&got));
    }
    python
}
