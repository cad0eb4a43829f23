//! `karmyq dead-letters`: what projections could not fold, and how it comes back. `hints` says what can be done next.

mod discarded;
mod hints;
mod show;

use std::process::ExitCode;

use anyhow::{Result, bail};
use chrono::Utc;
use clap::{Args, Subcommand};
use projectors::dead_letters::{self, Discard, ParkedKey, Redriven, text_of};
use serde_json::json;
use service_kit::config::Reader;
use service_kit::postgres;
use sqlx::PgPool;

use crate::engine::Engine;
use crate::settings;
use crate::terminal::{mention, say};

const HEALING: &str = "A record that a projection cannot fold (unreadable, of an unknown type, refused by PostgreSQL, or the \
code panics on it) is parked together with the later records of its key; all other keys go on. To heal a key:

  1. karmyq dead-letters list                          which keys are parked, since when and why
  2. karmyq dead-letters show PROJECTION KEY           what the records say
  3. correct what is wrong (deploy code that can fold it, let the registry know its schema), then
     karmyq dead-letters redrive PROJECTION KEY        folds them in order, and what arrived meanwhile
  or, where the record itself is wrong and nothing will ever fold it,
     karmyq dead-letters discard PROJECTION KEY --reason WHY   takes it out for good, and redrives what came after it;
                                                       --offset N refuses when another record is the first by now
  4. karmyq dead-letters list                          each projection parks for itself: the same record may be in several

Redriving with the cause uncorrected does no harm: the key stays parked. Nothing is lost or doubled if either is
interrupted: run it again. A key that is no text is shown as hexadecimal bytes; 0x is an empty one.";

/// What can be done about dead letters.
#[derive(Clone, Debug, Subcommand)]
#[command(after_help = HEALING)]
pub(crate) enum Command {
    /// Which keys are parked: how many records, since when, why the first of them
    List {
        /// Only of this projection
        projection: Option<String>,
        /// Answer with one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// The parked records of a key: headers, content as far as it can be read, reason; personal fields stay sealed
    Show {
        #[command(flatten)]
        of: Of,
        /// At most so many records
        #[arg(long, default_value_t = 20)]
        most: u32,
    },
    /// Fold the records of a key in order with the code of today; exits with 1 when one still cannot be folded
    Redrive {
        #[command(flatten)]
        of: Of,
    },
    /// Redrive every parked key, of a projection or of all; exits with 1 when some stay parked
    RedriveAll {
        /// Only of this projection
        projection: Option<String>,
        /// Answer with one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
    /// Take the first record of a key out of a projection for good, and redrive what came after it. The record, who
    /// did it and why are kept in projection.discarded; rebuilds pass it over
    Discard {
        #[command(flatten)]
        of: Of,
        /// Why; kept with the record
        #[arg(long)]
        reason: String,
        /// The record that is meant, as `karmyq dead-letters show` tells it: refused when another one is the first of the key
        /// by now
        #[arg(long)]
        offset: Option<i64>,
        /// Everything that is parked of the key, and not only its first record
        #[arg(long)]
        whole_key: bool,
        /// Who does it; kept with the record
        #[arg(long, env = "USER")]
        by: String,
    },
    /// What was discarded: by whom, when and why, the last first
    Discarded {
        /// Only of this projection
        projection: Option<String>,
        /// At most so many records
        #[arg(long, default_value_t = 100)]
        most: u32,
        /// Answer with one JSON object on standard output
        #[arg(long)]
        json: bool,
    },
}

/// A parked key.
#[derive(Args, Clone, Debug)]
pub(crate) struct Of {
    /// The projection
    projection: String,
    /// The key, as `karmyq dead-letters list` shows it
    key: String,
    /// The topic, where the key is parked in several
    #[arg(long)]
    topic: Option<String>,
    /// Answer with one JSON object on standard output
    #[arg(long)]
    json: bool,
}

impl Of {
    async fn find(&self, owner: &PgPool) -> Result<ParkedKey> {
        Ok(dead_letters::find(owner, &self.projection, self.topic.as_deref(), &self.key).await?)
    }
}

impl Command {
    /// Does it, as the owner of the tables.
    pub(crate) async fn run(self) -> Result<ExitCode> {
        let url = settings::required("MIGRATIONS_DATABASE_URL")?;
        let options = postgres::Options::for_tool("karmyq dead-letters", 2);
        let owner = postgres::pool(&url, &options)?;
        match self {
            Self::List { projection, json } => list(&owner, projection.as_deref(), json).await,
            Self::Show { of, most } => show::run(&owner, &of, most).await,
            Self::Redrive { of } => {
                let key = of.find(&owner).await?;
                redrive(&owner, vec![key], of.json).await
            }
            Self::RedriveAll { projection, json } => {
                let keys = dead_letters::list(&owner, projection.as_deref()).await?;
                redrive(&owner, keys, json).await
            }
            Self::Discard { of, reason, offset, whole_key, by } => {
                let (reason, by) = signed(&reason, &by)?;
                discard(&owner, &of, Discard { whole_key, first_offset: offset, by, reason }).await
            }
            Self::Discarded { projection, most, json } => {
                discarded::run(&owner, projection.as_deref(), most, json).await
            }
        }
    }
}

async fn list(owner: &PgPool, projection: Option<&str>, as_json: bool) -> Result<ExitCode> {
    let keys = dead_letters::list(owner, projection).await?;
    if as_json {
        say(json!({ "parked": keys }));
    } else if keys.is_empty() {
        say("nothing is parked");
    } else {
        say(format_args!(
            "{:<16} {:<38} {:>7}  {:>9}  {:<24} first failure",
            "projection", "key", "records", "since", "first record"
        ));
        keys.iter().for_each(|it| say(line(it)));
        mention(hints::to_look(&keys));
    }
    Ok(ExitCode::SUCCESS)
}

fn line(it: &ParkedKey) -> String {
    let position = format!("{}/{}@{}", it.topic, it.partition, it.first_offset);
    let (name, key, records, since) = (&it.projection, text_of(&it.key), it.records, age(it));
    format!("{name:<16} {key:<38} {records:>7}  {since:>9}  {position:<24} {}", it.reason)
}

/// How long it is parked, in its largest unit.
fn age(it: &ParkedKey) -> String {
    let seconds = (Utc::now() - it.since).num_seconds().max(0);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

async fn redrive(owner: &PgPool, keys: Vec<ParkedKey>, as_json: bool) -> Result<ExitCode> {
    if keys.is_empty() && !as_json {
        say("nothing is parked");
        return Ok(ExitCode::SUCCESS);
    }
    // What has no code is told and left alone, unless there is nothing else.
    let (keys, without_code): (Vec<_>, Vec<_>) =
        keys.into_iter().partition(|it| dead_letters::with_code(&it.projection).is_ok());
    let mut names: Vec<_> = without_code.iter().map(|it| it.projection.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        match dead_letters::with_code(name) {
            Err(error) if keys.is_empty() => return Err(error.into()),
            Err(error) => mention(error),
            Ok(_) => {}
        }
    }
    let source = Engine::connect(Reader::from_environment()).await?;
    let (mut told, mut stopped) = (Vec::new(), Vec::new());
    for mut key in keys {
        let registration = dead_letters::with_code(&key.projection)?;
        let redriven = dead_letters::redrive(&source.source(), owner, registration, &key).await?;
        if !as_json {
            say(outcome(&key, &redriven));
        }
        told.push(json!({ "projection": key.projection, "topic": key.topic, "key": text_of(&key.key), "redriven": redriven }));
        if let Some(at) = &redriven.stopped_at {
            key.first_offset = at.offset;
            stopped.push(key);
        }
    }
    let healed = stopped.is_empty() && without_code.is_empty();
    if as_json {
        say(json!({ "healed": healed, "keys": told }));
    } else if !healed {
        if told.len() > 1 {
            say(format_args!("{} of {} keys healed", told.len() - stopped.len(), told.len()));
        }
        if !stopped.is_empty() {
            mention(hints::to_go_on(&stopped));
        }
    }
    Ok(if healed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn discard(owner: &PgPool, of: &Of, what: Discard<'_>) -> Result<ExitCode> {
    let mut key = of.find(owner).await?;
    let registration = dead_letters::with_code(&key.projection)?;
    let source = Engine::connect(Reader::from_environment()).await?;
    let (discarded, redriven) =
        dead_letters::discard(&source.source(), owner, registration, &key, what).await?;
    if of.json {
        say(json!({ "discarded": discarded, "redriven": redriven }));
    } else {
        say(format_args!("{discarded} record(s) discarded; {}", outcome(&key, &redriven)));
        if let Some(at) = &redriven.stopped_at {
            key.first_offset = at.offset;
            mention(hints::to_go_on(&[key]));
        }
    }
    Ok(if redriven.stopped_at.is_none() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Reason and name, if there is something in both.
fn signed<'a>(reason: &'a str, by: &'a str) -> Result<(&'a str, &'a str)> {
    let (reason, by) = (reason.trim(), by.trim());
    if reason.is_empty() {
        bail!("a reason must be given: it is all that tells later why the record is missing");
    }
    if by.is_empty() {
        bail!("--by must say who does it: nobody could be asked later");
    }
    Ok((reason, by))
}

fn outcome(key: &ParkedKey, redriven: &Redriven) -> String {
    let (name, text, folded) = (&key.projection, text_of(&key.key), redriven.folded);
    match &redriven.stopped_at {
        None => format!("{name} {text}: {folded} record(s) folded, nothing of it is parked any more"),
        Some(at) => {
            let position = format!("{}/{}@{}", key.topic, key.partition, at.offset);
            format!(
                "{name} {text}: {folded} record(s) folded, then {position} still cannot be: {}",
                at.reason
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::signed;

    #[test]
    fn nobody_discards_without_a_reason_and_a_name() {
        assert_eq!(signed(" ticket 7 ", "ana\n").expect("both are given"), ("ticket 7", "ana"));
        assert!(signed(" ", "ana").is_err_and(|it| it.to_string().contains("reason")));
        assert!(signed("ticket 7", "").is_err_and(|it| it.to_string().contains("--by")));
    }
}
