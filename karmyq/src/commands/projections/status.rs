//! `karmyq projections status`: how far each projection is, and what is done to it.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use projectors::rebuild::{JobState, JobStatus};
use projectors::status::{self, Ends, PartitionStatus, ProjectionStatus, State};
use serde_json::json;
use service_kit::shutdown;
use sqlx::PgPool;

use super::Asked;
use crate::terminal::{error, nobody_reads, say};

/// How often it is told while somebody watches.
const AGAIN: Duration = Duration::from_secs(2);

/// What to tell, and how often.
#[derive(Args, Clone, Debug)]
pub(crate) struct Status {
    #[command(flatten)]
    asked: Asked,
    /// Tell it again every two seconds, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

impl Status {
    /// Tells it, once or until somebody has seen enough.
    pub(super) async fn run(self, ends: &Ends, owner: &PgPool) -> Result<ExitCode> {
        if !self.watch {
            return tell(ends, owner, &self.asked).await;
        }
        let enough = shutdown::on_signal();
        while !enough.is_cancelled() && !nobody_reads() {
            // Whoever watches wants to see it come back, too.
            if let Err(failed) = tell(ends, owner, &self.asked).await {
                error(&failed);
            }
            if !self.asked.json {
                say("");
            }
            enough.run_until_cancelled(tokio::time::sleep(AGAIN)).await;
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Tells the status of what was asked for.
async fn tell(ends: &Ends, owner: &PgPool, asked: &Asked) -> Result<ExitCode> {
    let mut all = Vec::new();
    if asked.names.is_empty() {
        all = status::status(ends.clone(), owner, None).await?;
    }
    for name in &asked.names {
        all.extend(status::status(ends.clone(), owner, Some(name)).await?);
    }
    if asked.json {
        say(json!({ "projections": all }));
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "{:<16} {:>7} {:>10} {:>9} {:>7}  state",
        "projection", "version", "lag", "seconds", "parked"
    ));
    for it in &all {
        say(line(it));
        hindrances(it, !asked.names.is_empty()).into_iter().for_each(say);
        it.job.iter().filter_map(job_line).for_each(|job| say(format_args!("{:<16} {job}", "")));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(of: &ProjectionStatus) -> String {
    let lag: Option<i64> = of.partitions.iter().map(|it| it.lag_events).sum();
    let lag = lag.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let seconds = of.partitions.iter().map(|it| it.lag_seconds).fold(0.0, f64::max);
    let rate: f64 = of.partitions.iter().filter_map(|it| it.per_second).sum();
    let left = of.partitions.iter().filter_map(|it| it.seconds_left).fold(0.0, f64::max);
    // Beside what is worse than live, too: a projection may be behind and be rebuilt.
    let rebuilding = of.job.as_ref().is_some_and(|it| it.kind == "rebuild" && it.state == JobState::Running);
    let state = match of.state {
        _ if of.version.is_none() => "never started",
        State::Live | State::Rebuilding => "live",
        State::ParkedKeys => "parked keys",
        State::CatchingUp => "catching up",
        State::Frozen => "frozen",
        State::Stopped => "stopped",
    };
    let state = if rebuilding { format!("{state}, rebuilding") } else { state.to_owned() };
    let pace = if rate > 0.0 { format!(", {rate:.0}/s, {left:.0} s left") } else { String::new() };
    let due = if of.outdated { "; a rebuild is due" } else { "" };
    let kept = of.kept.as_ref().map_or_else(String::new, |it| format!("; version {} is kept", it.version));
    let version = of.version.map_or_else(|| "-".to_owned(), |it| it.to_string());
    let (name, parked) = (of.projection, of.parked_keys);
    format!("{name:<16} {version:>7} {lag:>10} {seconds:>9.1} {parked:>7}  {state}{pace}{due}{kept}")
}

/// Where single partitions are, those that are behind or all, what is in their way, and what helps.
fn hindrances(of: &ProjectionStatus, all: bool) -> Vec<String> {
    let mut lines = Vec::new();
    if of.outdated {
        lines.push(format!(
            "  its rows were made by other code, and serve on until: karmyq projections rebuild {}",
            of.projection
        ));
    }
    for it in &of.partitions {
        if all || it.reason.is_some() || it.lag_events != Some(0) {
            lines.push(place(it));
        }
        if let Some(hanging) = &it.hanging {
            let silent = hanging.silent_seconds;
            let producer = format!("producer {} (epoch {})", hanging.producer_id, hanging.producer_epoch);
            lines.push(format!(
                "    {producer} has been silent for {silent:.0} s; this ends its transaction:"
            ));
            lines.push(format!("    {}", hanging.command));
        }
    }
    if of.parked_keys > 0 {
        lines.push(format!(
            "  {} record(s) are parked: karmyq dead-letters list {}",
            of.parked, of.projection
        ));
    }
    lines
}

/// Where a partition is, and why it does not move.
fn place(of: &PartitionStatus) -> String {
    let PartitionStatus { topic, partition, next_offset, lag_seconds, .. } = of;
    let end = of.end.map_or_else(|| "?".to_owned(), |it| it.to_string());
    let behind = match of.lag_events {
        Some(0) => String::new(),
        Some(events) => format!(", {events} events and {lag_seconds:.1} s behind"),
        None => format!(", {lag_seconds:.1} s since it moved"),
    };
    let pace = of.per_second.map_or_else(String::new, |it| format!(", {it:.0}/s"));
    let left = of.seconds_left.map_or_else(String::new, |it| format!(", {it:.0} s left"));
    let reason = of.reason.as_ref().map_or_else(String::new, |it| format!(": {it}"));
    format!("  {topic}/{partition} at {next_offset} of {end}{behind}{pace}{left}{reason}")
}

/// What goes on, or went wrong last.
fn job_line(job: &JobStatus) -> Option<String> {
    let JobStatus { kind, version, phase, started_by, .. } = job;
    let what = format!("{kind} of version {version} by {started_by}");
    match job.state {
        JobState::Running => {
            let sum =
                |of: fn(&projectors::rebuild::PartitionProgress) -> i64| job.partitions.iter().map(of).sum();
            let (next, goal): (i64, i64) = (sum(|it| it.next.min(it.goal)), sum(|it| it.goal));
            let (done, total) = if job.rows_total > 0 && *phase == projectors::rebuild::Phase::Writing {
                (job.rows_written, job.rows_total)
            } else {
                (u64::try_from(next).unwrap_or(0), u64::try_from(goal).unwrap_or(0))
            };
            let percent = (done * 100).checked_div(total).unwrap_or(100);
            let left = job.seconds_left.map_or_else(String::new, |it| format!(", {it:.0} s left"));
            let trouble = job.trouble.as_ref().map_or_else(String::new, |it| format!(", waiting: {it}"));
            let wish = if job.cancel_wished_by.is_some() { ", told to stop" } else { "" };
            Some(format!("{what}: {phase} {percent} %, {:.0}/s{left}{trouble}{wish}", job.per_second))
        }
        JobState::Dead => Some(format!(
            "{what}: its process is gone; `karmyq projections cancel {}` removes what it left",
            job.projection
        )),
        JobState::Failed => job.error.as_ref().map(|error| format!("the last {what} failed: {error}")),
        JobState::Done | JobState::Cancelled | JobState::Interrupted => None,
    }
}

#[cfg(test)]
mod tests {
    use projectors::status::{PartitionStatus, State};

    use super::place;

    #[test]
    fn a_partition_tells_where_it_is_and_why() {
        let behind = PartitionStatus {
            topic: "request-events".to_owned(),
            partition: 1,
            next_offset: 5,
            end: Some(1_005),
            high_watermark: Some(1_005),
            lag_events: Some(1_000),
            lag_seconds: 61.5,
            per_second: Some(250.0),
            seconds_left: Some(4.0),
            state: State::Frozen,
            reason: Some("no disk left".to_owned()),
            parked_keys: 0,
            hanging: None,
            updated_at: None,
        };
        assert_eq!(
            place(&behind),
            "  request-events/1 at 5 of 1005, 1000 events and 61.5 s behind, 250/s, 4 s left: no disk left"
        );
        let at_end = PartitionStatus {
            lag_events: Some(0),
            per_second: None,
            seconds_left: None,
            reason: None,
            ..behind
        };
        assert_eq!(place(&at_end), "  request-events/1 at 5 of 1005");
        let unknown = PartitionStatus { end: None, lag_events: None, ..at_end };
        assert_eq!(place(&unknown), "  request-events/1 at 5 of ?, 61.5 s since it moved");
    }
}
