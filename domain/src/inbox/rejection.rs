//! How an inbox can refuse.

use super::Kind;
use crate::{Class, Refusal};

/// Why a command to an inbox was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It holds no such item, or the item's life is over.
    #[error("there is no such notification")]
    NotificationNotFound,
    /// Only its owner may do this.
    #[error("this is another person's inbox")]
    NotYourself,
    /// The call names no preference.
    #[error("the call names nothing to change")]
    NothingToChange,
    /// Notices of this type always reach the inbox.
    #[error("{} cannot be switched off in the inbox", .0.name())]
    RequiredType(Kind),
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let (class, code) = match rejection {
            Rejection::NotificationNotFound => (Class::Unknown, "NOTIFICATION_NOT_FOUND"),
            Rejection::NotYourself => (Class::Forbidden, "FORBIDDEN"),
            Rejection::NothingToChange => (Class::Invalid, "NOTHING_TO_CHANGE"),
            Rejection::RequiredType(_) => (Class::Invalid, "REQUIRED_TYPE"),
        };
        Self::new(class, code, rejection.to_string())
    }
}
