//! Every GET route on many rows: queries a second and how long they take.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::super::closed_loop::{self, Client, Plan};
use super::super::connection::Connection;
use super::super::ground::Ground;
use super::super::report::quantile_ms;
use super::super::services::{Kind, Service};
use super::population::{self, Asker};
use super::report::Route;
use crate::terminal::mention;

/// Clients that wait for their answers.
const CLIENTS: usize = 2;
/// People who ask in turn.
const PEOPLE: i64 = 100;

/// Routes on read models with so many requests.
pub(super) async fn measure(ground: &Ground, requests: u64, plan: Plan) -> Result<Vec<Route>> {
    let settled = population::settle(ground, requests).await.context("filling read models")?;
    let askers: Arc<[Asker]> = population::askers(&settled, PEOPLE).await?.into();
    ensure!(!askers.is_empty(), "nobody may ask");
    let query_api = Service::start(&settled, Kind::QueryApi).await?;
    let mut measured = Vec::new();
    for (route, list) in routes(&query_api).await? {
        mention(format_args!("measuring GET {route} on {requests} requests"));
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let connection = Connection::open(query_api.address()).await?;
            clients.push(Reader {
                connection,
                route: route.clone(),
                askers: Arc::clone(&askers),
                turn: number,
            });
        }
        let load = closed_loop::run(clients, plan).await?;
        measured.push(Route {
            requests,
            route,
            list,
            queries_per_second: load.commands_per_second,
            p50_ms: quantile_ms(&load.latency, 0.5),
            p99_ms: quantile_ms(&load.latency, 0.99),
        });
    }
    query_api.stop().await?;
    population::leave(ground).await?;
    Ok(measured)
}

/// The GET routes that members may call, as OpenAPI describes them, and whether each is a list in pages.
async fn routes(query_api: &Service) -> Result<BTreeMap<String, bool>> {
    let url = format!("{}/api/v1/openapi.json", query_api.url());
    let document: Value =
        serde_json::from_slice(&reqwest::get(url).await?.error_for_status()?.bytes().await?)?;
    let mut routes = BTreeMap::new();
    for (path, item) in document["paths"].as_object().context("no paths")? {
        let parameters = item["get"]["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let has = |name: &str| parameters.iter().any(|it| it["name"] == name);
        let streams = item["get"]["responses"]["200"]["content"].get("text/event-stream").is_some();
        if has("min_position") && !streams && !path.starts_with("/admin") {
            routes.insert(path.clone(), has("cursor"));
        }
    }
    Ok(routes)
}

/// Calls a route, each time as somebody else.
struct Reader {
    connection: Connection,
    route: String,
    askers: Arc<[Asker]>,
    turn: usize,
}

impl Client for Reader {
    async fn command(&mut self) -> Result<()> {
        let asker = &self.askers[self.turn % self.askers.len()];
        self.turn += CLIENTS;
        let path = path(&self.route, asker);
        let reply = self.connection.query(&path, &asker.token).await?;
        ensure!(
            reply.status == 200,
            "GET {path} answered {}: {}",
            reply.status,
            String::from_utf8_lossy(reply.body)
        );
        Ok(())
    }
}

fn path(route: &str, asker: &Asker) -> String {
    let ids = [
        ("{userId}", asker.user_id),
        ("{id}", asker.user_id),
        ("{communityId}", asker.community_id),
        ("{requestId}", asker.request_id),
        ("{matchId}", asker.match_id),
    ];
    let filled = ids.iter().fold(route.to_owned(), |path, (name, id)| path.replace(name, &id.to_string()));
    // Those that are about a community without naming it in their path.
    let about_one =
        ["/me/karma", "/community-summary", "/community-health"].iter().any(|it| route.ends_with(it));
    if about_one { format!("{filled}?community_id={}", asker.community_id) } else { filled }
}
