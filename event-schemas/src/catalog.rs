//! The list of record types: what may stand on which topic, with every version of its schema.
//!
//! A domain module declares its types with [`payloads!`], a line each; that yields the payload enum, the catalog
//! entries and the encoding of each variant, so a type that is missing somewhere does not compile.

use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;

use crate::codec::{WireIn, WireOut};
use crate::community::{CommunityCommand, CommunityEvent};
use crate::notification::{NotificationCommand, NotificationEvent};
use crate::reputation::{ReputationCommand, ReputationEvent};
use crate::request::{RequestCommand, RequestEvent};
use crate::user::{UserCommand, UserEvent};
use crate::{AggregateType, SealedFields, SealedSlot};

/// A domain: one event topic, one command topic, one consumer of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Domain {
    /// Accounts.
    User,
    /// Communities and members.
    Community,
    /// Help requests and matches.
    Request,
    /// Karma and badges.
    Reputation,
    /// Inboxes.
    Notification,
}

impl Domain {
    /// All domains that this version runs.
    pub const ALL: [Self; 5] =
        [Self::User, Self::Community, Self::Request, Self::Reputation, Self::Notification];

    /// The name in topics, namespaces and `source`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Community => "community",
            Self::Request => "request",
            Self::Reputation => "reputation",
            Self::Notification => "notification",
        }
    }

    /// The domain with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The topic of its facts.
    #[must_use]
    pub const fn events_topic(self) -> &'static str {
        match self {
            Self::User => "user-events",
            Self::Community => "community-events",
            Self::Request => "request-events",
            Self::Reputation => "reputation-events",
            Self::Notification => "notification-events",
        }
    }

    /// The topic of commands that policies send to it.
    #[must_use]
    pub const fn commands_topic(self) -> &'static str {
        match self {
            Self::User => "user-commands",
            Self::Community => "community-commands",
            Self::Request => "request-commands",
            Self::Reputation => "reputation-commands",
            Self::Notification => "notification-commands",
        }
    }

    /// The topic on which owners of its partitions remember what they have folded.
    #[must_use]
    pub const fn snapshots_topic(self) -> &'static str {
        match self {
            Self::User => "user-snapshots",
            Self::Community => "community-snapshots",
            Self::Request => "request-snapshots",
            Self::Reputation => "reputation-snapshots",
            Self::Notification => "notification-snapshots",
        }
    }

    /// The `source` of its records.
    #[must_use]
    pub const fn source(self) -> &'static str {
        match self {
            Self::User => "user-service",
            Self::Community => "community-service",
            Self::Request => "request-service",
            Self::Reputation => "reputation-service",
            Self::Notification => "notification-service",
        }
    }
}

/// Whether a record states what happened or asks for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RecordKind {
    /// A fact, on `<domain>-events`.
    Event,
    /// A policy's command, on `<domain>-commands`.
    Command,
}

/// Whether flow views show a type or contract over it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Audience {
    /// Shown.
    Public,
    /// A step between public ones.
    Internal,
}

/// One record type of the contract.
#[derive(Debug)]
pub struct Entry {
    /// The stored name, `PascalCase`.
    pub name: &'static str,
    /// Fact or command.
    pub kind: RecordKind,
    /// Whose topic it stands on.
    pub domain: Domain,
    /// What it is about.
    pub aggregate: AggregateType,
    /// The first segment of its dotted name.
    pub entity: &'static str,
    /// Names beside the stored, dotted and underscore forms.
    pub aliases: &'static [&'static str],
    /// Shown in flow views or not.
    pub audience: Audience,
    /// Every version of the schema of this major, oldest first, as (version, `.avsc` text). The last one is written.
    pub schemas: &'static [(&'static str, &'static str)],
}

impl Entry {
    /// The topic of its records.
    #[must_use]
    pub const fn topic(&self) -> &'static str {
        match self.kind {
            RecordKind::Event => self.domain.events_topic(),
            RecordKind::Command => self.domain.commands_topic(),
        }
    }

    /// The version in envelopes.
    #[must_use]
    pub const fn event_version(&self) -> &'static str {
        "v1"
    }

    /// Full name of the Avro record.
    #[must_use]
    pub fn record_name(&self) -> String {
        format!("karmyq.{}.{}.{}", self.domain.name(), self.event_version(), self.name)
    }

    /// The subject in the registry, by `TopicRecordNameStrategy`.
    #[must_use]
    pub fn subject(&self) -> String {
        format!("{}-{}", self.topic(), self.record_name())
    }

    /// The schema that this code writes.
    #[must_use]
    pub const fn written_schema(&self) -> &'static str {
        self.schemas[self.schemas.len() - 1].1
    }
}

/// All record types, domain by domain, facts before commands.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    [
        UserEvent::ENTRIES,
        UserCommand::ENTRIES,
        CommunityEvent::ENTRIES,
        CommunityCommand::ENTRIES,
        RequestEvent::ENTRIES,
        RequestCommand::ENTRIES,
        ReputationEvent::ENTRIES,
        ReputationCommand::ENTRIES,
        NotificationEvent::ENTRIES,
        NotificationCommand::ENTRIES,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// The entry whose Avro record has this full name.
#[must_use]
pub fn entry(record_name: &str) -> Option<&'static Entry> {
    entries().find(|it| it.record_name() == record_name)
}

/// What a payload enum can do; derived by [`payloads!`].
pub trait Payload: Sized + Send + SealedFields {
    /// Its line in the catalog.
    fn entry(&self) -> &'static Entry;
    /// Writes the record in Avro binary.
    ///
    /// # Errors
    /// When a value does not fit the schema.
    fn write(
        &self,
        writer: &GenericDatumWriter<'_>,
        wire: WireOut<'_>,
        into: &mut Vec<u8>,
    ) -> apache_avro::AvroResult<()>;
    /// Reads the record of type `entry`; none when that is not a variant of this enum.
    ///
    /// # Errors
    /// When the bytes are not of the schema, or the value lacks what this code requires.
    fn read(
        entry: &'static Entry,
        reader: &GenericDatumReader<'_>,
        from: &mut &[u8],
    ) -> Option<apache_avro::AvroResult<(WireIn, Self)>>;
}

/// Declares a payload enum with its catalog lines:
/// `Type(Aggregate, "entity", [aliases], Audience, ["v1", …]);`.
macro_rules! payloads {
    (
        $(#[$doc:meta])*
        $name:ident: $kind:ident of $domain:ident in $folder:literal {
            $($variant:ident($aggregate:ident, $entity:literal, [$($alias:literal),*], $audience:ident, [$($version:literal),+]);)*
        }
    ) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($variant), "`")] $variant($variant),)*
        }

        impl $name {
            /// Its lines of the catalog.
            pub const ENTRIES: &'static [&'static $crate::Entry] = &[$(&$variant::ENTRY),*];
        }

        $(
            impl $variant {
                /// Its line of the catalog.
                pub const ENTRY: $crate::Entry = $crate::Entry {
                    name: stringify!($variant),
                    kind: $crate::RecordKind::$kind,
                    domain: $crate::Domain::$domain,
                    aggregate: $crate::AggregateType::$aggregate,
                    entity: $entity,
                    aliases: &[$($alias),*],
                    audience: $crate::Audience::$audience,
                    schemas: &[$((
                        $version,
                        include_str!(concat!(
                            env!("CARGO_MANIFEST_DIR"), "/avro/", $folder, "/", stringify!($variant), ".", $version, ".avsc"
                        )),
                    )),+],
                };
            }

            impl From<$variant> for $name {
                fn from(data: $variant) -> Self {
                    Self::$variant(data)
                }
            }
        )*

        impl $crate::SealedFields for $name {
            fn sealed_fields(&mut self) -> Vec<$crate::SealedSlot<'_>> {
                match self {
                    $(Self::$variant(data) => data.sealed_fields(),)*
                }
            }
        }

        impl $crate::Payload for $name {
            fn entry(&self) -> &'static $crate::Entry {
                match self {
                    $(Self::$variant(_) => &$variant::ENTRY,)*
                }
            }

            fn write(
                &self,
                writer: &apache_avro::writer::datum::GenericDatumWriter<'_>,
                wire: $crate::codec::WireOut<'_>,
                into: &mut Vec<u8>,
            ) -> apache_avro::AvroResult<()> {
                match self {
                    $(Self::$variant(data) => wire.write(data, writer, into),)*
                }
            }

            fn read(
                entry: &'static $crate::Entry,
                reader: &apache_avro::reader::datum::GenericDatumReader<'_>,
                from: &mut &[u8],
            ) -> Option<apache_avro::AvroResult<($crate::codec::WireIn, Self)>> {
                match entry.name {
                    $(stringify!($variant) => Some(
                        $crate::codec::WireIn::read(reader, from).map(|(wire, data)| (wire, Self::$variant(data))),
                    ),)*
                    _ => None,
                }
            }
        }
    };
}
pub(crate) use payloads;

/// Declares an enum over the domains' payload enums and passes [`Payload`] through.
macro_rules! by_domain {
    ($(#[$doc:meta])* $name:ident: $kind:ident { $($domain:ident($payload:ty)),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq)]
        pub enum $name {
            $(#[doc = concat!("Of the domain ", stringify!($domain), ".")] $domain($payload),)*
        }

        $(
            impl From<$payload> for $name {
                fn from(payload: $payload) -> Self {
                    Self::$domain(payload)
                }
            }
        )*

        impl SealedFields for $name {
            fn sealed_fields(&mut self) -> Vec<SealedSlot<'_>> {
                match self {
                    $(Self::$domain(payload) => payload.sealed_fields(),)*
                }
            }
        }

        impl Payload for $name {
            fn entry(&self) -> &'static Entry {
                match self {
                    $(Self::$domain(payload) => payload.entry(),)*
                }
            }

            fn write(
                &self,
                writer: &GenericDatumWriter<'_>,
                wire: WireOut<'_>,
                into: &mut Vec<u8>,
            ) -> apache_avro::AvroResult<()> {
                match self {
                    $(Self::$domain(payload) => payload.write(writer, wire, into),)*
                }
            }

            fn read(
                entry: &'static Entry,
                reader: &GenericDatumReader<'_>,
                from: &mut &[u8],
            ) -> Option<apache_avro::AvroResult<(WireIn, Self)>> {
                if entry.kind != RecordKind::$kind {
                    return None;
                }
                match entry.domain {
                    $(Domain::$domain => <$payload>::read(entry, reader, from)
                        .map(|read| read.map(|(wire, payload)| (wire, Self::$domain(payload)))),)*
                }
            }
        }
    };
}

by_domain! {
    /// A fact of any domain.
    Event: Event {
        User(UserEvent),
        Community(CommunityEvent),
        Request(RequestEvent),
        Reputation(ReputationEvent),
        Notification(NotificationEvent),
    }
}

by_domain! {
    /// A policy's command to any domain.
    Command: Command {
        User(UserCommand),
        Community(CommunityCommand),
        Request(RequestCommand),
        Reputation(ReputationCommand),
        Notification(NotificationCommand),
    }
}
