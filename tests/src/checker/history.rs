//! A history: what was sent, what was answered, what stands in the log.

use std::collections::HashMap;
use std::fmt::{self, Write as _};
use std::time::Duration;

use domain::State;
use event_log::{
    DATA_KEYS, Decoder, EventLog, LogError, Position, ReadError, Record, TopicPartition, data_key_partitions,
};
use event_schemas::headers::FINGERPRINT;
use event_schemas::topics::{Profile, partitions};
use event_schemas::{
    AggregateType, Command, CommandId, Domain, Event, EventId, Payload, Recorded, Timestamp,
};

/// What happened, as far as it could be seen from outside.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// Every attempt of every client's command, in the order in which they were answered.
    pub attempts: Vec<Attempt>,
    /// Whether answers reach clients at the moment at which they are given: over a network they overtake each other.
    pub answers_come_in_order: bool,
    /// The committed events, partition by partition in offset order.
    pub events: Vec<Logged<Event>>,
    /// The committed commands of policies, in the same way.
    pub commands: Vec<Logged<Command>>,
    /// Ids of data keys that stand in the log with several values.
    pub drawn_again: Vec<String>,
    /// Where records stand that were given up, and why.
    pub buried: Vec<String>,
    /// Faults of ours that clients were told of.
    pub faults: Vec<String>,
    /// Partitions that hold something undecided.
    pub hanging: Vec<TopicPartition>,
    /// States that owners have shown.
    pub observed: Vec<Observed>,
    /// What answers to carried-out commands showed beside version and position.
    pub shown: Vec<Shown>,
    /// Commands that nobody answered although nothing was wrong any more, as attempts tell them.
    pub unanswered: Vec<Attempt>,
    /// Reads that named the position of an acknowledged command.
    pub reads: Vec<Read>,
    /// Tables of read models, live and folded again.
    pub tables: Vec<Table>,
    /// Everything that was due before it has had the time to fire; none when nobody knows.
    pub settled_at: Option<Timestamp>,
}

/// One try of a client to have a command carried out.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// The command; the same at each attempt.
    pub command: CommandId,
    /// Id of the aggregate.
    pub aggregate: String,
    /// What was asked, for whoever reads the history.
    pub what: String,
    /// When it was sent, since the beginning.
    pub sent: Duration,
    /// When it was answered, since the beginning.
    pub at: Duration,
    /// Who was asked.
    pub via: String,
    /// What the client was told.
    pub answer: Answer,
}

/// What a client was told.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It was carried out.
    Appended {
        /// The aggregate's version after it.
        version: i64,
        /// Where its last event stands.
        position: Position,
        /// Its events; none where the answer does not tell.
        events: Option<Vec<EventId>>,
        /// Whether it was said to be the answer to an earlier attempt; none where the answer does not tell.
        replayed: Option<bool>,
    },
    /// It asked for what was so already.
    Unchanged,
    /// The domain refused it.
    Refused(String),
    /// Nothing was appended by this attempt.
    NotTaken(String),
    /// Nobody knows, or the answer never came.
    Unknown(String),
}

impl Answer {
    /// Whether asking again with the same key is pointless.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Appended { .. } | Self::Unchanged | Self::Refused(_) => true,
            Self::NotTaken(_) | Self::Unknown(_) => false,
        }
    }
}

/// A record of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged<P> {
    /// Where it stands.
    pub position: Position,
    /// Whether it is marked as the first event of a client's command.
    pub marked: bool,
    /// What it says.
    pub record: Recorded<P>,
}

/// What an answer to a command that was carried out showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The command.
    pub command: CommandId,
    /// Id of the aggregate.
    pub aggregate: String,
    /// Digest of all of the answer that a repeat must show again.
    pub digest: u64,
}

/// A read that named the position of an acknowledged command.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// Id of the aggregate.
    pub aggregate: String,
    /// When it was answered, since the beginning.
    pub at: Duration,
    /// Who was asked.
    pub via: String,
    /// The aggregate's version after the command.
    pub acknowledged: i64,
    /// The version that was read; none when there was nothing.
    pub seen: Option<i64>,
}

/// A table of a read model, live and folded again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name.
    pub name: String,
    /// Digest of the rows that queries see.
    pub live: String,
    /// Digest of the rows that the log gives.
    pub replayed: String,
}

/// A state that an owner has shown.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Kind of the aggregate.
    pub kind: AggregateType,
    /// Its id.
    pub aggregate: String,
    /// Its version.
    pub version: i64,
    /// Where its last event was said to stand.
    pub position: Option<Position>,
    /// What the owner held.
    pub state: State,
}

/// The log could not be read to its end.
#[derive(Debug)]
pub enum Unreadable {
    /// The log is away.
    Log(LogError),
    /// A record says nothing that can be understood.
    Record(Position, ReadError),
}

impl From<LogError> for Unreadable {
    fn from(fault: LogError) -> Self {
        Self::Log(fault)
    }
}

/// Most records read at once, and how long a read may take.
const BATCH: usize = 10_000;
const WAIT: Duration = Duration::from_secs(5);

impl History {
    /// Reads what stands in the log now.
    ///
    /// # Errors
    /// When a topic or a record cannot be read.
    pub async fn read_log(
        &mut self,
        log: &dyn EventLog,
        decoder: &Decoder,
        profile: Profile,
    ) -> Result<(), Unreadable> {
        for domain in Domain::ALL {
            for partition in 0..partitions(domain, profile) {
                let of = TopicPartition::new(domain.events_topic(), partition);
                for record in self.committed(log, of).await? {
                    self.events.push(logged(decoder, record).await?);
                }
                let of = TopicPartition::new(domain.commands_topic(), partition);
                for record in self.committed(log, of).await? {
                    self.commands.push(logged(decoder, record).await?);
                }
            }
        }
        for partition in 0..data_key_partitions(profile) {
            let records = self.committed(log, TopicPartition::new(DATA_KEYS, partition)).await?;
            self.drawn_again.extend(several_values(&records));
        }
        for record in self.committed(log, TopicPartition::new(event_log::DEAD_LETTERS, 0)).await? {
            let reason = record.header("kq_dl_error").unwrap_or_default();
            self.buried.push(format!("{}: {reason}", record.position));
        }
        Ok(())
    }

    /// The committed records of a partition; notes when something in it is undecided.
    async fn committed(&mut self, log: &dyn EventLog, of: TopicPartition) -> Result<Vec<Record>, LogError> {
        let (end, stable) = (log.high_watermark(&of).await?, log.last_stable_offset(&of).await?);
        let mut reader = log.reader(vec![(of.clone(), 0)]).await?;
        let mut records = Vec::new();
        while reader.position(&of).is_some_and(|it| it < stable) {
            records.extend(reader.next(BATCH, WAIT).await?);
        }
        if stable < end {
            self.hanging.push(of);
        }
        Ok(records)
    }

    /// What concerns an aggregate, a line each, for whoever has to find out what went wrong.
    #[must_use]
    pub fn of(&self, aggregate: &str) -> String {
        let mut text = String::new();
        for it in self.attempts.iter().filter(|it| it.aggregate == aggregate) {
            _ = writeln!(text, "  {it}");
        }
        for it in self.reads.iter().filter(|it| it.aggregate == aggregate) {
            _ = writeln!(text, "  {it}");
        }
        for it in self.events.iter().filter(|it| it.record.envelope.aggregate_id == aggregate) {
            _ = writeln!(text, "  {it}");
        }
        for it in self.commands.iter().filter(|it| it.record.envelope.aggregate_id == aggregate) {
            _ = writeln!(text, "  {it}");
        }
        text
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.attempts.iter().try_for_each(|it| writeln!(f, "{it}"))?;
        self.events.iter().try_for_each(|it| writeln!(f, "{it}"))?;
        self.commands.iter().try_for_each(|it| writeln!(f, "{it}"))?;
        self.buried.iter().try_for_each(|it| writeln!(f, "buried {it}"))
    }
}

impl fmt::Display for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, aggregate, what, at, via, answer, .. } = self;
        write!(f, "{:>9.3} s  {what} on {aggregate} by {command} via {via}: ", at.as_secs_f64())?;
        match answer {
            Answer::Appended { version, position, replayed, .. } => {
                let again = if *replayed == Some(true) { ", again" } else { "" };
                write!(f, "version {version} at {position}{again}")
            }
            Answer::Unchanged => f.write_str("unchanged"),
            Answer::Refused(code) => write!(f, "refused, {code}"),
            Answer::NotTaken(why) => write!(f, "not taken, {why}"),
            Answer::Unknown(why) => write!(f, "unknown, {why}"),
        }
    }
}

impl fmt::Display for Read {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { aggregate, at, via, acknowledged, seen } = self;
        write!(f, "{:>9.3} s  read of {aggregate} via {via}: ", at.as_secs_f64())?;
        match seen {
            Some(seen) => write!(f, "version {seen} where {acknowledged} was acknowledged"),
            None => write!(f, "nothing where version {acknowledged} was acknowledged"),
        }
    }
}

impl<P: Payload> fmt::Display for Logged<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (envelope, name) = (&self.record.envelope, self.record.payload.entry().name);
        write!(
            f,
            "{}  {name} v{} of {} by {} at {}",
            self.position,
            envelope.aggregate_version,
            envelope.aggregate_id,
            envelope.command_id,
            envelope.timestamp
        )
    }
}

/// The keys of records that follow upon another value, without a tombstone in between.
fn several_values(records: &[Record]) -> Vec<String> {
    let mut living = HashMap::new();
    let mut several = Vec::new();
    for it in records {
        let before = living.insert(&it.key, it.value.as_ref()).flatten();
        if before.is_some() && it.value.is_some() && before != it.value.as_ref() {
            several.push(String::from_utf8_lossy(&it.key).into_owned());
        }
    }
    several
}

async fn logged<P: Payload>(decoder: &Decoder, record: Record) -> Result<Logged<P>, Unreadable> {
    let decoded = decoder.decode(&record).await;
    let marked = record.header(FINGERPRINT).is_some();
    match decoded {
        Ok(decoded) => Ok(Logged { position: record.position, marked, record: decoded }),
        Err(fault) => Err(Unreadable::Record(record.position, fault)),
    }
}
