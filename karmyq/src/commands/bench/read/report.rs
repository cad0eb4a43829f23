//! What was measured, for programs and for people.

use serde::Serialize;

use super::super::replay::Replayed;
use crate::terminal::say;

/// The result of `karmyq bench read`; `--json` prints exactly these fields.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// Rebuilds, one projection after the other.
    pub(super) rebuilt: Vec<Rebuilt>,
    /// Records that projections read a second when all are rebuilt at the same time; a record counts for each projection
    /// that reads it.
    pub(super) all_events_per_second: f64,
    /// Records that running projectors fold a second when they are behind, counted in the same way.
    pub(super) live_events_per_second: f64,
    /// Command to visible, by rate of commands.
    pub(super) visible: Vec<Visible>,
    /// Routes of query-api, by number of requests in the read models.
    pub(super) routes: Vec<Route>,
}

/// The rebuild of a projection, from the first read to the swap: tables with indexes that queries may use.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Rebuilt {
    projection: &'static str,
    /// Records read.
    events: u64,
    events_per_second: f64,
    rows: u64,
    rows_per_second: f64,
    /// When PostgreSQL is given the same rows ready-made, into bare tables.
    raw_copy_rows_per_second: f64,
    /// The time of that as part of the time of the rebuild.
    of_raw_copy: f64,
}

/// How long it takes until a command's effect is read, while commands come at a rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Visible {
    /// What goes on beside them.
    pub(super) beside: Beside,
    /// Commands a second that were carried out meanwhile.
    pub(super) commands_per_second: f64,
    /// Command sent to effect read, median.
    pub(super) p50_ms: f64,
    /// The same, 99th percentile.
    pub(super) p99_ms: f64,
}

/// What goes on while it is measured how soon commands are visible.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Beside {
    Nothing,
    /// The projection that is read is rebuilt, again and again.
    Rebuild,
    /// The same, with `--throttle`.
    ThrottledRebuild,
}

impl Beside {
    /// What is said of it behind a rate.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Nothing => "",
            Self::Rebuild => ", rebuild",
            Self::ThrottledRebuild => ", throttled rebuild",
        }
    }
}

/// A route of query-api with as many clients as the machine has cores, each waiting for its answers.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Route {
    /// Requests in the read models.
    pub(super) requests: u64,
    /// The path as OpenAPI has it.
    pub(super) route: String,
    /// Whether it is a list in pages.
    pub(super) list: bool,
    pub(super) queries_per_second: f64,
    pub(super) p50_ms: f64,
    pub(super) p99_ms: f64,
}

impl Rebuilt {
    pub(super) fn of(projection: &'static str, replayed: &Replayed) -> Self {
        Self {
            projection,
            events: replayed.events,
            events_per_second: replayed.events_per_second,
            rows: replayed.rows,
            rows_per_second: replayed.rows as f64 / replayed.seconds,
            raw_copy_rows_per_second: replayed.copy_rows_per_second,
            of_raw_copy: replayed.rows as f64 / replayed.copy_rows_per_second / replayed.seconds,
        }
    }
}

impl Report {
    /// Prints the table for people.
    pub(super) fn tell(&self) {
        for it in &self.rebuilt {
            let of = format!(
                "{:.0} % of raw COPY ({:.0} rows/s)",
                it.of_raw_copy * 100.0,
                it.raw_copy_rows_per_second
            );
            say(format_args!(
                "{:<42} {:>10.0} events/s, {:.0} rows/s, {of}",
                format!("rebuild of {}, {} events", it.projection, it.events),
                it.events_per_second,
                it.rows_per_second,
            ));
        }
        say(format_args!("{:<42} {:>10.0} events/s", "rebuild of all at once", self.all_events_per_second));
        say(format_args!("{:<42} {:>10.0} events/s", "live folding", self.live_events_per_second));
        for Visible { beside, commands_per_second, p50_ms, p99_ms } in &self.visible {
            let what = format!("visible at {commands_per_second:.0} commands/s{}", beside.words());
            say(format_args!("{what:<42} {:>10} p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms", ""));
        }
        for Route { requests, route, queries_per_second, p50_ms, p99_ms, .. } in &self.routes {
            say(format_args!(
                "{route:<50} {requests:>8} requests {queries_per_second:>8.0} queries/s, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms"
            ));
        }
    }
}
