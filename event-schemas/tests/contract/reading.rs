//! A record of any type, read and written by this code.

use event_schemas::state::{PartitionOwner, Snapshot, WrappedKey};
use event_schemas::{
    Codec, Command, DecodeError, EncodeError, Event, Payload, RecordKind, Recorded, RegisteredSchema,
};

use crate::files::Version;

/// The schema id that a record is given for the codec; it is not part of the bare Avro binary.
const ID: u32 = 1;

/// A record as this code sees it.
#[derive(Debug, PartialEq)]
pub(crate) enum Reading {
    Event(Recorded<Event>),
    Command(Recorded<Command>),
    Key(WrappedKey),
    Owner(PartitionOwner),
    Snapshot(Snapshot),
}

impl Reading {
    /// Reads bare Avro binary of this version.
    pub(crate) fn of(version: &Version, binary: &[u8]) -> Result<Self, DecodeError> {
        let schema = RegisteredSchema::parse(version.schema)?;
        let decoded = |schema| {
            let mut codec = Codec::default();
            codec.learn(ID, schema);
            (codec, [&[0], &ID.to_be_bytes()[..], binary].concat())
        };
        match (version.entry.map(|it| it.kind), version.name) {
            (Some(RecordKind::Event), _) => {
                let (codec, value) = decoded(schema);
                codec.decode(&value).map(Self::Event)
            }
            (Some(RecordKind::Command), _) => {
                let (codec, value) = decoded(schema);
                codec.decode(&value).map(Self::Command)
            }
            (None, "WrappedKey") => schema.read(binary).map(Self::Key),
            (None, "PartitionOwner") => schema.read(binary).map(Self::Owner),
            (None, "Snapshot") => schema.read(binary).map(Self::Snapshot),
            (None, name) => panic!("{name} is no known state record"),
        }
    }

    /// Bare Avro binary of this version.
    ///
    /// # Panics
    /// When it does not fit.
    pub(crate) fn written(&self, version: &Version) -> Vec<u8> {
        self.try_written(version).unwrap_or_else(|error| panic!("{}: {error}", version.name))
    }

    /// Bare Avro binary of this version, unless the version has no place for some of it.
    pub(crate) fn try_written(&self, version: &Version) -> Result<Vec<u8>, EncodeError> {
        let schema = RegisteredSchema::parse(version.schema).expect("parses");
        let wire = match self {
            Self::Event(record) => encoded(schema, record),
            Self::Command(record) => encoded(schema, record),
            Self::Key(key) => schema.write(ID, key),
            Self::Owner(owner) => schema.write(ID, owner),
            Self::Snapshot(snapshot) => schema.write(ID, snapshot),
        };
        wire.map(|mut it| it.split_off(5))
    }
}

fn encoded<P: Payload>(schema: RegisteredSchema, record: &Recorded<P>) -> Result<Vec<u8>, EncodeError> {
    let mut codec = Codec::default();
    codec.learn(ID, schema);
    codec.write_with(record.payload.entry(), ID);
    codec.encode(record)
}
