//! What the server explains arrives as a notice of the connection, which sqlx passes on to `tracing`.

use std::fmt;
use std::sync::Once;

use parking_lot::Mutex;
use serde_json::Value;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::Registry;

/// The target that sqlx tells notices of the server under.
const NOTICES: &str = "sqlx::postgres::notice";

static EXPLAINED: Mutex<Vec<Value>> = Mutex::new(Vec::new());
static LISTENING: Once = Once::new();

/// Keeps what is explained from now on in this process.
pub(super) fn listen() {
    LISTENING.call_once(|| {
        let subscriber = Registry::default().with(Listener);
        tracing::subscriber::set_global_default(subscriber).expect("no other test listens");
    });
}

/// Everything that was explained since the last time: objects with `Query Text` and `Plan`.
pub(super) fn drain() -> Vec<Value> {
    std::mem::take(&mut *EXPLAINED.lock())
}

struct Listener;

impl<S: Subscriber> Layer<S> for Listener {
    fn enabled(&self, metadata: &tracing::Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target() == NOTICES
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        // `duration: 0.123 ms  plan:` and then the object.
        if let Some(at) = message.0.find("plan:\n{") {
            let explained = serde_json::from_str(&message.0[at + "plan:\n".len()..]);
            EXPLAINED.lock().push(explained.expect("auto_explain writes JSON"));
        }
    }
}

struct Message(String);

impl Visit for Message {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            value.clone_into(&mut self.0);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
