//! A trace that a client begins goes on behind Kafka: in the projectors that fold what it led to, and in what the policies
//! make of it on other topics.

use std::time::Duration;

use serde_json::json;
use tests::collector::Span;
use tests::eventually::eventually;
use tests::services::System;
use uuid::Uuid;

/// The exporters send several times a second; a machine under load takes longer.
const EXPORTED: Duration = Duration::from_secs(30);

/// The client's own span, of which the collector knows nothing.
const CLIENT: &str = "00f067aa0ba902b7";

pub(crate) async fn a_trace_goes_through_kafka_to_whatever_its_command_led_to(system: &System) {
    let mut founder = system.api.register("Tara").await;
    let guest = system.api.register("Till").await;
    let community = system.api.found(&mut founder).await;
    let trace = Uuid::now_v7().simple().to_string();
    let traceparent = format!("00-{trace}-{CLIENT}-01");
    let place = format!("/communities/{}", community.id);

    let join = system.api.post(&format!("{place}/join"), &json!({})).by(&guest);
    let position = join.header("traceparent", &traceparent).expect(200).await.position();
    let look = system.api.get(&place).by(&founder).seeing(&position);
    look.header("traceparent", &traceparent).expect(200).await;

    let spans = Awaited { system, trace };
    let joined = spans.one("the command", |it| it.service == "command-api").await;
    assert_eq!(joined.name, "POST /api/v1/communities/{id}/join");
    assert_eq!((joined.parent_id.as_str(), joined.is_server), (CLIENT, true), "{joined:?}");

    let looked = spans.one("the query", |it| it.service == "query-api").await;
    assert_eq!(looked.name, "GET /api/v1/communities/{community_id}");
    assert_eq!((looked.parent_id.as_str(), looked.is_server), (CLIENT, true), "{looked:?}");

    let (partition, _) = position.split_once('@').expect("a position has an offset");
    let folded = spans.one("the fold of its event", |it| folds(it, "community", partition)).await;
    assert_eq!((folded.name.as_str(), &folded.parent_id), ("project", &joined.span_id), "{folded:?}");

    // The founder is told of the new member: an event of another topic, which a policy brought about.
    let told = |it: &Span| folds(it, "notifications", "notification-events/");
    let told = spans.one("the fold of the notice", told).await;
    assert_eq!((told.name.as_str(), &told.parent_id), ("project", &joined.span_id), "{told:?}");
}

/// Whether it is the span of this projection on partitions whose name begins like this.
fn folds(span: &Span, projection: &str, partition: &str) -> bool {
    span.service == "projectors"
        && span.attribute("projection") == projection
        && span.attribute("partition").starts_with(partition)
}

/// The spans of one trace.
struct Awaited<'a> {
    system: &'a System,
    trace: String,
}

impl Awaited<'_> {
    async fn one(&self, what: &str, is_it: impl Fn(&Span) -> bool) -> Span {
        let what = format!("a span of {what} comes in trace {}", self.trace);
        eventually(&what, EXPORTED, || async {
            self.system.collector.trace(&self.trace).await.into_iter().find(|it| is_it(it))
        })
        .await
    }
}
