//! The flow of one correlation id: the call, its command, events, the commands of policies, what they led to, and which
//! projections have passed it. As a picture and as a list.
//!
//! `scan` finds the records in a bounded stretch of the topics, by their headers; `tree` puts them in the order of cause
//! and effect; `picture` draws it.

mod picture;
mod scan;
mod tree;

use std::collections::HashMap;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::request::Parts;
use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeDelta, Utc};
use event_log::{Decoder, LogError, ReadError, Record};
use sqlx::{FromRow, PgPool};
use tokio::time::{Instant, timeout_at};
use tracing::warn;
use uuid::Uuid;

use self::picture::Picture;
use self::scan::{BOUNDS, Bound, Range, Scan};
use self::tree::{Fact, Line};
use super::entrance::Operator;
use super::page::{Frame, Shown, page};
use super::words;
use crate::app::App;
use crate::params::Params;

/// Minutes that may be looked at.
const MINUTES: [u32; 4] = [15, 60, 360, 1_440];

/// How far the clocks of whoever made an id and of the writers may differ. More would have all that came before be looked at
/// in vain.
const EARLIER: TimeDelta = TimeDelta::seconds(2);

/// Longest time for the contents of records, which the registry may have to be asked for.
const READING: Duration = Duration::from_secs(2);

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
    /// Some records could not be read, and show only what their headers say.
    unread: bool,
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
            Err(error) => shown.problem = error.to_string(),
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
    let start = match since {
        Some(text) => Some(instant(text).ok_or("since must be a time such as 2026-11-20T10:15")?),
        None => of_id(),
    };
    let since = start.unwrap_or_else(|| Utc::now() - span);
    let (since_ms, until_ms) = (since.timestamp_millis(), (since + span + EARLIER).timestamp_millis());
    Ok(Range { since_ms, until_ms, from_start: start.is_some() })
}

fn instant(text: &str) -> Option<DateTime<Utc>> {
    let of_form = |format| NaiveDateTime::parse_from_str(text, format).ok().map(|it| it.and_utc());
    let with_zone = || DateTime::parse_from_rfc3339(text).ok().map(|it| it.to_utc());
    let found = with_zone().or_else(|| of_form("%Y-%m-%dT%H:%M")).or_else(|| of_form("%Y-%m-%dT%H:%M:%S"));
    // Nothing was written in other years, and the end of the span must be an instant, too.
    found.filter(|it| (1970..=9999).contains(&it.year()))
}

async fn find(app: &App, id: &str, range: Range) -> sqlx::Result<Result<Found, scan::Error>> {
    let scan = match scan::find(app.log.as_ref(), app.topic_profile, id, range, BOUNDS).await {
        Ok(scan) => scan,
        Err(error) => return Ok(Err(error)),
    };
    let (facts, unread) = facts(app.schemas.decoder().await, &scan.found).await;
    let lines = tree::lines(facts, &passed(&app.pool, &scan.found).await?);
    let says = says(&scan, &lines, range);
    let bound = scan.stopped.map_or_else(String::new, |it| bound(it, scan.whole));
    Ok(Ok(Found { says, bound, unread, picture: Picture::of(&lines), lines }))
}

/// What the records tell by their headers and, as far as they can be read in time, who decided them, which only their
/// contents tell; and whether some could not be read.
async fn facts(mut decoder: Option<Decoder>, records: &[Record]) -> (Vec<Fact>, bool) {
    let (mut facts, mut unread, deadline) = (Vec::new(), false, Instant::now() + READING);
    for record in records {
        let mut fact = Fact::of(record);
        let content = match &decoder {
            Some(decoder) => timeout_at(deadline, decoder.decode_json(record)).await.map(Some),
            None => Ok(None),
        };
        match content {
            Ok(Some(Ok((_, value)))) => {
                fact.command_id = value["commandId"].as_str().map(str::to_owned);
                fact.actor = value["actorId"].as_str().map(str::to_owned);
            }
            // The registry is away; it is not waited for with each record.
            Err(_) | Ok(Some(Err(ReadError::Registry(LogError::Unavailable(_))))) => {
                (decoder, unread) = (None, true)
            }
            Ok(None) => unread = true,
            Ok(Some(Err(error))) => {
                warn!(position = %record.position, %error, "a record of a flow cannot be read");
                unread = true;
            }
        }
        facts.push(fact);
    }
    (facts, unread)
}

fn at(ms: i64) -> String {
    DateTime::<Utc>::from_timestamp_millis(ms).map_or_else(String::new, words::at)
}

fn bound(stopped: Bound, whole: Option<(i64, i64)>) -> String {
    let why = match stopped {
        Bound::Kept => format!("only the first {} records that were met are shown", BOUNDS.kept),
        Bound::Records => format!("the look was ended after {} records", BOUNDS.records),
        Bound::Time => format!("the look was ended after {} seconds", BOUNDS.time.as_secs()),
    };
    let whole = match whole {
        Some((first, last)) => format!("everything from {} to {} was looked at", at(first), at(last)),
        None => "no part of the time was looked at whole".to_owned(),
    };
    format!(
        "{why}: {whole}, and there may be more of this flow. Choose a start near to the call, or a shorter span"
    )
}

fn says(scan: &Scan, lines: &[Line], range: Range) -> String {
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

/// Which projections fold a partition, how far they are, and what they have set aside and how.
#[derive(Debug, Default)]
pub(super) struct Passed {
    next: HashMap<(String, i32), Vec<(String, i64)>>,
    aside: HashMap<(String, String, i32, i64), &'static str>,
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
    let aside: Vec<(String, String, i32, i64, bool)> = sqlx::query_as(
        "WITH of_flow (topic, partition, record_offset) AS (SELECT * FROM unnest($1::text[], $2::integer[], $3::bigint[]))
         SELECT projection, topic, partition, record_offset, true
         FROM projection.discarded JOIN of_flow USING (topic, partition, record_offset)
         UNION ALL
         SELECT p.projection, topic, partition, record_offset, false
         FROM projection.active AS a JOIN projection.parked AS p USING (projection, version)
         JOIN of_flow USING (topic, partition, record_offset)",
    )
    .bind(topics)
    .bind(partitions)
    .bind(offsets)
    .fetch_all(pool)
    .await?;
    let how = |discarded| if discarded { "discarded" } else { "parked" };
    let aside =
        aside.into_iter().map(|(of, topic, partition, offset, it)| ((of, topic, partition, offset), how(it)));
    passed.aside = aside.collect();
    Ok(passed)
}

#[cfg(test)]
mod tests {
    use super::{instant, range};

    #[test]
    fn an_id_with_a_time_in_it_needs_no_other() {
        let found = range("0199c7e2-6d1b-7c3a-9a51-0f6f1f7f2b11", None, 15).expect("it is an id");
        assert_eq!(found.since_ms, 0x0199_c7e2_6d1b - 2_000);
        assert_eq!(found.until_ms - found.since_ms, 15 * 60_000 + 2_000);
        assert!(found.from_start);
        let said = range("0199c7e2-6d1b-7c3a-9a51-0f6f1f7f2b11", Some("2026-11-20T10:15"), 15)
            .expect("it is a time");
        assert_eq!(Some(said.since_ms), instant("2026-11-20T10:15:00Z").map(|it| it.timestamp_millis()));
        assert!(!range("req-9", None, 15).expect("it is an id").from_start, "nobody knows where it begins");
        assert!(range("req 9", None, 15).is_err());
        for never in
            ["+262142-12-31T23:59", "1969-12-31T23:59", "-0001-01-01T00:00:00Z", "9999-12-31T23:00:00-12:00"]
        {
            assert!(range("req-9", Some(never), 1_440).is_err(), "{never}");
        }
        assert!(range("req-9", Some("9999-12-31T23:59"), 1_440).is_ok());
        assert!(range("req-9", Some("yesterday"), 15).is_err());
    }
}
