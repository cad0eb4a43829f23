//! The closed sets of values that a help request is made of, with their names on the wire.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Declares an enum whose variants have names on the wire.
macro_rules! closed_set {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $wire:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The name in events and in JSON.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $wire,)*
                }
            }

            /// The value with this name.
            #[must_use]
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|it| it.name() == name)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

closed_set! {
    /// What kind of help is asked.
    RequestType {
        /// Anything.
        Generic = "generic",
        /// From here to there.
        Ride = "ride",
        /// A thing for some days.
        Borrow = "borrow",
        /// Somebody's skill.
        Service = "service",
        /// Hands for an event.
        Event = "event",
    }
}

closed_set! {
    /// How soon it is needed.
    Urgency {
        /// Whenever.
        Low = "low",
        /// As things go.
        Medium = "medium",
        /// Soon.
        High = "high",
        /// Now.
        Urgent = "urgent",
    }
}

closed_set! {
    /// Who may see a request beyond the members of its communities.
    Scope {
        /// Nobody.
        Community = "community",
        /// People within the requester's trust network.
        TrustNetwork = "trust_network",
        /// Every signed-in person.
        Platform = "platform",
    }
}

closed_set! {
    /// Where a request stands, as answers and `RequestUpdated` name it.
    Status {
        /// Asks for help.
        Open = "open",
        /// One match is accepted.
        Matched = "matched",
        /// Both sides say that the help was given.
        Completed = "completed",
        /// Withdrawn.
        Cancelled = "cancelled",
        /// Nobody was found in time.
        Expired = "expired",
    }
}

closed_set! {
    /// Where a match stands, as answers name it.
    MatchStatus {
        /// Awaits the requester.
        Proposed = "proposed",
        /// Accepted.
        Matched = "matched",
        /// Both sides say that the help was given.
        Completed = "completed",
        /// Came to nothing while it was a proposal.
        Rejected = "rejected",
        /// Ended by one of the sides.
        Cancelled = "cancelled",
    }
}

closed_set! {
    /// One of the two sides of a match.
    Side {
        /// Who asks.
        Requester = "requester",
        /// Who helps.
        Responder = "responder",
    }
}

impl Side {
    /// The opposite side.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Requester => Self::Responder,
            Self::Responder => Self::Requester,
        }
    }
}

closed_set! {
    /// Why a proposal came to nothing.
    RejectReason {
        /// The requester said no.
        ByRequester = "rejected_by_requester",
        /// The responder took it back.
        Withdrawn = "withdrawn_by_responder",
        /// Another proposal was accepted.
        SiblingAccepted = "sibling_accepted",
        /// The request was withdrawn.
        RequestCancelled = "request_cancelled",
        /// The request's time was over.
        RequestExpired = "request_expired",
        /// The offer behind it was taken.
        OfferUnavailable = "offer_unavailable",
    }
}

closed_set! {
    /// Why a request was cancelled.
    CancelReason {
        /// The requester withdrew it.
        Requester = "requester",
        /// Every community refused it.
        Refused = "refused",
        /// It left its last community.
        NoCommunity = "no_community",
        /// The requester was erased.
        Erased = "erased",
    }
}
