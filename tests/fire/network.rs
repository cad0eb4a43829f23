//! The network between all parties: every connection goes through a proxy of ours on loopback, so that each pair can be
//! cut, slowed down or reset on its own, in one direction or both, without any privilege.
//!
//! Servers advertise their proxy's address. Who has called is found by the process that the caller's socket belongs to
//! (`origin`), so one proxy per server serves all pairs.

mod origin;
mod proxy;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::party::Party;

/// What happens to bytes in one direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Cable {
    /// They arrive.
    Open,
    /// They arrive later, and no more than so many a second.
    Slow { delay: Duration, bytes_per_second: u32 },
    /// They do not arrive, and nobody is told. What was sent arrives when the cable is mended.
    Silent,
    /// Nobody is let in.
    Refused,
}

/// Both directions from a caller to a server.
#[derive(Debug)]
pub(crate) struct Link {
    forth: watch::Sender<Cable>,
    back: watch::Sender<Cable>,
    resets: watch::Sender<u64>,
}

impl Link {
    /// Sets what happens from the caller to the server, and back.
    pub(crate) fn set(&self, forth: Cable, back: Cable) {
        self.forth.send_replace(forth);
        self.back.send_replace(back);
    }

    /// Ends every connection with a reset.
    pub(crate) fn reset(&self) {
        self.resets.send_modify(|it| *it += 1);
    }

    /// Whether new connections are turned away.
    fn refuses(&self) -> bool {
        [&self.forth, &self.back].into_iter().any(|it| *it.borrow() == Cable::Refused)
    }

    /// Waits until nothing is held back in either direction.
    async fn audible(&self) {
        for cable in [&self.forth, &self.back] {
            // The sender lives as long as the network, so the wait ends only by its condition.
            drop(cable.subscribe().wait_for(|it| *it != Cable::Silent).await);
        }
    }
}

/// All links and proxies.
#[derive(Debug)]
pub(crate) struct Network {
    links: HashMap<(Party, Party), Arc<Link>>,
    processes: Mutex<BTreeMap<Party, u32>>,
}

impl Network {
    pub(crate) fn new() -> Arc<Self> {
        let all = Party::all();
        let pairs = all.iter().flat_map(|from| all.iter().map(|to| (*from, *to)));
        let link = || {
            Arc::new(Link {
                forth: watch::Sender::new(Cable::Open),
                back: watch::Sender::new(Cable::Open),
                resets: watch::Sender::new(0),
            })
        };
        let links = pairs.map(|pair| (pair, link())).collect();
        Arc::new(Self { links, processes: Mutex::default() })
    }

    /// The way from a caller to a server.
    pub(crate) fn link(&self, from: Party, to: Party) -> Arc<Link> {
        Arc::clone(&self.links[&(from, to)])
    }

    /// Remembers which process a party is now.
    pub(crate) fn is_process(&self, party: Party, pid: u32) {
        self.processes.lock().insert(party, pid);
    }

    /// Opens a proxy in front of a server's address.
    ///
    /// # Errors
    /// When there is no free port.
    pub(crate) async fn proxy(
        self: &Arc<Self>,
        to: Party,
        target: SocketAddr,
    ) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        tokio::spawn(proxy::serve(Arc::clone(self), listener, to, target));
        Ok(address)
    }

    /// Everything arrives again.
    pub(crate) fn heal(&self) {
        for link in self.links.values() {
            link.set(Cable::Open, Cable::Open);
        }
    }

    /// Whose socket it is that is connected from `peer` to `local`. Whatever is none of our servers is a client.
    async fn origin(&self, peer: SocketAddr, local: SocketAddr) -> Party {
        let processes = self.processes.lock().clone();
        let found = tokio::task::spawn_blocking(move || {
            // Services first: they call most, and have far fewer files open than a broker.
            let processes = processes.into_iter().rev().map(|(party, pid)| (pid, party));
            origin::find(peer.port(), local.port(), processes)
        });
        found.await.ok().flatten().unwrap_or(Party::Clients)
    }
}
