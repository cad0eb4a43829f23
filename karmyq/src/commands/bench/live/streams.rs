//! The people of the measurement, and their streams: connections that cost the machine little.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use service_kit::auth::{AUDIENCE, Claims, ISSUER, PublicKeys, Signer, Verifier};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use uuid::Uuid;

use super::super::ground::Ground;

/// Bytes that are read at once: a message.
const ROOM: usize = 1_024;
/// How long a token lives, in seconds: longer than the measurement.
const TOKEN_LIFE_S: i64 = 3_600;

/// Partition and offset of an item.
pub(super) type Position = (i32, i64);

/// An item is in a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrival {
    /// Which.
    pub(super) position: Position,
    /// Since when.
    pub(super) at: Instant,
}

/// People with tokens. They need not be registered: a stream is for whoever the token names.
#[derive(Debug)]
pub(super) struct People(Vec<(Uuid, Arc<str>)>);

impl People {
    /// So many.
    pub(super) fn new(ground: &Ground, count: usize) -> Result<Self> {
        let mut settings = ground.settings();
        let (key, directory) = (
            settings.required_file("JWT_SIGNING_KEY_FILE"),
            settings.required::<String>("JWT_PUBLIC_KEYS_DIR"),
        );
        let (key, directory) = settings.build(|| Some((key?, directory?)))?;
        let verifier = Verifier::new(PublicKeys::from_directory(directory)?);
        let signer = Signer::new(&key, &verifier)?;
        let now = chrono::Utc::now().timestamp();
        let person = |_| {
            let id = Uuid::now_v7();
            let claims = Claims {
                user_id: id,
                email: "bench@example.org".to_owned(),
                community_memberships: Vec::new(),
                iat: now,
                exp: now + TOKEN_LIFE_S,
                jti: Uuid::now_v7(),
                sub: id,
                sid: Uuid::now_v7(),
                iss: ISSUER.to_owned(),
                aud: AUDIENCE.to_owned(),
                email_verified: true,
                platform_role: None,
            };
            Ok((id, signer.sign(&claims)?.into()))
        };
        (0..count).map(person).collect::<Result<_>>().map(Self)
    }

    /// The first ones.
    pub(super) fn ids(&self, count: usize) -> Vec<Uuid> {
        self.0.iter().take(count).map(|(id, _)| *id).collect()
    }

    /// Their tokens.
    pub(super) fn tokens(&self, count: usize) -> Vec<Arc<str>> {
        self.0.iter().take(count).map(|(_, token)| Arc::clone(token)).collect()
    }
}

/// Open streams.
#[derive(Debug)]
pub(super) struct Streams {
    arrived: mpsc::UnboundedSender<Arrival>,
    reading: JoinSet<Result<()>>,
}

impl Streams {
    /// None yet; they will tell of what arrives.
    pub(super) fn new(arrived: mpsc::UnboundedSender<Arrival>) -> Self {
        Self { arrived, reading: JoinSet::new() }
    }

    /// Opens a stream for each of these tokens, so many at a time, and waits until all are connected.
    pub(super) async fn open(&mut self, address: &str, tokens: Vec<Arc<str>>, at_once: usize) -> Result<()> {
        let opening = stream::iter(tokens.into_iter().map(|token| connect(address.to_owned(), token)));
        let opened: Vec<_> = opening.buffer_unordered(at_once).try_collect().await?;
        for stream in opened {
            self.reading.spawn(read(stream, self.arrived.clone()));
        }
        Ok(())
    }

    /// Closes them all.
    pub(super) async fn close(mut self) {
        self.reading.shutdown().await;
    }
}

async fn connect(address: String, token: Arc<str>) -> Result<BufReader<TcpStream>> {
    let stream =
        TcpStream::connect(&address).await.with_context(|| format!("cannot connect to {address}"))?;
    let mut stream = BufReader::with_capacity(ROOM, stream);
    let head = format!(
        "GET /api/v1/notifications/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {token}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut line = String::new();
    while !line.starts_with("data: ") {
        line.clear();
        ensure!(stream.read_line(&mut line).await? > 0, "a stream ended before it began");
        ensure!(!line.starts_with("{\"error\""), "a stream was refused: {line}");
    }
    ensure!(line.contains("\"connected\""), "a stream began with {line}");
    Ok(stream)
}

/// Tells of each item. Every message is a chunk of its own, so its lines are whole.
async fn read(mut stream: BufReader<TcpStream>, arrived: mpsc::UnboundedSender<Arrival>) -> Result<()> {
    let mut line = String::new();
    while stream.read_line(&mut line).await? > 0 {
        let position = line.strip_prefix("id: ").and_then(|it| {
            let (partition, offset) = it.trim_end().rsplit_once('/')?.1.split_once('@')?;
            Some((partition.parse().ok()?, offset.parse().ok()?))
        });
        if let Some(position) = position {
            arrived.send(Arrival { position, at: Instant::now() })?;
        }
        line.clear();
    }
    Ok(())
}
