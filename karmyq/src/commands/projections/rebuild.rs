//! `karmyq projections rebuild`, and what belongs to it: cancel, rollback, drop, retire.

use std::num::NonZeroU32;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use projectors::rebuild::{self, Cancelled, JobState, Options};
use projectors::{heal, outdated, registry, retire, rollback};
use serde::Serialize;
use serde_json::{Value, json};
use service_kit::shutdown;
use sqlx::PgPool;
use uuid::Uuid;

use super::Named;
use super::bar::Bar;
use crate::engine::Engine;
use crate::settings::{Cluster, limits};
use crate::terminal::{mention, say, somebody};

/// How a rebuild is to be done.
#[derive(Args, Clone, Debug)]
pub(crate) struct Rebuild {
    #[command(flatten)]
    what: What,
    /// Read at most so many events a second, to leave broker and machine to others
    #[arg(long, value_name = "EVENTS_PER_SECOND")]
    throttle: Option<NonZeroU32>,
    /// Only the rows that bear the id of this aggregate, and what belongs to them, in place, in one transaction
    #[arg(long, value_name = "ID", conflicts_with = "auto")]
    key: Option<Uuid>,
    /// Only the rows that bear the id of this community, and what belongs to them, in place, in one transaction
    #[arg(long, value_name = "ID", conflicts_with_all = ["auto", "key"])]
    community: Option<Uuid>,
    /// Answer with JSON on standard output
    #[arg(long)]
    json: bool,
}

/// Which ones are to be rebuilt.
#[derive(Args, Clone, Debug)]
#[group(required = true)]
struct What {
    /// Projections
    names: Vec<String>,
    /// All projections, one after the other
    #[arg(long, conflicts_with = "names")]
    all: bool,
    /// Those whose rows were made by other code than this, and those that nobody has ever folded
    #[arg(long, conflicts_with_all = ["names", "all"])]
    auto: bool,
}

impl Rebuild {
    /// Rebuilds one projection after the other. A signal cancels, and leaves the live tables as they are.
    pub(super) async fn run(self, engine: &Engine, owner: &PgPool) -> Result<ExitCode> {
        let cancelled = shutdown::on_signal();
        let options = Options { throttle: self.throttle, by: by(), limits: limits()?, ..Options::default() };
        let names = self.what.names(owner).await?;
        if let Some(id) = self.key.or(self.community) {
            return heal(engine, owner, &names, id, &options, self.json).await;
        }
        if names.is_empty() {
            mention("all rows were made by this code");
        }
        let mut reports = Reports::of("rebuilt", self.json);
        for name in names {
            let mut bar = Bar::of(&name);
            let told = |it: &rebuild::Progress| bar.tell(it);
            let result = rebuild::rebuild(&engine.source(), owner, &name, &options, told, &cancelled).await;
            bar.end();
            let report = match result {
                Ok(report) => report,
                Err(error) => return Err(reports.broken_off(&name, error)),
            };
            if !self.json {
                let seconds = report.folding_seconds + report.writing_seconds + report.swapping_seconds;
                let what = format!("version {} of {name} is live", report.version);
                say(format_args!("{what}: {} records, {} rows, {seconds:.1} s", report.records, report.rows));
                if report.parked > 0 {
                    say(super::parked_line(&name, report.parked));
                }
                say(format_args!(
                    "the one before is kept: `karmyq projections rollback {name}` brings it back"
                ));
            }
            reports.add(&report);
        }
        Ok(reports.tell())
    }
}

/// What came of each of several projections, also when the next one fails: what is done is done.
struct Reports {
    what: &'static str,
    json: bool,
    done: Vec<Value>,
}

impl Reports {
    fn of(what: &'static str, json: bool) -> Self {
        Self { what, json, done: Vec::new() }
    }

    fn add(&mut self, report: &impl Serialize) {
        self.done.push(json!(report));
    }

    /// Tells all, for whoever wants JSON.
    fn tell(self) -> ExitCode {
        if self.json {
            say(json!({ self.what: self.done }));
        }
        ExitCode::SUCCESS
    }

    /// As [`Self::tell`], and which one has failed; the failure.
    fn broken_off(self, name: &str, error: rebuild::Error) -> anyhow::Error {
        if self.json {
            let failed = json!({ "projection": name, "error": error.to_string() });
            say(json!({ self.what: self.done, "failed": failed }));
        }
        anyhow::Error::from(error).context(format!("{name} is as it was"))
    }
}

impl What {
    async fn names(&self, owner: &PgPool) -> Result<Vec<String>> {
        if !self.auto {
            return Ok(if self.all { super::every_name() } else { self.names.clone() });
        }
        let all: Vec<_> = registry::PROJECTIONS.iter().collect();
        let due = outdated::outdated(owner, &all).await?;
        Ok(due.into_iter().map(|it| it.name.to_owned()).collect())
    }
}

/// Makes the rows of one id what the log says, and leaves the others alone.
async fn heal(
    engine: &Engine,
    owner: &PgPool,
    names: &[String],
    id: Uuid,
    options: &Options,
    json: bool,
) -> Result<ExitCode> {
    let cancelled = shutdown::on_signal();
    let mut reports = Reports::of("healed", json);
    for name in names {
        let mut bar = Bar::of(name);
        let told = |it: &rebuild::Progress| bar.tell(it);
        let healed = heal::heal(&engine.source(), owner, name, id, options, told, &cancelled).await;
        bar.end();
        let healed = match healed {
            Ok(healed) => healed,
            Err(error) => return Err(reports.broken_off(name, error)),
        };
        if !json && healed.rows == 0 {
            say(format_args!("{name}: no row bears {id}, and by the log none should: is it the right id?"));
        } else if !json {
            say(format_args!(
                "{name}: {} rows bear {id} or belong to one that does, {} of them were wrong and are corrected",
                healed.rows, healed.healed
            ));
        }
        reports.add(&healed);
    }
    Ok(reports.tell())
}

/// Removes a projection that this code does without: its consumer group, then its tables.
pub(super) async fn retire(owner: &PgPool, name: &str, json: bool) -> Result<ExitCode> {
    let log = Cluster::from_environment()?.log()?;
    let tables = retire::retire(&log, owner, name).await?;
    let group = projectors::group(name);
    if json {
        say(json!({ "retired": { "projection": name, "tables": tables, "group": group } }));
    } else {
        say(format_args!("{name} is gone, with its tables {} and its group {group}", tables.join(", ")));
    }
    Ok(ExitCode::SUCCESS)
}

/// Brings the versions back that were live before.
pub(super) async fn roll_back(engine: &Engine, owner: &PgPool, named: &Named) -> Result<ExitCode> {
    let cancelled = shutdown::on_signal();
    let options = Options { by: by(), limits: limits()?, ..Options::default() };
    let mut reports = Reports::of("rolledBack", named.json);
    for name in named.names() {
        let mut bar = Bar::of(&name);
        let told = |it: &rebuild::Progress| bar.tell(it);
        let result = rollback::rollback(&engine.source(), owner, &name, &options, told, &cancelled).await;
        bar.end();
        let report = match result {
            Ok(report) => report,
            Err(rebuild::Error::NothingKept(_)) if named.which.all => {
                mention(format_args!("{name}: no version is kept to go back to, so it stays as it is"));
                continue;
            }
            Err(error) => return Err(reports.broken_off(&name, error)),
        };
        if !report.same_code {
            mention(format_args!(
                "{name}: the rows of version {} were made by other code than folds now: what is folded from now on may \
                 not fit them, until `karmyq projections rebuild {name}`",
                report.version
            ));
        }
        if !named.json {
            say(format_args!(
                "version {} of {name} is live again, after {} records that it had missed; a second rollback undoes this",
                report.version, report.records
            ));
        }
        if report.parked > 0 && !named.json {
            say(super::parked_line(&name, report.parked));
        }
        reports.add(&report);
    }
    Ok(reports.tell())
}

/// Drops the versions that are kept for going back.
pub(super) async fn drop_kept(owner: &PgPool, named: &Named) -> Result<ExitCode> {
    let mut dropped = Vec::new();
    for name in named.names() {
        let version = rollback::drop_kept(owner, &name, None).await?;
        if !named.json {
            match version {
                Some(version) => say(format_args!("version {version} of {name} is dropped")),
                None => say(format_args!("no version of {name} is kept")),
            }
        }
        dropped.push(json!({ "projection": name, "version": version }));
    }
    if named.json {
        say(json!({ "dropped": dropped }));
    }
    Ok(ExitCode::SUCCESS)
}

/// Stops rebuilds and rollbacks, wherever they run; exits with 1 when one goes on.
pub(super) async fn cancel(owner: &PgPool, named: &Named) -> Result<ExitCode> {
    let (mut answers, mut going_on) = (Vec::new(), false);
    for name in named.names() {
        let became = rebuild::cancel(owner, &name, &by()).await?;
        if !named.json {
            say(match became {
                Cancelled::NothingRan => format!("{name}: nothing runs"),
                Cancelled::CleanedUp => format!("{name}: its process was gone; what it had left is removed"),
                Cancelled::Ended(JobState::Done) => format!("{name}: too late, the new version is live"),
                Cancelled::Ended(_) => format!("{name}: cancelled, nothing is left of it"),
                Cancelled::Stopping => format!("{name}: told, and not stopped yet; see status"),
            });
        }
        going_on |= became == Cancelled::Stopping;
        answers.push(json!({ "projection": name, "became": became }));
    }
    if named.json {
        say(json!({ "cancelled": answers }));
    }
    Ok(if going_on { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Who does it, from where.
fn by() -> String {
    format!("{} (process {})", somebody(), std::process::id())
}
