//! Typed identifiers: one newtype per thing, so that a user's id never stands where a request's is meant.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use uuid::Uuid;

use crate::Domain;

/// Declares the id newtypes, one line each. On the wire they are lower-case hyphenated strings.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident,)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id with this value.
            #[must_use]
            pub const fn new(value: Uuid) -> Self {
                Self(value)
            }

            /// The bare UUID.
            #[must_use]
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }

        // Text in JSON and Avro, whose wire type of an id is a string; 16 bytes in formats that nobody reads.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                if !serializer.is_human_readable() {
                    return self.0.as_bytes().serialize(serializer);
                }
                serializer.serialize_str(self.0.as_hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                if !deserializer.is_human_readable() {
                    return <[u8; 16]>::deserialize(deserializer).map(|it| Self(Uuid::from_bytes(it)));
                }
                deserializer.deserialize_str(UuidText).map(Self)
            }
        }
    )*};
}

ids! {
    /// A command; the same on every attempt, so that the ledger recognises a repeat.
    CommandId,
    /// A community, the tenant.
    CommunityId,
    /// An event; unique in the whole system.
    EventId,
    /// An invitation to a community.
    InviteId,
    /// A match: one proposal of one responder for one request.
    MatchId,
    /// An item of an inbox.
    NotificationId,
    /// A help request.
    RequestId,
    /// A session, which is also a family of refresh tokens.
    SessionId,
    /// A person.
    UserId,
}

/// Reads a UUID from text.
struct UuidText;

impl serde::de::Visitor<'_> for UuidText {
    type Value = Uuid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a UUID as text")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Uuid, E> {
        Uuid::parse_str(text).map_err(E::custom)
    }
}

/// The kinds of aggregate; the wire name is lower snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AggregateType {
    /// A person's account.
    User,
    /// A community with its members.
    Community,
    /// A help request with its matches.
    HelpRequest,
    /// A person's karma, badges and trust inputs.
    Standing,
    /// A person's notifications.
    Inbox,
}

impl AggregateType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::User, Self::Community, Self::HelpRequest, Self::Standing, Self::Inbox];

    /// The name in envelopes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Community => "community",
            Self::HelpRequest => "help_request",
            Self::Standing => "standing",
            Self::Inbox => "inbox",
        }
    }

    /// The domain on whose topic its events stand.
    #[must_use]
    pub const fn domain(self) -> Domain {
        match self {
            Self::User => Domain::User,
            Self::Community => Domain::Community,
            Self::HelpRequest => Domain::Request,
            Self::Standing => Domain::Reputation,
            Self::Inbox => Domain::Notification,
        }
    }

    /// The type with this wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}
