//! Analysts need nothing from us but addresses: a stock Python client reads every topic of events.

use serde_json::Value;
use tests::python;
use tests::services::{System, said};

pub(crate) async fn a_stock_python_consumer_reads_every_event_topic(system: &System) {
    let mut founder = system.api.register("Paula").await;
    let community = system.api.found(&mut founder).await;
    system.api.ask(&founder, &community, "Read me in Python").await;
    let ends = |topic: &'static str| system.log.records(topic);
    for topic in
        ["user-events", "community-events", "request-events", "reputation-events", "notification-events"]
    {
        let expected = ends(topic).await.len();
        let arguments = vec![topic.to_owned(), expected.to_string()];
        let output = python::run("analyst.py", arguments, String::new()).await;
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
