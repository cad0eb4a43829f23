//! The projections that read models come from, and the topics that they fold (migrations/README.md).

use event_schemas::Domain;

/// A projection, as `projection.checkpoints` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Projection {
    /// Accounts, skills, settings.
    UserDirectory,
    /// Communities, members, join requests, settings, config.
    Community,
    /// Requests, matches, feedback.
    Requests,
    /// Activities.
    Feed,
    /// Karma, standings, exchanges, ratings, badges.
    Reputation,
    /// Inbox items and preferences.
    Notifications,
}

impl Projection {
    /// All that serve a route.
    pub(crate) const ALL: [Self; 6] = [
        Self::UserDirectory,
        Self::Community,
        Self::Requests,
        Self::Feed,
        Self::Reputation,
        Self::Notifications,
    ];

    /// Its name in the database.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::UserDirectory => "user_directory",
            Self::Community => "community",
            Self::Requests => "requests",
            Self::Feed => "feed",
            Self::Reputation => "reputation",
            Self::Notifications => "notifications",
        }
    }

    /// The domains whose events it folds.
    pub(crate) const fn domains(self) -> &'static [Domain] {
        match self {
            Self::UserDirectory => &[Domain::User],
            Self::Community => &[Domain::Community],
            Self::Requests => &[Domain::Request],
            Self::Feed => &[Domain::Request, Domain::Community],
            Self::Reputation => &[Domain::Reputation],
            Self::Notifications => &[Domain::Notification],
        }
    }
}
