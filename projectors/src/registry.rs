//! All projections, a line each.

use event_schemas::Domain::{Community, Notification, Reputation, Request, User};

use crate::projection::Registration;
use crate::projections::{community, feed, notifications, reputation, requests, user_directory};

/// The projections of this version: name, revision, domains whose facts they fold. Raise the revision when a fold
/// changes its meaning: `karmyq projections status` then says that a rebuild is due.
pub const PROJECTIONS: &[Registration] = &[
    Registration::of::<user_directory::UserDirectory>("user_directory", 1, &[User]),
    Registration::of::<community::Community>("community", 1, &[Community]),
    Registration::of::<requests::Requests>("requests", 1, &[Request]),
    Registration::of::<feed::Feed>("feed", 1, &[Request, Community]),
    Registration::of::<reputation::Reputation>("reputation", 1, &[Reputation]),
    Registration::of::<notifications::Notifications>("notifications", 1, &[Notification]),
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
