//! Commands over HTTP.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Result, bail};
use serde::Deserialize;

use super::closed_loop::{self, Answer, Carrier, Load, Plan};
use super::connection::Connection;
use super::exchange::{Call, Exchange, Mix, Pair};
use super::open_loop;

/// The code of the one refusal that a load may meet.
const OVERLOADED: &[u8] = b"\"OVERLOADED\"";

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
    mix: Mix,
    plan: Plan,
) -> Result<Load> {
    let carriers = connected(address, clients, keys).await?;
    closed_loop::run(closed_loop::exchanging(carriers, pairs, mix), plan).await
}

/// Sends this many commands a second to `host:port`, whether or not the ones before are answered, as far as that many
/// connections go.
pub(super) async fn arrivals(
    address: &str,
    connections: usize,
    per_second: f64,
    pairs: &[Arc<Pair>],
    keys: &Arc<AtomicU64>,
    plan: Plan,
) -> Result<open_loop::Load> {
    open_loop::run(connected(address, connections, keys).await?, pairs, per_second, plan).await
}

async fn connected(address: &str, clients: usize, keys: &Arc<AtomicU64>) -> Result<Vec<Client>> {
    let mut carriers = Vec::with_capacity(clients);
    for _ in 0..clients {
        carriers.push(Client { connection: Connection::open(address).await?, keys: Arc::clone(keys) });
    }
    Ok(carriers)
}

impl Carrier for Client {
    async fn carry(&mut self, pair: &Pair, exchange: &Exchange) -> Result<Answer> {
        let call = exchange.call(pair);
        let key = format!("bench-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        let body = serde_json::to_vec(&call.body)?;
        let reply =
            self.connection.command(&call.method, &call.path, &call.person.token, &key, &body).await?;
        match reply.status {
            200 | 201 => Ok(Answer::Done(serde_json::from_slice::<Body>(reply.body)?.data.id)),
            503 if reply.body.windows(OVERLOADED.len()).any(|it| it == OVERLOADED) => Ok(Answer::Overloaded),
            status => {
                let (Call { method, path, .. }, body) = (call, String::from_utf8_lossy(reply.body));
                bail!("{method} {path} answered {status}: {body}")
            }
        }
    }
}
