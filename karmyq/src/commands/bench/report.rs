//! What was measured, for programs and for people.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

use super::closed_loop::Load;
use crate::terminal::say;

/// The result of `karmyq bench write`; `--json` prints exactly these fields.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    /// Records a second that this machine appends in transactions when nothing is decided.
    pub(super) ceiling_events_per_second: f64,
    /// Commands without HTTP, by number of clients.
    pub(super) in_process: Vec<ClosedLoop>,
    /// Commands over HTTP, by number of clients.
    pub(super) http: Vec<ClosedLoop>,
    /// The same for whole exchanges, with what follows from them.
    pub(super) exchanges: Exchanges,
    /// Commands over HTTP that arrive at a given rate, parts of the highest of `http`.
    pub(super) open_loop: Vec<OpenLoop>,
    /// Command sent to effect read, median.
    pub(super) visible_p50_ms: f64,
    /// Command sent to effect read, 99th percentile.
    pub(super) visible_p99_ms: f64,
    /// Records of the log a second that a rebuild brings into PostgreSQL.
    pub(super) replay_events_per_second: f64,
    /// Rows a second when PostgreSQL is given the same rows ready-made.
    pub(super) raw_copy_rows_per_second: f64,
}

/// What this many clients saw who wait for their answers.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(super) struct ClosedLoop {
    /// Clients, each with one command at a time.
    pub(super) clients: usize,
    /// Answered commands a second.
    pub(super) commands_per_second: f64,
    /// Median.
    pub(super) p50_ms: f64,
    /// 99th percentile.
    pub(super) p99_ms: f64,
    /// 99.9th percentile.
    pub(super) p999_ms: f64,
    /// The longest.
    pub(super) max_ms: f64,
}

/// Whole exchanges instead of commands with one event.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Exchanges {
    /// Records of the log that a command comes to, those of policies included.
    pub(super) records_per_command: f64,
    /// Without HTTP.
    pub(super) in_process: ClosedLoop,
    /// Over HTTP.
    pub(super) http: ClosedLoop,
}

/// Commands over HTTP at a given rate.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct OpenLoop {
    /// The rate as part of the highest rate with waiting clients.
    pub(super) of_peak: f64,
    /// Commands sent a second.
    pub(super) sent_per_second: f64,
    /// Commands carried out a second; the rest was refused at once with `OVERLOADED`.
    pub(super) commands_per_second: f64,
    /// Due to be sent until answered, median.
    pub(super) p50_ms: f64,
    /// The same, 99th percentile.
    pub(super) p99_ms: f64,
    /// Really sent until answered, 99th percentile: a generator that is late does not count.
    pub(super) service_p99_ms: f64,
}

impl Report {
    /// Prints the table for people.
    pub(super) fn tell(&self) {
        say("A command edits a request: one event, with sealed texts.");
        let line =
            |what: &str, figure: f64, unit: &str| say(format_args!("{what:<42} {figure:>10.0} {unit}"));
        line("raw transactional produce", self.ceiling_events_per_second, "records/s");
        self.in_process.iter().for_each(|it| it.tell("in process"));
        self.http.iter().for_each(|it| it.tell("over HTTP"));
        for it in &self.open_loop {
            let what = format!("over HTTP, open loop at {:.0} % of peak", it.of_peak * 100.0);
            let OpenLoop { sent_per_second, commands_per_second, p50_ms, p99_ms, service_p99_ms, .. } = it;
            let latency =
                format!("p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms (from sending {service_p99_ms:.1} ms)");
            say(format_args!(
                "{what:<42} {commands_per_second:>10.0} commands/s of {sent_per_second:.0} sent, {latency}"
            ));
        }
        let Exchanges { records_per_command, in_process, http } = &self.exchanges;
        say(format_args!(
            "Whole exchanges: {records_per_command:.1} records a command, with notices and karma."
        ));
        in_process.tell("in process");
        http.tell("over HTTP");
        let visible = format!("p50 {:.1} ms, p99 {:.1} ms", self.visible_p50_ms, self.visible_p99_ms);
        say(format_args!("{:<42} {visible}", "command to visible"));
        line("replay into PostgreSQL", self.replay_events_per_second, "events/s");
        line("raw COPY of the same rows", self.raw_copy_rows_per_second, "rows/s");
    }
}

impl ClosedLoop {
    /// What this many clients came to.
    pub(super) fn of(clients: usize, load: &Load) -> Self {
        Self {
            clients,
            commands_per_second: load.commands_per_second,
            p50_ms: quantile_ms(&load.latency, 0.5),
            p99_ms: quantile_ms(&load.latency, 0.99),
            p999_ms: quantile_ms(&load.latency, 0.999),
            max_ms: quantile_ms(&load.latency, 1.0),
        }
    }

    /// Prints the line for people.
    pub(super) fn tell(&self, how: &str) {
        say(self.line(how));
    }

    /// The line for people.
    pub(super) fn line(&self, how: &str) -> String {
        let Self { clients, commands_per_second, p50_ms, p99_ms, p999_ms, max_ms } = self;
        let what = format!("{how}, {clients} {}", if *clients == 1 { "client" } else { "clients" });
        let latency =
            format!("p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, p99.9 {p999_ms:.1} ms, max {max_ms:.1} ms");
        format!("{what:<42} {commands_per_second:>10.0} commands/s, {latency}")
    }
}

/// Answers with what was measured: one JSON object on standard output, or lines for people.
pub(super) fn answer<R: Serialize>(report: &R, as_json: bool, tell: impl FnOnce(&R)) -> Result<ExitCode> {
    if as_json {
        say(serde_json::to_string(report)?);
    } else {
        tell(report);
    }
    Ok(ExitCode::SUCCESS)
}

/// A histogram of microseconds up to a minute, three digits.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 60_000_000, 3).expect("these bounds are right")
}

/// Notes a duration; what is longer than a minute counts as one.
pub(super) fn note(histogram: &mut Histogram<u64>, duration: Duration) {
    histogram.saturating_record(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX));
}

/// A quantile (0-1) in milliseconds.
pub(super) fn quantile_ms(histogram: &Histogram<u64>, quantile: f64) -> f64 {
    histogram.value_at_quantile(quantile) as f64 / 1_000.0
}
