//! All projections, a line each.

use event_schemas::Domain;

use crate::projection::Registration;
use crate::projections::community::Community;
use crate::projections::feed::Feed;
use crate::projections::notifications::Notifications;
use crate::projections::reputation::Reputation;
use crate::projections::requests::Requests;
use crate::projections::user_directory::UserDirectory;

/// The projections of this version.
pub const PROJECTIONS: &[Registration] = &[
    Registration {
        name: "user_directory",
        domains: &[Domain::User],
        revision: 1,
        new: || Box::<UserDirectory>::default(),
    },
    Registration {
        name: "community",
        domains: &[Domain::Community],
        revision: 1,
        new: || Box::<Community>::default(),
    },
    Registration {
        name: "requests",
        domains: &[Domain::Request],
        revision: 1,
        new: || Box::<Requests>::default(),
    },
    Registration {
        name: "feed",
        domains: &[Domain::Request, Domain::Community],
        revision: 1,
        new: || Box::<Feed>::default(),
    },
    Registration {
        name: "reputation",
        domains: &[Domain::Reputation],
        revision: 1,
        new: || Box::<Reputation>::default(),
    },
    Registration {
        name: "notifications",
        domains: &[Domain::Notification],
        revision: 1,
        new: || Box::<Notifications>::default(),
    },
];

/// The projection with this name.
#[must_use]
pub fn named(name: &str) -> Option<&'static Registration> {
    PROJECTIONS.iter().find(|it| it.name == name)
}

/// Their names, comma-separated, for messages.
#[must_use]
pub fn names() -> String {
    PROJECTIONS.iter().map(|it| it.name).collect::<Vec<_>>().join(", ")
}
