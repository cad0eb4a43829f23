//! Reading one's own writes (invariant R3).

use serde_json::json;
use tests::services::System;

pub(crate) async fn a_query_waits_for_the_position_that_it_names(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Pia").await;
    let community = api.found(&mut founder).await;
    let path = format!("/communities/{}", community.id);
    for round in 0..20 {
        let tags = json!({"tags": [format!("round-{round}")]});
        let written = api.put(&format!("{path}/tags"), &tags).by(&founder).expect(200).await;
        let read = api.get(&path).by(&founder).seeing(&written.position()).expect(200).await;
        assert_eq!(read.data()["tags"], tags["tags"], "{read}");
        assert_eq!(read.header("etag"), written.header("etag"), "{read}");
    }
}

pub(crate) async fn a_position_that_nobody_has_reached_is_told_so(system: &System) {
    let api = &system.api;
    let mut founder = api.register("Per").await;
    let community = api.found(&mut founder).await;
    let path = format!("/communities/{}", community.id);
    let (partition, _) = community.position.split_once('@').expect("a position");
    let ahead = format!("{partition}@999999999");
    let waiting = api.get(&path).by(&founder).query("min_position", &ahead).query("wait_ms", "200");
    waiting.refused(503, "NOT_YET_VISIBLE").await;
    for garbage in ["", "nonsense", "community-events/0", "community-events/x@1", "community-events/0@-1"] {
        api.get(&path).by(&founder).query("min_position", garbage).refused(400, "INVALID_POSITION").await;
    }
    let elsewhere = api.get(&path).by(&founder).query("min_position", "saga-events/0@999999999");
    elsewhere.expect(200).await;
}
