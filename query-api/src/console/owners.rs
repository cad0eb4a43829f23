//! Who owns which partition: the table of `karmyq owners`.

use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use event_log::LogError;
use owners::{Owners, Row, WindowFigures};

use super::entrance::Operator;
use super::failure::Failure;
use super::page::{Frame, Shown, page};
use super::words;
use crate::app::App;

/// Longest time that the announcements may take to be read.
const LIMIT: Duration = Duration::from_secs(10);

#[derive(Template)]
#[template(path = "console/owners.html")]
struct ListPage {
    frame: Frame,
    lines: Vec<Line>,
}

struct Line {
    name: String,
    /// owned, unreachable, released, unowned
    state: &'static str,
    owner: String,
    instance: String,
    since: String,
    log_end: String,
    aggregates: String,
    ledger: String,
    p50: String,
    p99: String,
    records: String,
}

/// GET /console/owners.
pub(super) async fn list(operator: Operator, State(app): State<App>) -> Shown {
    let Some(decoder) = app.schemas.decoder().await else {
        let message = "who owns what is written in schemas that query-api cannot read: SCHEMA_REGISTRY_URL is not set for \
                       it, or the registry does not answer. `karmyq owners` shows the same";
        return Err(Failure::unavailable(message));
    };
    let look = async {
        let owners = Owners::follow(Arc::clone(&app.log), decoder, app.topic_profile).await?;
        owners::rows(&owners).await
    };
    let late = |_| LogError::Unavailable("the announcements could not be read in 10 seconds".to_owned());
    let rows = tokio::time::timeout(LIMIT, look).await.map_err(late).flatten();
    let rows = rows.map_err(|error| Failure::unavailable(error.to_string()))?;
    page(&ListPage { frame: Frame::of("owners", &operator), lines: rows.into_iter().map(line).collect() })
}

fn line(row: Row) -> Line {
    let count =
        |it: Option<u64>| it.map_or_else(none, |it| words::count(i64::try_from(it).unwrap_or(i64::MAX)));
    let window = |figure: fn(&WindowFigures) -> f64| {
        row.window.as_ref().map_or_else(none, |it| format!("{:.1}", figure(it)))
    };
    Line {
        name: format!("{}/{}", row.domain, row.partition),
        state: row.state.word(),
        p50: window(|it| it.commit_p50_ms),
        p99: window(|it| it.commit_p99_ms),
        records: window(|it| it.records_mean),
        aggregates: count(row.aggregates),
        ledger: count(row.ledger_entries),
        log_end: words::count(row.log_end),
        since: row.since.map_or_else(none, |it| it.split('.').next().unwrap_or_default().replace('T', " ")),
        owner: row.owner.as_ref().map_or_else(|| "nobody".to_owned(), |it| it.address.clone()),
        instance: row.owner.map_or_else(none, |it| it.instance),
    }
}

fn none() -> String {
    "–".to_owned()
}
