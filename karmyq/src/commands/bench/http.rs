//! Commands over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, ensure};
use serde::Deserialize;

use super::closed_loop::{self, Carrier, Load, Plan};
use super::connection::Connection;
use super::exchange::{Exchange, Pair};

/// A client: one connection.
#[derive(Debug)]
struct Client {
    connection: Connection,
    /// Numbers the idempotency keys of all clients of this run.
    keys: Arc<AtomicU64>,
}

/// What a client looks for in an answer.
#[derive(Debug, Deserialize)]
struct Body {
    data: Created,
}

#[derive(Debug, Deserialize)]
struct Created {
    id: Option<String>,
}

/// Lets this many clients send commands to `host:port`.
pub(super) async fn load(
    address: &str,
    clients: usize,
    pairs: &[Arc<Pair>],
    keys: &Arc<AtomicU64>,
    plan: Plan,
) -> Result<Load> {
    let mut carriers = Vec::with_capacity(clients);
    for _ in 0..clients {
        carriers.push(Client { connection: Connection::open(address).await?, keys: Arc::clone(keys) });
    }
    closed_loop::run(carriers, pairs, plan).await
}

impl Carrier for Client {
    async fn carry(&mut self, pair: &Pair, exchange: &Exchange) -> Result<Option<String>> {
        let call = exchange.call(pair);
        let key = format!("bench-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        let body = serde_json::to_vec(&call.body)?;
        let reply =
            self.connection.command(&call.method, &call.path, &call.person.token, &key, &body).await?;
        ensure!(
            matches!(reply.status, 200 | 201),
            "{} {} answered {}: {}",
            call.method,
            call.path,
            reply.status,
            String::from_utf8_lossy(reply.body)
        );
        Ok(serde_json::from_slice::<Body>(reply.body)?.data.id)
    }
}
