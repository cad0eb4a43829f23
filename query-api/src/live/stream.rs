//! One client's stream of server-sent events.
//!
//! Its memory is bounded whatever the client does: a queue of shared messages, a few more on their way to the socket. What
//! does not fit waits in PostgreSQL. A client that takes nothing for [`SLOWEST`] is cut off; the id of the last message
//! that it got is where it resumes.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use chrono::Utc;
use metrics::counter;
use service_kit::answer::{PathIds, Problem};
use service_kit::auth::TokenError;
use sqlx::Transaction;
use sqlx::postgres::{PgConnection, Postgres};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::{Instant, interval, interval_at, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tracing::{debug, info};
use uuid::Uuid;

use super::connected::Place;
use super::courier::goal;
use super::message::{self, COMMENT, Message, control};
use super::ticket::Listener;
use crate::app::App;
use crate::position::{self, Need};
use crate::reading::{self, Who};
use crate::views::notifications::{self, Notification};

/// Messages on their way to the socket.
const UNDER_WAY: usize = 4;
/// A client that takes no message for so long is cut off; sooner than its connection is dropped, which says less.
const SLOWEST: Duration = Duration::from_secs(15);
/// Comments that keep the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often it is looked whether the session was revoked.
const RECHECK: Duration = Duration::from_secs(2);
/// Most missed items that are sent again; also, most items that are read at once.
const RESUMED: i64 = 100;

/// GET /notifications/stream: the caller's.
pub(crate) async fn mine(State(app): State<App>, listener: Listener, headers: HeaderMap) -> Response {
    open(app, listener, &headers)
}

/// GET /notifications/stream/{userId}: the same, for clients that name themselves.
pub(crate) async fn of_user(
    State(app): State<App>,
    listener: Listener,
    PathIds(user_id): PathIds<Uuid>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if user_id != listener.user_id {
        return Err(Problem::forbidden());
    }
    Ok(open(app, listener, &headers))
}

fn open(app: App, listener: Listener, headers: &HeaderMap) -> Response {
    let place = app.live.connect(listener.user_id);
    let ended = place.ended.clone();
    let last_event_id = headers.get("last-event-id").map(|it| it.to_str().unwrap_or_default().to_owned());
    let (body, received) = mpsc::channel(UNDER_WAY);
    let gone = body.clone();
    let client = Client { app, listener, place, body, seen: -1 };
    tokio::spawn(async move {
        let end = tokio::select! {
            end = client.run(last_event_id) => end.err(),
            // Whoever is gone while thousands come back waits for no turn.
            () = gone.closed() => Some(End::Client),
            // Another stream of the same person took its place, or the process stops.
            () = ended.cancelled() => None,
        };
        debug!(?end, "a live stream ended");
    });
    let headers = [(CONTENT_TYPE, "text/event-stream"), (CACHE_CONTROL, "no-cache")];
    (headers, Body::from_stream(ReceiverStream::new(received))).into_response()
}

/// The other end of one stream.
struct Client {
    app: App,
    listener: Listener,
    place: Place,
    body: mpsc::Sender<Result<Bytes, Infallible>>,
    /// Offset of the last item that the client has or does not need.
    seen: i64,
}

/// Why a stream ends.
#[derive(Debug)]
enum End {
    /// The client is gone, or too slow.
    Client,
    /// Its token or session is at its end; it has been told.
    Token,
    /// PostgreSQL does not answer; the client will come again and resume.
    #[expect(dead_code, reason = "shown in the log line")]
    Database(String),
}

/// What a stream begins with.
struct Beginning {
    /// What the client missed; none when that is too much to send again or cannot be told.
    missed: Option<Vec<Notification>>,
    /// Offset of the newest item; -1 when there is none.
    newest: i64,
}

impl Client {
    async fn run(mut self, last_event_id: Option<String>) -> Result<Infallible, End> {
        // What takes room is boxed: thousands of streams are idle.
        Box::pin(self.begin(last_event_id.as_deref())).await?;
        let expires = Instant::now() + self.life();
        let mut recheck = interval(RECHECK);
        let mut keep_alive = interval_at(Instant::now() + KEEP_ALIVE, KEEP_ALIVE);
        loop {
            tokio::select! {
                () = sleep_until(expires) => return self.expire().await,
                _ = recheck.tick() => self.recheck().await?,
                _ = keep_alive.tick() => self.send(COMMENT).await?,
                () = self.place.behind.said() => Box::pin(self.catch_up()).await?,
                Some(message) = self.place.messages.recv() => self.pass_on(message).await?,
            }
        }
    }

    /// Tells the client what it missed.
    async fn begin(&mut self, last_event_id: Option<&str>) -> Result<(), End> {
        let last = last_event_id.and_then(|it| message::offset(it, &self.place.partition));
        let beginning = self.look_back(last).await?;
        self.place.begun(beginning.newest);
        let id = |offset| message::id(&self.place.partition, offset);
        // What is raised from here on reaches the client, so only now may it be told so.
        match (last_event_id, last, beginning.missed) {
            (Some(_), Some(last), Some(missed)) => {
                self.seen = last;
                self.send(control("connected", Some(&id(last)))).await?;
                self.send_items(missed).await?;
            }
            (None, _, _) => {
                self.seen = beginning.newest;
                self.send(control("connected", Some(&id(self.seen)))).await?;
            }
            // An id that is none of ours says that something was missed, but not what.
            (Some(_), _, _) => {
                self.seen = beginning.newest;
                let newest = id(self.seen);
                self.send(control("connected", None)).await?;
                self.send(control("resync", Some(&newest))).await?;
            }
        }
        Ok(())
    }

    async fn look_back(&self, last: Option<i64>) -> Result<Beginning, End> {
        let (_turn, mut transaction, who) = self.reading().await?;
        let newest = notifications::newest_offset(&mut transaction, &who).await?;
        let mut missed = None;
        // What a client has was folded; an id ahead of that is of another log.
        if let Some(last) = last
            && self.has_passed(&mut transaction, last).await?
        {
            let items = notifications::after(&mut transaction, &who, last, RESUMED + 1).await?;
            missed = (items.len() as i64 <= RESUMED).then_some(items);
        }
        Ok(Beginning { missed, newest })
    }

    /// Whether the projection, as this transaction sees it, has passed an offset; before the first one is none to pass.
    async fn has_passed(&self, transaction: &mut PgConnection, offset: i64) -> Result<bool, End> {
        if offset < 0 {
            return Ok(true);
        }
        let goal = goal(self.place.partition.partition, offset, Need::Passed);
        Ok(position::visible(transaction, [&goal]).await? == [true])
    }

    /// A message of the courier; it may have been read before.
    async fn pass_on(&mut self, message: Message) -> Result<(), End> {
        if message.offset > self.seen {
            self.send(message.text).await?;
            self.seen = message.offset;
        }
        Ok(())
    }

    /// Sends whatever is stored and the client has not seen.
    async fn catch_up(&mut self) -> Result<(), End> {
        loop {
            let items = {
                let (_turn, mut transaction, who) = self.reading().await?;
                notifications::after(&mut transaction, &who, self.seen, RESUMED).await?
            };
            let more = items.len() as i64 == RESUMED;
            self.send_items(items).await?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn send_items(&mut self, items: Vec<Notification>) -> Result<(), End> {
        for item in items {
            let message = Message::of(&item).map_err(|it| End::Database(it.to_string()))?;
            self.send(message.text).await?;
            self.seen = message.offset;
        }
        Ok(())
    }

    async fn recheck(&self) -> Result<(), End> {
        match self.app.authenticator.revocations().check(self.listener.session_id) {
            Err(TokenError::Invalid | TokenError::Expired) => self.expire().await.map(|_| ()),
            // Whether it was revoked will be known again; until then the stream goes on.
            Ok(()) | Err(TokenError::RevocationsUnknown) => Ok(()),
        }
    }

    async fn expire(&self) -> Result<Infallible, End> {
        self.send(control("token_expired", None)).await?;
        Err(End::Token)
    }

    async fn send(&self, text: Bytes) -> Result<(), End> {
        match timeout(SLOWEST, self.body.send(Ok(text))).await {
            Ok(sent) => sent.map_err(|_| End::Client),
            Err(_) => {
                counter!("karmyq_live_cut_off_total").increment(1);
                info!("a live stream was cut off: its client is too slow");
                Err(End::Client)
            }
        }
    }

    fn life(&self) -> Duration {
        (self.listener.token_expires_at - Utc::now()).to_std().unwrap_or_default()
    }

    /// Waits for the stream's turn to read. What does not fit into the queue from then on is said again.
    async fn reading(&self) -> Result<(OwnedSemaphorePermit, Transaction<'static, Postgres>, Who), End> {
        let turn = self.app.live.turn().await;
        self.place.behind.over();
        let begun = reading::begin(&self.app.pool, self.listener.user_id, None).await;
        let (transaction, who) = begun.map_err(|it| End::Database(it.to_string()))?;
        Ok((turn, transaction, who))
    }
}

impl From<sqlx::Error> for End {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error.to_string())
    }
}
