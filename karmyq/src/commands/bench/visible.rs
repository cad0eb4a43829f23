//! Command to visible: a person sends a command and reads what it changed.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Result, ensure};
use hdrhistogram::Histogram;
use reqwest::Method;
use serde_json::json;
use tokio::task::JoinSet;

use super::closed_loop::Plan;
use super::exchange::Pair;
use super::report::{histogram, note};
use crate::api::Api;

/// People who do so at the same time.
const PEOPLE: usize = 4;

/// Lets people edit a request and read it until they see the edit; microseconds from sending to having read, once they
/// have warmed up.
pub(super) async fn measure(api: &Api, pairs: &[Arc<Pair>], plan: Plan) -> Result<Histogram<u64>> {
    let mut people = JoinSet::new();
    let from = Instant::now() + plan.warm_up;
    for pair in pairs.iter().cycle().take(PEOPLE) {
        people.spawn(edit_and_read(api.clone(), Arc::clone(pair), from, from + plan.measured));
    }
    let mut all = histogram();
    while let Some(ended) = people.join_next().await {
        all.add(ended??)?;
    }
    Ok(all)
}

async fn edit_and_read(api: Api, pair: Arc<Pair>, from: Instant, until: Instant) -> Result<Histogram<u64>> {
    let body = json!({
        "communityId": pair.community,
        "title": "Somebody to water the plants",
        "description": "For two weeks in August, every other day",
    });
    let asked = api.command(&pair.requester, Method::POST, "/requests", &body).await?;
    let path = format!("/requests/{}", asked.text("/id")?);
    api.query_at(&pair.requester, &path, asked.position()?).await?;
    let mut latency = histogram();
    for number in 1.. {
        let title = format!("Somebody to water the plants, version {number}");
        let sent = Instant::now();
        if sent >= until {
            break;
        }
        let edited = api.command(&pair.requester, Method::PUT, &path, &json!({"title": title})).await?;
        let (read, _) = api.query_at(&pair.requester, &path, edited.position()?).await?;
        if sent >= from {
            note(&mut latency, sent.elapsed());
        }
        ensure!(read.text("/title")? == title, "a read at the position of an edit does not show it");
    }
    Ok(latency)
}
