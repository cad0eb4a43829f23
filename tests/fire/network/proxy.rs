//! A proxy in front of one server: two pumps a connection, each behind the cable of its direction.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Cable, Link, Network};
use crate::party::Party;

/// Bytes read at once.
const CHUNK: usize = 16 << 10;
/// Chunks under way in one direction; whoever sends more waits, as on a real wire.
const UNDER_WAY: usize = 64;

pub(super) async fn serve(network: Arc<Network>, listener: TcpListener, to: Party, target: SocketAddr) {
    loop {
        let Ok((near, peer)) = listener.accept().await else {
            // Out of file descriptors for the moment; the caller's connection waits in the queue.
            sleep(Duration::from_millis(50)).await;
            continue;
        };
        let network = Arc::clone(&network);
        tokio::spawn(async move {
            let Ok(local) = near.local_addr() else { return };
            let from = network.origin(peer, local).await;
            connect(&network.link(from, to), near, target).await;
        });
    }
}

/// Carries a connection from its beginning to its end.
async fn connect(link: &Link, mut near: TcpStream, target: SocketAddr) {
    let mut resets = link.resets.subscribe();
    if link.refuses() {
        return reset(&near);
    }
    link.audible().await;
    let Ok(mut far) = TcpStream::connect(target).await else { return reset(&near) };
    // Small messages must not wait for each other; where that cannot be set they are slower, not wrong.
    for stream in [&near, &far] {
        drop(stream.set_nodelay(true));
    }
    let broken = {
        let ((near_in, near_out), (far_in, far_out)) = (near.split(), far.split());
        let forth = pump(near_in, far_out, link.forth.subscribe());
        let back = pump(far_in, near_out, link.back.subscribe());
        tokio::select! {
            ended = async { tokio::try_join!(forth, back) } => ended.is_err(),
            _ = resets.changed() => return (reset(&near), reset(&far)).0,
        }
    };
    if broken {
        // Neither side hears that the other is gone while the cable is cut.
        link.audible().await;
        reset(&near);
        reset(&far);
    }
}

/// Makes the end of a connection a reset.
fn reset(stream: &TcpStream) {
    // A connection that is gone already needs none.
    drop(stream.set_zero_linger());
}

async fn pump(from: ReadHalf<'_>, to: WriteHalf<'_>, cable: watch::Receiver<Cable>) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel(UNDER_WAY);
    tokio::try_join!(take(from, sender, cable.clone()), give(receiver, to, cable)).map(drop)
}

/// Bytes and when they arrive at the other end.
type Parcel = (Instant, Vec<u8>);

async fn take(
    mut from: ReadHalf<'_>,
    sender: mpsc::Sender<Parcel>,
    cable: watch::Receiver<Cable>,
) -> io::Result<()> {
    loop {
        let mut chunk = vec![0; CHUNK];
        let length = from.read(&mut chunk).await?;
        chunk.truncate(length);
        let delay = match *cable.borrow() {
            Cable::Slow { delay, .. } => delay,
            Cable::Open | Cable::Silent | Cable::Refused => Duration::ZERO,
        };
        if length == 0 || sender.send((Instant::now() + delay, chunk)).await.is_err() {
            return Ok(());
        }
    }
}

async fn give(
    mut receiver: mpsc::Receiver<Parcel>,
    mut to: WriteHalf<'_>,
    mut cable: watch::Receiver<Cable>,
) -> io::Result<()> {
    let gone = |_| io::Error::from(io::ErrorKind::BrokenPipe);
    while let Some((due, chunk)) = receiver.recv().await {
        sleep_until(due).await;
        let state = *cable.wait_for(|it| *it != Cable::Silent).await.map_err(gone)?;
        to.write_all(&chunk).await?;
        if let Cable::Slow { bytes_per_second, .. } = state {
            let seconds = chunk.len() as f64 / f64::from(bytes_per_second.max(1));
            sleep(Duration::from_secs_f64(seconds)).await;
        }
    }
    cable.wait_for(|it| *it != Cable::Silent).await.map_err(gone)?;
    to.shutdown().await
}
