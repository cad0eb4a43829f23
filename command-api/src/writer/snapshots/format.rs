//! Between what an owner remembers and records of a snapshots topic.
//!
//! States are written in the encoding of their Rust types (postcard): compact, and understood by the very same code alone,
//! which is why each record names it. Personal values are sealed one by one under the keys of their persons, as in events,
//! so that destroying a key forgets them here, too: whoever reads the snapshot then finds what a replay would find.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use domain::State;
use event_log::{Encoder, KeyRing, NewRecord, WriteError};
use event_schemas::state::Snapshot;
use event_schemas::{AggregateType, CommandId, EventId, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use super::super::key::Key;
use super::super::ledger::Remembered;
use super::super::partition::{Live, PartitionId};

/// Largest state in one record: brokers take a megabyte by default, and what is larger is split.
const LARGEST_PART: usize = 512 * 1024;

/// First half of the SHA-256 of a record.
pub(in super::super) type Digest = [u8; 16];

/// Some commands of one drawer of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub(in super::super) struct Chunk {
    /// The drawer's hour.
    pub(super) hour: i64,
    /// Offset at which the pass began that wrote it.
    pub(super) from: i64,
    /// Which of that pass and hour.
    pub(super) number: u32,
}

/// What a checkpoint says beside the place of the last event that it covers.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checkpoint {
    /// The last event.
    pub(super) event: EventId,
    /// When that was decided.
    pub(super) at: Timestamp,
    /// How many aggregates have an event up to there.
    pub(super) aggregates: u64,
    /// All records of the ledger.
    pub(super) ledger: Vec<(Chunk, Digest)>,
}

/// What the key of a record says of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    Aggregate(Key),
    Ledger(Chunk),
    Checkpoint,
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aggregate(key) => key.fmt(f),
            Self::Ledger(Chunk { hour, from, number }) => write!(f, "ledger/{hour}/{from}/{number}"),
            Self::Checkpoint => f.write_str("checkpoint"),
        }
    }
}

/// The key names nothing that stands on a snapshots topic.
#[derive(Debug)]
pub(super) struct Unknown;

impl FromStr for Subject {
    type Err = Unknown;

    fn from_str(key: &str) -> Result<Self, Unknown> {
        if key == "checkpoint" {
            return Ok(Self::Checkpoint);
        }
        let (kind, rest) = key.split_once('/').ok_or(Unknown)?;
        if kind == "ledger" {
            let numbers: Vec<i64> =
                rest.split('/').map(str::parse).collect::<Result<_, _>>().map_err(|_| Unknown)?;
            let [hour, from, number] = numbers[..] else { return Err(Unknown) };
            let number = number.try_into().map_err(|_| Unknown)?;
            return Ok(Self::Ledger(Chunk { hour, from, number }));
        }
        Ok(Self::Aggregate(Key::new(AggregateType::named(kind).ok_or(Unknown)?, rest)))
    }
}

/// A snapshot's record cannot be made.
#[derive(Debug, thiserror::Error)]
pub(in super::super) enum Unwritable {
    #[error(transparent)]
    Write(#[from] WriteError),
    #[error("it has no encoding: {0}")]
    State(#[from] postcard::Error),
    #[error("{0} is not committed")]
    Open(Key),
}

/// Writes records of snapshots; cheap to clone.
#[derive(Clone, Debug)]
pub(in super::super) struct Format {
    pub(super) fold: Arc<str>,
    encoder: Encoder,
    keys: KeyRing,
    /// Bytes of a state in one record.
    largest_part: usize,
}

/// What all records of a piece have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub(super) partition: PartitionId,
    /// Of an aggregate, else 0.
    pub(super) version: i64,
    pub(super) last_offset: i64,
    /// The time of the records.
    pub(super) at: Timestamp,
}

impl Format {
    /// The format of the code with this name.
    pub(in super::super) fn new(fold: &str, encoder: Encoder, keys: KeyRing) -> Self {
        Self { fold: fold.into(), encoder, keys, largest_part: LARGEST_PART }
    }

    /// The same with smaller parts.
    #[cfg(test)]
    pub(super) fn in_parts_of(self, largest_part: usize) -> Self {
        Self { largest_part, ..self }
    }

    /// The records of an aggregate, all of whose events are committed.
    pub(super) fn aggregate(
        &self,
        partition: PartitionId,
        key: &Key,
        live: &Live,
        at: Timestamp,
    ) -> Result<(Vec<NewRecord>, Digest), Unwritable> {
        let last_offset = live.last.ok_or_else(|| Unwritable::Open(key.clone()))?;
        let mut state = live.state.clone();
        self.keys.seal_kept(&mut state, &key.id())?;
        let about = About { partition, version: live.version, last_offset, at };
        self.records(about, &Subject::Aggregate(key.clone()), &postcard::to_stdvec(&state)?)
    }

    /// The state in the bytes of an aggregate's records. The keys must have caught up.
    pub(super) fn state(&self, key: &Key, bytes: &[u8]) -> Option<State> {
        let mut state: State = read(bytes)?;
        self.keys.open_kept(&mut state, &key.id()).ok()?;
        (std::mem::discriminant(&state) == std::mem::discriminant(&State::initial(key.aggregate())))
            .then_some(state)
    }

    /// The record of some commands of the ledger.
    pub(super) fn ledger(
        &self,
        about: About,
        chunk: Chunk,
        commands: &[(CommandId, Remembered)],
    ) -> Result<(Vec<NewRecord>, Digest), Unwritable> {
        self.records(about, &Subject::Ledger(chunk), &postcard::to_stdvec(commands)?)
    }

    /// The record of a checkpoint.
    pub(super) fn checkpoint(
        &self,
        about: About,
        checkpoint: &Checkpoint,
    ) -> Result<(Vec<NewRecord>, Digest), Unwritable> {
        self.records(about, &Subject::Checkpoint, &postcard::to_stdvec(checkpoint)?)
    }

    /// The record that removes a part of the ledger.
    pub(super) fn tombstone(&self, about: About, chunk: Chunk) -> Result<NewRecord, Unwritable> {
        let (topic, number) = (about.partition.domain.snapshots_topic(), about.partition.number);
        let key = Subject::Ledger(chunk).to_string();
        Ok(self.encoder.state_on::<Snapshot>(topic, number, &key, None, about.at)?)
    }

    fn records(
        &self,
        about: About,
        subject: &Subject,
        state: &[u8],
    ) -> Result<(Vec<NewRecord>, Digest), Unwritable> {
        let (topic, number) = (about.partition.domain.snapshots_topic(), about.partition.number);
        let pieces: Vec<_> = state.chunks(self.largest_part).collect();
        let parts = i32::try_from(pieces.len()).unwrap_or(i32::MAX);
        let (mut records, mut last) = (Vec::with_capacity(pieces.len()), Digest::default());
        for (part, state) in (0..).zip(pieces) {
            let mut snapshot = Snapshot {
                fold: self.fold.to_string(),
                version: about.version,
                last_offset: about.last_offset,
                part,
                parts,
                digest: Vec::new(),
                state: state.to_vec(),
            };
            let key = key_of_part(subject, part);
            last = digest(&key, &snapshot);
            snapshot.digest = last.to_vec();
            records.push(self.encoder.state_on(topic, number, &key, Some(&snapshot), about.at)?);
        }
        Ok((records, last))
    }
}

/// The key of a record: further parts of something large are told apart by their number.
pub(super) fn key_of_part(subject: &Subject, part: i32) -> String {
    if part == 0 { subject.to_string() } else { format!("{subject}#{part}") }
}

/// The digest of a record with this key.
pub(super) fn digest(key: &str, snapshot: &Snapshot) -> Digest {
    let Snapshot { fold, version, last_offset, part, parts, digest: _, state } = snapshot;
    let mut hash = sha2::Sha256::new();
    for text in [key, fold] {
        hash.update(text.len().to_le_bytes());
        hash.update(text);
    }
    for number in [*version, *last_offset, i64::from(*part), i64::from(*parts)] {
        hash.update(number.to_le_bytes());
    }
    hash.update(state);
    let mut half = Digest::default();
    half.copy_from_slice(&hash.finalize()[..16]);
    half
}

/// The value in these bytes; none when they are not exactly one.
pub(super) fn read<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    postcard::take_from_bytes(bytes).ok().filter(|(_, rest)| rest.is_empty()).map(|(value, _)| value)
}
