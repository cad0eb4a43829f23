//! The cable between an instance and PostgreSQL, which can be pulled out.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

/// Listens on a port of its own and passes everything on.
pub(crate) struct Cable {
    pub(crate) address: SocketAddr,
    to: (String, u16),
    plugged: CancellationToken,
}

impl Cable {
    pub(crate) async fn to(host: &str, port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (to, plugged) = ((host.to_owned(), port), CancellationToken::new());
        tokio::spawn(plugged.clone().run_until_cancelled_owned(pass(listener, to.clone(), plugged.clone())));
        Self { address, to, plugged }
    }

    /// Ends all connections and refuses new ones.
    pub(crate) fn pull_out(&self) {
        self.plugged.cancel();
    }

    /// Passes on again, on the same port.
    pub(crate) async fn plug_in(&mut self) {
        let listener = TcpListener::bind(self.address).await.expect("the port is still ours");
        self.plugged = CancellationToken::new();
        let passing = pass(listener, self.to.clone(), self.plugged.clone());
        tokio::spawn(self.plugged.clone().run_until_cancelled_owned(passing));
    }
}

async fn pass(listener: TcpListener, to: (String, u16), plugged: CancellationToken) {
    while let Ok((mut near, _)) = listener.accept().await {
        let (to, plugged) = (to.clone(), plugged.clone());
        tokio::spawn(plugged.run_until_cancelled_owned(async move {
            if let Ok(mut far) = TcpStream::connect(to).await {
                // However it ends, both ends hang up.
                drop(copy_bidirectional(&mut near, &mut far).await);
            }
        }));
    }
}
