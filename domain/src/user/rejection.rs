//! How a user's account can refuse.

use super::skills::MOST_SKILLS;
use crate::text::{Fault, FieldFault};
use crate::{Class, Refusal};

/// Why a command to a user was refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// There is no such user.
    #[error("there is no such user")]
    UserNotFound,
    /// Only the person may do this.
    #[error("this is another person's account")]
    NotYourself,
    /// The call names no field that could change.
    #[error("the call names nothing to change")]
    NothingToChange,
    /// The person has this skill already.
    #[error("you have this skill already")]
    DuplicateSkill,
    /// The person has as many skills as one may have.
    #[error("a profile has at most {MOST_SKILLS} skills")]
    TooManySkills,
    /// The person has no such skill.
    #[error("there is no such skill")]
    SkillNotFound,
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        let message = rejection.to_string();
        match rejection {
            Rejection::UserNotFound => Self::new(Class::Unknown, "USER_NOT_FOUND", message),
            Rejection::NotYourself => Self::new(Class::Forbidden, "FORBIDDEN", message),
            Rejection::NothingToChange => Self::new(Class::Invalid, "NOTHING_TO_CHANGE", message),
            Rejection::DuplicateSkill => Self::new(Class::Conflict, "DUPLICATE_SKILL", message),
            Rejection::TooManySkills => {
                Self::invalid(message, &[FieldFault::new("skill", Fault::TooMany { max: MOST_SKILLS })])
            }
            Rejection::SkillNotFound => Self::new(Class::Unknown, "SKILL_NOT_FOUND", message),
        }
    }
}
