//! Our own services: several of each, all that they reach behind proxies.

use std::time::Duration;

use anyhow::{Result, ensure};
use event_schemas::topics::Profile;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::Ground;
use crate::party::Party;
use crate::process::Recipe;

/// Partitions and copies of the topics.
pub(crate) const PROFILE: Profile = Profile::Replicated;

/// Events after which a snapshot is due: few, so that takeovers meet many of them.
const SNAPSHOT_EVERY: &str = "500";

pub(super) fn command_api(ground: &Ground, party: Party) -> Result<Recipe> {
    recipe(ground, party, "command-api", "COMMAND_API_LISTEN", "command")
}

pub(super) fn projectors(ground: &Ground, party: Party) -> Result<Recipe> {
    recipe(ground, party, "projectors", "PROJECTORS_LISTEN", "projector")
}

pub(super) fn query_api(ground: &Ground, party: Party) -> Result<Recipe> {
    recipe(ground, party, "query-api", "QUERY_API_LISTEN", "query")
}

fn recipe(ground: &Ground, party: Party, binary: &str, listen: &str, role: &str) -> Result<Recipe> {
    let place = ground.places.of(party);
    let mut variables = variables(ground, role)?;
    variables.extend([
        (listen.to_owned(), place.own.to_string()),
        ("ADVERTISED_URL".to_owned(), format!("http://{}", place.proxy)),
        ("RATE_LIMIT_DISABLED".to_owned(), "true".to_owned()),
        ("SNAPSHOT_EVERY".to_owned(), SNAPSHOT_EVERY.to_owned()),
    ]);
    variables.extend(ground.clocks[&party].variables(&ground.site.clock));
    Ok(Recipe {
        command: vec![ground.site.binaries.join(binary).display().to_string()],
        variables,
        folder: ground.site.state.clone(),
        log: ground.site.log(&party.to_string()),
        stop: Signal::TERM,
    })
}

/// What every program of ours is told, with the database role `karmyq_<role>`.
pub(super) fn variables(ground: &Ground, role: &str) -> Result<Vec<(String, String)>> {
    let registry = ground.places.of(Party::Registry).proxy;
    let file = |name: &str| ground.site.secret(name).display().to_string();
    let variables = [
        ("KAFKA_BOOTSTRAP_SERVERS", ground.places.bootstrap_servers()),
        ("SCHEMA_REGISTRY_URL", format!("http://{registry}/apis/ccompat/v7")),
        ("DATABASE_URL", ground.database(&format!("karmyq_{role}"), role)?),
        ("MIGRATIONS_DATABASE_URL", ground.database("karmyq_owner", "owner")?),
        ("TOPIC_PROFILE", PROFILE.name().to_owned()),
        ("KARMYQ_PROFILE", "production".to_owned()),
        ("JWT_SIGNING_KEY_FILE", file("jwt-signing-key.pem")),
        ("JWT_PUBLIC_KEYS_DIR", file("jwt-public-keys")),
        ("DATA_KEY_MASTER_FILE", file("data-key-master")),
        ("FINGERPRINT_KEY_FILE", file("fingerprint-key")),
    ];
    Ok(variables.map(|(name, value)| (name.to_owned(), value)).to_vec())
}

/// Waits until every service is ready, by its own address.
pub(super) async fn ready(ground: &Ground, patience: Duration) -> Result<()> {
    let deadline = Instant::now() + patience;
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()?;
    for party in Party::services() {
        let url = format!("http://{}/health/ready", ground.places.of(party).own);
        loop {
            let told = match client.get(&url).send().await {
                Ok(answer) if answer.status().is_success() => break,
                Ok(answer) => answer.text().await.unwrap_or_default(),
                Err(error) => error.to_string(),
            };
            ensure!(Instant::now() < deadline, "{party} is not ready after {patience:?}: {told}");
            sleep(Duration::from_millis(200)).await;
        }
    }
    Ok(())
}
