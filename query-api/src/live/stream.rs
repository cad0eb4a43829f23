//! One client's stream of server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use chrono::Utc;
use event_log::Position;
use serde_json::json;
use service_kit::answer::{PathIds, Problem};
use service_kit::auth::TokenError;
use sqlx::PgPool;
use tokio::sync::mpsc;
use tokio::time::{Instant, interval, sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tracing::{debug, info};
use uuid::Uuid;

use super::tail::Place;
use super::ticket::Listener;
use crate::app::App;
use crate::position::Positions;
use crate::projections::Projection;
use crate::reading;
use crate::views::notifications::{self, Notification};

/// Messages that wait for a client.
const BUFFER: usize = 32;
/// A client that takes no message for so long is cut off.
const SLOWEST: Duration = Duration::from_secs(20);
/// Comments that keep the connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// How often it is looked whether the session was revoked.
const RECHECK: Duration = Duration::from_secs(2);
/// How long one look at the projection waits before the next.
const VISIBLE_WITHIN: Duration = Duration::from_secs(5);
/// Most missed items that are sent again.
const RESUMED: i64 = 100;

type Messages = Sse<axum::response::sse::KeepAliveStream<ReceiverStream<Result<Event, Infallible>>>>;

/// GET /notifications/stream: the caller's.
pub(crate) async fn mine(
    State(app): State<App>,
    listener: Listener,
    headers: HeaderMap,
) -> Result<Messages, Problem> {
    Ok(open(app, listener, &headers))
}

/// GET /notifications/stream/{userId}: the same, for clients that name themselves.
pub(crate) async fn of_user(
    State(app): State<App>,
    listener: Listener,
    PathIds(user_id): PathIds<Uuid>,
    headers: HeaderMap,
) -> Result<Messages, Problem> {
    if user_id != listener.user_id {
        return Err(Problem::forbidden());
    }
    Ok(open(app, listener, &headers))
}

fn open(app: App, listener: Listener, headers: &HeaderMap) -> Messages {
    let place = app.live.connect(listener.user_id);
    let ended = place.ended.clone();
    let last_event_id = headers.get("last-event-id").map(|it| it.to_str().unwrap_or_default().to_owned());
    let (messages, received) = mpsc::channel(BUFFER);
    let client = Client { app, listener, messages, seen: -1, caught_up: -1 };
    tokio::spawn(async move {
        let end = tokio::select! {
            end = client.run(place, last_event_id) => end.err(),
            // Another stream of the same person took its place, or the process stops.
            () = ended.cancelled() => None,
        };
        debug!(?end, "a live stream ended");
    });
    Sse::new(ReceiverStream::new(received)).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// The other end of one stream.
struct Client {
    app: App,
    listener: Listener,
    messages: mpsc::Sender<Result<Event, Infallible>>,
    /// Offset of the last item that the client has or does not need.
    seen: i64,
    /// Offset up to which the read model was looked at.
    caught_up: i64,
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

impl Client {
    async fn run(mut self, mut place: Place, last_event_id: Option<String>) -> Result<Infallible, End> {
        let missed = self.begin(&place, last_event_id.as_deref()).await?;
        // What is raised from here on reaches the client, so only now may it be told so.
        self.send(control("connected")).await?;
        match missed {
            Some(items) => self.send_items(items).await?,
            None => self.send(control("resync")).await?,
        }
        let expires = Instant::now() + self.life();
        let mut recheck = interval(RECHECK);
        loop {
            tokio::select! {
                () = sleep_until(expires) => return self.expire().await,
                () = self.messages.closed() => return Err(End::Client),
                _ = recheck.tick() => self.recheck().await?,
                visible = next_visible(&self.app.positions, &mut place, self.caught_up) => {
                    self.send_new().await?;
                    self.caught_up = visible;
                }
            }
        }
    }

    /// Finds out from where on items are new to the client, and what it missed; none when that is too much to send
    /// again or cannot be told.
    async fn begin(
        &mut self,
        place: &Place,
        last_event_id: Option<&str>,
    ) -> Result<Option<Vec<Notification>>, End> {
        let last: Option<Position> = last_event_id.and_then(|it| it.parse().ok());
        let last = last.filter(|it| it.of == place.partition);
        if let Some(last) = last {
            self.seen = last.offset;
            let missed = self.items(RESUMED + 1).await?;
            if i64::try_from(missed.len()).unwrap_or(i64::MAX) <= RESUMED {
                return Ok(Some(missed));
            }
        }
        self.seen = self.newest().await?;
        // An id that is none of ours says that something was missed, but not what.
        Ok(last_event_id.is_none().then(Vec::new))
    }

    /// Sends whatever the client has not seen.
    async fn send_new(&mut self) -> Result<(), End> {
        loop {
            let items = self.items(RESUMED).await?;
            let more = i64::try_from(items.len()).unwrap_or(i64::MAX) == RESUMED;
            self.send_items(items).await?;
            if !more {
                return Ok(());
            }
        }
    }

    async fn items(&self, limit: i64) -> Result<Vec<Notification>, End> {
        let (mut transaction, who) = begin(&self.app.pool, self.listener.user_id).await?;
        notifications::after(&mut transaction, &who, self.seen, limit)
            .await
            .map_err(|it| End::Database(it.to_string()))
    }

    async fn newest(&self) -> Result<i64, End> {
        let (mut transaction, who) = begin(&self.app.pool, self.listener.user_id).await?;
        notifications::newest_offset(&mut transaction, &who).await.map_err(|it| End::Database(it.to_string()))
    }

    async fn send_items(&mut self, items: Vec<Notification>) -> Result<(), End> {
        for item in items {
            let data = serde_json::to_string(&item).map_err(|it| End::Database(it.to_string()))?;
            self.send(Event::default().id(&item.position).data(data)).await?;
            self.seen = item.offset;
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
        self.send(control("token_expired")).await?;
        Err(End::Token)
    }

    async fn send(&self, event: Event) -> Result<(), End> {
        match timeout(SLOWEST, self.messages.send(Ok(event))).await {
            Ok(sent) => sent.map_err(|_| End::Client),
            Err(_) => {
                info!("a live stream was cut off: its client is too slow");
                Err(End::Client)
            }
        }
    }

    fn life(&self) -> Duration {
        (self.listener.token_expires_at - Utc::now()).to_std().unwrap_or_default()
    }
}

/// A message about the stream itself.
fn control(r#type: &str) -> Event {
    Event::default().data(json!({"type": r#type}).to_string())
}

/// Waits for an offset after `caught_up` of an item for the person, and until the projection has folded it. May be
/// dropped and called again at any point.
async fn next_visible(positions: &Positions, place: &mut Place, caught_up: i64) -> i64 {
    let offset = loop {
        let raised = *place.raised.borrow_and_update();
        if raised > caught_up {
            break raised;
        }
        // The sender lives as long as the place.
        drop(place.raised.changed().await);
    };
    let position = Position { of: place.partition.clone(), offset }.to_string();
    let awaited: Vec<_> = positions.awaited(&position, &[Projection::Notifications]).into_iter().collect();
    while !positions.wait(&awaited, VISIBLE_WITHIN).await {
        // The projection stands still: no need to ask for it all the time.
        tokio::time::sleep(VISIBLE_WITHIN).await;
    }
    offset
}

async fn begin(
    pool: &PgPool,
    user_id: Uuid,
) -> Result<(sqlx::Transaction<'static, sqlx::Postgres>, reading::Who), End> {
    reading::begin(pool, user_id, None).await.map_err(|it| End::Database(it.to_string()))
}
