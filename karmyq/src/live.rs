//! Listening to somebody's live updates: server-sent events, taken as they come.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use futures::{Stream, StreamExt};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::api::{Api, Person, is_event_stream};

/// How long the stream may take to greet.
const GREETING: Duration = Duration::from_secs(5);

/// An open stream of live updates; it ends with this value.
#[derive(Debug)]
pub(crate) struct Live {
    updates: mpsc::UnboundedReceiver<Update>,
    /// Came before they were asked for.
    early: Vec<Update>,
    listening: JoinHandle<Result<()>>,
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Update {
    /// When it arrived.
    pub(crate) at: Instant,
    /// What it says.
    pub(crate) data: Value,
}

impl Live {
    /// Opens the stream of a person and waits until it greets.
    pub(crate) async fn open(api: &Api, person: &Person) -> Result<Self> {
        let response = api.stream(person).send().await.context("the live stream does not answer")?;
        ensure!(response.status().is_success(), "the live stream answered {}", response.status());
        ensure!(is_event_stream(&response), "the live stream is no event stream");
        let (sender, updates) = mpsc::unbounded_channel();
        let listening = tokio::spawn(listen(response.bytes_stream(), sender));
        let mut live = Self { updates, early: Vec::new(), listening };
        live.next("connected", GREETING).await?;
        Ok(live)
    }

    /// The next update of this type; others stay for later.
    pub(crate) async fn next(&mut self, kind: &str, limit: Duration) -> Result<Update> {
        if let Some(index) = self.early.iter().position(|it| it.is(kind)) {
            return Ok(self.early.remove(index));
        }
        let found = timeout(limit, async {
            while let Some(update) = self.updates.recv().await {
                if update.is(kind) {
                    return Some(update);
                }
                self.early.push(update);
            }
            None
        });
        match found.await {
            Ok(Some(update)) => Ok(update),
            Ok(None) => bail!("the live stream ended while waiting for {kind}"),
            Err(_) => bail!("no {kind} came live within {} s", limit.as_secs()),
        }
    }
}

impl Update {
    fn is(&self, kind: &str) -> bool {
        self.data["type"] == kind
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

async fn listen(
    chunks: impl Stream<Item = reqwest::Result<impl AsRef<[u8]>>>,
    sender: mpsc::UnboundedSender<Update>,
) -> Result<()> {
    let mut chunks = std::pin::pin!(chunks);
    let mut unread = Vec::new();
    while let Some(chunk) = chunks.next().await {
        unread.extend_from_slice(chunk?.as_ref());
        while let Some(end) = unread.windows(2).position(|it| it == b"\n\n") {
            let event: Vec<u8> = unread.drain(..end + 2).collect();
            let Some(data) = data(&String::from_utf8_lossy(&event))? else { continue };
            if sender.send(Update { at: Instant::now(), data }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The data of an event; none of a comment.
fn data(event: &str) -> Result<Option<Value>> {
    let line = event.lines().find_map(|line| line.strip_prefix("data:"));
    line.map(|it| serde_json::from_str(it).context("a live update is no JSON")).transpose()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::data;

    #[test]
    fn an_event_has_data_and_a_comment_has_none() {
        let update = "id: notification-events/0@4\ndata: {\"type\":\"match_created\"}\n\n";
        assert_eq!(data(update).expect("JSON"), Some(json!({"type": "match_created"})));
        assert_eq!(data(": still here\n\n").expect("a comment"), None);
    }

    #[test]
    fn data_that_are_no_json_are_an_error() {
        assert!(data("data: {\n\n").is_err());
    }
}
