//! The types of notice and the channels that they offer (notification.md 4).

/// A type of notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Type {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it may be pushed.
    pub(crate) push: bool,
    /// Whether and how it may be mailed.
    pub(crate) mail: Mail,
    /// Whether its in-app channel cannot be switched off.
    pub(crate) required: bool,
}

/// Mail of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mail {
    /// Not offered.
    Never,
    /// Offered and on unless switched off.
    ByDefault,
}

const fn plain(name: &'static str) -> Type {
    Type { name, push: false, mail: Mail::Never, required: false }
}

const fn pushed(name: &'static str) -> Type {
    Type { push: true, ..plain(name) }
}

/// All types, in the order of the specification.
pub(crate) const TYPES: [Type; 28] = [
    plain("new_request"),
    pushed("match_created"),
    pushed("match_suggested"),
    pushed("match_accepted"),
    plain("match_rejected"),
    pushed("match_cancelled"),
    pushed("match_completed"),
    pushed("match_reminder"),
    pushed("completion_pending"),
    pushed("request_cancelled"),
    plain("request_expired"),
    pushed("dibs_asked"),
    pushed("dibs_answered"),
    plain("karma_awarded"),
    pushed("karma_milestone"),
    pushed("badge_earned"),
    plain("feedback_received"),
    pushed("message_received"),
    pushed("join_request"),
    pushed("join_decided"),
    plain("member_joined"),
    plain("added_to_community"),
    plain("norm_proposed"),
    plain("norm_established"),
    Type { mail: Mail::ByDefault, ..pushed("community_invite") },
    plain("milestone_achieved"),
    Type { mail: Mail::ByDefault, ..plain("welcome") },
    Type { mail: Mail::ByDefault, required: true, ..pushed("security_notice") },
];

/// Switches of one level; none leaves the decision to the next wider level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Switches {
    pub(crate) in_app: Option<bool>,
    pub(crate) push: Option<bool>,
    pub(crate) email: Option<bool>,
}

/// Channels that are on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Channels {
    pub(crate) in_app: bool,
    pub(crate) push: bool,
    pub(crate) email: bool,
}

impl Type {
    /// The channels on which a notice of this type goes out: the first level that has a switch decides, and switches
    /// only ever narrow what the type offers. `levels` go from the narrowest to the widest.
    pub(crate) fn channels(&self, levels: &[Switches]) -> Channels {
        let decided = |switch: fn(&Switches) -> Option<bool>| levels.iter().find_map(switch);
        Channels {
            in_app: self.required || decided(|it| it.in_app).unwrap_or(true),
            push: self.push && decided(|it| it.push).unwrap_or(true),
            email: match self.mail {
                Mail::Never => false,
                Mail::ByDefault => decided(|it| it.email).unwrap_or(true),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Channels, Switches, TYPES};

    fn channels(name: &str, levels: &[Switches]) -> Channels {
        TYPES.iter().find(|it| it.name == name).expect("a type of the table").channels(levels)
    }

    #[test]
    fn the_narrowest_switch_decides_and_only_narrows() {
        let off = Some(false);
        let on = Some(true);
        let unset = Switches::default();
        let vectors = [
            ("match_accepted", vec![], (true, true, false)),
            ("match_accepted", vec![unset, Switches { push: off, ..unset }], (true, false, false)),
            (
                "match_accepted",
                vec![Switches { in_app: on, ..unset }, Switches { in_app: off, ..unset }],
                (true, true, false),
            ),
            ("new_request", vec![Switches { in_app: off, ..unset }], (false, false, false)),
            (
                "new_request",
                vec![Switches { in_app: off, ..unset }, Switches { in_app: on, ..unset }],
                (false, false, false),
            ),
            ("security_notice", vec![Switches { in_app: off, push: off, email: off }], (true, false, false)),
            ("welcome", vec![], (true, false, true)),
            ("match_accepted", vec![Switches { email: on, ..unset }], (true, true, false)),
        ];
        for (name, levels, (in_app, push, email)) in vectors {
            assert_eq!(channels(name, &levels), Channels { in_app, push, email }, "{name} {levels:?}");
        }
    }
}
