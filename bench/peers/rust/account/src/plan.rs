//! What to run, from the environment that `karmyq bench peers` sets.

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

/// How many clients, for how long, over how many accounts.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Clients at a time, one load after the other.
    pub(crate) clients: Vec<usize>,
    /// Before anything counts, in each load.
    pub(crate) warm_up: Duration,
    /// While it counts, in each load.
    pub(crate) measured: Duration,
    /// Accounts, all alike.
    pub(crate) accounts: u32,
}

impl Plan {
    pub(crate) fn from_environment() -> Result<Self> {
        let clients = variable::<String>("PEERS_CLIENTS")?;
        Ok(Self {
            clients: clients.split(',').map(parse).collect::<Result<_>>().context("PEERS_CLIENTS")?,
            warm_up: Duration::from_secs(variable("PEERS_WARM_UP_SECONDS")?),
            measured: Duration::from_secs(variable("PEERS_SECONDS")?),
            accounts: variable("PEERS_ACCOUNTS")?,
        })
    }
}

fn variable<T: FromStr>(name: &str) -> Result<T> {
    let text = std::env::var(name).with_context(|| format!("{name} is not set"))?;
    parse(&text).with_context(|| name.to_owned())
}

fn parse<T: FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| anyhow!("cannot be {text:?}"))
}
