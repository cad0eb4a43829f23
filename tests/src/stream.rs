//! Listening to live updates: server-sent events, read as they come.

use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::Value;
use tokio::time::timeout;

use crate::http::Call;

/// An open stream.
pub struct Listener {
    chunks: BoxStream<'static, reqwest::Result<Vec<u8>>>,
    unread: String,
}

/// One event of a stream.
#[derive(Clone, Debug)]
pub struct Update {
    /// Its `id:`, where a stream resumes; empty when it has none.
    pub id: String,
    /// Its `data:`.
    pub data: Value,
}

impl Listener {
    /// Opens the stream.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn open(call: Call) -> Self {
        // A stream lives longer than a call may take.
        let response = call.limit(Duration::from_secs(600)).open().await.expect("a stream");
        assert_eq!(response.status().as_u16(), 200, "the stream is refused");
        let kind = response.headers().get("content-type").and_then(|it| it.to_str().ok()).unwrap_or_default();
        assert!(kind.starts_with("text/event-stream"), "{kind} is no event stream");
        let chunks = response.bytes_stream().map(|chunk| chunk.map(|bytes| bytes.to_vec())).boxed();
        Self { chunks, unread: String::new() }
    }

    /// The next event with data; comments are passed over.
    ///
    /// # Panics
    /// When none comes within `limit` or the stream ends.
    pub async fn next(&mut self, limit: Duration) -> Update {
        timeout(limit, self.next_with_data()).await.unwrap_or_else(|_| panic!("no update within {limit:?}"))
    }

    async fn next_with_data(&mut self) -> Update {
        loop {
            while let Some((event, rest)) = self.unread.split_once("\n\n") {
                let (event, rest) = (parse(event), rest.to_owned());
                self.unread = rest;
                if let Some(update) = event {
                    return update;
                }
            }
            let chunk = self.chunks.next().await.expect("the stream goes on").expect("the stream goes on");
            self.unread.push_str(&String::from_utf8(chunk).expect("events are UTF-8"));
        }
    }
}

/// An event without data is a comment.
fn parse(event: &str) -> Option<Update> {
    let field = |name: &str| {
        event.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).map(str::trim_start)
    };
    let data = serde_json::from_str(field("data")?).expect("data is JSON");
    Some(Update { id: field("id").unwrap_or_default().to_owned(), data })
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("unread", &self.unread).finish_non_exhaustive()
    }
}
