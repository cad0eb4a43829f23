//! The types of notice, as data: what each is about, how urgent it is, and which channels it offers.

use serde::{Deserialize, Serialize};

/// How urgent a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// Whenever.
    Low,
    /// Soon.
    Medium,
    /// Now.
    High,
    /// Now, whatever the hour.
    Critical,
}

impl Priority {
    /// The name in events.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Whether a type offers push or mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `n`: never.
    Never,
    /// `y`: when the person's switch is on; push is by default, mail is not.
    Switchable,
    /// `Y`: unless the person's switch is off.
    Default,
}

/// What tells two notices of one type about one subject apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Nothing: there is one per subject.
    None,
    /// The event that caused them.
    Event,
}

/// Declares the types, a line each:
/// `Variant "name" about "subject" per Part; Priority, push Offer, mail Offer, "action";`.
/// The names in braces of an action are those of params.
macro_rules! kinds {
    ($($kind:ident $name:literal about $subject:literal per $part:ident; $priority:ident, push $push:ident, mail $mail:ident, $action:literal;)*) => {
        /// A type of notice.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Kind {
            $(#[doc = concat!("`", $name, "`, about a ", $subject, ".")] $kind,)*
        }

        impl Kind {
            /// All types.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The name in events, routes and preferences.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => $name,)* }
            }

            /// Kind of thing that it is about.
            #[must_use]
            pub const fn subject(self) -> &'static str {
                match self { $(Self::$kind => $subject,)* }
            }

            /// What tells two notices about one subject apart.
            #[must_use]
            pub const fn part(self) -> Part {
                match self { $(Self::$kind => Part::$part,)* }
            }

            /// How urgent it is.
            #[must_use]
            pub const fn priority(self) -> Priority {
                match self { $(Self::$kind => Priority::$priority,)* }
            }

            /// Whether it is pushed.
            #[must_use]
            pub const fn push(self) -> Offer {
                match self { $(Self::$kind => Offer::$push,)* }
            }

            /// Whether it is mailed.
            #[must_use]
            pub const fn mail(self) -> Offer {
                match self { $(Self::$kind => Offer::$mail,)* }
            }

            /// Path that a client opens, with names of params in braces.
            #[must_use]
            pub const fn action(self) -> &'static str {
                match self { $(Self::$kind => $action,)* }
            }
        }
    };
}

kinds! {
    NewRequest "new_request" about "request" per None; Medium, push Never, mail Never, "/requests/{requestId}";
    MatchCreated "match_created" about "match" per Event; High, push Switchable, mail Never, "/requests/{requestId}";
    MatchSuggested "match_suggested" about "match" per Event; High, push Switchable, mail Never, "/requests/{requestId}";
    MatchAccepted "match_accepted" about "match" per Event; High, push Switchable, mail Never, "/matches/{matchId}";
    MatchRejected "match_rejected" about "match" per Event; Low, push Never, mail Never, "/requests/{requestId}";
    MatchCancelled "match_cancelled" about "match" per Event; Medium, push Switchable, mail Never, "/requests/{requestId}";
    MatchCompleted "match_completed" about "match" per Event; Medium, push Switchable, mail Never, "/matches/{matchId}";
    MatchReminder "match_reminder" about "match" per Event; High, push Switchable, mail Never, "/matches/{matchId}";
    CompletionPending "completion_pending" about "match" per Event; Medium, push Switchable, mail Never, "/matches/{matchId}";
    RequestCancelled "request_cancelled" about "request" per Event; Medium, push Switchable, mail Never, "/requests/{requestId}";
    RequestExpired "request_expired" about "request" per Event; Low, push Never, mail Never, "/requests";
    DibsAsked "dibs_asked" about "request" per Event; High, push Switchable, mail Never, "/requests/{requestId}";
    DibsAnswered "dibs_answered" about "request" per Event; High, push Switchable, mail Never, "/requests/{requestId}";
    KarmaAwarded "karma_awarded" about "match" per Event; Low, push Never, mail Never, "/profile/karma";
    KarmaMilestone "karma_milestone" about "user" per Event; Medium, push Switchable, mail Never, "/profile/karma";
    BadgeEarned "badge_earned" about "user" per Event; Medium, push Switchable, mail Never, "/profile/karma";
    FeedbackReceived "feedback_received" about "match" per Event; Medium, push Never, mail Never, "/matches/{matchId}";
    MessageReceived "message_received" about "conversation" per Event; High, push Switchable, mail Never, "/messages/{conversationId}";
    JoinRequest "join_request" about "community" per Event; Medium, push Switchable, mail Never, "/communities/{communityId}";
    JoinDecided "join_decided" about "community" per Event; Medium, push Switchable, mail Never, "/communities/{communityId}";
    MemberJoined "member_joined" about "community" per Event; Low, push Never, mail Never, "/communities/{communityId}";
    AddedToCommunity "added_to_community" about "community" per Event; Medium, push Never, mail Never, "/communities/{communityId}";
    NormProposed "norm_proposed" about "norm" per Event; Low, push Never, mail Never, "/communities/{communityId}/norms/{normId}";
    NormEstablished "norm_established" about "norm" per Event; Low, push Never, mail Never, "/communities/{communityId}/norms/{normId}";
    CommunityInvite "community_invite" about "invite" per Event; Medium, push Switchable, mail Default, "/invitations";
    MilestoneAchieved "milestone_achieved" about "milestone" per Event; Low, push Never, mail Never, "/communities/{communityId}";
    Welcome "welcome" about "user" per Event; Low, push Never, mail Default, "/";
    SecurityNotice "security_notice" about "user" per Event; Critical, push Switchable, mail Default, "/security";
}

impl Kind {
    /// The type with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|it| it.name() == name)
    }

    /// Whether its in-app channel cannot be switched off.
    #[must_use]
    pub const fn required(self) -> bool {
        matches!(self, Self::SecurityNotice)
    }

    /// Whether a new one joins the unread one about the same subject instead of standing beside it.
    #[must_use]
    pub const fn collapses(self) -> bool {
        matches!(self, Self::MessageReceived)
    }
}
