//! The flow of one correlation id: the call, its command, events, the commands of policies, what they led to, and which
//! projections have passed it. As a picture and as a list.
//!
//! `scan` finds the records in a bounded stretch of the topics, by their headers; `tree` puts them in the order of cause
//! and effect; `picture` draws it.

mod picture;
mod scan;
mod tree;

use std::collections::{HashMap, HashSet};

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use event_log::{LogError, Record};
use sqlx::{FromRow, PgPool};
use tracing::warn;
use uuid::Uuid;

use self::picture::Picture;
use self::scan::{Range, Scan};
use self::tree::{Fact, Line};
use super::entrance::Operator;
use super::page::{Frame, Shown, page};
use super::words;
use crate::app::App;
use crate::params::Params;

/// Minutes that may be looked at.
const MINUTES: [u32; 4] = [15, 60, 360, 1_440];

/// How far the clocks of whoever made an id and of the writers may differ.
const EARLIER: TimeDelta = TimeDelta::seconds(30);

/// A span that can be chosen.
struct Span {
    minutes: u32,
    words: String,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "console/flow.html")]
struct FlowPage {
    frame: Frame,
    id: String,
    since: String,
    spans: Vec<Span>,
    problem: String,
    found: Option<Found>,
}

/// What is shown of a flow.
struct Found {
    says: String,
    /// Why there may be more.
    bound: String,
    picture: Picture,
    lines: Vec<Line>,
}

/// GET /console/flow: `id`, and where to look: `since` (UTC) and `minutes`.
pub(super) async fn show(operator: Operator, State(app): State<App>, parts: Parts) -> Shown {
    let params = Params::of_query(parts.uri.query());
    let id = params.text("id").unwrap_or_default();
    let minutes =
        params.text("minutes").and_then(|it| it.parse().ok()).filter(|it| MINUTES.contains(it)).unwrap_or(60);
    let since = params.text("since");
    let mut shown = FlowPage {
        frame: Frame::of("flow", &operator),
        id: id.clone(),
        since: since.clone().unwrap_or_default(),
        spans: MINUTES.map(|it| Span { minutes: it, words: span(it), chosen: it == minutes }).into(),
        problem: String::new(),
        found: None,
    };
    if id.is_empty() {
        return page(&shown);
    }
    match range(&id, since.as_deref(), minutes) {
        Ok(range) => match find(&app, &id, range).await? {
            Ok(found) => shown.found = Some(found),
            Err(error) => shown.problem = format!("Kafka did not answer: {error}"),
        },
        Err(problem) => shown.problem = problem.to_owned(),
    }
    page(&shown)
}

fn span(minutes: u32) -> String {
    words::duration(TimeDelta::minutes(minutes.into()))
}

/// Where to look. An id that tells its own time (version 7) needs no `since`.
fn range(id: &str, since: Option<&str>, minutes: u32) -> Result<Range, &'static str> {
    let allowed = |it: u8| it.is_ascii_alphanumeric() || b"._:-".contains(&it);
    if id.len() > 128 || !id.bytes().all(allowed) {
        return Err("a correlation id has 1 to 128 letters, digits and . _ : -");
    }
    let span = TimeDelta::minutes(minutes.into());
    let of_id = || {
        let (seconds, nanos) =
            Uuid::parse_str(id).ok().filter(|it| it.get_version_num() == 7)?.get_timestamp()?.to_unix();
        let at = DateTime::<Utc>::from_timestamp(i64::try_from(seconds).ok()?, nanos)?;
        Some(at - EARLIER)
    };
    let since = match since {
        Some(text) => instant(text).ok_or("since must be a time such as 2026-11-20T10:15")?,
        None => of_id().unwrap_or_else(|| Utc::now() - span),
    };
    Ok(Range { since_ms: since.timestamp_millis(), until_ms: (since + span + EARLIER).timestamp_millis() })
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let of_form = |format| NaiveDateTime::parse_from_str(text, format).ok().map(|it| it.and_utc());
    let with_zone = || DateTime::parse_from_rfc3339(text).ok().map(|it| it.to_utc());
    with_zone().or_else(|| of_form("%Y-%m-%dT%H:%M")).or_else(|| of_form("%Y-%m-%dT%H:%M:%S"))
}

async fn find(app: &App, id: &str, range: Range) -> sqlx::Result<Result<Found, LogError>> {
    let scan = match scan::find(app.log.as_ref(), app.topic_profile, id, range).await {
        Ok(scan) => scan,
        Err(error) => return Ok(Err(error)),
    };
    let mut facts = Vec::new();
    for record in &scan.found {
        facts.push(fact(app, record).await);
    }
    let lines = tree::lines(facts, &passed(&app.pool, &scan.found).await?);
    let says = says(&scan, &lines, range);
    let bound = scan.bound();
    Ok(Ok(Found { says, bound, picture: Picture::of(&lines), lines }))
}

/// What a record tells by its headers, and who decided it, which only its content tells.
async fn fact(app: &App, record: &Record) -> Fact {
    let mut fact = Fact::of(record);
    let Some(decoder) = app.schemas.decoder().await else { return fact };
    match decoder.decode_json(record).await {
        Ok((_, value)) => {
            fact.command_id = value["commandId"].as_str().map(str::to_owned);
            fact.actor = value["actorId"].as_str().map(str::to_owned);
        }
        Err(error) => warn!(position = %record.position, %error, "a record of a flow cannot be read"),
    }
    fact
}

fn says(scan: &Scan, lines: &[Line], range: Range) -> String {
    let at = |ms| DateTime::<Utc>::from_timestamp_millis(ms).map_or_else(String::new, words::at);
    let looked = words::count(i64::try_from(scan.looked_at).unwrap_or(i64::MAX));
    let found = scan.found.len();
    let took = match (lines.iter().map(|it| it.at).min(), lines.iter().map(|it| it.at).max()) {
        (Some(first), Some(last)) => {
            format!(", {} ms from the first to the last", (last - first).num_milliseconds())
        }
        _ => String::new(),
    };
    format!(
        "{found} records of this flow{took}; {looked} records from {} to {} looked at",
        at(range.since_ms),
        at(range.until_ms)
    )
}

/// Which projections fold a partition, how far they are, and what they have set aside.
#[derive(Debug, Default)]
pub(super) struct Passed {
    next: HashMap<(String, i32), Vec<(String, i64)>>,
    parked: HashSet<(String, String, i32, i64)>,
}

#[derive(FromRow)]
struct Checkpoint {
    projection: String,
    topic: String,
    partition: i32,
    next_offset: i64,
}

async fn passed(pool: &PgPool, records: &[Record]) -> sqlx::Result<Passed> {
    let mut passed = Passed::default();
    let checkpoints: Vec<Checkpoint> = sqlx::query_as(
        "SELECT c.projection, c.topic, c.partition, c.next_offset
         FROM projection.active AS a JOIN projection.checkpoints AS c USING (projection, version) ORDER BY c.projection",
    )
    .fetch_all(pool)
    .await?;
    for it in checkpoints {
        passed.next.entry((it.topic, it.partition)).or_default().push((it.projection, it.next_offset));
    }
    let topics: Vec<&str> = records.iter().map(|it| &*it.position.of.topic).collect();
    let partitions: Vec<i32> = records.iter().map(|it| it.position.of.partition).collect();
    let offsets: Vec<i64> = records.iter().map(|it| it.position.offset).collect();
    let parked: Vec<(String, String, i32, i64)> = sqlx::query_as(
        "SELECT p.projection, p.topic, p.partition, p.record_offset
         FROM projection.active AS a JOIN projection.parked AS p USING (projection, version)
         JOIN unnest($1::text[], $2::integer[], $3::bigint[]) AS r (topic, partition, record_offset)
             USING (topic, partition, record_offset)",
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .fetch_all(pool)
    .await?;
    passed.parked = parked.into_iter().collect();
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::{instant, range};

    #[test]
    fn an_id_with_a_time_in_it_needs_no_other() {
        let found = range("0199c7e2-6d1b-7c3a-9a51-0f6f1f7f2b11", None, 15).expect("it is an id");
        assert_eq!(found.since_ms, 0x0199_c7e2_6d1b - 30_000);
        assert_eq!(found.until_ms - found.since_ms, 15 * 60_000 + 30_000);
        let said = range("0199c7e2-6d1b-7c3a-9a51-0f6f1f7f2b11", Some("2026-11-20T10:15"), 15)
            .expect("it is a time");
        assert_eq!(Some(said.since_ms), instant("2026-11-20T10:15:00Z").map(|it| it.timestamp_millis()));
        assert!(range("req 9", None, 15).is_err());
        assert!(range("req-9", Some("yesterday"), 15).is_err());
    }
}
